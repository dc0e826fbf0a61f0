"""From a cause up to every unit it touched and no other; what is there is held, what has left is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, select

from equipment.interface.states import Outcome
from mes.db import Database, as_customer
from mes.errors import Malformed, MesError, NotFound, Refused
from mes.genealogy.recalls.causes import Cause
from mes.genealogy.recalls.reach import Moves, Stays, first_after
from mes.genealogy.recalls.recall import Concern, concern, recall
from mes.genealogy.trace import trace_up
from mes.genealogy.tree import Onward
from mes.history import History
from mes.lots.holds.hold import release_hold
from mes.lots.looks import look
from mes.lots.models import Hold, Lot
from mes.lots.regrouping.split import split
from mes.lots.verbs.part import part
from mes.people.models import Customer
from mes.people.roles import Role
from mes.shipments.send import Sending, send
from mes.units.models import Substrate
from tests.checks.shop import run_shop
from tests.genealogy.test_trace import path
from tests.lots.racers import Heat, Racers
from tests.lots.test_masks import assembled, to_boat
from tests.lots.test_projects import OF, shuttle
from tests.shop import BEGIN, Floor
from tests.stockroom import furnish, supply

HEIGHT = ("height", "measured again", "process_engineer")


@pytest.fixture(scope="module")
def shop(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Dies of W1 and W2 on interposer I1, which is diced into boats P.01 and P.02; nothing here changes it."""
    run_shop(module_database, tmp_path_factory.mktemp("shop") / "world.sqlite")
    return module_database


def concerned(database: Database, cause: Cause) -> Concern:
    with database.reading() as session:
        return concern(session, cause)


def units(found: Concern) -> dict[str, list[list[int]]]:
    """By substrate, the touched units that are there."""
    told: dict[str, list[list[int]]] = {}
    for name, places in (
        (name, places) for lot in found.lots for name, places in lot.row(in_full=True)["positions"].items()
    ):
        there = [place for what in ("in_process", "suspect", "completed") for place in places.get(what, ())]
        told |= {name: there} if there else {}
    return told


def hour(n: int) -> Any:
    return BEGIN + timedelta(hours=n)


PLACING, DICING = (hour(14), hour(18)), (hour(18), hour(22))


@pytest.mark.parametrize(
    ("cause", "touched", "ended", "there", "became"),
    [
        # head 1 put one die back before it placed it, rejected one, and placed one on a package that was lost later
        (Cause(equipment="CELL-1", head=1), 5, {"rejected": 1, "lost": 1}, {"P.01": [[0, 0]], "P.02": [[0, 0]]},
         {"rejected": 1}),
        (Cause(equipment="CELL-1", head=7), 0, {}, {}, {}),
        (Cause(equipment="CELL-2"), 0, {}, {}, {}),
        (Cause(recipe="bond@1", until=hour(0)), 0, {}, {}, {}),
        (Cause(substrate="W1", x=0, y=0), 1, {}, {"P.01": [[0, 0]]}, {}),
        (Cause(substrate="W1", x=3, y=2), 1, {}, {"W1": [[3, 2]]}, {}),
        (Cause(substrate="W2", x=0, y=1), 1, {}, {}, {"sampled": 1}),
        (Cause(substrate="W2"), 12, {"rejected": 1, "lost": 1},
         {"P.01": [[0, 0]], "P.02": [[0, 0]], "W2": [[2, 1], [3, 1], [0, 2], [1, 2], [2, 2], [3, 2]]},
         {"rejected": 1, "sampled": 1}),
        (Cause(lot="D1"), 12, {"lost": 2},
         {"P.01": [[0, 0]], "P.02": [[0, 0]],
          "W1": [[1, 1], [2, 1], [3, 1], [0, 2], [1, 2], [2, 2], [3, 2]]}, {"rejected": 1}),
        (Cause(substrate="P.01", x=1, y=0), 1, {}, {}, {"rejected": 1}),
    ],
)  # fmt: skip
def test_a_cause_leads_to_every_unit_it_touched_and_no_other(
    shop: Database, cause: Cause, touched: int, ended: Any, there: Any, became: Any
) -> None:
    found = concerned(shop, cause)
    assert (found.touched, found.ended, units(found)) == (touched, ended, there)
    assert sum((Counter(lot.became) for lot in found.lots), Counter()) == became


def ends(step: Onward) -> Iterator[str]:
    """Where the unit of a step is now, or what became of it."""
    yield path(step)[-1]


