"""Masks: the units that a hold is about stay on their substrate; the others, and the lot, go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, update

from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotFound, Refused
from mes.lots.gate import start_gate
from mes.lots.holds.hold import hold, release_hold
from mes.lots.holds.mask_text import as_body, read_units
from mes.lots.holds.masks import Units
from mes.lots.holds.models import HoldMask
from mes.lots.holds.shapes import MaskBody
from mes.lots.looks import look
from mes.lots.models import Lot
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.split import split
from mes.lots.taking import scrap
from mes.lots.verbs.suspects import dispose_suspects
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.shipments.send import Sending, send
from mes.units.models import Transfer
from mes.units.positions import pack
from tests.lots.test_split import told
from tests.shop import PLACED, PUT_BACK, Floor, Move, fill_packages, mapped


def mask(floor: Floor, lot: str, *units: Units, code: str = "dust", owner: str = "process_engineer") -> int:
    """Hold some units of a lot; the number of the hold."""
    with floor.database.transaction() as session:
        return hold(session, floor.id_of(Lot, lot), code, "seen", owner, floor.act(), units=units).id


def free(floor: Floor, lot: str, number: int, role: Role = Role.PROCESS_ENGINEER) -> None:
    floor.do(release_hold, floor.id_of(Lot, lot), number, "blown off", role)


def at(substrate: str, *places: tuple[int, int]) -> Units:
    return Units(substrate, at=places)


def reasons(floor: Floor, lot: str, equipment: str = "CELL-1") -> set[tuple[str, str]]:
    """What speaks against starting, and who clears it."""
    ids = floor.id_of(Lot, lot), floor.id_of(Equipment, equipment)
    with floor.database.reading() as session:
        return {(reason.code, reason.who) for reason in start_gate.reasons(session, *ids, floor.act().at)}


def assembled(floor: Floor, lot: str, *targets: str) -> None:
    """Packages that wait to be moved to boats: four on each target."""
    floor.stock(f"{lot}-D", "die", *(f"{lot}-W{n}" for n in range(len(targets))))
    floor.arrive(lot, "package", *targets)
    for n, target in enumerate(targets):
        run = floor.begin("CELL-1", lot, sources=[f"{lot}-W{n}"], only=[target])
        floor.report(run, target, moves=fill_packages(f"{lot}-W{n}", target))
        floor.end(run)


def to_boat(source: str, boat: str, *places: tuple[int, int], outcome: Any = PLACED) -> list[Move]:
    """Packages that go into a boat, from its left."""
    return [(source, x, y, boat, n, 0, 0, 0, 0, outcome) for n, (x, y) in enumerate(places)]


def moved(floor: Floor, lot: str, source: str, boat: str, *places: tuple[int, int], **only: Any) -> int:
    """A whole run that moves these packages into a boat."""
    run = floor.begin("CELL-1", lot, **only)
    floor.report(run, source, moves=to_boat(source, boat, *places))
    floor.end(run)
    return run


def test_masked_units_wait_where_they_are_until_no_hold_masks_them(floor: Floor) -> None:
    assembled(floor, "P1", "I1")
    first = mask(floor, "P1", at("I1", (0, 0)))
    second = mask(floor, "P1", at("I1", (0, 0), (1, 0)), code="height", owner="line_engineer")
    run = moved(floor, "P1", "I1", "P1.01", (0, 1), (1, 1))
    assert floor.asked(run, "I1").tolist() == [[False, False], [True, True]]
    assert (floor.are("I1"), floor.are("P1.01")) == ([[2, 2], [6, 6]], [[2, 2]])
    assert (floor.lot("P1").state, floor.lot("P1").units) == ("queued", 4)
    assert floor.ledger("P1") == {"received": 4, "in_process": 2, "consumed": 2}
    assert floor.ledger("P1", 2) == {"made": 2, "in_process": 2}
    assert {name: floor.member(name).progress for name in ("I1", "P1.01")} == {"I1": "queued", "P1.01": "queued"}
    assert reasons(floor, "P1") == set()  # the boat may start
    with pytest.raises(Refused) as refused:
        floor.order("CELL-1", "P1", only=["I1"])
    assert [(one.code, one.message.partition(":")[0]) for one in refused.value.reasons] == [
        ("masked", f"Hold {first} (dust"), ("masked", f"Hold {second} (height"),
    ]  # fmt: skip
    run = floor.begin("CELL-1", "P1", only=["P1.01"])
    floor.report(run, "P1.01", bins=[[1, 1]])
    floor.end(run)
    assert (floor.are("P1.01"), floor.lot("P1").state) == ([[5, 5]], "queued")
    assert reasons(floor, "P1") == {("masked", "process_engineer"), ("masked", "line_engineer")}
    free(floor, "P1", second, Role.LINE_ENGINEER)
    assert floor.problems() == []
    moved(floor, "P1", "I1", "P1.02", (1, 0))
    with pytest.raises(Refused) as refused:
        floor.order("CELL-1", "P1", only=["I1"])
    assert [(one.code, one.who) for one in refused.value.reasons] == [("masked", "process_engineer")]
    free(floor, "P1", first)
    moved(floor, "P1", "I1", "P1.03", (0, 0))
    assert (floor.member("I1").progress, floor.lot("P1").substrates) == ("closed", 3)
    assert floor.ledger("P1") == {"received": 4, "consumed": 4}
    assert floor.problems() == []


def test_a_masked_unit_that_is_reported_to_be_taken_twice_is_told_of_once_as_masked(floor: Floor) -> None:
    floor.stock("D1", "die", "W1")
    floor.arrive("P1", "package", "I1", "I2")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    mask(floor, "D1", at("W1", (1, 1)))
    for target in ("I1", "I2"):
        floor.report(run, target, moves=[("W1", 1, 1, target, 0, 0, 1, 1, 0, PLACED)])
    floor.end(run)
    assert "pick_masked" in floor.holds("P1")[0].comment
    assert "pick_absent" in floor.holds("P1")[1].comment
    assert floor.problems() == []


def test_the_rest_ends_when_the_remainder_is_split_off(floor: Floor) -> None:
    assembled(floor, "P1", "I1")
    number = mask(floor, "P1", at("I1", (0, 0)))
    moved(floor, "P1", "I1", "P1.01", (1, 0), (0, 1))
    moved(floor, "P1", "I1", "P1.03", (1, 1), only=["I1"])
    run = floor.begin("CELL-1", "P1")
    for boat, bins in (("P1.01", [[1, 1]]), ("P1.03", [[1, 0]])):
        floor.report(run, boat, bins=bins)
    floor.end(run)
    assert floor.lot("P1").state == "queued"
    floor.do(split, floor.id_of(Lot, "P1"), ["I1"], "P2")
    assert (floor.lot("P1").state, floor.lot("P2").state) == ("completed", "queued")
    assert ([h.id for h in floor.holds("P2")], floor.holds("P1")) == ([number], [])
    free(floor, "P2", number)
    moved(floor, "P2", "I1", "P2.01", (0, 0))
    assert floor.ledger("P2", 2) == {"made": 1, "in_process": 1}
    assert floor.problems() == []


def test_where_units_stay_on_their_substrate_a_mask_stops_nothing(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", mapped("W1", [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 9]]), "W2")
    mask(floor, "D1", at("W1", (3, 0), (0, 1)), at("W1", (3, 0)))
    mask(floor, "D1", Units("W2"))
    with floor.database.reading() as session:
        seen = look(session, lot)
    assert (seen["held"], [one["masked"] for one in seen["holds"]]) == (False, [2, 12])
    (noted, _) = told(floor, "D1", "hold")
    assert noted["after"]["masked"] == {"W1": 2}
    assert noted["after"]["positions"] == {"W1": [[3, 0], [0, 1]]}
    run = floor.pass_through("CELL-1", "D1", "W1", "W2")
    assert floor.asked(run, "W1").sum() == 10
    floor.arrive("P1", "package", "I1")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    assert floor.reserved(run, "W1").tolist() == [[1, 1, 1, 0], [0, 1, 1, 1], [1, 1, 0, 0]]
    floor.arrive("P2", "package", "I2")
    with pytest.raises(Refused) as refused:
        floor.order("CELL-2", "P2", sources=["W2"])
    assert "source_empty" in {reason.code for reason in refused.value.reasons}
    assert floor.problems() == []


def test_a_masked_unit_that_is_taken_all_the_same_is_recorded_and_suspect(floor: Floor) -> None:
    assembled(floor, "P1", "I1")
    run = floor.begin("CELL-1", "P1")
    number = mask(floor, "P1", at("I1", (0, 0)))  # the equipment is at work, and goes on
    report = floor.result(run, "I1", moves=[
        *to_boat("I1", "P1.01", (0, 0), (1, 0)), *to_boat("I1", "P1.02", (0, 1), (1, 1)),
    ])  # fmt: skip
    work = floor.do(track_out, run, report)
    floor.end(run)
    assert (work.units_good, work.units_suspect) == (3, 1)
    assert (floor.are("I1"), floor.are("P1.01"), floor.are("P1.02")) == ([[6, 6], [6, 6]], [[3, 2]], [[2, 2]])
    assert "1 x pick_masked" in {h.code: h.comment for h in floor.holds("P1")}["exception"]
    free(floor, "P1", number)
    assert floor.problems() == []
    with floor.database.transaction() as session:
        session.execute(update(Transfer).values(suspect=None))
        session.execute(update(HoldMask).values(positions=pack(np.array([[True, True], [False, False]]))))
    assert [problem.message for problem in floor.problems() if problem.check == "masks"] == [
        f"Hold {number}: 2 masked units were taken from I1, and nothing tells of it.",
        "Holds mask 2 units, 1 by history.",
    ]


def test_suspect_units_and_those_put_back_are_not_moved_on_either(floor: Floor) -> None:
    assembled(floor, "P1", "I1")
    run = floor.begin("CELL-1", "P1")
    back = ("I1", 0, 1, "P1.02", 0, 0, 0, 0, 0, PUT_BACK)
    floor.report(run, "I1", moves=[*to_boat("I1", "P1.01", (0, 0), (1, 0)), back], touched=[[1, 1], [1, 0]])
    assert (floor.lot("P1").state, floor.problems()) == ("running", [])  # boats are being filled
    floor.end(run)
    lot = floor.id_of(Lot, "P1")
    free(floor, "P1", floor.holds("P1")[0].id, Role.ADMINISTRATOR)
    assert (floor.are("I1"), floor.member("I1").progress) == ([[6, 6], [2, 3]], "queued")  # the last it says is done
    run = moved(floor, "P1", "I1", "P1.03", (0, 1), only=["I1"])
    assert floor.asked(run, "I1").tolist() == [[False, False], [True, False]]
    assert (floor.are("I1"), reasons(floor, "P1")) == ([[6, 6], [6, 3]], set())  # boats wait to be tested
    with pytest.raises(Refused) as refused:
        floor.order("CELL-1", "P1", only=["I1"])
    assert [(one.code, one.who) for one in refused.value.reasons] == [("suspect", "process_engineer")]
    floor.do(dispose_suspects, lot, None, None, "cleared")
    moved(floor, "P1", "I1", "P1.04", (1, 1), only=["I1"])
    assert floor.member("I1").progress == "closed"
    assert floor.problems() == []


def test_masks_go_along_with_substrates_and_nothing_masked_leaves(floor: Floor) -> None:
    floor.stock("D1", "die", "W1", "W2", "W3")
    lot = floor.id_of(Lot, "D1")
    both, one = mask(floor, "D1", at("W1", (0, 0)), at("W2", (1, 1), (2, 2))), mask(floor, "D1", Units("W2"))
    floor.do(split, lot, ["W2"], "D2")
    assert [h.id for h in floor.holds("D1")] == [both]
    copy, went = (h.id for h in floor.holds("D2"))
    assert (went, told(floor, "D2", "split")[0]["after"]["holds"]) == (one, [copy, one])
    assert floor.problems() == []
    for name, number, units in (("D1", both, 1), ("D2", one, 12)):
        with pytest.raises(Refused) as refused:
            floor.do(send, Sending([floor.id_of(Lot, name)], "elsewhere"))
        assert {(r.code, r.who) for r in refused.value.reasons} == {("masked", "process_engineer")}
        assert f"Hold {number} (dust: seen) masks {units} units" in refused.value.reasons[0].message
    floor.do(merge, lot, floor.id_of(Lot, "D2"))
    assert {h.id for h in floor.holds("D1")} == {both, copy, one}
    floor.do(scrap, lot, "W1", [(0, 0)])
    free(floor, "D1", copy)
    free(floor, "D1", one)
    floor.do(send, Sending([lot], "elsewhere"))  # what the last one masks is not there any more
    assert floor.ledger("D1") == {"received": 36, "split_off": 12, "merged_in": 12, "scrapped": 1, "shipped": 35}
    assert floor.problems() == []


def test_a_hold_goes_over_by_a_merge_also_when_what_it_masked_is_gone(floor: Floor) -> None:
    floor.stock("D1", "die", "W1", "W2")
    floor.stock("D2", "die", "W3")
    number = mask(floor, "D1", at("W1", (0, 0)))
    floor.do(scrap, floor.id_of(Lot, "D1"), "W1", None)
    floor.do(merge, floor.id_of(Lot, "D2"), floor.id_of(Lot, "D1"))
    assert [one.id for one in floor.holds("D2")] == [number]
    assert floor.problems() == []


def test_a_map_is_read_once_however_many_lines_name_its_bins(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", mapped("W1", [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 9]]))
    asked: list[str] = []
    with floor.database.transaction() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *sent: asked.append(sent[2]))
        some = [Units(bin=("bin:incoming", 1)), Units("W1", bin=("bin:incoming", 1))]
        hold(session, lot, "dust", "seen", "line_engineer", floor.act(), units=some * 50)
    assert sum("FROM layer" in statement for statement in asked) == 1


WRONG: dict[str, tuple[type[MesError], Units]] = {
    "Positions are those of a substrate; name it, too.": (Malformed, Units(at=[(0, 0)])),
    "Position (4, 0) is outside; x goes to 3 and y to 2.": (Malformed, at("W1", (4, 0))),
    "There is no unit at (2, 2) of W1.": (Malformed, at("W1", (0, 0), (2, 2))),
    "Name at least one position (x, y).": (Malformed, at("W1")),
    "The lot has no substrate W9.": (NotFound, at("W9", (0, 0))),
    "Name units in one way: by positions, by ids, by a bin or by a block.": (
        Malformed,
        Units("W1", at=[(0, 0)], ids=["a"]),
    ),
    "None of these substrates has a map bin:board/20.": (NotFound, Units(bin=("bin:board/20", 2))),
    "None of these substrates is made of blocks.": (NotFound, Units("W1", block=(0, 0))),
    "No unit there has the id nobody.": (Malformed, Units(ids=["nobody"])),
    "No unit that is there is meant; look at the map.": (Malformed, Units(bin=("bin:incoming", 9))),
}


def test_what_cannot_be_masked_changes_nothing(floor: Floor) -> None:
    floor.arrive("D1", "die", mapped("W1", [[1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 9]]), "W2")
    before = floor.everything()
    for sentence, (error, units) in WRONG.items():
        with pytest.raises(error) as raised:
            mask(floor, "D1", units)
        assert (str(raised.value), floor.everything()) == (sentence, before)
    mask(floor, "D1", Units(bin=("bin:incoming", 1)))
    assert told(floor, "D1", "hold")[0]["after"]["masked"] == {"W1": 10}


WRITTEN: dict[str, Units] = {
    "W-3 4,7 5 , 8;6,9": Units("W-3", at=[(4, 7), (5, 8), (6, 9)]),
    " a wafer ": Units("a wafer"),
    "W-3 id A7 A8": Units("W-3", ids=["A7", "A8"]),
    "* bin bin:module/40 7": Units(bin=("bin:module/40", 7)),
    "*": Units(),
    "P-1 block 0,1": Units("P-1", block=(0, 1)),
    "a block 0,1 2,1": Units("a block", at=[(0, 1), (2, 1)]),
    "12 4,7": Units("12", at=[(4, 7)]),
    "4,7": Units("4,7"),
    "a 3 id": Units("a 3 id"),
    "W-3 id bin 7": Units("W-3", ids=["bin", "7"]),
    "a, b bin 4,7 ;": Units("a, b bin", at=[(4, 7)]),
}
LONG = (
    "a" + " bin " * 2000 + " " * 9000 + "b",
    "a " + "1,1 " * 4990 + "b",
    "a" + " " * 19990 + "1 , b",
    "a " + "1;" * 9990,
)
"""As long as a form takes them; none of them ends as it begins."""


def test_units_are_written_a_line_for_each_substrate() -> None:
    for line, units in WRITTEN.items():
        assert read_units(line) == units
        assert MaskBody.model_validate(as_body(units)).units == units
    with pytest.raises(Malformed, match="Name a substrate and its positions"):
        read_units(" ")
    for line in LONG:  # each is read at once
        assert read_units(line).at is None
