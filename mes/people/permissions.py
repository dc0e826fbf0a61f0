"""Who may do what: one table of permissions and roles."""

import ast
import inspect
from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise

from mes.people.roles import Role


class Permission(StrEnum):
    """What a person, or a program with a person's key, may do."""

    SEE_LINE = "see_line"
    """The whole line: all equipment, all customers' lots."""
    SEE_LOTS = "see_lots"
    """Lots: a customer's own, or all for the centre's people."""
    SEE_REPORTS = "see_reports"
    """Figures: of a customer's own lots, or over all for the centre's people."""
    SIGN_OUT = "sign_out"
    """End one's own sign-in."""
    OWN_ACCOUNT = "own_account"
    """One's own language, time zone, password, PIN and kept filters; help, and this table."""
    CREATE_LOTS = "create_lots"
    """Create lots and release them to the line."""
    CHANGE_LOTS = "change_lots"
    """Change priority and due date of lots, reserve them for equipment, split and merge them."""
    REWORK_LOTS = "rework_lots"
    """Send substrates back on their route."""
    MIGRATE_LOTS = "migrate_lots"
    """Let lots go over to another version of their route, which a process engineer signs."""
    WORK_LOTS = "work_lots"
    """Track lots in and out, break runs off, and count units."""
    HOLD_LOTS = "hold_lots"
    """Hold lots."""
    RELEASE_HOLDS = "release_holds"
    """Release the holds of one's own role."""
    BULK_LOTS = "bulk_lots"
    """Hold, release and hurry all lots that a filter finds at once."""
    RECALL_UNITS = "recall_units"
    """Hold every unit that something touched, wherever it is by now."""
    DISPOSE_LOTS = "dispose_lots"
    """Scrap units, pull samples, store lots and withdraw them."""
    DISPOSE_SUSPECTS = "dispose_suspects"
    """Say what suspect units are, which a process engineer signs."""
    DOWNGRADE_UNITS = "downgrade_units"
    """Give units bins of failures on maps, for the reasons that the plant's text gives the role."""
    UPGRADE_UNITS = "upgrade_units"
    """Give failed units good bins, which a process or yield engineer signs."""
    REROUTE_LOTS = "reroute_lots"
    """Let substrates leave operations out or go on at others, which a process engineer signs."""
    AMEND_LOTS = "amend_lots"
    """Put found units on maps, take back mistakes, end, destroy and reopen lots, which a line engineer signs."""
    CHANGE_OWNERS = "change_owners"
    """Let lots go over to another customer, which a line engineer or a manager signs."""
    DISPOSE_QUEUE_TIMES = "dispose_queue_times"
    """Let substrates go on that waited too long, which a process engineer signs."""
    KEEP_MATERIALS = "keep_materials"
    """Receive material, scrap containers, let one be used before another that expires earlier; inspect durables."""
    WORK_MATERIALS = "work_materials"
    """Thaw, open, mount and return containers of material; mount and clean durables."""
    SHIP_LOTS = "ship_lots"
    """Send lots away, return them to their owners, note that they arrived, and receive what others sent."""
    RUN_EQUIPMENT = "run_equipment"
    """Take equipment down by hand, and give it back."""
    MAINTAIN_EQUIPMENT = "maintain_equipment"
    """Maintain equipment by its plans, record what was found, and clear alarms that were seen to."""
    CERTIFY_PEOPLE = "certify_people"
    """Certify people for what one's own role trains for, and withdraw it."""
    SEE_JOBS = "see_jobs"
    """Jobs that were sent to equipment, and the records that came back."""
    MEND_JOBS = "mend_jobs"
    """Set records of equipment aside, and have them tried again."""
    SEE_RECIPES = "see_recipes"
    """Recipes with their bodies and limits."""
    WRITE_RECIPES = "write_recipes"
    """Draft versions of recipes and submit them."""
    APPROVE_RECIPES = "approve_recipes"
    """Put versions of recipes in force, which a process engineer signs, retire them, and have them verified."""
    PLAN_EXPERIMENTS = "plan_experiments"
    """Draft experiments and close them."""
    APPROVE_EXPERIMENTS = "approve_experiments"
    """Let substrates run by an experiment, which a process engineer signs."""
    SEE_METRICS = "see_metrics"
    """Figures of the server for a monitoring system: numbers, no names of customers."""
    ADMINISTER = "administer"
    """Who may sign in, as what; keys of programs; what the system runs on."""


