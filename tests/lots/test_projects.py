"""A multi-project wafer is parted: each project's customer has map, bins and ids of its own positions, nobody more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from mes.db import as_customer
from mes.definitions.models import EquipmentClass, Layout, Product
from mes.errors import Malformed, Refused, StartRefused
from mes.genealogy.trace import trace_lot_up, trace_up
from mes.history import History
from mes.lots.holds.hold import hold
from mes.lots.looks import LotFilter, Worked, ids_of
from mes.lots.maps.map_file import exported
from mes.lots.models import Lot, Mount
from mes.lots.verbs.again import reopen
from mes.lots.verbs.counts import bonus
from mes.lots.verbs.ends import destroy, return_to_owner, terminate
from mes.lots.verbs.owner import change_owner
from mes.lots.verbs.part import part
from mes.lots.work.track_in import track_in
from mes.people.models import Customer
from mes.recipes.models import RecipeVersion
from mes.shipments.send import Sending, send
from mes.units.formats.e142_write import write_e142
from mes.units.models import Layer, Substrate
from tests.api.test_across_owners import with_ids
from tests.lots.test_beside_the_route import refused
from tests.lots.test_owners import lots_of
from tests.shop import PLACED, Floor, _product, _route, mapped

RETICLE = {
    "projects": [
        {"name": "a", "customer": "alpha", "product": "die"},
        {"name": "b", "customer": "beta", "product": "cap"},
    ],
    "rows": ["ab", "b."],
}
WAFER = [[1, 1, 1, 1], [1, 1, 9, 1], [1, 9, 1, 1]]
OF = {"a": {(0, 0), (2, 0), (0, 2), (2, 2)}, "b": {(1, 0), (3, 0), (0, 1), (2, 1), (1, 2), (3, 2)}}


def shuttle(floor: Floor) -> int:
    """The foundry's wafer of dies of alpha and caps of beta, with two positions of nobody, in the die bank."""
    with floor.database.transaction() as session:
        session.add(Customer(name="foundry", title="Foundry"))
        layout = session.scalars(select(Layout).where(Layout.name == "dies")).one()
        product = _product(session, "shuttle", layout)
        product.reticle = RETICLE
        cell = session.scalars(select(EquipmentClass.id).where(EquipmentClass.name == "cell")).one()
        recipe = session.scalars(select(RecipeVersion.id).where(RecipeVersion.name == "bond@1")).one()
        _route(session, product, "stocked", {"kind": "process", "class_id": cell, "recipe_version_id": recipe})
    floor.stock("S", "shuttle", with_ids(mapped("W1", WAFER)), customer="foundry")
    return floor.lot("S").id


def read_by(floor: Floor, customer: str) -> str:
    """All that a customer may read of substrates, layers and history, and the wafer's copy as a file."""
    with floor.database.reading(as_customer(floor.id_of(Customer, customer))) as session:
        rows: list[Any] = [*session.execute(select(Substrate.name)), *session.execute(select(History.body))]
        for layer in session.execute(select(Layer.name, Layer.source, Layer.palette, Layer.encoding, Layer.body)):
            rows.append([*layer[:4], layer.body.decode() if layer.encoding == "text" else ""])
        return repr(rows)


def file_of(floor: Floor, substrate: str) -> str:
    with floor.database.reading() as session:
        return write_e142(exported(session, floor.substrate(substrate))).decode()


def test_each_project_gets_its_own_positions_and_nothing_of_the_others(floor: Floor) -> None:
    floor.do(part, shuttle(floor))
    assert lots_of(floor, "alpha") == {"S.a": ("stocked", 4)}
    assert lots_of(floor, "beta") == {"S.b": ("stocked", 4)}
    assert lots_of(floor, "foundry") == {"S": ("stocked", 2)}
    assert floor.are("W1.a") == [[5, 0, 5, 0], [0, 0, 0, 0], [5, 0, 5, 0]]
    assert floor.are("W1.b") == [[0, 5, 0, 5], [5, 0, 1, 0], [0, 1, 0, 5]]
    assert floor.are("W1") == [[0, 0, 0, 0], [0, 5, 0, 5], [0, 0, 0, 0]]
    assert floor.ledger("S") == {"received": 10, "completed": 2, "split_off": 8}
    assert floor.ledger("S.b") == {"merged_in": 4, "completed": 4}
    for project, customer, other in (("a", "alpha", "b"), ("b", "beta", "a")):
        seen = read_by(floor, customer) + file_of(floor, f"W1.{project}")
        assert [xy for xy in OF[project] if f"DIE-{xy[0]}-{xy[1]}" not in seen] == []
        assert [xy for xy in OF[other] if f"DIE-{xy[0]}-{xy[1]}" in seen] == []
        names = ("alpha", "beta", "foundry", f"S.{other}", f"W1.{other}")
        assert [name for name in names if name != customer and name in seen] == []
        assert "shuttle/10" in seen
    assert "Fail" not in read_by(floor, "alpha")
    assert floor.problems() == []
    assert refused(floor, Refused, part, floor.lot("S.a").id) == ["without_projects"]


