"""The page of recalls: somebody names what was bad, sees where it went, and holds it."""

from mes.db import Database
from tests.genealogy.test_recalls import coats
from tests.shop import Floor
from tests.web.conftest import people, serving
from tests.web.test_containers import stop_the_clock

ASKED = {"container": "F2", "from": "2026-03-01T00:00", "to": "2026-04-01T00:00", "lot": "", "head": ""}


def test_a_process_engineer_recalls_what_a_container_touched(floor: Floor, database: Database) -> None:
    with database.transaction() as session:
        people(session)
    coats(floor)
    stop_the_clock(database, floor)
    words = {"code": "height", "why": "bad flux", "owner": "process_engineer"}
    with serving(database) as site, site.client("process_engineer") as engineer, site.client("manager") as manager:
        origin = {"origin": site.address}
        shown = engineer.get("/recalls", params=ASKED).text
        assert ("24 units touched" in shown, "Recall them" in shown, ">C1<" in shown, ">C2<" in shown) == (True,) * 4
        assert "Recall them" not in manager.get("/recalls", params=ASKED).text
        seen, others = words | {"expected": "24"}, words | {"expected": "23"}
        assert manager.post("/recalls/hold", data=seen, params=ASKED, headers=origin).status_code == 403
        told = engineer.post("/recalls/hold", data=others, params=ASKED, headers=origin)
        assert (told.status_code, "has touched 24 units, not 23" in told.text) == (409, True)
        done = engineer.post("/recalls/hold", data=seen, params=ASKED, headers=origin)
        assert (done.status_code, done.headers["location"]) == (
            303, "/recalls?container=F2&from=2026-03-01T00%3A00&to=2026-04-01T00%3A00",
        )  # fmt: skip
        after = engineer.get(done.headers["location"]).text
        assert ("RCL-000001" in after, "Recall them" in after) == (True, False)
        assert engineer.get("/recalls", params={"head": "1"}).status_code == 422
        assert engineer.get("/recalls", params={"container": "F2", "from": "soon"}).status_code == 422
    assert [(hold.code, hold.masked) for lot in ("C1", "C2") for hold in floor.holds(lot)] == [
        ("height", True), ("height", False),
    ]  # fmt: skip
