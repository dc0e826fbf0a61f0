"""What stands on record about substrates and positions: names and owners, runs, readings of layers."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Text, cast, select, text
from sqlalchemy.orm import Session

from equipment.interface.messages import NO_BIN
from mes.definitions.models import Layout, Product
from mes.equipment.models import Equipment
from mes.genealogy.ask import IDS, ask
from mes.genealogy.tree import Place, Reading, Work
from mes.lots.experiments.models import Experiment, ExperimentLeg, RunLeg
from mes.lots.models import Lot, LotSubstrate
from mes.people.models import Customer
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.layers import DTYPES
from mes.units.models import Layer, Substrate


@dataclass(frozen=True)
class Known:
    """A substrate as the reader may know it; product, rows and columns are empty where the plant is not shown."""

    name: str
    owner: str
    lot: str
    kind: str = ""
    product: str = ""
    rows: int = 0
    columns: int = 0
    part_of: int | None = None
    """The multi-project wafer of which it is a masked copy."""


def sees_the_centre(session: Session) -> bool:
    """Whether the reader's role may read runs, equipment, recipes and products: staff may, customers may not."""
    return bool(session.connection().scalar(text("select has_table_privilege('run', 'select')")))


def substrates(session: Session, ids: Iterable[int], *, centre: bool) -> dict[int, Known]:
    """By id, the substrates that the reader may see; of several lots the one that has it now."""
    found = ask(session, _IN_THE_CENTRE if centre else _SUBSTRATES, ids)
    return {number: Known(name, owner, lot or "", *more) for number, name, owner, lot, *more in found}


_SUBSTRATES = (
    select(Substrate.id, Substrate.name, Customer.name, Lot.name, Substrate.kind)
    .join(Customer, Customer.id == Substrate.customer_id)
    .outerjoin(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
    .outerjoin(Lot, Lot.id == LotSubstrate.lot_id)
    .where(Substrate.id.in_(IDS))
    .order_by(Substrate.id, (LotSubstrate.progress == "closed").desc(), Lot.id)
)
_IN_THE_CENTRE = (
    _SUBSTRATES.join(Product, Product.id == Substrate.product_id)
    .join(Layout, Layout.id == Substrate.layout_id)
    .add_columns(Product.name, Layout.rows, Layout.columns, Substrate.part_of_id)
)

_WORKS = (
    select(
        Run.id, Run.name, Equipment.name, Operation.name, RecipeVersion.name, RecipeVersion.sha256,
        Experiment.name + "/" + ExperimentLeg.name,
    )
    .join(Equipment, Equipment.id == Run.equipment_id)
    .join(Operation, Operation.id == Run.operation_id)
    .join(RecipeVersion, RecipeVersion.id == Run.recipe_version_id)
    .outerjoin(RunLeg, RunLeg.run_id == Run.id)
    .outerjoin(ExperimentLeg, ExperimentLeg.id == RunLeg.leg_id)
    .outerjoin(Experiment, Experiment.id == ExperimentLeg.experiment_id)
    .where(Run.id.in_(IDS))
)  # fmt: skip

_LAYERS = (
    select(
        Layer.substrate_id, Layer.name, Layer.version, Layer.encoding, cast(Layer.palette, Text).label("palette"),
        Layer.source, Layer.happened_at, Layer.positions, Layer.body,
    )
    .where(Layer.substrate_id.in_(IDS))
    .order_by(Layer.happened_at, Layer.id)
)  # fmt: skip


def works(session: Session, run_ids: Iterable[int]) -> dict[int, Work]:
    """By id, what the runs were. For readers who see the centre."""
    return {row[0]: Work(*row[1:]) for row in ask(session, _WORKS, run_ids)}


def readings(session: Session, places: Iterable[Place], known: dict[int, Known]) -> dict[Place, tuple[Reading, ...]]:
    """By position, what each version of each layer says of it; versions that did not touch it are left out."""
    of: dict[int, list[Place]] = {}
    for place in places:
        if place.substrate_id in known and known[place.substrate_id].columns:
            of.setdefault(place.substrate_id, []).append(place)
    found: dict[Place, list[Reading]] = {}
    palettes: dict[str, dict[str, Any]] = {}
    for layer in ask(session, _LAYERS, of):
        mine = of[layer.substrate_id]
        indices = [place.y * known[layer.substrate_id].columns + place.x for place in mine]
        for place, value in zip(mine, _values(layer, indices), strict=True):
            if value is not None:
                if layer.palette not in palettes:
                    palettes[layer.palette] = json.loads(layer.palette)
                meaning = _meaning(palettes[layer.palette], value)
                reading = Reading(layer.name, layer.version, value, meaning, layer.source, layer.happened_at)
                found.setdefault(place, []).append(reading)
    return {place: tuple(told) for place, told in found.items()}


def _values(layer: Any, indices: Sequence[int]) -> list[float | str | None]:
    """What one version says at these positions; None where it says nothing."""
    if layer.encoding == "text":
        texts = json.loads(layer.body)
        return [texts[i] if i < len(texts) else None for i in indices]
    stored = np.frombuffer(layer.body, DTYPES[layer.encoding])
    covered = None if layer.positions is None else np.frombuffer(layer.positions, "<u4")
    values: list[float | str | None] = []
    for index in indices:
        at = index if covered is None else int(covered.searchsorted(index))
        there = covered is None or (at < len(covered) and covered[at] == index)
        values.append(stored[at].item() if there else None)
    return values if layer.encoding == "f8" else [None if value == NO_BIN else value for value in values]


def _meaning(palette: dict[str, Any], value: float | str) -> str:
    """The palette's words for a bin code, or the unit of a measurement."""
    if "unit" in palette:
        return str(palette["unit"])
    entry = palette.get(str(value), {})
    return " ".join(str(entry[key]) for key in ("name", "quality") if entry.get(key))
