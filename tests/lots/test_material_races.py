"""Of many who mount a container one does; and whatever runs take at once, no container comes below nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mes.equipment.models import Equipment
from mes.materials.models import Container
from tests.lots.racers import Heat, Racers
from tests.shop import Floor
from tests.stockroom import FLUX, container, deliver, furnish, put_on, ready

MANY = 16


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    """Sixteen processes that wait for each other."""
    with Racers(MANY) as racers:
        yield racers


def heat(floor: Floor, verb: str, *given: Any) -> Heat:
    return Heat(floor.database.url.render_as_string(hide_password=False), verb, (*given, floor.act()))


def test_of_sixteen_who_mount_a_container_one_does(floor: Floor, racers: Racers) -> None:
    furnish(floor)
    deliver(floor, "L1", "tape", {"T1": 100})
    cells = [floor.id_of(Equipment, f"CELL-{n}") for n in (1, 2)]
    box = floor.id_of(Container, "T1")
    outcomes = racers.race([heat(floor, "mount", box, cells[n % 2]) for n in range(MANY)])
    assert [o.error for o in outcomes].count("") == 1
    assert {(o.error, o.codes) for o in outcomes if o.error} == {("Refused", ("container_state",))}
    assert container(floor, "T1").state == "mounted"
    assert floor.problems() == []


def test_no_container_comes_below_nothing(floor: Floor, racers: Racers) -> None:
    """Two runs of four wafers at once, while eight people purge what is left for them."""
    furnish(floor)
    deliver(floor, "L1", "flux", {"F1": 8 * FLUX}, lasts_h=1000)
    deliver(floor, "L2", "tape", {"T1": 1000})
    ready(floor, "F1")
    put_on(floor, "T1")
    heats = []
    for lot in ("C1", "C2"):
        wafers = [f"{lot}-{n}" for n in range(4)]
        floor.arrive(lot, "coat", *wafers)
        run = floor.begin("CELL-1", lot)
        heats += [heat(floor, "track_out", run, floor.result(run, wafer)) for wafer in wafers]
    box = floor.id_of(Container, "F1")
    purge = [heat(floor, "scrap_container", box, FLUX)] * 8
    outcomes = racers.race([*heats, *purge])
    assert [o for o in outcomes[:8] if o.error] == []
    assert {outcome.error for outcome in outcomes[8:]} <= {"", "Refused", "Malformed", "Busy"}
    flux = container(floor, "F1")
    assert (flux.remainder, flux.consumed + flux.scrapped, flux.state) == (0, 8 * FLUX, "empty")
    assert floor.problems() == []
