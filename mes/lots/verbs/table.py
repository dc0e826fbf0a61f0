"""The verbs beside the route, a row each: HTTP, command and page are made from the same table.

``body`` says what is asked for; its fields become the body of the request, the options of the command and the fields of
the form. What is signed is signed by a role that may do it, the administrator excepted, who runs no line.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy.orm import Session

from mes.errors import NotAllowed
from mes.history import Act
from mes.lots.models import Lot
from mes.lots.states import LotState
from mes.lots.verbs.migrate import MEANS as MIGRATION_MEANS
from mes.lots.verbs.migrate import migrate
from mes.lots.verbs.shapes import MigrateBody, SaidBody, SuspectsBody, signed
from mes.lots.verbs.suspects import MEANS as SUSPECTS_MEANS
from mes.lots.verbs.suspects import dispose_suspects
from mes.people.permissions import ALLOWED, Permission
from mes.people.roles import Role
from mes.people.sign_in import Person

S = LotState
WAITS = (S.CREATED, S.QUEUED, S.STOCKED, S.COMPLETED)
"""States in which none of a lot is on equipment."""
THERE = (*WAITS, S.ORDERED, S.RUNNING)
"""States in which a lot may have units here."""


@dataclass(frozen=True)
class Verb:
    """One verb on a lot."""

    name: str
    """As paths and commands have it."""
    title: str
    """What its form on the page is called."""
    says: str
    """What it does, and when it is refused."""
    example: str
    """Of its command, without the words that all have."""
    permission: Permission
    body: type[SaidBody]
    does: Callable[[Session, int, Any, Act], Lot]
    states: tuple[LotState, ...]
    """In which a page offers it; the verb itself judges."""
    means: str = ""
    """What its signature says; empty where it is not signed."""

    @cached_property
    def shape(self) -> type[SaidBody]:
        """What programs send: the body, with a signature where it is signed."""
        return signed(self.body) if self.means else self.body

    @property
    def signers(self) -> frozenset[Role]:
        """Who may sign it; nobody needs to where it is not signed."""
        return ALLOWED[self.permission] - {Role.ADMINISTRATOR} if self.means else frozenset()

    def signed_by(self, by: Person, act: Act) -> Act:
        """The act as the signer's. Raises `NotAllowed` where that person may not sign it."""
        if by.role not in self.signers:
            who = " or ".join(sorted(role.replace("_", " ") for role in self.signers))
            raise NotAllowed(f"{by.name} may not sign this; a {who} may.")
        return replace(act, actor=by.name)


VERBS = (
    Verb(
        name="dispose-suspects",
        title="Dispose of suspect units",
        says="Say what suspect units are: cleared, so that they go on, or scrapped; all of the lot, or on a substrate.",
        example='W-3 --at 4,7 --verdict cleared --why "looked at: nothing"',
        permission=Permission.DISPOSE_SUSPECTS,
        body=SuspectsBody,
        does=lambda session, lot, body, act: dispose_suspects(
            session, lot, body.substrate, body.places, body.verdict, act
        ),
        states=THERE,
        means=SUSPECTS_MEANS,
    ),
    Verb(
        name="migrate",
        title="Go over to another version of the route",
        says="Let a lot that waits go on by another version of its route, each substrate from where it stands.",
        example='--to module@3 --why "version 3 cures for longer"',
        permission=Permission.MIGRATE_LOTS,
        body=MigrateBody,
        does=lambda session, lot, body, act: migrate(session, lot, body.to, act),
        states=(S.CREATED, S.QUEUED),
        means=MIGRATION_MEANS,
    ),
)
