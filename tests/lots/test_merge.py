"""Merge: two lots that are alike go on as one, with every hold of both; what differs is told all at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from mes.errors import Malformed, MesError, Refused
from mes.history import History, entry
from mes.lots.create import NewLot, create
from mes.lots.holds.hold import hold, release_hold
from mes.lots.models import Lot
from mes.lots.priority import change_priority
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.split import split
from mes.lots.store import store
from mes.lots.taking import scrap
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.units.arrival import Arrival
from tests.shop import BEGIN, Floor


def merged(floor: Floor, lot: str, other: str) -> Lot:
    floor.do(merge, floor.id_of(Lot, lot), floor.id_of(Lot, other))
    assert floor.problems() == []
    return floor.lot(lot)


def refused(floor: Floor, error: type[MesError], lot: str, other: str) -> list[str]:
    """The sentences of the reasons why a merge is refused, which changes nothing."""
    ids, act, before = (floor.id_of(Lot, lot), floor.id_of(Lot, other)), floor.act(), floor.everything()
    with pytest.raises(error) as raised:
        floor.do(merge, *ids, act=act)
    assert floor.everything() == before
    return [reason.message for reason in raised.value.reasons]


def test_the_second_goes_on_in_the_first_and_ends(floor: Floor) -> None:
    for name in ("D1", "D2"):
        floor.arrive(name, "die", f"{name}.W1", f"{name}.W2")
    floor.do(scrap, floor.id_of(Lot, "D2"), "D2.W1", [(0, 0)])
    lot, other = merged(floor, "D1", "D2"), floor.lot("D2")
    assert (lot.state, lot.substrates, lot.units) == ("queued", 4, 47)
    assert (other.state, other.substrates, other.units, other.operation_id) == ("terminated", 0, 0, None)
    assert other.ended_at == BEGIN + timedelta(hours=floor.hours)
    assert floor.ledger("D1") == {"received": 24, "merged_in": 24, "in_process": 47, "scrapped": 1}
    assert floor.ledger("D2") == {"received": 24, "split_off": 24}
    with floor.database.reading() as session:
        rows = session.query(History).filter(History.verb == "merge", History.subject_kind == "lot")
        told = {row.subject: entry(row) for row in rows}
    assert (told["D1"]["before"]["units"], told["D1"]["after"]["came"]) == (24, ["D2.W1", "D2.W2"])
    assert (told["D2"]["before"]["state"], told["D2"]["after"]["into"]) == ("queued", "D1")
    floor.pass_through("CELL-1", "D1", *(f"{name}.W{n}" for name in ("D1", "D2") for n in (1, 2)))
    assert floor.lot("D1").state == "stocked"
    assert floor.problems() == []


def test_the_more_urgent_of_each_and_all_holds_stay(floor: Floor) -> None:
    ids = [floor.arrive(f"D{n}", "die", f"W{n}") for n in (1, 2)]
    due = [BEGIN + timedelta(days=day) for day in (9, 7)]
    floor.do(change_priority, ids[0], 2, due[0])
    floor.do(change_priority, ids[1], 4, due[1])
    for which, code in zip(ids, ("height", "dust"), strict=True):
        floor.do(hold, which, code, "seen", Role.PROCESS_ENGINEER)
    lot = merged(floor, "D1", "D2")
    assert (lot.priority, lot.due_at) == (2, due[1])
    assert ([h.code for h in floor.holds("D1")], floor.holds("D2")) == (["height", "dust"], [])
    for h in floor.holds("D1"):
        floor.do(release_hold, ids[0], h.id, "looked at", Role.PROCESS_ENGINEER)
    assert floor.holds("D1") == []


def test_what_was_split_comes_back_and_goes_again(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2")
    for _ in range(2):
        floor.do(split, lot, ["W2"], None)
        child = "D1.1" if floor.lot("D1.1").state == "queued" else "D1.2"
        assert merged(floor, "D1", child).units == 24
    assert floor.ledger("D1") == {"received": 24, "merged_in": 24, "in_process": 24, "split_off": 24}
    assert merged_names(floor) == {"D1": "queued", "D1.1": "terminated", "D1.2": "terminated"}


def merged_names(floor: Floor) -> dict[str, str]:
    return {name: floor.lot(name).state for name in ("D1", "D1.1", "D1.2")}


@pytest.mark.parametrize("state", ["created", "stocked"])
def test_lots_off_the_line_are_merged_too(floor: Floor, state: str) -> None:
    for name, wafer in (("D1", "W1"), ("D2", "W2")):
        if state == "created":
            floor.do(create, NewLot(name, "alpha", "die", (Arrival(wafer),)))
        else:
            floor.stock(name, "die", wafer)
    assert (merged(floor, "D1", "D2").state, floor.lot("D2").state) == (state, "terminated")


def test_all_that_differs_is_told_at_once(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    floor.arrive("C1", "cap", "W2", customer="beta")
    with floor.database.transaction() as session:
        session.execute(update(Lot).where(Lot.name == "C1").values(kind="engineering"))
    differ = ("customers", "products", "kinds", "versions of routes", "operations")
    assert refused(floor, Refused, "D1", "C1") == [f"Lots D1 and C1 are of different {what}." for what in differ]
    floor.arrive("D2", "die", "W3", "W4")
    floor.begin("CELL-1", "D2", only=["W3"])
    assert refused(floor, Refused, "D1", "D2") == [
        "Lot D2 is running; lots are merged while they are created, queued or stocked.",
        "Lots D1 and D2 are of different states.",
        "Substrate W3 is ordered; only what waits goes into another lot.",
    ]
    assert refused(floor, Malformed, "D1", "D1") == []


def test_what_was_never_released_stays_apart_from_what_has_passed_its_route(floor: Floor) -> None:
    floor.do(store, floor.do(create, NewLot("D1", "alpha", "die", (Arrival("W1"),))).id)
    floor.stock("D2", "die", "W2")
    for names in (("D1", "D2"), ("D2", "D1")):
        said = "Of lots {} and {} one was stored before it was released."
        assert refused(floor, Refused, *names) == [said.format(*names)]


def test_a_report_that_comes_late_finds_the_lot_that_goes_on(floor: Floor) -> None:
    for n in (1, 2):
        floor.arrive(f"D{n}", "die", f"W{n}")
    run = floor.begin("CELL-1", "D2")
    late = floor.result(run, "W2")
    floor.end(run)
    merged(floor, "D1", "D2")
    floor.do(track_out, run, late)
    assert ([h.code for h in floor.holds("D1")], floor.lot("D2").state) == (["in_doubt"], "terminated")
    assert floor.problems() == []
