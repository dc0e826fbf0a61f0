"""What people do to a lot beside its route: on and off its operations, on its maps, to its end and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mes.errors import Malformed, MesError, NotFound, Refused, WrongState
from mes.history import Act
from mes.lots.create import NewLot, create, release
from mes.lots.holds.future_hold import set_future_hold
from mes.lots.holds.hold import hold
from mes.lots.ladder import ladder
from mes.lots.models import Lot
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.split import split
from mes.lots.store import store
from mes.lots.taking import pull_sample, scrap
from mes.lots.verbs.again import reopen, withdraw
from mes.lots.verbs.correct import correct
from mes.lots.verbs.counts import bonus, recount
from mes.lots.verbs.ends import destroy, return_to_owner, terminate
from mes.lots.verbs.reroute import MOVE_MEANS, move, skip
from mes.units.arrival import Arrival
from tests.lots.test_split import told
from tests.shop import PLACED, Floor, mapped

FIRST, LAST = "board/10", "board/20"


def lot_of(floor: Floor, name: str) -> int:
    return floor.id_of(Lot, name)


def stands(floor: Floor, substrate: str) -> tuple[str, int]:
    """How it stands and at which visit."""
    member = floor.member(substrate)
    return member.progress, member.visit


def where(floor: Floor, lot: str) -> str | None:
    """The operation of the lot."""
    with floor.database.reading() as session:
        found = next((rung for rung in ladder(session, lot_of(floor, lot)) if rung.waiting or rung.at_work), None)
    return None if found is None else found.operation


def refused(floor: Floor, error: type[MesError], verb: Callable[..., Any], *given: Any, why: str = "why") -> list[str]:
    """Why it is refused, which changes nothing: the codes of the reasons, or the sentence where there are none."""
    before, hours = floor.everything(), floor.hours
    with pytest.raises(error) as raised:
        floor.do(verb, *given, act=floor.act(why))
    floor.hours = hours
    assert floor.everything() == before
    return [reason.code for reason in raised.value.reasons] or [raised.value.message]


def last_record(floor: Floor, lot: str, verb: str) -> int:
    return int(told(floor, lot, verb)[-1]["n"])


# --- skip and move ----------------------------------------------------------------------------------------------------


def test_an_operation_is_left_out_and_that_stays_known(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2")
    floor.do(set_future_hold, lot, LAST, "height", "look", "line_engineer")
    floor.do(skip, lot, FIRST, ["S1"], act=Act("lee", floor.act().at, "measured before"))
    with floor.database.reading() as session:
        first, last = ladder(session, lot)
    assert (first.skipped, first.waiting, last.waiting, len(floor.holds("B1"))) == (1, 1, 1, 1)
    (event,) = told(floor, "B1", "skip")
    assert event["after"] == {"operation": FIRST, "reason": "measured before", "substrates": ["S1"]}
    floor.do(skip, lot, LAST, ["S1"])
    floor.do(skip, lot, FIRST, [])
    assert (stands(floor, "S1")[0], where(floor, "B1"), floor.are("S1")) == ("finished", LAST, [[5, 5], [5, 5]])
    assert refused(floor, Refused, skip, lot, FIRST, ["S2"]) == ["wrong_operation"]
    assert refused(floor, Refused, skip, lot, FIRST, []) == ["nothing_waits"]
    floor.do(skip, lot, LAST, [])
    assert (floor.lot("B1").state, floor.ledger("B1")) == ("completed", {"received": 8, "completed": 8})
    assert floor.problems() == []


def test_what_is_moved_back_is_done_again_with_its_visits_counted_on(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2")
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    floor.do(move, lot, FIRST, ["S1"])
    assert (stands(floor, "S1"), floor.member("S1").reworks, where(floor, "B1")) == (("queued", 2), 0, FIRST)
    run = floor.pass_through("OVEN-1", "B1", "S1")
    assert (floor.work(run, "S1").visit, stands(floor, "S1")) == (2, ("queued", 1))
    floor.do(move, lot, FIRST, [])
    floor.do(move, lot, LAST, ["S2"])
    with floor.database.reading() as session:
        assert [(rung.skipped, rung.waiting) for rung in ladder(session, lot)] == [(1, 1), (0, 1)]
    assert told(floor, "B1", "move")[-1]["after"]["means"] == MOVE_MEANS
    assert floor.problems() == []


def test_none_is_moved_that_does_not_wait_or_would_change_its_form(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    package = floor.arrive("P1", "package", "I1")
    assert refused(floor, Refused, skip, package, "package/10", []) == ["form_change"]
    assert refused(floor, Refused, move, package, "package/30", []) == ["form_change", "form_change"]
    assert refused(floor, Refused, move, lot_of(floor, "D1"), "die/10", []) == ["nothing_waits", "lot_state"]
    lot = floor.arrive("B1", "board", "S1", "S2", "S3")
    floor.do(skip, lot, FIRST, [])
    run = floor.order("CELL-1", "B1", only=["S2"])
    half = floor.begin("CELL-2", "B1", only=["S3"])
    floor.report(half, "S3", touched=[[1, 0], [0, 0]], bins=[[1, 0], [0, 0]], outcome=1)
    floor.end(half)
    codes = {"substrate_busy": ["S2"], "visit_begun": ["S3"], "operation_reached": ["S1"]}
    for code, names in codes.items():
        assert code in refused(floor, Refused, move, lot, LAST if names == ["S1"] else FIRST, names)
    floor.do(move, lot, FIRST, ["S1"])
    assert "wrong_operation" in refused(floor, Refused, skip, lot, FIRST, ["S1", "S3"])
    assert refused(floor, Malformed, move, lot, "board/30", []) == [
        f"The route of lot B1 has no operation board/30; it has {FIRST}, {LAST}."
    ]
    refused(floor, NotFound, skip, lot, FIRST, ["S9"])
    refused(floor, Malformed, skip, lot, FIRST, ["S1", "S1"])
    refused(floor, Malformed, skip, lot, "board/30", ["S1"])
    refused(floor, Malformed, skip, lot, FIRST, ["S1"], why=" ")
    floor.end(run)
    assert floor.problems() == []


# --- maps -------------------------------------------------------------------------------------------------------------


def test_found_units_are_on_the_map_and_every_count_has_them(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", mapped("W1", [[1, 1, 1, 9], [1, 1, 1, 0], [1, 1, 1, 1]]), "W2")
    floor.do(bonus, lot, "W1", [(3, 0), (3, 1)])
    assert floor.ledger("D1") == {"received": 22, "bonus": 2, "in_process": 24}
    new = floor.do(split, lot, ["W1"], None)
    assert refused(floor, Refused, bonus, new.id, "W1", [(3, 0), (0, 0)]) == ["unit_known"]
    floor.pass_through("CELL-1", "D1", "W2")
    floor.pass_through("CELL-1", "D1.1", "W1")
    floor.do(recount, new.id, None, 12)
    floor.do(recount, new.id, "W1", 12)
    assert refused(floor, Malformed, recount, new.id, "W1", 11) == [
        "The map of W1 has 12 units, 11 were counted. Count again; then scrap what is not there, or put on the map what"
        " was found (bonus)."
    ]
    assert floor.problems() == []


def test_nothing_is_put_on_what_is_at_work_gone_or_made_here(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    lot = floor.arrive("P1", "package", mapped("I1", [[1, 9], [9, 9]]))
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    assert refused(floor, Refused, bonus, lot, "I1", [(1, 0)]) == ["substrate_busy"]
    assert "substrate_busy" in refused(floor, Refused, bonus, lot_of(floor, "D1"), "W1", [(0, 0)])
    moves = [("W1", x, 0, "I1", 0, 0, 1 + x, 1, 0, PLACED) for x in (0, 1)]
    floor.report(run, "I1", moves=moves)
    floor.end(run)
    run = floor.begin("CELL-1", "P1")
    floor.report(run, "I1", moves=[("I1", 0, 0, "P1.01", 0, 0, 0, 0, 0, PLACED)])
    floor.end(run)
    assert refused(floor, Refused, bonus, lot, "P1.01", [(1, 0)]) == ["made_here"]
    assert refused(floor, Refused, bonus, lot, "I1", [(1, 0)]) == ["nothing_left"]
    refused(floor, Malformed, bonus, lot, "P1.01", [(9, 0)])
    floor.do(return_to_owner, lot)
    assert refused(floor, Refused, recount, lot, None, 1) == ["lot_state"]
    assert floor.problems() == []


TAKEN_BACK: dict[str, Callable[[Floor, int, str], object]] = {
    "scrap": lambda floor, lot, wafer: floor.do(scrap, lot, wafer, None),
    "pull_sample": lambda floor, lot, wafer: floor.do(pull_sample, lot, wafer, [(0, 0), (1, 0)]),
    "bonus": lambda floor, lot, wafer: floor.do(bonus, lot, wafer, [(3, 0)]),
    "destroy": lambda floor, lot, _: floor.do(destroy, lot, "lee"),
}


def test_a_mistake_is_taken_back_and_stays_known(floor: Floor) -> None:
    for n, (verb, mistake) in enumerate(TAKEN_BACK.items()):
        name, wafer = f"D{n}", f"W{n}"
        came = mapped(wafer, [[1, 1, 1, 9], [1, 1, 1, 9], [1, 1, 1, 9]])
        lot = floor.do(create, NewLot(name, "alpha", "die", (came,))).id
        for state in ("created", "queued", "stocked"):
            if state == "queued":
                floor.do(release, lot)
            elif state == "stocked":
                floor.pass_through("CELL-1", name, wafer)
            are = floor.are(wafer)
            mistake(floor, lot, wafer)
            assert floor.are(wafer) != are
            record = last_record(floor, name, verb)
            floor.do(correct, lot, record)
            assert (floor.lot(name).state, floor.lot(name).units, floor.are(wafer)) == (state, 9, are), verb
            assert refused(floor, Refused, correct, lot, record) == ["taken_back"]
    assert floor.problems() == []


def test_what_comes_back_on_a_substrate_that_was_worked_on_is_suspect(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2")
    floor.do(scrap, lot, "S1", [(0, 0)])
    floor.do(scrap, lot, "S2", None)
    first, second = (event["n"] for event in told(floor, "B1", "scrap"))
    floor.pass_through("OVEN-1", "B1", "S1")
    floor.do(correct, lot, first)
    floor.do(correct, lot, second)
    assert (floor.are("S1"), floor.are("S2")) == ([[3, 2], [2, 2]], [[2, 2], [2, 2]])
    assert (where(floor, "B1"), floor.lot("B1").substrates) == (FIRST, 2)
    floor.do(scrap, lot, "S1", [(1, 0)])
    record = last_record(floor, "B1", "scrap")
    floor.do(split, lot, ["S1"], None)
    assert refused(floor, Refused, correct, lot, record) == ["substrate_gone"]
    refused(floor, NotFound, correct, lot, 1)
    assert floor.problems() == []


# --- to the end and back ----------------------------------------------------------------------------------------------


def test_a_lot_is_given_up_and_goes_on_where_it_was(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2")
    floor.do(skip, lot, FIRST, ["S1"])
    run = floor.order("CELL-1", "B1", only=["S1"])
    assert refused(floor, Refused, terminate, lot, "scrapped") == ["substrate_busy"]
    floor.end(run)
    floor.do(terminate, lot, "lost")
    assert (floor.lot("B1").state, floor.ledger("B1")) == ("terminated", {"received": 8, "lost": 8})
    assert refused(floor, Refused, correct, lot, last_record(floor, "B1", "terminate")) == ["not_reversed"]
    refused(floor, WrongState, terminate, lot, "lost")
    floor.do(reopen, lot, None)
    assert (floor.lot("B1").state, floor.lot("B1").units, where(floor, "B1")) == ("queued", 8, FIRST)
    assert floor.member("S1").operation_id != floor.member("S2").operation_id
    floor.do(terminate, lot, "scrapped")
    floor.do(reopen, lot, FIRST)
    assert floor.member("S1").operation_id == floor.member("S2").operation_id
    other = floor.arrive("B2", "board", "S3")
    floor.do(merge, lot, other)
    assert refused(floor, Refused, reopen, other, None) == ["nothing_left"]
    refused(floor, Malformed, terminate, lot, "eaten")
    assert floor.problems() == []


def test_what_has_passed_its_route_is_worked_on_again(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    floor.pass_through("CELL-1", "B1", "S1")
    refused(floor, Malformed, reopen, lot, "board/30")
    floor.do(reopen, lot, None)
    assert (floor.lot("B1").state, floor.lot("B1").ended_at, where(floor, "B1")) == ("queued", None, LAST)
    assert (floor.are("S1"), stands(floor, "S1")) == ([[2, 2], [2, 2]], ("queued", 2))
    floor.pass_through("CELL-1", "B1", "S1")
    floor.stock("D1", "die", "W1")
    floor.do(reopen, lot_of(floor, "D1"), "die/10")
    assert refused(floor, WrongState, reopen, lot_of(floor, "D1"), None) != []
    pair = floor.arrive("P1", "pair", "I1")
    floor.do(terminate, pair, "lost")
    floor.do(reopen, pair, None)
    assert (floor.lot("D1").units, where(floor, "D1"), where(floor, "P1")) == (12, "die/10", "pair/10")
    assert floor.problems() == []


def test_a_stored_lot_is_withdrawn_to_where_it_was(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1")
    floor.do(store, lot)
    floor.do(withdraw, lot)
    assert (floor.lot("B1").state, floor.lot("B1").ended_at, where(floor, "B1")) == ("queued", None, FIRST)
    new = floor.do(create, NewLot("B2", "alpha", "board", (Arrival("S2"),))).id
    floor.do(store, new)
    floor.do(withdraw, new)
    assert (floor.lot("B2").state, floor.lot("B2").ended_at) == ("created", None)
    floor.stock("D1", "die", "W1")
    assert refused(floor, Refused, withdraw, lot_of(floor, "D1")) == ["nothing_waits"]
    assert refused(floor, WrongState, withdraw, lot) != []
    assert floor.problems() == []


def test_a_lot_goes_back_to_its_owner_or_is_destroyed_before_a_witness(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    lot = lot_of(floor, "D1")
    held = floor.do(hold, lot, "height", "look", "line_engineer")
    assert refused(floor, Refused, return_to_owner, lot) == ["held"]
    for witness in (" ", "Tester"):
        refused(floor, Malformed, destroy, lot, witness)
    floor.arrive("D2", "die", "W2")
    floor.do(return_to_owner, lot_of(floor, "D2"))
    assert (floor.lot("D2").state, floor.ledger("D2")) == ("returned", {"received": 12, "returned": 12})
    floor.do(destroy, lot, "lee")
    assert (floor.lot("D1").state, floor.ledger("D1")) == ("scrapped", {"received": 12, "scrapped": 12})
    assert told(floor, "D1", "destroy")[0]["after"]["witness"] == "lee"
    assert (held.id, floor.problems()) == (1, [])


@pytest.mark.parametrize("others", [(), ("W2",)])
def test_what_was_scrapped_before_the_release_waits_at_the_first_operation_when_it_comes_back(
    floor: Floor, others: tuple[str, ...]
) -> None:
    lot = floor.do(create, NewLot("D1", "alpha", "die", (Arrival("W1"), Arrival("W2")))).id
    floor.do(scrap, lot, "W1", None)
    record = last_record(floor, "D1", "scrap")
    floor.do(release, lot)
    for other in others:
        floor.do(scrap, lot, other, None)
    floor.do(correct, lot, record)
    first = floor.member("W2").operation_id
    assert (floor.lot("D1").state, floor.lot("D1").operation_id) == ("queued", first)
    assert (floor.member("W1").progress, floor.member("W1").operation_id) == ("queued", first)
    floor.pass_through("CELL-1", "D1", *sorted({"W1", "W2"} - {*others}))
    assert floor.problems() == []
