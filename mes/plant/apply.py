"""Make the database say what the text says, in one transaction, or refuse with every reason."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from mes.errors import Refused
from mes.history import Act
from mes.plant.diff import Difference, diff
from mes.plant.order import misplaced
from mes.plant.schema import Plant
from mes.plant.write import Writer


class PlantRefused(Refused):
    """The plant cannot be applied now; ``reasons`` lists every one."""


def apply(session: Session, plant: Plant, act: Act) -> list[Difference]:
    """Apply a checked plant and return what changed; nothing and no history where nothing differs but the order.

    New equipment stands by from the act's time. Recipe versions are approved, route versions released and current for
    new lots; those that the text no longer holds become obsolete, or take no new lots. Passwords are never touched.

    Raises `PlantRefused` with every reason: an approved recipe or released route that differs under its version, or
    a step that would break lots, runs and records that stand on it.
    """
    session.execute(text("select pg_advisory_xact_lock(hashtext('interposer plant'))"))
    differences = diff(session, plant)
    reasons = [difference.refusal for difference in differences if difference.refusal]
    if reasons:
        count = "1 step" if len(reasons) == 1 else f"{len(reasons)} steps"
        raise PlantRefused(f"The plant is not applied: {count} refused.", *reasons)
    if differences or any(misplaced(session, plant).values()):
        Writer(session, act).write(plant, differences)
    return differences