def test_each_position_leads_where_its_trace_does(shop: Database) -> None:
    """Counted otherwise: by the trace, unit by unit."""
    with shop.reading() as session:
        wafers = {name: i for i, name in session.execute(select(Substrate.id, Substrate.name))}
        for name in ("W1", "W2"):
            for x in range(4):
                for y in range(3):
                    (end,) = ends(trace_up(session, wafers[name], x, y).positions[0])
                    found = concern(session, Cause(substrate=name, x=x, y=y))
                    became = [word for lot in found.lots for word in lot.became]
                    told = [f"{on} {a} {b}" for on, places in units(found).items() for a, b in places]
                    assert told == [end] or end in found.ended or became, (name, x, y)


@given(
    units=st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=12),
    gone=st.lists(st.tuples(*[st.integers(0, 3)] * 3), max_size=12),
)
def test_a_unit_leaves_with_the_first_move_from_its_place_after_it_came(units: Any, gone: Any) -> None:
    """Counted otherwise: one by one. A place is occupied again and again."""
    place, at, number = np.array(units, np.int64).T
    moved = np.array(gone, np.int64).reshape(-1, 3).T
    nothing = np.zeros(len(gone), np.uint8)
    found = first_after(Stays(place, at, number), Moves(moved[0], moved[0], nothing, nothing, moved[1], moved[2]))
    for (where, *since), index in zip(units, found.tolist(), strict=True):
        later = sorted(when for source, *when in gone if source == where and when > since)
        assert ([*gone[index]] if index >= 0 else None) == ([where, *later[0]] if later else None)


@pytest.mark.parametrize(
    ("cause", "error", "says"),
    [
        (Cause(), Malformed, "Name what was bad"),
        (Cause(since=hour(0), until=hour(9)), Malformed, "Name what was bad"),
        (Cause(head=1), Malformed, "that of an equipment"),
        (Cause(recipe="bond", head=1), Malformed, "that of an equipment"),
        (Cause(equipment="CELL-1", since=hour(9), until=hour(9)), Malformed, "ends before it begins"),
        (Cause(substrate="W1", x=1), Malformed, "x and y"),
        (Cause(lot="D1", x=1, y=1), Malformed, "x and y"),
        (Cause(substrate="W1", x=4, y=0), Malformed, "outside substrate W1: x goes to 3 and y to 2"),
        (Cause(substrate="W1", equipment="CELL-1"), Malformed, "stands for all its units"),
        (Cause(lot="D1", substrate="W1"), Malformed, "stands for all its units"),
        (Cause(equipment="CELL-9"), NotFound, "CELL-9"),
        (Cause(recipe="bond@9"), NotFound, "bond@9"),
        (Cause(container="F9"), NotFound, "F9"),
        (Cause(material="L9"), NotFound, "L9"),
        (Cause(durable="COL-9"), NotFound, "COL-9"),
        (Cause(substrate="W9"), NotFound, "W9"),
        (Cause(lot="W9"), NotFound, "W9"),
        (Cause(substrate="W1", customer="alpha"), NotFound, "W1"),
    ],
)
def test_no_cause_and_unknown_names_are_told(shop: Database, cause: Cause, error: type[MesError], says: str) -> None:
    with pytest.raises(error, match=says):
        concerned(shop, cause)


WORKED = {
    9: (12, {"W1": 7, "P.01": 1, "P.02": 1}),
    13: (12, {"W2": 6, "P.01": 1, "P.02": 1}),
    18: (5, {"P.01": 1, "P.02": 1}),  # the four packages, and the die that was put back
    22: (4, {"P.01": 1, "P.02": 1}),
    26: (2, {"P.01": 1}),
    27: (1, {"P.02": 1}),
}
"""By the hour in which the cell reported: units that it worked on, and how many of them are there, by substrate."""


def test_equipment_in_a_time_means_what_it_worked_on_then(shop: Database) -> None:
    for n in range(30):
        found = concerned(shop, Cause(equipment="CELL-1", recipe="bond", since=hour(n), until=hour(n + 1)))
        assert (found.touched, {on: len(there) for on, there in units(found).items()}) == WORKED.get(n, (0, {})), n


# --- recalls: each changes the floor -----------------------------------------------------------------------------


