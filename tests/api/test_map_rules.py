"""What warnings of maps cause: the rule that fits closest stops the import, holds the lot, or only records them."""

from typing import Any

import httpx
from sqlalchemy import select, update

from mes.definitions.models import HoldCode, MapDeclaration, MapRule
from mes.people.models import Customer
from tests.api.conftest import Api, Caller
from tests.api.test_lots import ok, problem
from tests.api.test_maps_in import TO, XML, file
from tests.shop import Floor

UNDEFINED = {
    "file": "body", "code": "code-undefined", "place": "Wafer W1, overlay SortGrade",
    "message": "Bin code 005 stands at 12 positions without a definition.",
}  # fmt: skip


ROW = b"001 001 001 001"


def odd(substrate: str, lot: str) -> bytes:
    """A wafer map with a bin that it does not define."""
    content = file(substrate, lot)
    assert ROW in content
    return content.replace(ROW, ROW.replace(b"001", b"005")).replace(b' BinCount="12"', b"")


def rule(floor: Floor, name: str, **says: Any) -> None:
    customer = says.pop("customer", None)
    with floor.database.transaction() as session:
        owner = session.scalar(select(Customer.id).where(Customer.name == customer))
        codes: dict[str, Any] = {"stops": [], "holds": [], "hold_code": "paperwork"}
        session.add(MapRule(name=name, for_customer_id=owner, ordinal=0, **codes | says))


def flip(floor: Floor, name: str, **says: Any) -> None:
    with floor.database.transaction() as session:
        session.execute(update(MapRule).where(MapRule.name == name).values(**says))


def send(line: httpx.Client, lot: str, wafer: str) -> Any:
    return line.post("/maps", params=TO | {"release": "true"}, content=odd(wafer, lot), headers=XML)


def test_a_warning_is_recorded_or_holds_its_lot_as_the_rule_says(floor: Floor, api: Api, caller: Caller) -> None:
    line = caller("line_engineer")
    with floor.database.transaction() as session:
        session.add(HoldCode(
            name="paperwork", title="Papers", owner="operator", other_owners=[], running_job="finish", ordinal=1
        ))  # fmt: skip
    told = ok(send(line, "IN-1", "W1"), 201)
    assert told["warnings"] == [UNDEFINED | {"caused": "recorded"}]
    assert ok(line.get("/substrates/W1/warnings")) == told["warnings"]
    assert ok(line.get("/lots/IN-1"))["holds"] == []

    rule(floor, "usual", holds=["code-undefined"])
    (held,) = ok(send(line, "IN-2", "W2"), 201)["warnings"]
    assert (held["caused"], held["hold_code"]) == ("held", "paperwork")
    assert ok(line.get("/substrates/W2/warnings")) == [held]
    page = line.get(f"{api.address}/substrates/alpha/W2", params={"layer": "bin:incoming"}).text
    assert "<code>code-undefined</code>" in page
    assert "lot held: paperwork" in page
    (hold,) = ok(line.get("/lots/IN-2"))["holds"]
    assert (hold["code"], hold["owner"]) == ("paperwork", "operator")
    assert "code-undefined" in hold["comment"]
    assert ok(line.get("/lots/IN-2"))["state"] == "queued"
    created = next(e for e in ok(line.get("/lots/IN-2/history")) if e["verb"] == "create")
    assert [said.endswith("(code-undefined, held)") for said in created["after"]["warnings"]] == [True]
    assert floor.problems() == []


def test_the_rule_that_fits_closest_judges_and_flipped_it_judges_otherwise(floor: Floor, caller: Caller) -> None:
    line = caller("line_engineer")
    rule(floor, "usual", holds=["code-undefined"])
    rule(floor, "alpha alone", customer="alpha", stops=["code-undefined"])
    before = floor.everything()
    refused = problem(send(line, "IN-3", "W3"), 409, "map_stopped")
    assert [(r["code"], r["who"]) for r in refused["reasons"]] == [("code-undefined", "process_engineer")]
    assert "body, Wafer W3" in refused["reasons"][0]["message"]
    assert "The map rule alpha alone" in refused["reasons"][0]["message"]
    assert floor.everything() == before

    rule(floor, "for die", customer="alpha", operation="die/10", holds=["code-undefined"])
    assert ok(send(line, "IN-3", "W3"), 201)["warnings"][0]["caused"] == "held"
    flip(floor, "for die", operation="cap/10")
    problem(send(line, "IN-4", "W4"), 409, "map_stopped")
    flip(floor, "alpha alone", stops=["row-length"])
    assert ok(send(line, "IN-4", "W4"), 201)["warnings"][0]["caused"] == "recorded"
    assert floor.problems() == []


TABLE = b"SORT OF ALPHA\nW: W9\nL: IN-9\n0,0,1\n3,2,1\n"
SAYS = """
form: table
substrate: {line: W}
lot: {line: L}
after: "L:"
x: 1
y: 2
bin: 3
origin: UpperLeft
axis: DownRight
good: [1]
"""


def test_plain_text_is_read_by_a_declaration_of_the_plant(floor: Floor, caller: Caller) -> None:
    line = caller("line_engineer")

    def send(name: str, **query: str) -> Any:
        content = TABLE.replace(b"W9", name.encode()).replace(b"IN-9", b"IN-" + name.encode())
        return line.post("/maps", params=TO | query, content=content, headers=XML)

    assert "the plant has none" in problem(send("W1", declaration="sort"), 422, "malformed")["detail"]
    problem(send("W1"), 422, "map_unreadable")
    with floor.database.transaction() as session:
        session.add(MapDeclaration(name="sort", title="Sort", told_by=None, text=SAYS, ordinal=1))
    assert "choose one of sort" in problem(send("W1", declaration="short"), 422, "malformed")["detail"]
    problem(send("W1"), 422, "map_unreadable")
    assert ok(send("W1", declaration="sort"), 201)["lots"] == [{"lot": "IN-W1", "substrates": ["W1"]}]
    with floor.database.transaction() as session:
        session.execute(update(MapDeclaration).values(told_by="SORT OF"))
    assert ok(send("W2"), 201)["lots"] == [{"lot": "IN-W2", "substrates": ["W2"]}]
    assert (
        ok(line.get("/substrates/W2/maps/bin:incoming"))["codes"]
        == ok(line.get("/substrates/W1/maps/bin:incoming"))["codes"]
    )


def test_all_that_stops_several_lots_is_told_at_once_and_warnings_are_their_own_substrates(
    floor: Floor, caller: Caller
) -> None:
    line = caller("line_engineer")
    files = [("file", (f"{n}.xml", odd(f"W{n}", f"IN-{n}"), "application/xml")) for n in (1, 2)]
    fine = ("file", ("3.xml", file("W3", "IN-2"), "application/xml"))
    rule(floor, "usual", stops=["code-undefined"])
    refused = problem(line.post("/maps", params=TO, files=[*files, fine]), 409, "map_stopped")
    assert [r["message"].partition(",")[0] for r in refused["reasons"]] == ["1.xml", "2.xml"]
    flip(floor, "usual", stops=[])
    told = ok(line.post("/maps", params=TO, files=[*files, fine]), 201)
    assert [(w["file"], w["caused"]) for w in told["warnings"]] == [("1.xml", "recorded"), ("2.xml", "recorded")]
    assert [len(ok(line.get(f"/substrates/W{n}/warnings"))) for n in (1, 2, 3)] == [1, 1, 0]
    theirs = caller("beta")
    assert theirs.get("/substrates/W1/warnings").status_code == 404
    assert len(ok(caller("alpha").get("/substrates/W1/warnings"))) == 1
