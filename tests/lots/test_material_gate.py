"""Each reason of the gate against material is produced by people and the clock, and gone when done what it says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mes.definitions.models import MaterialKind
from mes.equipment.models import Equipment
from mes.errors import Reason, StartRefused
from mes.lots.gate import start_gate
from mes.lots.models import Lot
from mes.lots.work.track_in import track_in
from mes.materials.mounting import return_container
from mes.materials.preparing import thaw
from mes.materials.scrapping import scrap_container
from tests.shop import Floor
from tests.stockroom import FLOOR_LIFE_H, FLUX, deliver, furnish, now, put_on, ready, step, supply

Step = Callable[[Floor], object]


@pytest.fixture(autouse=True)
def room(floor: Floor) -> None:
    """The store beside the shop."""
    furnish(floor)


def refused(floor: Floor, *only: str) -> list[Reason]:
    """The reasons against lot C1 on the first cell; no row of any table has changed."""
    wanted, before = floor.wanted("CELL-1", "C1", only=only), floor.everything()
    with pytest.raises(StartRefused) as refusal:
        floor.do(track_in, wanted)
    assert floor.everything() == before
    return list(refusal.value.reasons)


def tape(floor: Floor) -> None:
    deliver(floor, "L-tape", "tape", {"T1": 1000})
    put_on(floor, "T1")


def flux(floor: Floor, amount: int = 1000, **more: object) -> None:
    deliver(floor, "L-flux", "flux", {"F1": amount}, **({"lasts_h": 1000.0} | more))  # type: ignore[arg-type]


def fresh(floor: Floor) -> None:
    """Another syringe in place of the first."""
    step(floor, return_container, "F1")
    deliver(floor, "L-more", "flux", {"F2": 1000}, lasts_h=1000)
    ready(floor, "F2")


def mounted_flux(floor: Floor) -> None:
    tape(floor)
    flux(floor)
    ready(floor, "F1")


def later(hours: float) -> Step:
    def wait(floor: Floor) -> None:
        mounted_flux(floor)
        floor.hours += round(hours)

    return wait


def cold(floor: Floor) -> None:
    tape(floor)
    flux(floor)
    step(floor, thaw, "F1")
    put_on(floor, "F1")


def of_beta(floor: Floor) -> None:
    tape(floor)
    flux(floor, customer="beta")
    ready(floor, "F1")


def little(floor: Floor) -> None:
    tape(floor)
    flux(floor, FLUX - 1)
    ready(floor, "F1")


def one_more(floor: Floor) -> None:
    deliver(floor, "L2", "flux", {"F2": 1}, lasts_h=1000)
    ready(floor, "F2")


def only_flux(floor: Floor) -> None:
    flux(floor)
    ready(floor, "F1")


def of_another_kind(floor: Floor) -> None:
    tape(floor)
    with floor.database.transaction() as session:
        session.add(MaterialKind(name="paste", title="Paste", unit="mg", certificate=False))
    deliver(floor, "L-paste", "paste", {"P1": 5})
    put_on(floor, "P1")


def exchange_paste(floor: Floor) -> None:
    step(floor, return_container, "P1")
    flux(floor)
    ready(floor, "F1")


CASES: dict[str, tuple[Step, list[tuple[str, str]], Step]] = {
    "missing": (
        only_flux,
        [("material_missing", "No tape is mounted on CELL-1; mount a container of it.")],
        tape,
    ),
    "wrong kind": (
        of_another_kind,
        [("material_wrong", "CELL-1 has paste mounted (P1); lot C1 needs flux: return that and mount this.")],
        exchange_paste,
    ),
    "of another customer": (
        of_beta,
        [(
            "material_wrong",
            "The flux on CELL-1 (F1) belongs to another customer; lot C1 needs flux: return that and mount this.",
        )],
        fresh,
    ),
    "expired": (
        later(FLOOR_LIFE_H),
        [("material_expired", "The flux F1 expired 2026-03-02 16:00 UTC; return it and mount another.")],
        fresh,
    ),
    "floor life too short": (
        later(FLOOR_LIFE_H - 5),
        [(
            "floor_life_short",
            "The flux F1 lasts until 2026-03-02 16:00 UTC, the job needs it until 2026-03-02 17:00 UTC;"
            " return it and mount a fresher one.",
        )],
        fresh,
    ),
    "not thawed": (
        cold,
        [("material_not_thawed", "The flux F1 thaws until 2026-03-01 10:00 UTC; wait, or mount one that has thawed.")],
        lambda floor: setattr(floor, "hours", floor.hours + 2),
    ),
    "short": (
        little,
        [(
            "material_short",
            "The job needs 36 mg of flux, 35 mg are free on CELL-1; mount a further container, or start fewer"
            " substrates.",
        )],
        one_more,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_reason_stands_until_what_it_says_is_done(floor: Floor, case: str) -> None:
    produce, told, clear = CASES[case]
    floor.arrive("C1", "coat", "W1")
    produce(floor)
    assert refused(floor) == [Reason(code, message, "operator") for code, message in told]
    clear(floor)
    floor.do(track_in, floor.wanted("CELL-1", "C1"))
    assert floor.lot("C1").state == "ordered"
    assert floor.problems() == []


def test_all_reasons_at_once_and_those_of_material_behind_the_others(floor: Floor) -> None:
    floor.arrive("C1", "coat", "W1")
    little(floor)
    step(floor, return_container, "T1")
    floor.hours += round(FLOOR_LIFE_H)
    assert [reason.code for reason in refused(floor)] == ["material_expired", "material_short", "material_missing"]


def test_what_open_runs_have_still_to_use_is_not_free(floor: Floor) -> None:
    floor.arrive("C1", "coat", "W1", "W2")
    supply(floor, flux=[2 * FLUX - 1])
    assert [reason.code for reason in refused(floor)] == ["material_short"]  # two wafers at once
    run = floor.begin("CELL-1", "C1", only=["W1"])
    (reason,) = refused(floor, "W2")
    assert reason.message.startswith("The job needs 36 mg of flux, 35 mg are free on CELL-1")
    floor.report(run, "W1")
    (reason,) = refused(floor, "W2")  # now it has been used
    assert reason.message.startswith("The job needs 36 mg of flux, 35 mg are free on CELL-1")
    floor.end(run)


def test_material_that_is_in_use_stays(floor: Floor) -> None:
    floor.arrive("C1", "coat", "W1")
    supply(floor)
    run = floor.begin("CELL-1", "C1")
    for verb, given in ((return_container, ()), (scrap_container, (None,))):
        with pytest.raises(Exception, match="is not") as refusal:
            step(floor, verb, "F1", *given)
        assert [reason.code for reason in refusal.value.reasons] == ["container_in_use"]  # type: ignore[attr-defined]
    step(floor, scrap_container, "F1", 10)  # purged
    floor.report(run, "W1")
    floor.end(run)
    step(floor, return_container, "F1")
    assert floor.problems() == []


def test_the_gate_of_equipment_of_another_class_says_nothing_of_material(floor: Floor) -> None:
    lot = floor.arrive("C1", "coat", "W1")
    with floor.database.reading() as session:
        found = start_gate.reasons(session, lot, floor.id_of(Equipment, "OVEN-1"), now(floor))
    assert [reason.code for reason in found] == ["wrong_class"]
    assert floor.id_of(Lot, "C1") == lot