def coats(floor: Floor) -> None:
    """Lot C1 of wafers W1 and W2: flux F1 was used up on the first, F2 on the second; lot C2 of W3 with F2."""
    furnish(floor)
    floor.arrive("C1", "coat", "W1", "W2")
    supply(floor, (36, 1000))
    floor.pass_through("CELL-1", "C1", "W1", "W2")
    floor.arrive("C2", "coat", "W3", customer="beta")
    floor.pass_through("CELL-1", "C2", "W3")


def recalled(floor: Floor, cause: Cause, expected: int) -> tuple[str | None, Concern]:
    done, found = floor.do(recall, cause, expected, *HEIGHT)
    return done and done.name, found


def told(found: Concern) -> dict[str, tuple[int, int, int]]:
    """By lot: touched units that are there, of how many, and how many of them none of the recall's holds stops."""
    return {row["lot"]: (row["units"], row["of"], row["open"]) for row in (lot.row() for lot in found.lots)}


def masked(floor: Floor, lot: str) -> list[int | None]:
    """How many units each standing hold of the lot masks; None of the whole lot."""
    with floor.database.reading() as session:
        return [one["masked"] for one in look(session, floor.id_of(Lot, lot))["holds"]]


def test_what_a_container_touched_is_held_and_nothing_else(floor: Floor) -> None:
    coats(floor)
    assert told(concerned(floor.database, Cause(container="F1"))) == {"C1": (12, 24, 12)}
    assert told(concerned(floor.database, Cause(material="L-flux"))) == {"C1": (24, 24, 24), "C2": (12, 12, 12)}
    none, others = Cause(equipment="CELL-2"), Cause(container="F2")
    for cause, expected, code in ((none, 5, "nothing_touched"), (others, 23, "others_found")):
        with pytest.raises(Refused) as refused:
            recalled(floor, cause, expected)
        assert [reason.code for reason in refused.value.reasons] == [code]
    assert masked(floor, "C1") == []
    name, found = recalled(floor, Cause(container="F2"), 24)
    assert (name, told(found)) == ("RCL-000001", {"C1": (12, 24, 0), "C2": (12, 12, 0)})
    assert (masked(floor, "C1"), masked(floor, "C2")) == ([12], [None])
    with floor.database.reading() as session:
        rows = session.execute(
            select(History.subject_kind, History.event_id, History.body).where(History.verb.in_(("recall", "hold")))
        ).all()
        customers = session.scalars(select(Customer.id)).all()
    assert [row.subject_kind for row in rows] == ["recall", "lot", "lot"]
    assert '"cause":{"container":"F2"}' in rows[0].body
    for customer in customers:
        with floor.database.reading(as_customer(customer)) as session:
            held = session.scalars(select(History.body).where(History.verb == "hold")).all()
            seen = [*session.scalars(select(History.body)), *session.scalars(select(Hold.comment))]
            assert (len(held), "F2" in repr(seen)) == (1, False)
    assert floor.problems() == []


def test_a_recall_that_is_asked_for_again_holds_only_what_is_free(floor: Floor) -> None:
    coats(floor)
    first, before = recalled(floor, Cause(material="L-flux"), 36)
    again, found = recalled(floor, Cause(material="L-flux"), 36)
    assert (first, again, told(found)) == ("RCL-000001", None, told(before))
    assert (masked(floor, "C1"), masked(floor, "C2")) == ([None], [None])
    other, found = recalled(floor, Cause(container="F1"), 12)
    assert (other, masked(floor, "C1")) == ("RCL-000002", [None, 12])
    hold = floor.holds("C2")[0].id
    floor.do(release_hold, floor.id_of(Lot, "C2"), hold, "within limits", Role.PROCESS_ENGINEER)
    once_more, _ = recalled(floor, Cause(material="L-flux"), 36)
    assert (once_more, masked(floor, "C2")) == ("RCL-000003", [None])
    assert floor.problems() == []


def test_what_is_split_off_is_held_by_the_same_recall(floor: Floor) -> None:
    floor.stock("D1", "die", "W1", "W2", "W3")
    for cause, touched in ((Cause(substrate="W2"), 12), (Cause(equipment="CELL-1"), 36)):
        recalled(floor, cause, touched)
    floor.do(split, floor.id_of(Lot, "D1"), ["W2"], "D2")
    assert (masked(floor, "D1"), masked(floor, "D2")) == ([None], [12, None])
    for cause, touched in ((Cause(substrate="W2"), 12), (Cause(equipment="CELL-1"), 36)):
        assert recalled(floor, cause, touched)[0] is None
    assert floor.problems() == []


