"""Bins that people edit: what is downgraded is rejected in place, what is upgraded goes on; ledgers follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mes.definitions.models import BinReason
from mes.errors import Malformed, MesError, NotFound, Refused
from mes.lots.holds.hold import release_hold
from mes.lots.taking import scrap
from mes.lots.verbs.bins import Edit, downgrade, upgrade
from mes.lots.verbs.suspects import dispose_suspects
from mes.people.models import User
from mes.people.roles import Role
from mes.units.arrival import Arrival
from mes.units.layers import read_layer
from mes.units.positions import Place
from tests.lots.test_split import told
from tests.shop import Floor, mapped

TESTED, CAME = "bin:board/20", "bin:incoming"


def judged(floor: Floor, name: str, *bins: list[list[int]], came: list[list[int]] | None = None) -> int:
    """A lot of boards that were baked and tested with these bins, a substrate each, and came with a map or without."""
    substrates = [f"{name}.{n}" for n in range(1, len(bins) + 1)]
    lot = floor.arrive(name, "board", *(Arrival(one) if came is None else mapped(one, came) for one in substrates))
    floor.pass_through("OVEN-1", name, *substrates)
    run = floor.begin("CELL-1", name)
    for substrate, read in zip(substrates, bins, strict=True):
        floor.report(run, substrate, bins=read)
    floor.end(run)
    return lot


def edit(floor: Floor, verb: Any, lot: int, substrate: str, where: Sequence[Place], to: int, **said: Any) -> None:
    floor.do(verb, lot, Edit(substrate, said.get("map", TESTED), where, to, said.get("reason", "seen")))


def bins(floor: Floor, substrate: str, layer: str = TESTED) -> list[tuple[str, list[list[int]]]]:
    """Who wrote each version, and what it said, the oldest first."""
    found = []
    with floor.database.reading() as session:
        for version in range(1, 9):
            values, row = read_layer(session, floor.substrate(substrate), layer, (2, 2), version)
            if row.version < version:
                break
            found.append((row.source, values.tolist()))
    return found


def test_units_are_rejected_and_recovered_and_each_version_stays(floor: Floor) -> None:
    lot = judged(floor, "B1", [[1, 2], [1, 1]])
    assert (floor.are("B1.1"), floor.lot("B1").state) == ([[5, 4], [5, 5]], "completed")
    edit(floor, downgrade, lot, "B1.1", [(0, 0), (1, 0)], 7)
    assert (floor.are("B1.1"), floor.ledger("B1")["scrapped"]) == ([[4, 4], [5, 5]], 2)
    edit(floor, upgrade, lot, "B1.1", [(0, 0)], 1)
    assert (floor.are("B1.1"), floor.ledger("B1")) == ([[5, 4], [5, 5]], {"received": 4, "completed": 3, "scrapped": 1})
    (_, read), *edited = bins(floor, "B1.1")
    assert read == [[1, 2], [1, 1]]
    assert edited == [("tester", [[7, 7], [1, 1]]), ("tester", [[1, 7], [1, 1]])]
    (event,) = told(floor, "B1", "downgrade")
    after = event["after"]
    assert (after["were"], after["bin"], after["at"], after["version"]) == ({"1": 1, "2": 1}, 7, [[0, 0], [1, 0]], 2)
    assert [delta[-2:] for delta in event["deltas"]] == [["completed", -1], ["scrapped", 1]]
    assert floor.problems() == []


def test_the_last_good_unit_ends_a_lot_and_an_upgrade_brings_it_back(floor: Floor) -> None:
    lot = judged(floor, "B1", [[2, 2], [2, 2]])
    assert floor.lot("B1").state == "scrapped"
    edit(floor, upgrade, lot, "B1.1", [(1, 1)], 1)
    assert (floor.are("B1.1"), floor.lot("B1").state) == ([[4, 4], [4, 5]], "completed")
    edit(floor, downgrade, lot, "B1.1", [(1, 1)], 2)
    assert (floor.lot("B1").state, floor.lot("B1").units) == ("scrapped", 0)
    edit(floor, upgrade, lot, "B1.1", [(1, 1)], 1)
    assert (floor.lot("B1").state, floor.lot("B1").units) == ("completed", 1)
    waits = floor.arrive("B2", "board", mapped("B2.1", [[1, 9], [9, 9]]))
    edit(floor, downgrade, waits, "B2.1", [(0, 0)], 9, map=CAME)
    assert floor.lot("B2").state == "scrapped"
    edit(floor, upgrade, waits, "B2.1", [(0, 0)], 1, map=CAME)
    assert (floor.lot("B2").state, floor.member("B2.1").progress, floor.are("B2.1")) == (
        "queued",
        "queued",
        [[2, 1], [1, 1]],
    )
    assert floor.problems() == []


def test_what_was_worked_on_since_it_failed_is_suspect(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", mapped("B1.1", [[1, 1], [1, 1]]))
    edit(floor, downgrade, lot, "B1.1", [(0, 0), (1, 0)], 9, map=CAME)
    edit(floor, upgrade, lot, "B1.1", [(1, 0)], 1, map=CAME)
    floor.pass_through("OVEN-1", "B1", "B1.1")
    edit(floor, downgrade, lot, "B1.1", [(1, 1)], 9, map=CAME)
    edit(floor, upgrade, lot, "B1.1", [(0, 0)], 1, map=CAME)
    edit(floor, upgrade, lot, "B1.1", [(1, 1)], 1, map=CAME)
    assert floor.are("B1.1") == [[3, 2], [2, 2]]
    floor.do(dispose_suspects, lot, "B1.1", None, "cleared")
    assert (floor.are("B1.1"), floor.problems()) == ([[2, 2], [2, 2]], [])


WRONG: dict[str, tuple[Any, type[MesError], str, list[Place], int, dict[str, str]]] = {
    "Bin 1 is what bin:board/20 says of (0, 0) already.": (upgrade, Refused, "B1.1", [(0, 0)], 1, {}),
    "No unit is rejected in place at (0, 0) of B1.1.": (upgrade, Refused, "B1.1", [(0, 0)], 1, {}),
    "bin:board/20 says nothing of (1, 1).": (downgrade, Refused, "B1.2", [(1, 1)], 2, {}),
    "There is no unit any more, or was none, at (0, 1) of B1.1.": (downgrade, Refused, "B1.1", [(0, 1)], 2, {}),
    "The units at (1, 1) of B1.1 are suspect; dispose of them.": (upgrade, Refused, "B1.1", [(1, 1)], 1, {}),
    "Substrate B2.1 is ordered; wait until its run ends.": (downgrade, Refused, "B2.1", [(0, 0)], 9, {"map": CAME}),
    "What is at (1, 1) of B3.1 was never meant to be used; put it on the map as found (bonus).":
        (upgrade, Refused, "B3.1", [(1, 1)], 1, {"map": CAME}),
    "bin:board/20 says that the units at (1, 0) failed; edit that, too.":
        (upgrade, Refused, "B4.1", [(1, 0)], 1, {"map": CAME}),
    "A yield engineer does not give dust as a reason; a manager does.":
        (downgrade, Refused, "B1.1", [(0, 0)], 2, {"reason": "dust"}),
    "seen is no reason to upgrade; choose one of review.": (upgrade, Malformed, "B1.1", [(1, 0)], 1, {}),
    "1 is none of the bins of failures of bin:board/20: 2, 7.": (downgrade, Malformed, "B1.1", [(0, 0)], 1, {}),
    "8 is none of the good bins of bin:board/20: 1.": (upgrade, Malformed, "B1.1", [(0, 0)], 8, {}),
    "Give the reason by which the plant knows such edits.":
        (downgrade, Malformed, "B1.1", [(0, 0)], 2, {"reason": " "}),
    "Position (2, 0) is outside; x goes to 1 and y to 1.": (downgrade, Malformed, "B1.1", [(2, 0)], 2, {}),
    "The substrate has no map of bins bin:odd; there is bin:board/20.":
        (downgrade, NotFound, "B1.1", [(0, 0)], 2, {"map": "bin:odd"}),
    "The lot has no substrate B9.": (downgrade, NotFound, "B9", [(0, 0)], 2, {}),
}  # fmt: skip
"""By what is said: who asked for it."""


GIVEN = ("seen", "downgrade", "yield_engineer"), ("dust", "downgrade", "manager"), ("review", "upgrade", "operator")


def test_what_cannot_be_edited_is_refused_with_every_reason(floor: Floor) -> None:
    lots = {"B1": judged(floor, "B1", [[1, 2], [1, 99]], [[1, 1], [1, 0]])}
    floor.do(release_hold, lots["B1"], floor.holds("B1")[0].id, "looked at", Role.ADMINISTRATOR)
    floor.do(scrap, lots["B1"], "B1.1", [(0, 1)])
    lots["B4"] = judged(floor, "B4", [[1, 2], [1, 1]], came=[[1, 1], [1, 1]])
    edit(floor, downgrade, lots["B4"], "B4.1", [(1, 0)], 9, map=CAME)
    lots["B2"] = floor.arrive("B2", "board", mapped("B2.1", [[1, 1], [1, 9]]))
    floor.order("OVEN-1", "B2")
    lots["B3"] = floor.arrive("B3", "board", mapped("B3.1", [[1, 1], [1, 9]]))
    with floor.database.transaction() as session:
        for name, allows, role in GIVEN:
            session.add(BinReason(name=name, title=name, allows=allows, roles=[role]))
        session.add(User(name="tester", title="Tester", role="yield_engineer", password_hash="x"))
    before = floor.everything()
    for sentence, (verb, error, substrate, where, to, said) in WRONG.items():
        with pytest.raises(error) as raised:
            reason = {"reason": "review"} if verb is upgrade and error is Refused else {}
            edit(floor, verb, lots.get(substrate[:2], lots["B1"]), substrate, where, to, **{**reason, **said})
        found = [reason.message for reason in raised.value.reasons] or [raised.value.message]
        assert any(one.startswith(sentence) for one in found), (sentence, found)
    assert floor.everything() == before
