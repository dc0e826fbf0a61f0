"""Lots stand in carriers: one lot in one carrier, clean, each substrate in a slot of its own; else nothing starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from mes.db import as_customer
from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotFound, Refused
from mes.lots.carriers.api import LoadBody, PlaceBody
from mes.lots.carriers.carry import change_carrier, clean_carrier, leave_carrier, move_carrier, register_carrier
from mes.lots.carriers.models import Carrier, CarrierSlot
from mes.lots.carriers.queries import carrier_id, look
from mes.lots.gate import start_gate
from mes.lots.models import Lot, LotSubstrate
from mes.lots.regrouping.split import split
from mes.lots.taking import scrap
from mes.lots.verbs.owner import change_owner
from mes.people.models import Customer
from mes.postgres import EmbeddedPostgres
from mes.units.models import Substrate
from tests.checks.conftest import Shop
from tests.shop import BEGIN, Floor

CLEAN_H = 100.0
TOP = PlaceBody(substrate="W1", slot=1)


@pytest.fixture(autouse=True)
def room(floor: Floor) -> None:
    """Carriers of three slots, of one and of two; a lot of two wafers."""
    for name, kind, slots in (("F1", "foup", 3), ("F2", "foup", 3), ("B1", "boat_carrier", 1), ("B2", "magazine", 2)):
        floor.do(register_carrier, name, kind, slots, CLEAN_H if kind == "foup" else None)
    floor.arrive("D", "die", "W1", "W2")


def inside(floor: Floor, name: str) -> list[tuple[int, str, str]]:
    """Slot, substrate and lot of all that stands in a carrier."""
    with floor.database.reading() as session:
        told = look(session, carrier_id(session, name), BEGIN)
    assert told["used"] == len(told["contents"])
    return [(one["slot"], one["substrate"], one["lot"]) for one in told["contents"]]


def load(floor: Floor, name: str, lot: str = "D", slots: dict[str, int] | None = None) -> None:
    floor.do(change_carrier, floor.id_of(Lot, lot), floor.id_of(Carrier, name), slots)


def leave(floor: Floor, name: str, lot: str = "D") -> None:
    floor.do(leave_carrier, floor.id_of(Lot, lot), floor.id_of(Carrier, name))


def against(floor: Floor, lot: str = "D") -> list[tuple[str, str, str]]:
    with floor.database.reading() as session:
        ids = floor.id_of(Lot, lot), floor.id_of(Equipment, "CELL-1")
        found = start_gate.reasons(session, *ids, BEGIN + timedelta(hours=floor.hours))
        return [(r.code, r.message, r.who) for r in found]


def refused(floor: Floor, step: Callable[[], Any]) -> list[str]:
    """The codes of all reasons; no row of any table has changed."""
    before = floor.everything()
    with pytest.raises(Refused) as refusal:
        step()
    assert floor.everything() == before
    assert {r.who for r in refusal.value.reasons} <= {"operator"}
    return [r.code for r in refusal.value.reasons]


def test_a_lot_goes_from_carrier_to_carrier_and_out(floor: Floor) -> None:
    load(floor, "F1")
    assert inside(floor, "F1") == [(1, "W1", "D"), (2, "W2", "D")]
    load(floor, "F2", slots={"W1": 3, "W2": 1})
    assert (inside(floor, "F1"), inside(floor, "F2")) == ([], [(1, "W2", "D"), (3, "W1", "D")])
    load(floor, "F2")
    assert inside(floor, "F2") == [(1, "W1", "D"), (2, "W2", "D")]
    floor.do(move_carrier, floor.id_of(Carrier, "F2"), "stocker 2")
    assert refused(floor, lambda: leave(floor, "F1")) == ["no_carrier"]  # that is another
    leave(floor, "F2")
    assert inside(floor, "F2") == []
    assert refused(floor, lambda: leave(floor, "F2")) == ["no_carrier"]
    assert floor.problems() == []


def test_nothing_starts_out_of_a_carrier_that_is_unclean_or_does_not_agree(floor: Floor) -> None:
    assert against(floor) == []
    load(floor, "F1")
    assert against(floor) == []
    floor.do(split, floor.id_of(Lot, "D"), ["W2"], "E")
    said = "and its carrier do not agree: F1 holds lot {} too. Put the whole lot into one carrier."
    assert against(floor) == [("carrier_differs", f"Lot D {said.format('E')}", "operator")]
    assert against(floor, "E") == [("carrier_differs", f"Lot E {said.format('D')}", "operator")]
    load(floor, "F2", "E")
    assert (against(floor), against(floor, "E")) == ([], [])
    floor.hours = 200
    said = "Carrier F1 of lot D was to be cleaned by 2026-03-05 05:00 UTC; put the lot into another."
    assert [(code, who) for code, _, who in against(floor)] == [("carrier_unclean", "operator")]
    assert refused(floor, lambda: load(floor, "F1")) == ["carrier_unclean"]
    assert refused(floor, lambda: floor.do(clean_carrier, floor.id_of(Carrier, "F1"))) == ["carrier_loaded"]
    load(floor, "B1")
    floor.do(clean_carrier, floor.id_of(Carrier, "F1"))
    load(floor, "F1")
    assert against(floor) == []


def test_what_units_go_over_to_need_not_stand_in_the_carrier_that_they_leave(floor: Floor) -> None:
    load(floor, "F1")
    floor.arrive("A", "die", "V1", "V2")
    load(floor, "B2", "A", {"V1": 1, "V2": 2})
    with floor.database.transaction() as session:
        made = select(Substrate.id).where(Substrate.name.in_(("W2", "V1")))
        session.execute(update(LotSubstrate).where(LotSubstrate.substrate_id.in_(made)).values(form=2))
        session.execute(delete(CarrierSlot).where(CarrierSlot.substrate_id.in_(made)))
    assert (against(floor), against(floor, "A")) == ([], [])
    with floor.database.transaction() as session:
        session.execute(update(LotSubstrate).values(form=2))
    assert [code for code, *_ in (*against(floor), *against(floor, "A"))] == ["carrier_differs"] * 2


def test_what_does_not_fit_is_refused_with_every_reason(floor: Floor) -> None:
    floor.arrive("A", "die", "V1")
    load(floor, "F1", "A")
    assert refused(floor, lambda: load(floor, "B1")) == ["carrier_full"]
    assert refused(floor, lambda: load(floor, "F1", slots={"W1": 1, "W2": 2})) == ["slot_taken"]
    run = floor.begin("CELL-1", "D", only=["W1"])
    assert refused(floor, lambda: load(floor, "F2")) == ["substrate_busy"]
    floor.end(run)
    wrong: list[tuple[Callable[[], Any], type[MesError], str]] = [
        (lambda: load(floor, "F2", slots={"W1": 1}), Malformed, "it has W1, W2"),
        (lambda: load(floor, "F2", slots={"W1": 1, "W2": 1}), Malformed, "named twice"),
        (lambda: load(floor, "F2", slots={"W1": 1, "W2": 4}), Malformed, "its slots are 1 to 3"),
        (lambda: LoadBody(lot="D", slots=[TOP, TOP]).placed, Malformed, "named twice; it stands in one slot"),
        (lambda: floor.do(register_carrier, "X", "bag", 3, None), Malformed, "one of foup"),
        (lambda: floor.do(register_carrier, "X", "foup", 101, None), Malformed, "1 to 100"),
        (lambda: floor.do(register_carrier, " ", "foup", 3, None), Malformed, "1 to 64"),
        *(
            (lambda h=h: floor.do(register_carrier, "X", "foup", 3, h), Malformed, "every 0.01 to")
            for h in (-1, math.nan, 1e300)
        ),
        (lambda: floor.do(register_carrier, "F1", "foup", 3, None), Refused, "already a carrier F1"),
        (lambda: inside(floor, "F9"), NotFound, "no carrier F9"),
    ]
    before = floor.everything()
    for step, error, said in wrong:
        with pytest.raises(error, match=said):
            step()
    assert floor.everything() == before


def test_what_is_used_up_leaves_its_slot(floor: Floor) -> None:
    load(floor, "F1")
    floor.do(scrap, floor.id_of(Lot, "D"), "W1", None)
    assert inside(floor, "F1") == [(2, "W2", "D")]
    assert against(floor) == []
    floor.arrive("A", "die", "V1", "V2")
    load(floor, "F1", "A")
    assert inside(floor, "F1") == [(1, "V1", "A"), (2, "W2", "D"), (3, "V2", "A")]
    floor.do(scrap, floor.id_of(Lot, "A"), "V2", None)
    with floor.database.reading(as_customer(floor.id_of(Customer, "beta"))) as session:
        assert session.scalars(select(CarrierSlot)).all() == []
    assert floor.problems() == []


FAULTS = {
    "update carrier_slot set slot = 3 where slot = 2": "Carrier F1: W2 stands in slot 3, in F1 slot 2 by history.",
    "update carrier set slots = 2": "Carrier F1: W2 stands in slot 3, it has 2.",
    "delete from carrier_slot": "Carrier F1: W1 stands in slot 1 by history, in none by its rows.",
}
"""One after the other; what was planted stays."""


def test_slots_are_counted_from_history_and_faults_found(floor: Floor, postgres: EmbeddedPostgres) -> None:
    load(floor, "F2")
    load(floor, "F1")
    floor.do(change_owner, floor.id_of(Lot, "D"), "beta", ["W2"], "D")
    assert inside(floor, "F1") == [(1, "W1", "D"), (2, "W2", "D")]
    floor.arrive("A", "die", "V1")
    load(floor, "B1", "A")
    leave(floor, "B1", "A")
    assert floor.problems() == []
    url = floor.database.url.render_as_string(hide_password=False)
    shop = Shop(url, Path(), postgres, str(floor.database.url.database))
    for statement, sentence in FAULTS.items():
        shop.plant(statement)
        assert sentence in [one.message for one in floor.problems() if one.check == "carriers"]


def test_of_racers_for_the_slots_each_substrate_gets_one_of_its_own(floor: Floor) -> None:
    for name in ("A", "B", "C"):
        floor.arrive(name, "die", f"{name}1")
    ids = {name: floor.id_of(Lot, name) for name in ("A", "B", "C")}
    carrier = floor.id_of(Carrier, "F1")
    acts = {name: floor.act() for name in ids}

    def race(name: str) -> None:
        with floor.database.transaction() as session:
            change_carrier(session, ids[name], carrier, None, acts[name])

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(race, ids))
    assert sorted(slot for slot, *_ in inside(floor, "F1")) == [1, 2, 3]
    assert floor.problems() == []
