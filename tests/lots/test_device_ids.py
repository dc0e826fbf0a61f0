"""Ids of units: given once to each customer, found wherever the unit is, and kept when it gets another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mes.db import as_customer
from mes.errors import Malformed, Refused
from mes.labels.find import find
from mes.lots.create import NewLot, create
from mes.lots.models import Lot
from mes.lots.verbs.owner import change_owner
from mes.lots.verbs.renumber import renumber
from mes.people.models import Customer
from mes.units.arrival import Arrival
from mes.units.formats.mapfile import DeviceIds, SubstrateMap
from tests.shop import PLACED, Floor


def numbered(substrate: str, *ids: str, rows: int = 3, columns: int = 4) -> Arrival:
    """A substrate that comes with ids of its first units."""
    n = np.arange(len(ids), dtype=np.int32)
    told = DeviceIds(name="dies", x=n % columns, y=n // columns, texts=ids)
    return Arrival(substrate, SubstrateMap(substrate, "Wafer", "dies", rows, columns, overlays=(told,)))


def found(floor: Floor, told: str, customer: str | None = None) -> list[tuple[str, str]]:
    """The names and owners of units with an id, as the staff or a customer find them."""
    scope: list[Any] = [] if customer is None else [as_customer(floor.id_of(Customer, customer))]
    with floor.database.reading(*scope) as session:
        return [(one.name, one.customer) for one in find(session, told, centre=customer is None) if one.kind == "unit"]


def test_a_unit_is_found_by_its_id_wherever_it_went_and_by_old_ones(floor: Floor) -> None:
    floor.stock("D1", "die", numbered("W1", "A0", "A1", "A2"))
    floor.do(renumber, floor.id_of(Lot, "D1"), "W1", [(1, 0)], ["M1"])
    assert found(floor, "A1") == found(floor, "M1") == [("W1:1,0", "alpha")]
    floor.arrive("P1", "package", "I1")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    moves = [("W1", n, 0, "I1", x, y, site, 1, 0, PLACED) for n, (x, y, site) in enumerate([(0, 0, 1), (0, 0, 2)])]
    floor.report(run, "I1", moves=moves, touched=[[True, False], [False, False]])
    assert found(floor, "A1", "alpha") == found(floor, "M1") == [("W1:1,0", "alpha"), ("I1:0,0", "alpha")]
    assert (found(floor, "A2"), found(floor, "A1", "beta"), found(floor, "A9")) == ([("W1:2,0", "alpha")], [], [])
    assert floor.problems() == []


def test_an_id_is_given_once_to_each_customer(floor: Floor) -> None:
    floor.arrive("D1", "die", numbered("W1", "A0", "A1"))
    floor.arrive("D2", "die", numbered("W1", "A0"), customer="beta")
    lot = floor.id_of(Lot, "D1")
    before = floor.everything()
    for twice in (numbered("W2", "A2", "A1"), numbered("W2", "A2", "A2")):
        with pytest.raises(Refused) as refused:
            floor.do(create, NewLot("D3", "alpha", "die", (twice,)))
        assert [reason.code for reason in refused.value.reasons] == ["device_id_known"]
    wrong = {
        "Another unit of this owner has the id A0; an id is given once.": ([(2, 0)], ["A0"]),
        "2 positions and 1 ids are named": ([(2, 0), (3, 0)], ["B1"]),
        "2 positions and 2 ids are named": ([(2, 0), (3, 0)], ["B1", "B1"]),
    }
    for sentence, (where, ids) in wrong.items():
        with pytest.raises((Refused, Malformed)) as against:
            floor.do(renumber, lot, "W1", where, ids)
        assert ([reason.message for reason in against.value.reasons] or [against.value.message])[0].startswith(sentence)
    with pytest.raises(Refused) as kept:
        floor.do(change_owner, lot, "beta", ["W1"], "SOLD")
    assert {reason.code for reason in kept.value.reasons} == {"device_id_known", "substrate_known"}
    assert floor.everything() == before
    assert found(floor, "A0") == [("W1:0,0", "alpha"), ("W1:0,0", "beta")]


def test_ids_go_over_to_a_new_owner_and_may_be_given_again_by_the_old_one(floor: Floor) -> None:
    lot = floor.arrive("D1", "die", numbered("W1", "A0"))
    floor.do(change_owner, lot, "beta", ["W1"], "SOLD")
    assert (found(floor, "A0", "beta"), found(floor, "A0", "alpha")) == ([("W1:0,0", "beta")], [])
    floor.arrive("D2", "die", numbered("W2", "A0"))
    assert (found(floor, "A0", "alpha"), floor.problems()) == ([("W2:0,0", "alpha")], [])


def test_a_consigned_unit_has_its_id_with_its_new_owner_where_a_clash_makes_it_suspect(floor: Floor) -> None:
    floor.stock("D1", "die", numbered("W1", "A0", "A1", "A2", "A3"))
    floor.arrive("D2", "die", numbered("W2", "A2"), customer="beta")
    floor.arrive("P1", "package", "I1", customer="beta")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    sites = [(0, 0, 1), (0, 0, 2), (1, 0, 1), (1, 0, 2)]
    moves = [("W1", n, 0, "I1", *place, 1, 0, PLACED) for n, place in enumerate(sites)]
    floor.report(run, "I1", moves=moves, touched=[[True, True], [False, False]])
    assert found(floor, "A0", "beta") == [("I1:0,0", "beta")]
    assert found(floor, "A0", "alpha") == [("W1:0,0", "alpha")]
    assert (floor.are("I1")[0], "1 x device_id_known" in floor.holds("P1")[0].comment) == ([2, 3], True)
    assert found(floor, "A2", "beta") == [("W2:0,0", "beta")]
    assert floor.problems() == []
