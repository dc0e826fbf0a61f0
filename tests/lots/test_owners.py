"""A lot goes over to another customer, whole or in part: what each of the two sees of it, and when it may not."""

from __future__ import annotations

from typing import Any, cast

import pytest
from sqlalchemy import ForeignKeyConstraint, select

from mes.db import as_customer
from mes.errors import Malformed, NotFound, Refused
from mes.history import History
from mes.lots.experiments.plan import NewExperiment, NewLeg, draft
from mes.lots.holds.future_hold import set_future_hold
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.lots.taking import scrap
from mes.lots.verbs.owner import change_owner
from mes.people.models import Customer
from migrations.metadata import metadata
from tests.lots.test_beside_the_route import refused
from tests.lots.test_masks import at, free, mask
from tests.shop import PLACED, Floor, fill_packages, mapped


def lots_of(floor: Floor, customer: str) -> dict[str, tuple[str, int]]:
    """State and units of the lots that a customer sees, by name."""
    with floor.database.reading(as_customer(floor.id_of(Customer, customer))) as session:
        return {lot.name: (lot.state, lot.units) for lot in session.scalars(select(Lot).order_by(Lot.name))}


def seen_by(floor: Floor, customer: str) -> dict[str, list[Any]]:
    """Every row of every table that a customer may read, the outbox excepted, which is read once."""
    with floor.database.reading(as_customer(floor.id_of(Customer, customer))) as session:
        tables = [t for t in metadata.sorted_tables if "customer_id" in t.columns and t.name != "outbox"]
        return {t.name: sorted(map(repr, session.execute(select(t)).all())) for t in tables}


def histories(floor: Floor, customer: str) -> list[tuple[str, str, int]]:
    """Subject, verb and number of each entry of history that a customer reads."""
    with floor.database.reading(as_customer(floor.id_of(Customer, customer))) as session:
        query = select(History.subject, History.verb, History.n).order_by(History.subject_kind, History.subject_id)
        return [cast(tuple[str, str, int], tuple(row)) for row in session.execute(query.order_by(History.n))]


