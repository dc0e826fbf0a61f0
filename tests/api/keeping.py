"""Commands that pass and keep people, equipment, tools and carriers ready: path, body and status by operation."""

from typing import Any

from mes.definitions.models import Certification
from mes.equipment.condition import set_alarm
from mes.equipment.models import Equipment
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from tests.materials.tools import equip
from tests.shop import BEGIN, Floor
from tests.upkeep.test_maintenance import GOOD, plan

Told = dict[str, tuple[str, dict[str, Any], int]]


def kept(floor: Floor) -> Told:
    """In the order in which they pass."""
    plan(floor, every_runs=5)
    equip(floor)
    floor.arrive("R7", "die", "R7.W")
    floor.do(set_alarm, floor.id_of(Equipment, "CELL-1"), "DOOR", 100, "Door open")
    with floor.database.transaction() as session:
        session.add(Certification(name="cells", title="Cells", trainer="line_engineer"))
        of = {
            "equipment_id": floor.id_of(Equipment, "CELL-1"),
            "recipe_version_id": floor.id_of(RecipeVersion, "seal@1"),
        }
        session.add(RecipeOnEquipment(sha256="0", verified_at=BEGIN, **of))
    return _people_and_equipment() | _tools() | _carriers()


def _people_and_equipment() -> Told:
    kim = {"user": "operator", "certification": "cells"}
    found = [{"check": check, "value": value} for check, value in GOOD.items()]
    return {
        "certificates_create": ("/certificates", kim | {"expires_at": "2099-04-01T00:00:00Z"}, 200),
        "certificates_withdraw": ("/certificates/withdraw", kim, 200),
        "equipment_clear_alarm": ("/equipment/CELL-1/clear-alarm", {"alarm": "DOOR"}, 200),
        "recipes_verify": ("/recipes/seal@1/verify", {"equipment": "CELL-1"}, 200),
        "equipment_maintain": ("/equipment/CELL-1/maintain", {"plan": "weekly", "found": found}, 200),
    }


def _tools() -> Told:
    return {
        "durables_create": ("/durables", {"id": "C1", "kind": "collet", "count": 3}, 201),
        "durables_mount": ("/durables/C1/mount", {"equipment": "CELL-1"}, 200),
        "durables_clean": ("/durables/C1/clean", {}, 200),
        "durables_dismount": ("/durables/C1/dismount", {}, 200),
        "durables_inspect": ("/durables/C1/inspect", {"fit": True}, 200),
        "durables_scrap": ("/durables/C1/scrap", {}, 200),
    }


def _carriers() -> Told:
    lot = {"lot": "R7", "customer": "alpha"}
    return {
        "carriers_create": ("/carriers", {"id": "FOUP-1", "kind": "foup", "slots": 25, "clean_every_h": 168.0}, 201),
        "carriers_clean": ("/carriers/FOUP-1/clean", {}, 200),
        "carriers_load": ("/carriers/FOUP-1/load", lot | {"slots": [{"substrate": "R7.W", "slot": 3}]}, 200),
        "carriers_move": ("/carriers/FOUP-1/move", {"location": "stocker"}, 200),
        "carriers_unload": ("/carriers/FOUP-1/unload", lot, 200),
    }