def test_an_assembly_picks_of_its_own_project_alone_and_the_wafer_is_in_one_place(floor: Floor) -> None:
    floor.do(part, shuttle(floor))
    floor.arrive("P", "package", "I1", "I2")
    floor.arrive("Q", "pair", "I3")
    floor.stock("C", "cap", "WC", customer="beta")
    with pytest.raises(StartRefused) as refusal:
        floor.do(track_in, floor.wanted("CELL-1", "Q", sources=["W1.a", "W1.b"]))
    assert {one.code for one in refusal.value.reasons} == {"not_agreed"}
    floor.arrive("R", "pair", "I4", customer="beta")
    run = floor.begin("CELL-1", "P", sources=["W1.a"], only=["I1"])
    assert {(x, y) for y, row in enumerate(floor.reserved(run, "W1.a")) for x in range(4) if row[x]} == OF["a"]
    with pytest.raises(StartRefused) as refusal:
        floor.do(track_in, floor.wanted("CELL-2", "R", sources=["W1.b", "W1.a"]))
    assert "source_in_use" in {one.code for one in refusal.value.reasons}
    places = [("W1.a", x, y, "I1", n % 2, 0, 1 + n // 2, 1, 0, PLACED) for n, (x, y) in enumerate(sorted(OF["a"])[:3])]
    floor.report(run, "I1", moves=places, touched=[[1, 1], [0, 0]])
    floor.end(run)
    run = floor.order("CELL-2", "R", sources=["W1.b", "W1.a"])
    with floor.database.reading() as session:
        query = select(Substrate.name, Mount.equipment_id).join(Substrate, Substrate.id == Mount.substrate_id)
        there = {row[0]: row[1] for row in session.execute(query.where(Mount.dismounted_at.is_(None)))}
        assert len(set(there.values())) == 1
        assert set(there) == {"W1.a", "W1.b"}
        assert len(trace_up(session, floor.substrate("W1")).positions) == 3
        assert len(trace_lot_up(session, floor.lot("S").id).positions) == 3
        (went,) = trace_up(session, floor.substrate("W1"), 0, 0).positions
        assert (went.substrate, went.went[0].to is not None) == ("W1.a", True)
        worked = LotFilter(worked=Worked(recipe="bond@1", equipment="CELL-1"))
        found = session.scalars(select(Lot.name).where(Lot.id.in_(ids_of(worked)))).all()
        assert {"S", "S.a", "S.b"} <= set(found)
    floor.end(run, "cancelled")


def test_every_reason_against_it_is_told_at_once(floor: Floor) -> None:
    lot = shuttle(floor)
    floor.arrive("S.a", "die", "W1.a")
    floor.do(hold, lot, "height", "look", "line_engineer")
    assert refused(floor, Refused, part, lot) == ["held", "lot_known", "substrate_known"]
    refused(floor, Malformed, part, lot, why=" ")
    waiting = floor.arrive("T", "shuttle", "W2", customer="foundry")
    assert refused(floor, Refused, part, waiting) == ["lot_state", "substrate_waiting"]
    with floor.database.transaction() as session:
        product = session.scalars(select(Product).where(Product.name == "shuttle")).one()
        product.reticle = json.loads(json.dumps(RETICLE).replace("cap", "gap"))
    assert "project_unknown" in refused(floor, Refused, part, waiting)


def test_a_copy_neither_leaves_nor_is_worked_on_while_others_have_units_on_its_wafer(floor: Floor) -> None:
    floor.do(part, shuttle(floor))
    mine, theirs, rest = (floor.lot(name).id for name in ("S.a", "S.b", "S"))
    for verb, *given in ((return_to_owner, mine), (reopen, mine, None), (send, Sending([mine], "elsewhere"))):
        assert refused(floor, Refused, verb, *given) == ["wafer_shared"]
    for lot, wafer, where in ((mine, "W1.a", (1, 0)), (rest, "W1", (0, 0))):
        assert refused(floor, Refused, bonus, lot, wafer, [where]) == ["unit_known"]
    floor.do(destroy, rest, "lee")
    floor.do(terminate, theirs, "scrapped")
    floor.do(send, Sending([mine], "elsewhere"))
    assert floor.problems() == []


def test_a_name_that_a_customer_comes_by_meanwhile_refuses_it(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    lot = shuttle(floor)
    monkeypatch.setattr("mes.lots.verbs.part._known", lambda *_: ())
    for name, wafer in (("L", "W1.a"), ("S.a", "W9")):
        floor.arrive(name, "die", wafer)
        assert "meanwhile; look again" in refused(floor, Refused, part, lot)[0]


def test_wafers_that_were_sold_before_are_parted_and_counted(floor: Floor) -> None:
    """What their map says of positions that are gone stays what came to the first lot, in every count."""
    floor.do(change_owner, shuttle(floor), "beta", [], "B")
    floor.do(part, floor.lot("B").id)
    assert lots_of(floor, "beta") == {"B": ("stocked", 2), "B.b": ("stocked", 4)}
    floor.do(change_owner, floor.lot("B.b").id, "alpha", [], "MINE")
    assert lots_of(floor, "alpha") == {"B.a": ("stocked", 4), "MINE": ("stocked", 4)}
    assert floor.problems() == []


def test_copies_of_a_copy_do_not_leave_while_others_have_units_on_that(floor: Floor) -> None:
    floor.do(part, shuttle(floor))
    with floor.database.transaction() as session:
        die = session.scalars(select(Product).where(Product.name == "die")).one()
        die.reticle = {"projects": [{"name": "c", "customer": "beta", "product": "die"}], "rows": ["c..."]}
    floor.do(part, floor.lot("S.a").id)
    assert refused(floor, Refused, send, Sending([floor.lot("S.a.c").id], "elsewhere")) == ["wafer_shared"]