def test_a_lot_goes_over_whole_and_each_owner_keeps_what_was_his(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1", mapped("S2", [[1, 1], [1, 9]]))
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    floor.hours -= 2  # the test of boards may not wait for long
    runs = seen_by(floor, "alpha")["run_substrate"]
    floor.do(change_owner, lot, "beta", [], None)
    assert (lots_of(floor, "alpha"), lots_of(floor, "beta")) == ({"B1": ("terminated", 0)}, {"B1": ("queued", 7)})
    mine, theirs = seen_by(floor, "alpha"), seen_by(floor, "beta")
    assert (mine["run_substrate"], theirs["run_substrate"]) == (runs, [])
    assert (mine["layer"], len(theirs["layer"])) == ([], 1)
    assert (mine["substrate"], mine["lot_substrate"], len(theirs["substrate"])) == ([], [], 2)
    assert "beta" not in repr(mine)
    assert "alpha" not in repr(theirs)
    assert [one for one in histories(floor, "beta") if one[1] != "change_owner"] == []
    last = {subject: verb for subject, verb, _ in histories(floor, "alpha") if subject in ("B1", "S1", "S2")}
    assert last == dict.fromkeys(("B1", "S1", "S2"), "change_owner")
    with floor.database.reading() as session:
        new = session.scalars(select(Lot).where(Lot.name == "B1", Lot.units == 7)).one()
    assert floor.problems() == []
    floor.do(change_owner, new.id, "alpha", ["S2"], "B2")
    assert (lots_of(floor, "alpha")["B2"], lots_of(floor, "beta")) == (("queued", 3), {"B1": ("queued", 4)})
    run = floor.begin("CELL-1", "B2")
    floor.report(run, "S2", bins=[[1, 1], [1, 0]])
    floor.end(run)
    assert (floor.lot("B2").state, floor.problems()) == ("completed", [])


def test_whatever_a_lot_had_done_it_goes_over(floor: Floor) -> None:
    """Dies of alpha in packages of beta that are diced, sold, and tested by the new owner."""
    floor.stock("D1", "die", "W1")
    package = floor.arrive("P1", "package", "I1", customer="beta")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    floor.report(run, "I1", moves=fill_packages("W1", "I1"))
    floor.end(run)
    diced = floor.begin("CELL-1", "P1")
    to = [(0, "P1.01"), (1, "P1.02")]
    floor.report(diced, "I1", moves=[("I1", x, y, boat, x, 0, 0, 0, 0, PLACED) for y, boat in to for x in (0, 1)])
    floor.end(diced)
    floor.do(change_owner, package, "alpha", [], "P2")
    floor.do(change_owner, floor.id_of(Lot, "D1"), "beta", [], "BANK")
    assert (lots_of(floor, "alpha")["P2"], lots_of(floor, "beta")["BANK"]) == (("queued", 4), ("stocked", 4))
    run = floor.begin("CELL-2", "P2")
    for boat in ("P1.01", "P1.02"):
        floor.report(run, boat, bins=[[1, 1]])
    floor.end(run)
    assert lots_of(floor, "alpha")["P2"] == ("completed", 4)
    assert floor.problems() == []


def test_what_was_in_doubt_on_a_substrate_is_not_told_to_its_new_owner(floor: Floor) -> None:
    """Nor does a hold of the one stand on a substrate of the other, even if what it masks is not there any more."""
    lot = floor.arrive("B1", "board", "S1", "S2")
    free(floor, "B1", mask(floor, "B1", at("S1", (0, 0))))
    second = mask(floor, "B1", at("S2", (1, 1)))
    floor.do(scrap, lot, "S2", [(1, 1)])
    assert refused(floor, Refused, change_owner, lot, "beta", [], None) == ["masked"]
    free(floor, "B1", second)
    masks = seen_by(floor, "alpha")["hold_mask"]
    floor.do(change_owner, lot, "beta", [], None)
    assert (seen_by(floor, "alpha")["hold_mask"], seen_by(floor, "beta")["hold_mask"]) == (masks, [])
    assert (len(masks), floor.problems()) == (2, [])


def test_every_reason_against_it_is_told_at_once(floor: Floor) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2")
    floor.arrive("B1", "board", "S2", customer="beta")
    floor.do(draft, NewExperiment("E1", "hotter", "board/10", (NewLeg("usual", substrates=("S1",)),), (), "alpha"))
    floor.do(set_future_hold, lot, "board/20", "height", "look", "line_engineer")
    floor.do(hold, lot, "height", "look", "line_engineer")
    assert refused(floor, Refused, change_owner, lot, "beta", [], None) == [
        "held", "future_hold", "in_experiment", "lot_known", "substrate_known",
    ]  # fmt: skip
    refused(floor, Malformed, change_owner, lot, "beta", [], None, why=" ")
    refused(floor, Malformed, change_owner, lot, "alpha", [], None)
    refused(floor, Malformed, change_owner, lot, "beta", [], " ")
    refused(floor, NotFound, change_owner, lot, "gamma", [], None)
    refused(floor, NotFound, change_owner, lot, "beta", ["S9"], None)
    floor.stock("D1", "die", "W1")
    floor.arrive("P1", "package", "I1")
    floor.begin("CELL-1", "P1", sources=["W1"])
    dies = floor.id_of(Lot, "D1")
    assert refused(floor, Refused, change_owner, dies, "beta", [], None) == ["substrate_busy"]
    at_work = floor.id_of(Lot, "P1")
    assert refused(floor, Refused, change_owner, at_work, "beta", [], None) == ["lot_state", "substrate_busy"]


def test_a_name_that_the_other_comes_by_meanwhile_refuses_it(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = floor.arrive("D", "die", "W1")
    floor.arrive("L", "die", "W1", customer="beta")
    monkeypatch.setattr("mes.lots.verbs.owner._known", lambda *_: ())
    assert "meanwhile; look again" in refused(floor, Refused, change_owner, lot, "beta", [], None)[0]


def test_what_stands_on_record_of_a_substrate_goes_along_with_it() -> None:
    """Every table that says whose a substrate is takes the new owner, in the same statement."""
    keys = [
        (key.parent.name, key.onupdate)
        for table in metadata.tables.values()
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint) and key.referred_table.name == "substrate" and len(key.columns) == 2
    ]
    assert {name for name, onupdate in keys if onupdate != "CASCADE"} == {"lot_substrate"}
    assert len(keys) > 10
