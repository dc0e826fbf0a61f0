"""What people take out of a lot or hold back: samples, scrap, stores and holds, all of it counted."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from mes.errors import Malformed, NotFound, Refused, WrongState
from mes.history import Act, History
from mes.lots.create import NewLot, create, release
from mes.lots.holds.hold import hold, release_hold
from mes.lots.models import Lot
from mes.lots.store import store
from mes.lots.taking import pull_sample, scrap
from mes.lots.work import run_course
from mes.people.roles import Role
from mes.units.arrival import Arrival
from tests.shop import Floor


def test_scrap_of_what_is_left_ends_the_lot(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2")
    floor.do(scrap, lot, "W1", None)
    assert (floor.lot("D1").state, floor.lot("D1").substrates) == ("queued", 1)
    floor.do(scrap, lot, "W2", None)
    assert (floor.lot("D1").state, floor.ledger("D1")) == ("scrapped", {"received": 24, "scrapped": 24})
    assert floor.problems() == []


@pytest.mark.parametrize("route", ["die", "board"])
def test_lot_that_left_the_line_is_scrapped_and_not_used_up(floor: Floor, route: str) -> None:
    floor.arrive("L1", route, "S1")
    floor.pass_through("OVEN-1" if route == "board" else "CELL-1", "L1", "S1")
    if route == "board":
        floor.pass_through("CELL-1", "L1", "S1")
    ended = floor.lot("L1").ended_at
    floor.do(scrap, floor.id_of(Lot, "L1"), "S1", None)
    assert (floor.lot("L1").state, floor.lot("L1").ended_at) == ("scrapped", ended)
    assert floor.problems() == []


def test_what_was_scrapped_before_release_does_not_come_into_the_line(floor: Floor) -> None:
    lot = floor.do(create, NewLot("D1", "alpha", "die", (Arrival("W1"), Arrival("W2")))).id
    floor.do(scrap, lot, "W1", None)
    floor.do(release, lot)
    assert (floor.member("W1").progress, floor.member("W2").progress) == ("closed", "queued")
    assert (floor.lot("D1").state, floor.lot("D1").substrates, floor.problems()) == ("queued", 1, [])


def test_lot_that_never_started_is_scrapped(floor: Floor) -> None:
    lot = floor.do(create, NewLot("D1", "alpha", "die", (Arrival("W1"),)))
    floor.do(scrap, lot.id, "W1", None)
    assert floor.lot("D1").state == "scrapped"
    assert floor.problems() == []


def test_nothing_is_taken_from_what_is_on_equipment(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    lot = floor.arrive("P1", "package", "I1")
    run = floor.order("CELL-1", "P1", sources=["W1"])
    name = floor.run(run).name
    for lot_id, substrate, why in (
        (lot, "I1", "Substrate I1 is ordered; wait until its run ends."),
        (floor.id_of(Lot, "D1"), "W1", f"{name} picks from substrate W1; wait until it ends."),
    ):
        before = floor.everything()
        with pytest.raises(Refused) as refused:
            floor.do(scrap, lot_id, substrate, None)
        assert [(r.code, r.message) for r in refused.value.reasons] == [("substrate_busy", why)]
        assert floor.everything() == before


WRONG_WORDS = {
    "no substrate W9": (NotFound, "W9", [(0, 0)], "why"),
    "Say why": (Malformed, "W1", [(0, 0)], " "),
    "x goes to 3 and y to 2": (Malformed, "W1", [(4, 0)], "why"),
    "no unit to take at \\(0, 0\\)": (Malformed, "W1", [(0, 0)], "why"),
    "Name at least one position": (Malformed, "W1", [], "why"),
}


@pytest.mark.parametrize("words", WRONG_WORDS)
def test_taking_with_wrong_words_changes_nothing(floor: Floor, words: str) -> None:
    error, substrate, where, why = WRONG_WORDS[words]
    lot = floor.arrive("D1", "die", "W1")
    floor.do(pull_sample, lot, "W1", [(0, 0)])
    before = floor.everything()
    with pytest.raises(error, match=words):
        floor.do(pull_sample, lot, substrate, where, act=floor.act(why))
    assert floor.everything() == before


def test_stored_lot_is_off_the_line_with_its_remainder_counted(floor: Floor) -> None:
    lot = floor.arrive("P1", "package", "I1")
    floor.stock("D1", "die", "W1")
    run = floor.order("CELL-1", "P1", sources=["W1"])
    with pytest.raises(Refused, match="cannot be stored now"):
        floor.do(store, lot)
    floor.do(run_course.abort, run, "broken off")
    floor.do(store, lot)
    assert (floor.lot("P1").state, floor.lot("P1").units) == ("stocked", 4)
    with pytest.raises(WrongState, match="store needs it to be"):
        floor.do(store, lot)
    assert floor.problems() == []


def test_holds_are_released_one_by_one_and_history_tells(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", "W1")
    first = floor.do(hold, lot, "height", "bump height", "process_engineer", act=Act("kim", floor.act().at))
    second = floor.do(hold, lot, "damage", "scratch", "line_engineer")
    floor.do(release_hold, lot, first.id, "within limits", Role.PROCESS_ENGINEER, act=Act("lee", floor.act().at))
    assert [h.id for h in floor.holds("D1")] == [second.id]
    with pytest.raises(Refused, match=rf"Hold {first.id} of lot D1 was released by lee\."):
        floor.do(release_hold, lot, first.id, "again", Role.LINE_ENGINEER)
    with pytest.raises(Malformed):
        floor.do(release_hold, lot, second.id, " ", Role.LINE_ENGINEER)
    with pytest.raises(NotFound, match=f"has no hold 99; what holds it: {second.id}"):
        floor.do(release_hold, lot, 99, "which", Role.LINE_ENGINEER)
    with floor.database.reading() as session:
        query = select(History).where(History.subject_kind == "lot", History.subject == "D1").order_by(History.n)
        rows = [(row.verb, row.actor, json.loads(row.body)["after"]) for row in session.scalars(query)][2:]
    told = {"hold": first.id, "code": "height", "comment": "bump height", "owner": "process_engineer"}
    assert rows == [
        ("hold", "kim", told),
        ("hold", "tester", {"hold": second.id, "code": "damage", "comment": "scratch", "owner": "line_engineer"}),
        ("release_hold", "lee", {"hold": first.id, "code": "height", "comment": "within limits"}),
    ]


def test_substrate_arrives_once(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    before = floor.everything()
    with pytest.raises(Malformed, match="names a substrate twice: W2, W2"):
        floor.do(create, NewLot("D2", "alpha", "die", (Arrival("W2"), Arrival("W2"))))
    with pytest.raises(Refused, match="already arrived"):
        floor.do(create, NewLot("D2", "alpha", "die", (Arrival("W2"), Arrival("W1"))))
    with pytest.raises(Refused, match="already a lot D1"):
        floor.do(create, NewLot("D1", "alpha", "die", (Arrival("W2"),)))
    assert floor.everything() == before
    floor.arrive("D1", "die", "W1", customer="beta")


def test_a_lot_of_which_nothing_is_left_cannot_be_held(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    lot = floor.id_of(Lot, "D1")
    floor.do(scrap, lot, "W1", None)
    with pytest.raises(Refused, match="D1 is scrapped: nothing of it is left to hold") as refused:
        floor.do(hold, lot, "height", "low", "line_engineer")
    assert [(reason.code, "mes trace material" in reason.message) for reason in refused.value.reasons] == [
        ("lot_state", True)
    ]
