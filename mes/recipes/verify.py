"""Have what an equipment holds of a recipe compared anew, where it was seen to hold another body."""

from sqlalchemy.orm import Session

from mes.db import lock
from mes.equipment.models import Equipment
from mes.errors import Malformed, Reason, Refused
from mes.history import Act, Change, record
from mes.recipes.models import RecipeOnEquipment, RecipeVersion


def verify(session: Session, version_id: int, equipment_id: int, act: Act) -> RecipeVersion:
    """What was read of the equipment counts no more: the next order compares, and is refused if the body still differs.

    Raises `Malformed` (no reason) and `Refused` where the equipment was not seen to hold another body.
    """
    if not act.why.strip():
        raise Malformed("Say in a comment what was done about it.")
    version = lock(session, (RecipeVersion, [version_id])).one(RecipeVersion, version_id)
    equipment = session.get_one(Equipment, equipment_id)
    held = session.get(RecipeOnEquipment, (equipment_id, version_id), populate_existing=True)
    if held is None or held.sha256 == version.sha256:
        what = f"{equipment.name} was not seen to hold another body under {version.name}; there is nothing to verify."
        raise Refused(what, Reason("nothing_changes", what))
    session.delete(held)
    told = {"equipment": equipment.name}
    record(session, "verify", act, [Change(version, told | {"sha256": held.sha256}, told)])
    return version
