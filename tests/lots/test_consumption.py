"""What runs use up comes out of what is mounted, is counted twice, and says on which substrate it was used."""

from __future__ import annotations

import pytest
from sqlalchemy import event, select

from equipment.interface.messages import Parameter
from mes.db import as_customer
from mes.lots.models import Consumption
from mes.lots.work.track_out import track_out
from mes.materials.models import Container
from mes.people.models import Customer
from mes.units.models import Substrate
from tests.shop import Floor, mapped
from tests.stockroom import FLUX, container, deliver, furnish, put_on, supply


@pytest.fixture(autouse=True)
def room(floor: Floor) -> None:
    """The store beside the shop."""
    furnish(floor)


def used(floor: Floor) -> list[tuple[int, str, str, int]]:
    """(run, substrate, container, amount) of all that was used."""
    query = (
        select(Consumption.run_id, Substrate.name, Container.name, Consumption.amount)
        .join(Substrate, Substrate.id == Consumption.substrate_id)
        .join(Container, Container.id == Consumption.container_id)
    )
    with floor.database.reading() as session:
        return sorted((run, substrate, box, amount) for run, substrate, box, amount in session.execute(query))


def test_a_run_uses_what_the_route_says_first_mounted_first(floor: Floor) -> None:
    floor.arrive("C1", "coat", "W1", "W2")
    supply(floor, flux=[40, 1000])
    run = floor.begin("CELL-1", "C1")
    floor.report(run, "W1")
    floor.report(run, "W2")
    floor.end(run)
    assert used(floor) == [
        (run, "W1", "F1", FLUX), (run, "W1", "T1", 50),
        (run, "W2", "F1", 4), (run, "W2", "F2", FLUX - 4), (run, "W2", "T1", 50),
    ]  # fmt: skip
    first, second = container(floor, "F1"), container(floor, "F2")
    assert (first.state, first.remainder, first.consumed, first.equipment_id) == ("empty", 0, 40, None)
    assert (second.state, second.remainder, second.consumed) == ("mounted", 1000 - 32, 32)
    assert floor.holds("C1") == []
    assert floor.problems() == []


def test_half_a_wafer_uses_half(floor: Floor) -> None:
    floor.arrive("C1", "coat", "W1")
    supply(floor)
    run = floor.begin("CELL-1", "C1")
    floor.report(run, "W1", touched=[[1, 1, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], outcome=1)
    assert [row[3] for row in used(floor)] == [18, 50]


def test_what_equipment_says_it_used_goes_before_the_route(floor: Floor) -> None:
    floor.arrive("C1", "coat", "W1")
    supply(floor)
    run = floor.begin("CELL-1", "C1")
    floor.report(run, "W1", ran=(Parameter("used_flux", 41.4, "mg"),))
    floor.end(run)
    assert [row[2:] for row in used(floor)] == [("F1", 41), ("T1", 50)]
    assert floor.holds("C1") == []


@pytest.mark.parametrize("told", [-1.0, float("nan"), 1e12])
def test_what_nothing_can_have_used_is_doubted_and_counted_by_the_route(floor: Floor, told: float) -> None:
    floor.arrive("C1", "coat", "W1")
    supply(floor)
    run = floor.begin("CELL-1", "C1")
    work = floor.report(run, "W1", ran=(Parameter("used_flux", told, "mg"),))
    assert [row[2:] for row in used(floor)] == [("F1", FLUX), ("T1", 50)]
    assert work.units_suspect == 12
    (hold,) = floor.holds("C1")
    assert "material_beyond" in hold.comment


def test_more_than_was_there_empties_it_and_leaves_the_work_in_doubt(floor: Floor) -> None:
    floor.arrive("C1", "coat", "W1")
    supply(floor, flux=[100])
    run = floor.begin("CELL-1", "C1")
    work = floor.report(run, "W1", ran=(Parameter("used_flux", 130.0, "mg"),))
    floor.end(run)
    assert (container(floor, "F1").state, container(floor, "F1").remainder) == ("empty", 0)
    assert work.units_suspect == 12
    (hold,) = floor.holds("C1")
    assert "It used 130 of flux, 30 more than the containers on the equipment held." in hold.comment
    assert floor.problems() == []


def test_a_customers_own_flux_is_for_its_lots_alone(floor: Floor) -> None:
    floor.arrive("C1", "coat", "W1")
    deliver(floor, "L0", "tape", {"T0": 1000}, customer="beta")
    put_on(floor, "T0")
    supply(floor)
    run = floor.begin("CELL-1", "C1")
    floor.report(run, "W1")
    assert [row[2:] for row in used(floor)] == [("F1", FLUX), ("T1", 50)]
    for name, rows in (("alpha", 2), ("beta", 0)):
        with floor.database.reading(as_customer(floor.id_of(Customer, name))) as session:
            assert len(session.query(Consumption).all()) == rows


def test_as_many_statements_for_many_units_as_for_one(floor: Floor) -> None:
    counts = []
    supply(floor)
    for lot, units in (("C1", [[1, 0, 0, 0], [0] * 4, [0] * 4]), ("C2", [[1] * 4] * 3)):
        floor.arrive(lot, "coat", mapped(f"W of {lot}", units))
        run = floor.begin("CELL-1", lot)
        told: list[str] = []
        event.listen(floor.database.engine, "before_cursor_execute", lambda *a, told=told: told.append(a[2]))
        result = floor.result(run, f"W of {lot}")
        told.clear()
        floor.do(track_out, run, result)
        counts.append(len(told))
    assert len({*counts}) == 1, counts