_PEOPLE = frozenset(Role) - {Role.EQUIPMENT}
_CENTRE = _PEOPLE - {Role.CUSTOMER}
_ENGINEERS = frozenset({Role.LINE_ENGINEER, Role.PROCESS_ENGINEER, Role.YIELD_ENGINEER, Role.ADMINISTRATOR})

ALLOWED: Mapping[Permission, frozenset[Role]] = {
    Permission.SEE_LINE: _CENTRE | {Role.EQUIPMENT},
    Permission.SEE_LOTS: _PEOPLE,
    Permission.SEE_REPORTS: _PEOPLE - {Role.OPERATOR},
    Permission.SIGN_OUT: frozenset(Role),
    Permission.OWN_ACCOUNT: frozenset(Role),
    Permission.CREATE_LOTS: frozenset({Role.LINE_ENGINEER, Role.ADMINISTRATOR}),
    Permission.CHANGE_LOTS: frozenset({Role.LINE_ENGINEER, Role.ADMINISTRATOR}),
    Permission.REWORK_LOTS: frozenset({Role.LINE_ENGINEER, Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.MIGRATE_LOTS: frozenset({Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.WORK_LOTS: frozenset({Role.OPERATOR, Role.LINE_ENGINEER, Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.HOLD_LOTS: _ENGINEERS | {Role.OPERATOR},
    Permission.RELEASE_HOLDS: _ENGINEERS | {Role.OPERATOR},
    Permission.BULK_LOTS: frozenset({Role.LINE_ENGINEER, Role.ADMINISTRATOR}),
    Permission.RECALL_UNITS: _ENGINEERS,
    Permission.DISPOSE_LOTS: frozenset({Role.LINE_ENGINEER, Role.YIELD_ENGINEER, Role.ADMINISTRATOR}),
    Permission.DISPOSE_SUSPECTS: frozenset({Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.DOWNGRADE_UNITS: _ENGINEERS | {Role.OPERATOR},
    Permission.UPGRADE_UNITS: frozenset({Role.PROCESS_ENGINEER, Role.YIELD_ENGINEER, Role.ADMINISTRATOR}),
    Permission.REROUTE_LOTS: frozenset({Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.AMEND_LOTS: frozenset({Role.LINE_ENGINEER, Role.ADMINISTRATOR}),
    Permission.CHANGE_OWNERS: frozenset({Role.LINE_ENGINEER, Role.MANAGER, Role.ADMINISTRATOR}),
    Permission.DISPOSE_QUEUE_TIMES: frozenset({Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.KEEP_MATERIALS: frozenset({Role.LINE_ENGINEER, Role.ADMINISTRATOR}),
    Permission.WORK_MATERIALS: frozenset(
        {Role.OPERATOR, Role.LINE_ENGINEER, Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}
    ),
    Permission.SHIP_LOTS: frozenset({Role.LINE_ENGINEER, Role.ADMINISTRATOR}),
    Permission.RUN_EQUIPMENT: frozenset(
        {Role.OPERATOR, Role.LINE_ENGINEER, Role.PROCESS_ENGINEER, Role.ADMINISTRATOR, Role.EQUIPMENT}
    ),
    Permission.MAINTAIN_EQUIPMENT: frozenset({Role.LINE_ENGINEER, Role.ADMINISTRATOR}),
    Permission.CERTIFY_PEOPLE: frozenset({Role.LINE_ENGINEER, Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.SEE_JOBS: _CENTRE,
    Permission.MEND_JOBS: frozenset({Role.LINE_ENGINEER, Role.ADMINISTRATOR}),
    Permission.SEE_RECIPES: _ENGINEERS | {Role.OPERATOR},
    Permission.WRITE_RECIPES: frozenset({Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.APPROVE_RECIPES: frozenset({Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.PLAN_EXPERIMENTS: frozenset({Role.PROCESS_ENGINEER, Role.YIELD_ENGINEER, Role.ADMINISTRATOR}),
    Permission.APPROVE_EXPERIMENTS: frozenset({Role.PROCESS_ENGINEER, Role.ADMINISTRATOR}),
    Permission.SEE_METRICS: frozenset({Role.ADMINISTRATOR}),
    Permission.ADMINISTER: frozenset({Role.ADMINISTRATOR}),
}
"""The one table of who may do what."""


def meanings() -> dict[Permission, str]:
    """What each permission means, as it stands below its name above."""
    (table,) = (node for node in ast.parse(inspect.getsource(Permission)).body if isinstance(node, ast.ClassDef))
    found: dict[Permission, str] = {}
    for node, after in pairwise(table.body):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            assert isinstance(after, ast.Expr), f"{node.targets[0].id} has no meaning"
            found[Permission[node.targets[0].id]] = str(ast.literal_eval(after.value))
    return found
