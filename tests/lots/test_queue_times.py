"""Queue times: shown before they end, refused when over, until a process engineer signs for each substrate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotAllowed, NotFound, Reason, Refused
from mes.lots.gate import start_gate
from mes.lots.gate.dispose_queue_time import MEANS, dispose_queue_time
from mes.lots.looks import LotFilter, look, select_lots
from mes.lots.models import Lot
from mes.lots.regrouping.split import split
from mes.lots.work.track_in import track_in
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.units.models import Substrate
from mes.web.board.reading import read_board
from tests.lots.test_split import told
from tests.shop import BEGIN, MOST_WAIT_H, Floor

ENGINEER = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)


def at(floor: Floor) -> datetime:
    """The present hour."""
    return BEGIN + timedelta(hours=floor.hours)


@pytest.fixture
def ended_at(floor: Floor) -> datetime:
    """Two boards of lot B1 have left the oven; a third is still to be baked."""
    floor.arrive("B1", "board", "S1", "S2", "S3")
    run = floor.begin("OVEN-1", "B1", only=["S1", "S2"])
    for substrate in ("S1", "S2"):
        floor.report(run, substrate, ended_at=at(floor))
    floor.end(run)
    ended = floor.work(run, "S2").ended_at
    assert ended is not None
    return ended


def reasons(floor: Floor) -> list[Reason]:
    with floor.database.reading() as session:
        ids = floor.id_of(Lot, "B1"), floor.id_of(Equipment, "CELL-1")
        return start_gate.reasons(session, *ids, at(floor))


def sign(
    floor: Floor, *names: str, until_h: float | None = None, signer: Person = ENGINEER, why: str = "looked at: clean"
) -> None:
    act = floor.act(why)
    until = None if until_h is None else act.at + timedelta(hours=until_h)
    floor.do(dispose_queue_time, floor.id_of(Lot, "B1"), names, until, signer, act=act)


def refused(floor: Floor, error: type[MesError], names: Sequence[str] = (), **said: object) -> list[str]:
    """Why it is not signed, which changes nothing; time goes on by nothing."""
    before, hours = floor.everything(), floor.hours
    with pytest.raises(error) as raised:
        sign(floor, *names, **said)  # type: ignore[arg-type]  # whatever a test makes of it
    floor.hours = hours
    assert floor.everything() == before
    return [reason.message for reason in raised.value.reasons]


def test_a_clock_is_shown_with_its_warning_and_its_end(floor: Floor, ended_at: datetime) -> None:
    ends = ended_at + timedelta(hours=MOST_WAIT_H)
    with floor.database.reading() as session:
        shown = look(session, floor.id_of(Lot, "B1"))["queue_times"]
        (row,) = session.execute(select_lots(LotFilter(q="B1"))).mappings()
    assert [(one["substrate"], one["from_operation"], one["ends_at"]) for one in shown[1:]] == [
        ("S2", "board/10", ends)
    ]
    assert [one["warning_at"] for one in shown[1:]] == [ended_at + timedelta(hours=1)]
    assert row["queue_ends_at"] == shown[0]["ends_at"] <= ends
    assert refused(floor, Refused) == [
        "No substrate of lot B1 has waited longer than allowed; another may have signed."
    ]


def test_only_a_process_engineer_clears_it_as_the_gate_says(floor: Floor, ended_at: datetime) -> None:
    floor.hours += 5
    assert {(reason.code, reason.who) for reason in reasons(floor)} == {("queue_time_exceeded", "process_engineer")}
    for role in set(Role) - {Role.PROCESS_ENGINEER}:
        refused(floor, NotAllowed, signer=Person("kim", "Kim", role, None))
    sign(floor)
    assert reasons(floor) == []
    (event,) = told(floor, "B1", "dispose_queue_time")
    assert (event["actor"], event["after"]) == ("lee", {"until": None, "means": MEANS, "substrates": ["S1", "S2"]})
    with floor.database.reading() as session:
        assert [one["ends_at"] for one in look(session, floor.id_of(Lot, "B1"))["queue_times"]] == [None, None]
    assert floor.problems() == []
    floor.hours += 100
    floor.do(track_in, floor.wanted("CELL-1", "B1"))


def test_a_new_limit_ends_too_and_is_signed_again(floor: Floor, ended_at: datetime) -> None:
    floor.hours += 5
    sign(floor, until_h=3)
    signed_until = at(floor) + timedelta(hours=3)
    with floor.database.reading() as session:
        board, shown = read_board(session, at(floor)), look(session, floor.id_of(Lot, "B1"))["queue_times"]
    assert {one["ends_at"] for one in shown} == {signed_until}
    assert {one["warning_at"] for one in shown} == {signed_until - timedelta(hours=MOST_WAIT_H - 1)}
    assert [(one.due_at, one.operation) for queue in board.queues for one in queue.lots if one.due_at] == [
        (signed_until, "board/20")
    ]
    floor.hours += 3
    assert reasons(floor) == []
    floor.hours += 1
    told_of = [reason.message for reason in reasons(floor)]
    waited, allowed = ((when - ended_at).total_seconds() / 3600 for when in (at(floor), signed_until))
    assert told_of[1] == f"Substrate S2 has waited {waited:.1f} h since board/10; the limit is {allowed:.1f} h."
    sign(floor)
    assert (reasons(floor), floor.problems()) == ([], [])


def test_each_substrate_is_signed_for_and_takes_its_signature_along(floor: Floor, ended_at: datetime) -> None:
    floor.hours += 5
    assert refused(floor, Refused, ["S1", "S3"]) == ["Substrate S3 has not waited longer than allowed."]
    refused(floor, NotFound, ["S1", "S9"])
    refused(floor, Malformed, ["S1", "S1"])
    refused(floor, Malformed, until_h=-1)
    refused(floor, Malformed, why=" ")
    sign(floor, "S1")
    assert [reason.message.split()[1] for reason in reasons(floor)] == ["S2"]
    floor.do(split, floor.id_of(Lot, "B1"), ["S1"], None)
    with floor.database.reading() as session:
        ids = floor.id_of(Lot, "B1.1"), floor.id_of(Equipment, "CELL-1")
        assert start_gate.reasons(session, *ids, at(floor)) == []
    with floor.database.reading() as session:
        assert session.get_one(Substrate, floor.substrate("S1")).history_n > 1
