"""Fan-out both ways round: dies first on a wafer, moulded and measured; wiring first on a panel, dies on good sites."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from equipment.sim.config import FIGURES, Kind
from equipment.sim.world import World
from mes.cli.db_check import check
from mes.definitions.models import Product
from mes.units.models import Layer, Substrate, Transfer
from mes.units.positions import opened
from mes.units.states import Disposition
from tests.demo.conftest import SEED, RunTwin
from tests.demo.small_plant import FAN_OUT, edit, keep_lots_alone, with_routes
from tests.demo.twin import Twin

OTHERS = (
    "people", "care", "taught", "by_hand", "experiments", "releases", "signatures", "verdicts", "reviews", "ships",
    "holders",
)  # fmt: skip
"""Of the demonstration: what people do on other routes."""
SECOND = {
    "fan_out_wafer": (35, 71, 73, 75, 77, 79, 80, 82),
    "fan_out_panel": (31, 33, 35, 37, 39, 55, 57, 60, 65, 70, 80, 82),
}
"""Operations that are as others: here every one is done once."""
BAD_LAYERS = 0.3
"""Chance that a position gets a blemish in the sputter: some sites of panels are bad before any die is attached."""
PLANNED = 12
"""Positions of a small carrier that lie on it: all but the corners."""


@pytest.fixture(scope="module")
def fan_out(in_memory: RunTwin, tmp_path_factory: pytest.TempPathFactory) -> Twin:
    """All four routes to their ends."""
    plant = with_routes(tmp_path_factory.mktemp("fan_out") / "plant", FAN_OUT)
    keep_lots_alone(plant, *OTHERS)
    for route, numbers in SECOND.items():
        _leave_out(plant / "routes" / f"{route}.yaml", numbers)
    edit(plant / "equipment.yaml", _blemish)
    return in_memory(plant, len(FAN_OUT), SEED)


def _leave_out(file: Path, numbers: tuple[int, ...]) -> None:
    def change(content: Any) -> None:
        content["operations"] = [one for one in content["operations"] if one["number"] not in numbers]
        limits = content["queue_limits"]
        content["queue_limits"] = [one for one in limits if not {one["from"], one["to"]} & set(numbers)]

    edit(file, change)


def _blemish(content: Any) -> None:
    (sputter,) = (one for one in content["classes"] if one["name"] == "sputter")
    sputter["simulation"]["visual_rate"] = BAD_LAYERS


def test_every_lot_ends_and_every_count_of_the_units_agrees(fan_out: Twin) -> None:
    told = fan_out.summary()
    assert told["conservation"]["equal"], told
    assert told["lots"] == {"completed": 2, "stocked": 3}
    assert check(fan_out.owner_url).problems == []


def test_what_lies_beside_a_carrier_is_neither_input_nor_loss(fan_out: Twin) -> None:
    with fan_out.database.reading() as session:
        carriers = session.scalars(select(Substrate).where(Substrate.name.like("fan_out_wafer-01-%")))
        for at in opened(session, carriers).values():
            assert at.count(Disposition.NO_UNIT) == at.now.size - PLANNED
    received = {one["operation"]: one["in"] for one in fan_out.summary()["operations"]}
    assert received["fan_out_wafer/10"] == PLANNED


def test_the_die_shift_on_record_is_the_true_one_within_the_repeatability(fan_out: Twin) -> None:
    repeatability_um = FIGURES[Kind.INSPECTION]["repeatability_um"].default
    world = World(fan_out.truth)
    errors_um = []
    with fan_out.database.reading() as session:
        query = select(Layer.name, Layer.positions, Layer.body, Substrate.name).join(
            Substrate, Substrate.id == Layer.substrate_id
        )
        for layer, positions, body, carrier in session.execute(query.where(Layer.name.contains("/50:shift_"))):
            true = world.read([carrier])[carrier].quantities[layer.rpartition(":")[2]].ravel()
            errors_um.append(np.frombuffer(body, "<f8") - true[np.frombuffer(positions or b"", "<u4")])
    world.close()
    assert len(errors_um) == 2  # to the right and below
    assert all(len(error_um) > PLANNED / 2 for error_um in errors_um)
    together = np.concatenate(errors_um)
    assert 0.7 * repeatability_um < together.std() < 1.3 * repeatability_um
    assert abs(together.mean()) < repeatability_um


def test_good_sites_take_dies_and_bad_ones_dummies(fan_out: Twin) -> None:
    with fan_out.database.reading() as session:
        (panel,) = session.scalars(select(Substrate).where(Substrate.name.like("fan_out_panel-01-%")))
        at = opened(session, [panel])[panel.id]
        filled = {"baseband_die": at.nowhere(), "silicon_dummy": at.nowhere()}
        query = select(Product.name, Transfer.to_xy).join(Substrate, Substrate.id == Transfer.source_id)
        query = query.join(Product, Product.id == Substrate.product_id).where(Transfer.target_id == panel.id)
        for product, to_xy in session.execute(query):
            x, y = np.frombuffer(to_xy, "<i2").reshape(-1, 2).T
            filled[product][y, x] = True
    dies, dummies = filled.values()
    assert (dies ^ dummies).all()
    assert dummies.any()
    assert at.are(Disposition.REJECTED)[dummies].all()
    of_dummies = [one for one in fan_out.summary()["operations"] if one["operation"] == "fan_out_panel/45"]
    assert all(one["in"] == 0 for one in of_dummies)  # a dummy is no unit
