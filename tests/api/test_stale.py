"""Who decides on what was seen is refused where it has changed since, also in a race."""

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx
import pytest
from sqlalchemy import update

from mes.people.models import User
from tests.api.conftest import Api, Caller
from tests.api.test_lots import ok, problem
from tests.api.test_recipes import DRAFT
from tests.materials.tools import equip, tools
from tests.shop import Floor
from tests.stockroom import furnish
from tests.web.conftest import PASSWORD, hashed

HOLD: dict[str, object] = {"code": "odd", "why": "noise"}


def edits(client: httpx.Client) -> dict[str, tuple[str, dict[str, object]]]:
    """What people edit, each with a command that may be given again and again."""
    ok(client.post("/recipes", json=DRAFT), 201)
    box = {"id": "L1", "material": "flux", "certificate": "C", "containers": [{"id": "F1", "amount": 9}]}
    ok(client.post("/material-lots", json=box), 201)
    return {
        "/containers/F1": ("/containers/F1/scrap", {"amount": 1, "why": "purged"}),
        "/durables/C1": ("/durables/C1/clean", {}),
        "/lots/D1": ("/lots/D1/hold", HOLD),
        "/equipment/CELL-1": ("/equipment/CELL-1/state", {"state": "UDT"}),
        "/recipes/bake@2": ("/recipes/bake@2/submit", {}),
    }


def test_what_has_changed_since_is_not_changed_again(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    furnish(floor)
    equip(floor)
    tools(floor)
    client = caller("administrator")
    for address, (command, body) in edits(client).items():
        seen = client.get(address).headers["etag"]
        changed = client.post(command, json=body, headers={"If-Match": seen})
        assert ok(changed)
        assert changed.headers["etag"] == client.get(address).headers["etag"] != seen
        before = floor.everything()
        told = problem(client.post(command, json=body, headers={"If-Match": seen}), 412, "stale")
        assert told["detail"] == "It has changed since you looked at it; look again, then decide."
        assert floor.everything() == before


@pytest.mark.parametrize("tag", ["1", '"x"', 'W/"1"', '"1", "2"', '"0"', '""', '"99999999999"'])
def test_what_is_no_version_is_refused(floor: Floor, caller: Caller, tag: str) -> None:
    floor.arrive("D1", "die", "W1")
    client = caller("administrator")
    problem(client.post("/lots/D1/hold", json=HOLD, headers={"If-Match": tag}), 422, "malformed")
    assert ok(client.post("/lots/D1/hold", json=HOLD, headers={"If-Match": "*"}))


def test_the_lots_that_commands_lock_are_those_that_were_seen(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    client = caller("administrator")

    def does(verb: str, body: Mapping[str, object], *, lot: str = "D1") -> None:
        seen = client.get(f"/lots/{lot}").headers["etag"]
        ok(client.post(f"/lots/{lot}/{verb}", json=body, headers={"If-Match": seen}))
        problem(client.post(f"/lots/{lot}/{verb}", json=body, headers={"If-Match": seen}), 412, "stale")

    does("track-in", {"equipment": "CELL-1"})
    does("abort", {"why": "power cut"})
    does("priority", {"priority": 2})
    does("reserve", {"equipment": "CELL-1", "until": "2099-01-01T00:00:00Z"})
    does("lift-reservation", {"why": "a test"})
    does("hold", HOLD)
    does("release-hold", {"hold": client.get("/lots/D1").json()["holds"][0]["hold"], "why": "looked at"})
    does("scrap", {"substrate": "W1", "at": [{"x": 0, "y": 0}], "why": "cracked"})
    does("pull-sample", {"substrate": "W1", "at": [{"x": 1, "y": 0}], "why": "for the lab"})
    does("track-in", {"equipment": "CELL-1"})
    does("track-out", {})
    ok(
        client.post(
            "/lots", json={"id": "D2", "customer": "alpha", "route": "board", "substrates": ["B1", "B2", "B3"]}
        ),
        201,
    )
    does("release", {}, lot="D2")
    does("split", {"substrates": ["B2"]}, lot="D2")
    does("merge", {"lot": "D2.1"}, lot="D2")
    does("store", {}, lot="D2")
    floor.arrive("B8", "board", "S8")
    floor.pass_through("OVEN-1", "B8", "S8")
    with floor.database.transaction() as session:
        session.execute(update(User).values(password_hash=hashed()))
    signed = {"signer": "process_engineer", "password": PASSWORD, "why": "clean"}
    does("dispose-queue-time", signed, lot="B8")
    does("rework", {"substrates": ["S8"], "reason": "residue", "why": "seen"}, lot="B8")
    floor.arrive("B9", "board", "S9")
    does("future-hold", {"operation": "board/20", "code": "height", "why": "seen"}, lot="B9")
    does("withdraw-future-hold", {"future_hold": 1, "why": "seen"}, lot="B9")


def at_once(count: int, ask: Callable[[], httpx.Response]) -> list[httpx.Response]:
    barrier = Barrier(count)

    def one(_: int) -> httpx.Response:
        barrier.wait(30)
        return ask()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_of_many_who_saw_the_same_one_may_change_it(floor: Floor, api: Api, caller: Caller) -> None:
    floor.arrive("D1", "die", "W1")
    seen = caller("administrator").get("/lots/D1").headers["etag"]

    def hold() -> httpx.Response:
        with api.as_user("administrator") as client:
            return client.post("/lots/D1/hold", json=HOLD, headers={"If-Match": seen})

    assert Counter(answer.status_code for answer in at_once(8, hold)) == {200: 1, 412: 7}
