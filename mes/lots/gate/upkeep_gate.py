"""Why an equipment must be maintained before it starts anything."""

from collections.abc import Iterator

from mes.equipment.maintenance.states import MaintenanceState
from mes.errors import Reason
from mes.lots.gate.start_gate_facts import Facts

WHO = "line_engineer"
"""Who maintains equipment."""


def against_upkeep(facts: Facts) -> Iterator[Reason]:
    """Every plan of the equipment that is due, and every one after which something was outside its limits."""
    for one in facts.upkeep:
        name, plan = facts.equipment.name, one.plan.title
        match one.state(facts.at):
            case MaintenanceState.DUE:
                over = " and ".join(one.over(facts.at))
                said = f"{plan} of {name} is due ({over}); do it, and record what was found."
                yield Reason("maintenance_due", said, WHO)
            case MaintenanceState.FAILED if one.last is not None:
                wrong = [check for check in one.last.found if not check["within"]]
                bad = ", ".join(f"{c['check']} {c['value']} {c['unit'] or ''}".strip() for c in wrong)
                said = f"{plan} of {name} found what must not be ({bad}); mend it, and do it again."
                yield Reason("maintenance_failed", said, WHO)
