"""Boats carry one load each: refused when they are not fit, counted once for each filling, free when it is closed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, text

from mes.equipment.models import Equipment
from mes.errors import Busy, Malformed, Refused, StartRefused
from mes.genealogy.trace import trace_unit
from mes.genealogy.used import durables_on, used_of_durable
from mes.lots.regrouping.split import split
from mes.lots.taking import scrap
from mes.lots.work import run_course
from mes.lots.work.track_in import TrackIn, track_in
from mes.materials.durables.care import clean_durable, inspect_durable, mount_durable, scrap_durable
from mes.materials.durables.models import Durable
from mes.units.models import Substrate
from tests.materials.tools import boats, do, tool
from tests.shop import PLACED, Floor, Move


def there(floor: Floor) -> dict[str, tuple[str, int, str | None]]:
    """State, count and load of every boat."""
    with floor.database.reading() as session:
        boats = session.scalars(select(Durable).order_by(Durable.name))
        return {one.name: (one.state, one.count, one.load) for one in boats}


def into(source: str, *loads: str) -> list[Move]:
    """The four packages of an interposer into boats of two."""
    places = [(x, y) for y in (0, 1) for x in (0, 1)]
    return [(source, x, y, loads[n // 2], n % 2, 0, 0, 0, 0, PLACED) for n, (x, y) in enumerate(places)]


def against(floor: Floor, *only: str, named: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Code and who of each reason why packages are not diced now; nothing has changed."""
    wanted = replace(floor.wanted("CELL-1", "K", only=only), holder_ids=ids(floor, *named))
    before = floor.everything()
    with pytest.raises(StartRefused) as refusal:
        floor.do(track_in, wanted)
    assert floor.everything() == before
    return [(r.code, r.who) for r in refusal.value.reasons]


def ids(floor: Floor, *names: str) -> tuple[int, ...]:
    return tuple(floor.id_of(Durable, name) for name in names)


def dice(floor: Floor, interposer: str, *loads: str, named: tuple[str, ...] = ()) -> None:
    """Dice the packages of one interposer into two boats."""
    wanted: TrackIn = replace(floor.wanted("CELL-1", "K", only=[interposer]), holder_ids=ids(floor, *named))
    run = floor.do(track_in, wanted).id
    floor.do(run_course.start, run)
    floor.report(run, interposer, moves=into(interposer, *loads))
    floor.end(run)


def test_a_boat_carries_one_load_and_is_free_when_that_is_closed(floor: Floor) -> None:
    boats(floor, "B1")
    assert against(floor, "I1") == [("holder_missing", "line_engineer")]
    tool(floor, "B2", "boat")
    run = floor.order("CELL-1", "K", only=["I1"])
    assert there(floor) == {"B1": ("loaded", 0, "K.01"), "B2": ("loaded", 0, "K.02")}
    assert against(floor, "I2") == [("holder_missing", "line_engineer")]
    floor.end(run, "nothing was done")
    assert there(floor) == {"B1": ("stored", 0, None), "B2": ("stored", 0, None)}
    dice(floor, "I1", "K.03", "K.04")
    assert there(floor) == {"B1": ("loaded", 1, "K.03"), "B2": ("loaded", 1, "K.04")}
    fit: dict[str, Any] = {"fit": True}
    for verb, how in ((clean_durable, {}), (inspect_durable, fit), (scrap_durable, {})):
        with pytest.raises(Refused) as refusal:
            do(floor, verb, "B1", **how)
        assert [(r.code, r.who) for r in refusal.value.reasons] == [("durable_state", "operator")]
    lot = floor.lot("K").id
    floor.do(scrap, lot, "K.03", None)
    assert there(floor) == {"B1": ("stored", 1, None), "B2": ("loaded", 1, "K.04")}
    seen_in_traces(floor)
    assert floor.problems() == []


def seen_in_traces(floor: Floor) -> None:
    """From a boat to its loads and back, and beside the durables of the unit that lies in it alone."""
    with floor.database.reading() as session:
        loads = used_of_durable(session, ids(floor, "B1")[0])
        assert [(row["substrate"], row["lot"], row["done"]) for row in loads] == [("K.03", "K", 1)]
        here = durables_on(session, floor.substrate("K.04"))
        assert [(row["kind"], row["durable"]) for row in here] == [("boat", "B2")]
        unit = trace_unit(session, floor.id_of(Substrate, "K.04"), 1, 0).unit
        assert [held.move.work.durables for held in unit.contains if held.move.work] == [("boat B2",)]


