"""The order of the text, kept beside what the text says: to move a thing there is no difference and no history."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import (
    Area,
    BinReason,
    Certification,
    DurableKind,
    EquipmentClass,
    HoldCode,
    MaintenancePlan,
    MapDeclaration,
    MapRule,
    MaterialKind,
    SupplyAgreement,
)
from mes.dispatch.models import ReleaseRule
from mes.equipment.models import Equipment
from mes.plant.part import Part
from mes.plant.schema import Plant

Places = dict[type[Any], dict[str, int]]
"""By the model of an ordered row."""


def misplaced(session: Session, plant: Plant) -> Places:
    """What stands elsewhere than in the text: kind of row -> name -> its place there, from 1."""
    found: Places = {}
    parts_of: tuple[tuple[type[Any], Sequence[Part]], ...] = (
        (Area, plant.areas), (HoldCode, plant.hold_codes), (BinReason, plant.bin_reasons),
        (MaterialKind, plant.materials),
        (DurableKind, plant.durable_kinds),
        (Certification, plant.certifications), (EquipmentClass, plant.classes), (Equipment, plant.equipment),
        (MaintenancePlan, plant.maintenance_plans), (ReleaseRule, plant.release_rules),
        (SupplyAgreement, plant.supply_agreements), (MapRule, plant.map_rules),
        (MapDeclaration, plant.map_declarations),
    )  # fmt: skip
    for model, parts in parts_of:
        stands = {row.name: row.ordinal for row in session.execute(select(model.name, model.ordinal))}
        places = {part.key: place for place, part in enumerate(parts, start=1)}
        found[model] = {name: place for name, place in places.items() if stands.get(name, place) != place}
    return found
