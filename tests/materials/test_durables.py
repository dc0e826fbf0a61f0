"""Durables are counted where they are used, stop at their limit, and are cleaned and inspected in time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select, text

from mes.db import as_customer
from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotFound, Refused, StartRefused
from mes.genealogy.used import durables_on, used_of_durable
from mes.lots.gate import start_gate
from mes.lots.models import Lot
from mes.lots.work.models import DurableUse
from mes.lots.work.track_in import track_in
from mes.materials.durables.care import (
    clean_durable,
    dismount_durable,
    inspect_durable,
    mount_durable,
    scrap_durable,
)
from mes.materials.durables.models import Durable
from mes.materials.durables.states import TRANSITIONS
from mes.people.models import Customer
from tests.materials.tools import do, equip, fit, tool, tools
from tests.shop import BEGIN, Floor


@pytest.fixture(autouse=True)
def room(floor: Floor) -> None:
    """The tools beside the shop."""
    equip(floor)


def counts(floor: Floor) -> dict[str, tuple[str, int]]:
    """State and count of every durable."""
    with floor.database.reading() as session:
        return {one.name: (one.state, one.count) for one in session.scalars(select(Durable).order_by(Durable.name))}


def against(floor: Floor) -> list[tuple[str, str, str]]:
    """Why lot P may not start on the first cell."""
    with floor.database.reading() as session:
        lot, cell = floor.id_of(Lot, "P"), floor.id_of(Equipment, "CELL-1")
        found = start_gate.reasons(session, lot, cell, BEGIN)
        return [(r.code, r.message, r.who) for r in found]


def refused(floor: Floor, verb: Any, name: str, *given: Any, **how: Any) -> list[tuple[str, str]]:
    """Code and who of each reason; no row of any table has changed."""
    before = floor.everything()
    with pytest.raises(Refused) as refusal:
        do(floor, verb, name, *given, **how)
    assert floor.everything() == before
    return [(r.code, r.who) for r in refusal.value.reasons]


def test_states_and_verbs_are_those_typed_here() -> None:
    assert {(s.value, v.value): after.value for (s, v), after in TRANSITIONS.table.items()} == {
        ("stored", "mount"): "mounted", ("mounted", "dismount"): "stored",
        ("stored", "fill"): "loaded", ("loaded", "empty"): "stored",
        ("stored", "clean"): "stored", ("mounted", "clean"): "mounted", ("unfit", "clean"): "unfit",
        ("stored", "inspect"): "stored", ("mounted", "inspect"): "mounted", ("unfit", "inspect"): "stored",
        ("stored", "reject"): "unfit", ("mounted", "reject"): "unfit", ("unfit", "reject"): "unfit",
        ("stored", "scrap"): "scrapped", ("mounted", "scrap"): "scrapped", ("unfit", "scrap"): "scrapped",
    }  # fmt: skip


def work(floor: Floor, *wafers: str) -> None:
    """Run wafers of lot P through the first cell, all at once."""
    run = floor.begin("CELL-1", "P", only=wafers)
    for wafer in wafers:
        floor.report(run, wafer)
    floor.end(run)


def to_its_limit(floor: Floor) -> None:
    """The collet has done 48 of 60: it serves for one wafer more, and for no other equipment after that."""
    do(floor, dismount_durable, "S2")
    tool(floor, "S3", "stencil")
    fit(floor, "S3")
    with pytest.raises(StartRefused, match="cannot start") as refusal:
        floor.do(track_in, floor.wanted("CELL-1", "P"))
    assert [r.message for r in refusal.value.reasons] == [
        "Collet C1 has done 48 of 60 touchdowns, the job needs 24; mount another."
    ]
    work(floor, "W5")
    assert counts(floor)["C1"] == ("mounted", 60)
    assert refused(floor, mount_durable, "C1", floor.id_of(Equipment, "CELL-2")) == [
        ("durable_state", "operator"), ("durable_worn", "operator"),
    ]  # fmt: skip
    assert floor.problems() == []


def test_work_is_counted_and_each_reason_goes_when_done_what_it_says(floor: Floor) -> None:
    wafers = [f"W{n}" for n in range(1, 7)]
    floor.arrive("P", "plate", *wafers)
    assert against(floor) == [
        ("durable_missing", "No Collet is mounted on CELL-1; mount one.", "operator"),
        ("durable_missing", "No Stencil is mounted on CELL-1; mount one.", "operator"),
    ]
    tools(floor)
    worn = "has done 0 of 60 touchdowns, the job needs 72; mount another."
    assert [(code, said) for code, said, _ in against(floor)] == [
        ("durable_worn", f"Collet C1 {worn}"),
        ("durable_worn", "Stencil S1 has done 0 of 3 prints, the job needs 6; mount another."),
    ]
    work(floor, "W1", "W2")
    assert counts(floor) == {"C1": ("mounted", 24), "S1": ("mounted", 2)}
    tool(floor, "S2", "stencil", 1)
    assert refused(floor, mount_durable, "S2", floor.id_of(Equipment, "CELL-1")) == [("durable_there", "operator")]
    do(floor, dismount_durable, "S1")
    fit(floor, "S2")
    said = "Collet C1 is to be cleaned every 24 touchdowns, and has done 24 since; see to that, or mount another."
    assert ("durable_unclean", said, "operator") in against(floor)
    do(floor, clean_durable, "C1")
    work(floor, "W3")
    assert [(code, who) for code, _, who in against(floor)] == [
        ("durable_worn", "operator"), ("durable_uninspected", "line_engineer"), ("durable_worn", "operator"),
    ]  # fmt: skip
    do(floor, inspect_durable, "C1", fit=True)
    work(floor, "W4")
    do(floor, clean_durable, "C1")
    to_its_limit(floor)


def test_what_open_runs_have_still_to_do_counts_and_their_durables_stay(floor: Floor) -> None:
    floor.arrive("P", "plate", "W1", "W2", "W3")
    tool(floor, "C1", "collet", 30)
    tool(floor, "S1", "stencil")
    fit(floor, "C1")
    fit(floor, "S1")
    run = floor.order("CELL-1", "P", only=["W1", "W2"])
    said = "Collet C1 has done 30 of 60 touchdowns, 24 more are ordered, the job needs 12; mount another."
    assert against(floor) == [("durable_worn", said, "operator")]
    for verb, how in (
        (dismount_durable, {}), (clean_durable, {}), (inspect_durable, {"fit": True}), (scrap_durable, {}),
    ):  # fmt: skip
        assert refused(floor, verb, "C1", **how) == [("durable_in_use", "operator")]
    floor.end(run)
    do(floor, dismount_durable, "C1")


def test_an_unfit_durable_comes_off_and_goes_nowhere_until_it_is_fit(floor: Floor) -> None:
    tools(floor)
    do(floor, inspect_durable, "C1", fit=False, why="chipped")
    assert counts(floor)["C1"] == ("unfit", 0)
    assert refused(floor, mount_durable, "C1", floor.id_of(Equipment, "CELL-1")) == [("durable_state", "operator")]
    do(floor, inspect_durable, "C1", fit=True)
    fit(floor, "C1")
    do(floor, scrap_durable, "C1", why="worn")
    assert refused(floor, clean_durable, "C1") == [("durable_state", "operator")]
    wrong: list[tuple[Any, type[MesError], str]] = [
        (lambda: do(floor, inspect_durable, "S1", fit=False, why=" "), Malformed, "Say what"),
        (lambda: do(floor, scrap_durable, "S1", why=""), Malformed, "Say why"),
        (lambda: tool(floor, "C2", "collet", 60), Malformed, "used up at 60"),
        (lambda: tool(floor, " ", "collet"), Malformed, "1 to 64"),
        (lambda: tool(floor, "B1", "blade"), NotFound, "the plant has collet, stencil"),
        (lambda: tool(floor, "S1", "collet"), Refused, "already a durable S1"),
    ]
    before = floor.everything()
    for step, error, said in wrong:
        with pytest.raises(error, match=said):
            step()
    assert floor.everything() == before


def test_of_racers_for_a_place_one_wins(floor: Floor) -> None:
    for n in range(4):
        tool(floor, f"C{n}", "collet")
    cell = floor.id_of(Equipment, "CELL-1")

    def race(n: int) -> bool:
        try:
            with floor.database.transaction() as session:
                mount_durable(session, floor.id_of(Durable, f"C{n}"), cell, floor.act())
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(race, range(4))) == 1
    assert floor.problems() == []


def test_uses_lead_from_a_durable_to_units_and_back_and_each_owner_sees_its_own(floor: Floor) -> None:
    tools(floor)
    floor.arrive("P", "plate", "W1")
    floor.arrive("B", "plate", "V1", customer="beta")
    work(floor, "W1")
    run = floor.begin("CELL-1", "B")
    floor.report(run, "V1")
    floor.end(run)
    with floor.database.reading() as session:
        found = used_of_durable(session, floor.id_of(Durable, "C1"))
        assert [(row["substrate"], row["customer"], row["done"]) for row in found] == [
            ("W1", "alpha", 12), ("V1", "beta", 12),
        ]  # fmt: skip
        here = durables_on(session, floor.substrate("W1"))
        assert [(row["kind"], row["durable"], row["done"]) for row in here] == [
            ("collet", "C1", 12), ("stencil", "S1", 1),
        ]  # fmt: skip
    beta = floor.id_of(Customer, "beta")
    with floor.database.reading(as_customer(beta)) as session:
        assert set(session.scalars(select(DurableUse.customer_id))) == {beta}


def test_check_finds_what_does_not_add_up(floor: Floor) -> None:
    tools(floor)
    floor.arrive("P", "plate", "W1")
    work(floor, "W1")
    assert floor.problems() == []
    with floor.database.transaction() as session:
        session.execute(text("update durable set count = count + 1 where name = 'C1'"))
        session.execute(text("delete from durable_use where done = 1"))
    told = [one.message for one in floor.problems() if one.check == "durables"]
    assert told == [
        "Durable C1: 13 done by its row, 12 by history.",
        "Durable S1: 0 done by runs, 1 by history.",
    ]