def test_what_has_left_names_who_has_it(floor: Floor) -> None:
    coats(floor)
    shipped = floor.do(send, Sending([floor.id_of(Lot, "C2")], "test house")).name
    _, found = recalled(floor, Cause(container="F2"), 24)
    rows = {row["lot"]: row for row in (lot.row() for lot in found.lots)}
    gone = rows["C2"]
    assert (gone["state"], gone["receiver"], gone["shipment"], gone["left_at"]) == (
        "in_transit", "test house", shipped, BEGIN + timedelta(hours=floor.hours - 1),
    )  # fmt: skip
    assert (gone["units"], gone["became"], gone["holds"], gone["open"]) == (0, {"shipped": 12}, [], 0)
    assert (rows["C1"]["units"], rows["C1"]["open"], masked(floor, "C1")) == (12, 0, [12])
    with pytest.raises(Refused) as refused:
        floor.do(send, Sending([floor.id_of(Lot, "C1")], "test house"))
    assert {reason.code for reason in refused.value.reasons} == {"masked"}
    assert floor.problems() == []


def test_part_of_a_run_touched_what_was_worked_on_in_it(floor: Floor) -> None:
    furnish(floor)
    floor.arrive("C1", "coat", "W1")
    supply(floor, (1000, 1000))
    run = floor.begin("CELL-1", "C1")
    floor.report(run, "W1", touched=[[1, 1, 0, 0], [0] * 4, [0] * 4], outcome=Outcome.PARTIAL)
    floor.end(run)
    since = Cause(equipment="CELL-1", until=hour(floor.hours))
    assert units(concerned(floor.database, since)) == {"W1": [[0, 0], [1, 0]]}
    floor.pass_through("CELL-1", "C1", "W1")
    assert units(concerned(floor.database, since)) == {"W1": [[0, 0], [1, 0]]}
    assert concerned(floor.database, Cause(equipment="CELL-1")).touched == 12


def test_what_was_done_to_a_shared_wafer_was_done_to_its_copies(floor: Floor) -> None:
    floor.do(part, shuttle(floor))
    found = concerned(floor.database, Cause(equipment="CELL-1"))
    there = {on: {(x, y) for x, y in places} for on, places in units(found).items()}
    assert there == {"W1.a": OF["a"] - {(2, 1), (1, 2)}, "W1.b": OF["b"] - {(2, 1), (1, 2)}, "W1": {(1, 1), (3, 1)}}
    assert found.touched == 10


def test_statements_do_not_grow_with_lots_and_units(floor: Floor) -> None:
    coats(floor)
    counted: list[str] = []
    event.listen(floor.database.engine, "before_cursor_execute", lambda *args: counted.append(args[2]))
    asked = []
    for since, touched in ((hour(floor.hours - 3), 12), (BEGIN, 36)):
        counted.clear()
        _, found = recalled(floor, Cause(equipment="CELL-1", since=since), touched)
        asked.append((len(found.lots), len(counted)))
    assert asked == [(1, asked[0][1]), (2, asked[0][1])]


def test_units_that_move_on_while_they_are_recalled_are_held_or_suspect(floor: Floor) -> None:
    """The equipment reports that it moved a package to a boat as the die in it is recalled, and a lot is split."""
    url = floor.database.url.render_as_string(hide_password=False)
    assembled(floor, "P", "I", "J")
    run = floor.begin("CELL-1", "P", only=["I"])
    result = floor.result(run, "I", moves=to_boat("I", "P.01", (0, 0), (1, 0)), outcome=Outcome.PARTIAL)
    cause = Cause(substrate="P-W0", x=0, y=0)
    heats = [
        Heat(url, "track_out", (run, result, floor.act())),
        Heat(url, "recall", (cause, 1, *HEIGHT, floor.act())),
        Heat(url, "split", (floor.id_of(Lot, "P-D"), ["P-W1"], None, floor.act())),
    ]
    with Racers(len(heats)) as racers:
        outcomes = racers.race(heats)
    assert [(outcome.error, outcome.message) for outcome in outcomes] == [("", "")] * len(outcomes)
    (found,) = concerned(floor.database, cause).lots
    suspect = floor.are("P.01") == [[3, 2]] and [one.code for one in floor.holds("P")] == ["exception", "height"]
    assert (found.row()["open"], masked(floor, "P")) == (0, [1]) or suspect
    assert floor.problems() == []