def test_a_boat_that_is_due_or_used_up_is_not_filled_and_people_may_name_another(floor: Floor) -> None:
    boats(floor, "B1", "B2", "B3")
    tool(floor, "B4", "boat", 2)
    with pytest.raises(Refused) as refusal:
        do(floor, mount_durable, "B1", floor.id_of(Equipment, "CELL-1"))
    assert [r.code for r in refusal.value.reasons] == ["durable_is_holder"]
    assert against(floor, "I1", named=("B1",)) == [("holder_wrong", "operator")]
    with pytest.raises(Malformed, match="named twice"):
        dice(floor, "I1", named=("B1", "B1"))
    dice(floor, "I1", "K.01", "K.02", named=("B4", "B2"))
    assert there(floor)["B4"] == ("loaded", 3, "K.01")
    assert against(floor, "I2", named=("B4", "B1")) == [("durable_state", "operator")]
    lot = floor.lot("K").id
    floor.do(scrap, lot, "K.01", None)
    with floor.database.transaction() as session:
        session.execute(text("update durable set count = 2 where name in ('B1', 'B3')"))
    assert against(floor, "I2") == [("durable_unclean", "operator")] * 2
    assert against(floor, "I2", named=("B4", "B1")) == [
        ("durable_unclean", "operator"), ("durable_unclean", "operator"), ("durable_worn", "operator"),
    ]  # fmt: skip
    do(floor, clean_durable, "B1")
    assert against(floor, "I2") == [("durable_unclean", "operator")]
    do(floor, clean_durable, "B3")
    dice(floor, "I2", "K.03", "K.04")
    assert there(floor)["B3"] == ("loaded", 3, "K.04")


def test_loads_get_names_that_no_substrate_of_the_customer_has(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    boats(floor, "B1", "B2")
    for lot, customer, name in (("Y", "beta", "K.01"), ("Z", "alpha", "K.02")):
        floor.arrive(lot, "die", name, customer=customer)
    dice(floor, "I1", "K.01", "K.03")
    assert [load for _, _, load in there(floor).values()] == ["K.01", "K.03"]
    floor.do(scrap, floor.lot("K").id, "K.01", None)
    floor.do(scrap, floor.lot("K").id, "K.03", None)
    monkeypatch.setattr("mes.lots.work.loads._free_names", lambda *_: ["K.02", "K.03"])
    with pytest.raises(Busy):
        floor.order("CELL-1", "K", only=["I2"])


def test_of_two_jobs_for_the_last_boats_one_takes_them(floor: Floor) -> None:
    boats(floor, "B1", "B2", "B3")
    floor.do(split, floor.lot("K").id, ["I2"], "L")
    wanted = [floor.wanted("CELL-1", "K"), floor.wanted("CELL-2", "L")]

    def race(one: TrackIn) -> bool:
        try:
            floor.do(track_in, one)
        except (Busy, StartRefused):
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(race, wanted)) == [False, True]
    assert sorted(state for state, _, _ in there(floor).values()) == ["loaded", "loaded", "stored"]
    assert floor.problems() == []


def test_check_finds_a_boat_that_does_not_carry_what_it_says(floor: Floor) -> None:
    boats(floor, "B1", "B2")
    dice(floor, "I1", "K.01", "K.02")
    assert floor.problems() == []
    wrong: list[Any] = [
        "update durable set load = 'K.09' where name = 'B1'",
        "update substrate set holder_id = null where name = 'K.02'",
        "delete from durable_use where substrate_id = (select id from substrate where name = 'K.01')",
    ]
    with floor.database.transaction() as session:
        for one in wrong:
            session.execute(text(one))
    assert [one.message for one in floor.problems() if one.check == "durables"] == [
        "Durable B1: 0 done by runs, 1 by history.",
        "Durable B1 carries K.09 by its row, K.01 by the loads, K.01 by history.",
        "Durable B2 carries K.02 by its row, None by the loads, K.02 by history.",
        "Durable B1 carries K.01, and did not count it.",
    ]
