"""What leads where: one list of pages, each shown to whoever may go there, and the first page of each role."""

from mes.people.access import may
from mes.people.permissions import Permission
from mes.people.roles import Role
from mes.people.sign_in import Person

NAVIGATION = (
    ("Terminal", "/terminal", Permission.WORK_LOTS),
    ("Line board", "/board", Permission.SEE_LINE),
    ("Lots", "/lots", Permission.SEE_LOTS),
    ("Equipment", "/equipment", Permission.SEE_LINE),
    ("Jobs", "/jobs", Permission.SEE_JOBS),
    ("Recipes", "/recipes", Permission.SEE_RECIPES),
    ("Reports", "/reports/yield", Permission.SEE_REPORTS),
    ("Administration", "/administration", Permission.ADMINISTER),
)
"""Title, address, and what is needed to go there."""

FIRST_PAGE = {
    Role.OPERATOR: "/terminal",
    Role.CUSTOMER: "/lots",
    Role.PROCESS_ENGINEER: "/recipes",
    Role.MANAGER: "/reports/yield",
    Role.YIELD_ENGINEER: "/reports/yield",
}
"""Where a role begins; all others at the board."""


def first_page(role: Role) -> str:
    """Where somebody of a role begins."""
    return FIRST_PAGE.get(role, "/board")


def entries(person: Person | None) -> list[tuple[str, str]]:
    """The pages that a person may go to, by title and address."""
    return [(title, address) for title, address, needed in NAVIGATION if person and may(person, needed)]
