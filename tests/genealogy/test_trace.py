"""A package is traced to every die in it and a die to its package, and no customer sees another's half."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import event, select

from mes.db import STAFF, Database, Scope, Session, as_customer
from mes.errors import Malformed, NotFound
from mes.genealogy import Onward, Trace, TraceUp, Unit, Work, trace_lot_up, trace_unit, trace_up
from mes.lots.models import Lot
from mes.people.models import Customer
from mes.units.models import Substrate
from tests.checks.shop import run_shop
from tests.shop import SHA256


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Database:
    """Boat P.01 holds packages from interposer I1, each with a die of W1 (beta) and one of W2 (alpha)."""
    run_shop(database, tmp_path / "world.sqlite")
    return database


def id_of(session: Session, substrate: str) -> int:
    return session.scalars(select(Substrate.id).where(Substrate.name == substrate)).one()


def ids(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return {row.name: row.id for row in session.execute(select(Substrate.name, Substrate.id))}


def scope_of(database: Database, customer: str) -> Scope:
    with database.reading() as session:
        return as_customer(session.scalars(select(Customer.id).where(Customer.name == customer)).one())


def down(database: Database, substrate: str, x: int, y: int, scope: Scope = STAFF) -> Trace:
    number = ids(database)[substrate]
    with database.reading(scope) as session:
        return trace_unit(session, number, x, y)


def up(database: Database, substrate: str, *xy: int, scope: Scope = STAFF) -> TraceUp:
    number = ids(database)[substrate]
    with database.reading(scope) as session:
        return trace_up(session, number, *xy)


def test_package_is_traced_to_every_die_in_it(shop: Database) -> None:
    trace = down(shop, "P.01", 1, 0)
    assert trace.missing == ()
    (diced,) = trace.unit.contains
    assert where(diced.unit) == "I1 1 0"
    assert (diced.move.level, diced.move.work) == (0, Work("J-0000004", "CELL-1", "package/20", "bond@1", SHA256))
    placed = [(h.move.site, h.move.level, h.move.head, where(h.unit)) for h in diced.unit.contains]
    assert placed == [(1, 1, 0, "W1 1 0"), (2, 1, 1, "W2 2 0")]
    assert diced.unit.contains[0].move.work == Work("J-0000003", "CELL-1", "package/10", "bond@1", SHA256)
    assert [(die.substrate, die.owner, die.lot, die.product) for die in trace.unit.dies()] == [
        ("I1", "alpha", "P", "package"), ("W1", "beta", "D1", "die"), ("W2", "alpha", "D2", "die"),
    ]  # fmt: skip


def test_unit_carries_the_bins_of_its_passes(shop: Database) -> None:
    told = {x: down(shop, "P.01", x, 0).unit.readings for x in (0, 1)}
    assert [(r.layer, r.version, r.value, r.meaning) for r in told[1]] == [("bin:package/30", 1, 2, "OPEN Fail")]
    assert [r.value for r in told[0]] == [1]
    assert down(shop, "P.02", 1, 0).unit.readings == ()


def test_die_is_traced_to_its_package(shop: Database) -> None:
    (die,) = up(shop, "W1", 1, 0).positions
    assert path(die) == ["W1 1 0", "placed", "I1 1 0", "placed", "P.01 1 0"]
    (put_back,) = up(shop, "W2", 0, 0).positions
    assert [went.move.outcome for went in put_back.went] == ["put_back", "placed"]
    assert put_back.went[0].to is None
    (lost,) = up(shop, "W1", 2, 0).positions
    assert path(lost) == ["W1 2 0", "lost"]
    (never_moved,) = up(shop, "W1", 3, 2).positions
    assert never_moved.went == []


def where(at: Unit | Onward) -> str:
    return f"{at.substrate} {at.place.x} {at.place.y}" if at.place else "?"


def path(step: Onward | None) -> list[str]:
    told = []
    while step is not None:
        told.append(where(step))
        if not step.went:
            break
        told.append(step.went[-1].move.outcome)
        step = step.went[-1].to
    return told


def test_wafer_is_traced_to_all_its_packages(shop: Database) -> None:
    ends = {path(position)[0]: path(position)[-1] for position in up(shop, "W1").positions}
    assert ends == {
        "W1 0 0": "P.01 0 0",
        "W1 1 0": "P.01 1 0",
        "W1 2 0": "lost",
        "W1 3 0": "lost",
        "W1 0 1": "P.02 0 0",
    }


def test_lot_is_traced_as_each_of_its_substrates_at_once(shop: Database) -> None:
    with shop.reading() as session:
        lots = {name: number for number, name in session.execute(select(Lot.id, Lot.name))}
        of_lot = {name: trace_lot_up(session, number).positions for name, number in lots.items()}
    assert of_lot["D1"] == up(shop, "W1").positions
    assert of_lot["P"] == up(shop, "I1").positions
    with shop.reading(scope_of(shop, "alpha")) as session:
        assert trace_lot_up(session, lots["D1"]).positions == ()


def test_queries_do_not_grow_with_the_dies(shop: Database) -> None:
    number = ids(shop)["W1"]
    with shop.reading() as session:
        counted: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", lambda *args: counted.append(args[2]))
        trace_up(session, number, 1, 0)
        of_one = len(counted)
        trace_up(session, number)
    assert len(counted) == 2 * of_one + 1  # and the one that finds which positions were left


def test_owner_of_the_package_sees_foreign_dies_only_by_their_sites(shop: Database) -> None:
    trace = down(shop, "P.01", 1, 0, scope_of(shop, "alpha"))
    (diced,) = trace.unit.contains
    foreign, own = diced.unit.contains
    assert (foreign.move.site, foreign.move.level, foreign.unit.place, foreign.unit.substrate) == (1, 1, None, "")
    assert (own.unit.substrate, own.unit.owner) == ("W2", "alpha")
    assert "W1" not in repr(trace)
    assert "beta" not in repr(trace)
    assert "CELL" not in repr(trace)
    assert len(trace.missing) == 3


def test_owner_of_the_dies_does_not_see_where_they_went(shop: Database) -> None:
    scope = scope_of(shop, "beta")
    trace = up(shop, "W1", scope=scope)
    assert len(trace.positions) == 5
    assert all(went.to is None or went.to.place is None for position in trace.positions for went in position.went)
    for word in ("I1", "P.0", "alpha", "CELL"):
        assert word not in repr(trace)
    with pytest.raises(NotFound, match="There is no substrate"):
        down(shop, "P.01", 0, 0, scope)


def test_position_outside_and_substrate_unknown_are_told(shop: Database) -> None:
    with pytest.raises(Malformed, match="outside"):
        down(shop, "P.01", 2, 0)
    with pytest.raises(Malformed, match="both"):
        up(shop, "W1", 1)
    with shop.reading() as session, pytest.raises(NotFound):
        trace_unit(session, 10_000, 0, 0)
