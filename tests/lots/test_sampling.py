"""Sampling: of every second lot one substrate is inspected; the others leave it out, which is recorded and no pass."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import delete, select

from mes.definitions.models import EquipmentClass, Layout, Product
from mes.lots.create import NewLot, create
from mes.lots.holds.future_hold import set_future_hold
from mes.lots.ladder import ladder
from mes.lots.looks import look
from mes.lots.models import Lot
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.lots.routing.models import Skip
from mes.lots.routing.sampling import is_chosen
from mes.lots.taking import scrap
from mes.recipes.models import RecipeVersion
from mes.reports.run import run as report
from mes.routes.models import Operation
from mes.units.arrival import Arrival
from tests.lots.test_split import told
from tests.shop import Floor, _added, _route

NAMES = [f"C{n}" for n in range(1, 5)]


@pytest.fixture
def cards(floor: Floor) -> Floor:
    """Cards are looked at when they come, cleaned, inspected, dried and measured; two of that by sampling."""
    with floor.database.transaction() as session:
        layout = session.scalars(select(Layout).where(Layout.name == "sites")).one()
        card = _added(session, Product(name="card", title="Card", unit="card", layout_id=layout.id))
        cell = session.scalars(select(EquipmentClass).where(EquipmentClass.name == "cell")).one()
        recipe = session.scalars(select(RecipeVersion).where(RecipeVersion.name == "bond@1")).one()
        step = {"class_id": cell.id, "recipe_version_id": recipe.id, "kind": "process"}
        test = step | {"kind": "test", "bins": {"2": {"name": "OPEN", "quality": "Fail"}}}
        back = {"back_to": 20, "most": 1, "most_per_lot": None, "reasons": ["residue"]}
        _route(
            session, card, "completed", step | {"sampling": {"every_lots": 2, "substrates": None}}, step,
            test | {"sampling": {"every_lots": 2, "substrates": 1}}, step | {"rework": back},
            test | {"sampling": {"every_lots": 3, "substrates": None}},
        )  # fmt: skip
    return floor


def stand(floor: Floor, lot: str) -> dict[str, str | None]:
    """The number of the operation at which each substrate of a lot waits."""
    with floor.database.reading() as session:
        members = look(session, floor.id_of(Lot, lot))["members"]
    return {m["substrate"]: (m["operation"] or "").removeprefix("card/") or None for m in members}


def skipped(floor: Floor, lot: str) -> dict[str, int]:
    with floor.database.reading() as session:
        return {
            r.operation.removeprefix("card/"): r.skipped for r in ladder(session, floor.id_of(Lot, lot)) if r.skipped
        }


def drawn(floor: Floor, *names: str) -> str:
    """The one of these cards that is inspected, as anybody may reckon it again."""
    with floor.database.reading() as session:
        inspected = session.scalars(select(Operation).where(Operation.name == "card/30")).one()
    (chosen,) = (name for name in names if is_chosen(inspected, 1, name, names))
    return chosen


def worked(floor: Floor, lot: str, *names: str, bins: Any = None) -> None:
    run = floor.begin("CELL-1", lot, only=names)
    for name in names:
        floor.report(run, name, bins=bins)
    floor.end(run)


def test_of_every_second_lot_one_substrate_is_inspected(cards: Floor) -> None:
    cards.arrive("L1", "card", *NAMES)
    assert stand(cards, "L1") == dict.fromkeys(NAMES, "10")
    for _ in range(2):
        worked(cards, "L1", *NAMES)
    one = drawn(cards, *NAMES)
    others = [name for name in NAMES if name != one]
    assert stand(cards, "L1") == {one: "30"} | dict.fromkeys(others, "40")
    assert skipped(cards, "L1") == {"30": 3}
    entries = told(cards, "L1", "skip")
    assert [e["after"]["operation"] for e in entries] == ["card/30"] * 3
    assert sorted(name for e in entries for name in e["after"]["substrates"]) == others
    worked(cards, "L1", one, bins=[[1, 2], [1, 1]])
    with cards.database.reading() as session:
        yields = {r["operation"]: (r["in"], r["good"]) for r in report(session, "yield", {}).records()}
    assert yields["card/30"] == (4, 3)
    assert cards.problems() == []


def test_the_lot_between_leaves_it_all_out_also_the_first_and_the_last_operation(cards: Floor) -> None:
    for lot in ("L1", "L2"):
        cards.arrive(lot, "card", f"{lot}-1", f"{lot}-2")
    assert stand(cards, "L2") == {"L2-1": "20", "L2-2": "20"}
    assert cards.lot("L2").operation_id is not None
    for _ in range(2):
        worked(cards, "L2", "L2-1", "L2-2")
    assert (cards.lot("L2").state, skipped(cards, "L2")) == ("completed", {"10": 2, "30": 2, "50": 2})
    assert [e["after"]["operation"] for e in told(cards, "L2", "skip")] == [
        "card/10",
        *["card/30"] * 2,
        *["card/50"] * 2,
    ]
    assert cards.ledger("L2") == {"received": 8, "completed": 8}
    assert cards.problems() == []


def test_a_lot_that_leaves_out_where_it_was_to_be_held_is_held_as_it_goes_past(cards: Floor) -> None:
    for name in ("L1", "L2"):
        cards.arrive(name, "card", f"{name}-1", f"{name}-2")
    lot = cards.id_of(Lot, "L2")
    cards.do(set_future_hold, lot, "card/30", "engineering", "cross-section", "process_engineer")
    worked(cards, "L2", "L2-1")
    assert (stand(cards, "L2"), cards.holds("L2")) == ({"L2-1": "40", "L2-2": "20"}, [])  # the other may come there
    worked(cards, "L2", "L2-2")
    assert (stand(cards, "L2")["L2-2"], [h.code for h in cards.holds("L2")]) == ("40", ["engineering"])
    assert (cards.lot("L2").future_holds, cards.problems()) == (0, [])
    cards.arrive("L3", "card", "L3-1")
    cards.arrive("L4", "card", "L4-1", "L4-2")
    lot = cards.id_of(Lot, "L4")
    cards.do(set_future_hold, lot, "card/30", "engineering", "cross-section", "process_engineer")
    worked(cards, "L4", "L4-1")
    for name in ("L4-1", "L4-2"):
        cards.do(scrap, lot, name, None)
    assert (cards.lot("L4").state, cards.holds("L4"), cards.problems()) == ("scrapped", [], [])  # nothing to hold


def test_a_lot_that_is_created_and_released_at_once_leaves_out_the_same(cards: Floor) -> None:
    cards.arrive("L1", "card", "A1")
    made = cards.do(lambda s, act: create(s, NewLot("L2", "alpha", "card", (Arrival("B1"),)), act, released=True))
    assert (stand(cards, made.name), skipped(cards, "L2")) == ({"B1": "20"}, {"10": 1})
    assert [e["after"] for e in told(cards, "L2", "release")] == [{"state": "queued", "operation": "card/20"}]


def test_what_is_split_off_or_reworked(cards: Floor) -> None:
    """A lot that is split off counts as the one it left; what was reworked leaves nothing out."""
    for lot in ("L1", "L2"):
        cards.arrive(lot, "card", f"{lot}-1", f"{lot}-2")
    cards.do(split, cards.id_of(Lot, "L2"), ["L2-2"], None)
    worked(cards, "L2.1", "L2-2")
    assert stand(cards, "L2.1") == {"L2-2": "40"}
    cards.do(rework, cards.id_of(Lot, "L2.1"), ["L2-2"], "residue")
    worked(cards, "L2.1", "L2-2")
    assert stand(cards, "L2.1") == {"L2-2": "30"}
    assert cards.problems() == []


def test_a_row_that_history_does_not_tell_is_found(cards: Floor) -> None:
    for lot in ("L1", "L2"):
        cards.arrive(lot, "card", f"{lot}-1")
    with cards.database.transaction() as session:
        session.execute(delete(Skip))
    (problem,) = cards.problems()
    assert (problem.check, problem.message) == (
        "skips", "Operation card/10: history of lot L2 tells that 1 substrates left it out, 0 are known."
    )  # fmt: skip
