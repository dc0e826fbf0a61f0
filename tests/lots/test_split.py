"""Split: whole substrates go on in a lot of their own, with their holds, all that they held and their clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotFound, Refused, WrongState
from mes.history import History, entry
from mes.lots.create import NewLot, create
from mes.lots.gate import start_gate
from mes.lots.holds.hold import hold, release_hold
from mes.lots.models import Lot
from mes.lots.priority import change_priority
from mes.lots.regrouping.split import split
from mes.lots.store import store
from mes.lots.taking import scrap
from mes.lots.work import run_course
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.units.arrival import Arrival
from tests.shop import BEGIN, MOST_WAIT_H, PLACED, Floor, fill_packages

Splitting = Callable[..., Lot]


@pytest.fixture
def off(floor: Floor) -> Splitting:
    """Splits substrates off a lot; gives the new one."""

    def split_off(lot: str, *substrates: str, into: str | None = None) -> Lot:
        new: Lot = floor.do(split, floor.id_of(Lot, lot), substrates, into)
        assert floor.problems() == []
        return floor.lot(new.name)

    return split_off


def told(floor: Floor, lot: str, verb: str) -> list[dict[str, Any]]:
    with floor.database.reading() as session:
        of_lot = (History.subject_kind == "lot", History.subject == lot, History.verb == verb)
        return [entry(row) for row in session.query(History).filter(*of_lot).order_by(History.n)]


def test_the_new_lot_stands_where_the_other_stands_and_inherits(floor: Floor, off: Splitting) -> None:
    floor.arrive("D1", "die", "W1", "W2", "W3")
    floor.do(change_priority, floor.id_of(Lot, "D1"), 2, BEGIN + timedelta(days=9))
    new = off("D1", "W2", "W3")
    old = floor.lot("D1")
    same = ("state", "operation_id", "route_version_id", "product_id", "kind", "priority", "due_at", "released_at")
    assert (new.name, [getattr(new, name) for name in same]) == ("D1.1", [getattr(old, name) for name in same])
    assert ((old.substrates, old.units), (new.substrates, new.units)) == ((1, 12), (2, 24))
    assert floor.ledger("D1") == {"received": 36, "in_process": 12, "split_off": 24}
    assert floor.ledger("D1.1") == {"merged_in": 24, "in_process": 24}
    (left,), (came,) = told(floor, "D1", "split"), told(floor, "D1.1", "split")
    assert (left["before"]["substrates"], left["after"]["substrates"], left["after"]["gone"]) == (3, 1, ["W2", "W3"])
    assert (came["after"]["from"], came["after"]["came"]) == ("D1", ["W2", "W3"])
    for lot in ("D1", "D1.1"):
        floor.pass_through("CELL-1", lot, *(["W1"] if lot == "D1" else ["W2", "W3"]))
        assert floor.lot(lot).state == "stocked"
    assert floor.problems() == []


def test_names_go_on_behind_those_that_there_are(floor: Floor, off: Splitting) -> None:
    floor.arrive("D1", "die", *(f"W{n}" for n in range(6)))
    floor.arrive("D1.2", "die", "V1")
    assert [off("D1", f"W{n}").name for n in range(2)] == ["D1.1", "D1.3"]
    assert off("D1", "W2", into="late").name == "late"
    with pytest.raises(Refused, match="There is already a lot late; choose another name"):
        off("D1", "W3", into="late")
    floor.arrive("L" * 63, "die", "X1", "X2")
    with pytest.raises(Malformed, match="longer than 64 characters; name the new lot yourself"):
        off("L" * 63, "X1")


def test_a_split_is_no_way_round_a_hold(floor: Floor, off: Splitting) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2")
    for code in ("height", "dust"):
        floor.do(hold, lot, code, "seen", Role.PROCESS_ENGINEER)
    off("D1", "W2")
    copied = floor.holds("D1.1")
    assert [(h.code, h.owner_role, h.held_at) for h in copied] == [
        (h.code, h.owner_role, h.held_at) for h in floor.holds("D1")
    ]
    with floor.database.reading() as session:
        ids = floor.id_of(Lot, "D1.1"), floor.id_of(Equipment, "CELL-1")
        against = start_gate.reasons(session, *ids, BEGIN + timedelta(hours=floor.hours))
    assert [reason.code for reason in against] == ["held", "held"]
    for h in floor.holds("D1"):
        floor.do(release_hold, lot, h.id, "looked at", Role.PROCESS_ENGINEER)
    assert len(floor.holds("D1.1")) == 2
    assert told(floor, "D1.1", "split")[0]["after"]["holds"] == [h.id for h in copied]


def test_clocks_go_along_with_the_substrates(floor: Floor, off: Splitting) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    run = floor.pass_through("OVEN-1", "B1", "S1", "S2")
    off("B1", "S2")

    def against(lot: str, waited_h: float) -> list[str]:
        at = floor.work(run, "S1" if lot == "B1" else "S2").ended_at
        assert at is not None
        with floor.database.reading() as session:
            ids = floor.id_of(Lot, lot), floor.id_of(Equipment, "CELL-1")
            return [reason.code for reason in start_gate.reasons(session, *ids, at + timedelta(hours=waited_h))]

    for lot in ("B1", "B1.1"):
        assert against(lot, MOST_WAIT_H - 0.1) == []
        assert against(lot, MOST_WAIT_H + 0.1) == ["queue_time_exceeded"]


def test_what_was_lost_on_a_substrate_goes_along(floor: Floor, off: Splitting) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2")
    floor.do(scrap, lot, "W2", [(0, 0), (1, 0)])
    floor.do(scrap, lot, "W1", [(0, 0)])
    off("D1", "W2")
    assert floor.ledger("D1") == {"received": 24, "in_process": 11, "scrapped": 1, "split_off": 12}
    assert floor.ledger("D1.1") == {"merged_in": 12, "in_process": 10, "scrapped": 2}


@pytest.mark.parametrize("state", ["created", "stocked", "stored"])
def test_what_is_not_on_the_line_is_split_too(floor: Floor, off: Splitting, state: str) -> None:
    if state == "created":
        floor.do(create, NewLot("D1", "alpha", "die", (Arrival("W1"), Arrival("W2"))))
    elif state == "stocked":
        floor.stock("D1", "die", "W1", "W2")
    else:
        floor.do(store, floor.arrive("D1", "die", "W1", "W2"))
    new, old = off("D1", "W1"), floor.lot("D1")
    assert new.state == old.state == state.replace("stored", "stocked")
    assert (new.ended_at, new.operation_id) == (old.ended_at, old.operation_id)


def test_loads_are_split_and_those_that_come_have_names_of_their_own(floor: Floor, off: Splitting) -> None:
    floor.stock("D1", "die", "W1")
    floor.stock("D2", "die", "W2")
    floor.arrive("P1", "package", "I1", "I2")

    for target, source in (("I1", "W1"), ("I2", "W2")):
        run = floor.begin("CELL-1", "P1", sources=[source], only=[target])
        floor.report(run, target, moves=fill_packages(source, target))
        floor.end(run)
    run = floor.begin("CELL-1", "P1", only=["I1"])
    floor.report(run, "I1", moves=[
        ("I1", n % 2, n // 2, f"P1.0{1 + n // 2}", n % 2, 0, 0, 0, 0, PLACED) for n in range(4)
    ])  # fmt: skip
    floor.end(run)
    assert off("P1", "P1.02").form == 2
    assert floor.ledger("P1", 2) == {"made": 4, "in_process": 2, "split_off": 2}
    assert floor.ledger("P1.1", 2) == {"merged_in": 2, "in_process": 2}
    floor.order("CELL-1", "P1", only=["I2"])
    assert {"P1.03", "P1.04"} <= floor.substrates()
    assert floor.problems() == []


def refused(floor: Floor, error: type[MesError], lot: str, *substrates: str) -> list[str]:
    """The codes of the reasons why a split is refused, which changes nothing."""
    act, before = floor.act(), floor.everything()
    with pytest.raises(error) as raised:
        floor.do(split, floor.id_of(Lot, lot), substrates, None, act=act)
    assert floor.everything() == before
    return [reason.code for reason in raised.value.reasons]


def test_what_cannot_be_split_is_refused_with_every_reason(floor: Floor, off: Splitting) -> None:
    floor.arrive("D1", "die", "W1", "W2", "W3", "W4")
    for nonsense in ((), ("W1", "W1")):
        assert refused(floor, Malformed, "D1", *nonsense) == []
    assert refused(floor, NotFound, "D1", "W1", "NONE") == []
    assert refused(floor, Refused, "D1", "W1", "W2", "W3", "W4") == ["nothing_stays"]
    off("D1", "W4")
    assert refused(floor, Refused, "D1", "W1", "W2", "W3", "W4") == ["substrate_gone", "nothing_stays"]
    run = floor.begin("CELL-1", "D1", only=["W1"])
    assert refused(floor, WrongState, "D1", "W2") == []
    floor.report(run, "W1", moves=())
    floor.end(run)
    assert floor.problems() == []


def test_a_source_of_an_open_run_stays(floor: Floor, off: Splitting) -> None:
    floor.stock("D1", "die", "W1", "W2")
    floor.arrive("P1", "package", "I1")
    run = floor.order("CELL-1", "P1", sources=["W1"])
    assert refused(floor, Refused, "D1", "W1") == ["substrate_busy"]
    off("D1", "W2")
    floor.do(run_course.abort, run, "odd")
    floor.arrive("X", "die", "W3")
    assert floor.problems() == []


def test_a_report_that_comes_late_finds_the_lot_that_has_the_substrate_now(floor: Floor, off: Splitting) -> None:
    floor.arrive("D1", "die", "W1", "W2")
    run = floor.begin("CELL-1", "D1")
    late = floor.result(run, "W2")
    floor.end(run)
    off("D1", "W2")
    floor.do(track_out, run, late)
    assert (floor.holds("D1"), [h.code for h in floor.holds("D1.1")]) == ([], ["in_doubt"])
    assert floor.problems() == []
