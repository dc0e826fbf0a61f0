"""What work on a substrate counts on the durables of the equipment, and which of them touched it."""

from sqlalchemy.orm import Session

from mes.history import Change
from mes.lots.work.identify import Report
from mes.lots.work.models import DurableUse
from mes.materials.durables.wear import wear


def count_wear(session: Session, report: Report) -> list[Change]:
    """Count the work on the durables that its operation needs, and remember them with the run and the substrate."""
    units = int((report.worked & report.asked()).sum())
    if not report.operation.durables or not units:
        return []
    worn = wear(session, report.run.equipment_id, report.operation.durables, units, report.run.name)
    session.add_all(
        DurableUse(
            customer_id=report.lot.customer_id, run_id=report.run.id, substrate_id=report.work.substrate_id,
            durable_id=durable_id, done=done, happened_at=report.result.ended_at,
        )
        for durable_id, done in worn.counts.items()
    )  # fmt: skip
    return worn.changes
