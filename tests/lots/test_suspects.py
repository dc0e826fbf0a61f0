"""Suspect units: out of everything until a process engineer has signed what they are."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from mes.errors import Malformed, MesError, NotAllowed, NotFound, Refused
from mes.history import Act
from mes.lots.holds.hold import release_hold
from mes.lots.models import Lot
from mes.lots.verbs.suspects import MEANS, dispose_suspects
from mes.lots.verbs.table import VERBS
from mes.lots.work.track_in import track_in
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.shipments.send import Sending, send
from tests.lots.test_split import told
from tests.shop import BEGIN, Floor


def now(floor: Floor) -> datetime:
    """The present hour: what waits here may do so for four of them."""
    return BEGIN + timedelta(hours=floor.hours)


def doubtful(floor: Floor, name: str, *substrates: str) -> int:
    """A lot of boards that the oven has reported with an energy that cannot be: every unit is suspect."""
    lot = floor.arrive(name, "board", *substrates)
    for first in range(0, len(substrates), 3):
        run = floor.begin("OVEN-1", name, only=substrates[first : first + 3])
        for substrate in substrates[first : first + 3]:
            floor.report(run, substrate, energy_kwh=-1.0)
        floor.end(run)
        for hold in floor.holds(name):
            floor.do(release_hold, lot, hold.id, "looked at", Role.ADMINISTRATOR, act=Act("kim", now(floor)))
    return lot


def dispose(floor: Floor, lot: int, substrate: str | None, where: Any, verdict: str, why: str = "looked at") -> None:
    floor.do(dispose_suspects, lot, substrate, where, verdict, act=Act("lee", now(floor), why))


def refused(floor: Floor, error: type[MesError], *words: Any, **said: Any) -> list[str]:
    """Why nothing is disposed of, which changes nothing."""
    before = floor.everything()
    with pytest.raises(error) as raised:
        dispose(floor, *words, **said)
    assert floor.everything() == before
    return [reason.message for reason in raised.value.reasons] or [raised.value.message]


def test_suspects_go_on_or_are_scrapped_as_it_is_signed(floor: Floor) -> None:
    lot = doubtful(floor, "B1", "S1", "S2")
    assert floor.are("S1") == [[3, 3], [3, 3]]
    dispose(floor, lot, "S1", [(0, 0)], "cleared")
    dispose(floor, lot, "S1", [(1, 0)], "scrapped")
    assert floor.are("S1") == [[2, 8], [3, 3]]
    assert floor.ledger("B1") == {"received": 8, "in_process": 7, "scrapped": 1}
    dispose(floor, lot, "S1", None, "cleared")
    run = floor.begin("CELL-1", "B1", only=["S1"])
    assert floor.asked(run, "S1").tolist() == [[True, False], [True, True]]
    floor.report(run, "S1", bins=[[1, 0], [1, 99]])
    floor.end(run)
    assert (floor.are("S1"), floor.lot("B1").state) == ([[5, 8], [5, 3]], "queued")
    dispose(floor, lot, None, None, "cleared")
    assert (floor.are("S1"), floor.are("S2")) == ([[5, 8], [5, 5]], [[2, 2], [2, 2]])
    floor.do(release_hold, lot, floor.holds("B1")[0].id, "looked at", Role.ADMINISTRATOR)
    first, *_, last = told(floor, "B1", "dispose_suspects")
    assert (first["actor"], first["after"]["means"], last["after"]["suspect_units"]) == ("lee", MEANS, 5)
    assert floor.problems() == []


def test_none_is_shipped_before_and_the_last_one_scrapped_ends_the_lot(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    run = floor.begin("CELL-1", "B1")
    floor.report(run, "S1", bins=[[99, 2], [2, 2]])
    floor.end(run)
    lot = floor.id_of(Lot, "B1")
    floor.do(release_hold, lot, floor.holds("B1")[0].id, "looked at", Role.ADMINISTRATOR)
    with pytest.raises(Refused) as kept:
        floor.do(send, Sending([lot], "elsewhere"))
    assert ("suspect", "process_engineer") in {(reason.code, reason.who) for reason in kept.value.reasons}
    dispose(floor, lot, None, None, "scrapped")
    assert (floor.lot("B1").state, floor.ledger("B1")) == ("scrapped", {"received": 4, "scrapped": 4})
    assert floor.problems() == []


WRONG: dict[str, tuple[type[MesError], str | None, Any, str]] = {
    "Positions are those of a substrate; name it, too.": (Malformed, None, [(0, 0)], "cleared"),
    "maybe is no verdict; a suspect unit is cleared or scrapped.": (Malformed, "S1", None, "maybe"),
    "Position (2, 0) is outside; x goes to 1 and y to 1.": (Malformed, "S1", [(2, 0)], "cleared"),
    "Name at least one position (x, y).": (Malformed, "S1", [], "cleared"),
    "The lot has no substrate S9.": (NotFound, "S9", None, "cleared"),
    "On substrate S1 there is no suspect unit at (1, 0).": (Refused, "S1", [(0, 0), (1, 0)], "cleared"),
    "Substrate S2 is ordered; wait until its run ends.": (Refused, None, None, "cleared"),
    "Lot B2 has no suspect unit there; another may have disposed of them.": (Refused, "S3", None, "cleared"),
}


def test_what_is_not_suspect_or_is_at_work_is_refused(floor: Floor) -> None:
    other = floor.arrive("B2", "board", "S3")
    lot = doubtful(floor, "B1", "S1", "S2")
    for substrate in ("S1", "S2"):
        dispose(floor, lot, substrate, [(1, 0)], "cleared")
    floor.do(track_in, floor.wanted("CELL-1", "B1", only=["S2"]), act=Act("kim", now(floor)))
    for sentence, (error, *words) in WRONG.items():
        assert refused(floor, error, other if "B2" in sentence else lot, *words) == [sentence]
    assert refused(floor, Malformed, lot, "S1", None, "cleared", why=" ") == ["Say why; it is kept in history."]


def test_a_process_engineer_signs_and_nobody_else() -> None:
    verb = next(verb for verb in VERBS if verb.name == "dispose-suspects")
    for role in Role:
        person = Person("lee", "Lee", role, None)
        if role is Role.PROCESS_ENGINEER:
            assert verb.signed_by(person, Act("kim", BEGIN, "why")) == Act("lee", BEGIN, "why")
        else:
            with pytest.raises(NotAllowed, match="lee may not sign this; a process engineer may"):
                verb.signed_by(person, Act("kim", BEGIN))
