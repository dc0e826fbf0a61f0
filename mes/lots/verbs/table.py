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
from mes.lots.states import ON_LINE, LotState
from mes.lots.verbs import again, bins, correct, counts, ends, migrate, owner, part, renumber, reroute, shapes, suspects
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
    body: type[shapes.SaidBody]
    does: Callable[[Session, int, Any, Act], Lot]
    states: tuple[LotState, ...]
    """In which a page offers it; the verb itself judges."""
    means: str = ""
    """What its signature says; empty where it is not signed."""
    of_projects: bool = False
    """A page offers it for multi-project wafers alone."""

    @cached_property
    def shape(self) -> type[shapes.SaidBody]:
        """What programs send: the body, with a signature where it is signed."""
        return shapes.signed(self.body) if self.means else self.body

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
        body=shapes.SuspectsBody,
        does=lambda session, lot, body, act: suspects.dispose_suspects(
            session, lot, body.substrate, body.places, body.verdict, act
        ),
        states=THERE,
        means=suspects.MEANS,
    ),
    Verb(
        name="downgrade",
        title="Give units a bin of failures",
        says="Give units a bin of failures on a map: what is good is rejected in place, for a reason the plant knows.",
        example='W-3 --map bin:hbm_core/40 --at 4,7 --bin 7 --reason scratch --why "seen by eye"',
        permission=Permission.DOWNGRADE_UNITS,
        body=shapes.BinsBody,
        does=lambda session, lot, body, act: bins.downgrade(session, lot, body.edit, act),
        states=THERE,
    ),
    Verb(
        name="upgrade",
        title="Give failed units a good bin",
        says="Give failed units a good bin on a map, so that they go on; suspect where more was done to the substrate.",
        example='W-3 --map bin:hbm_core/40 --at 4,7 --bin 1 --reason reviewed --why "clean under the microscope"',
        permission=Permission.UPGRADE_UNITS,
        body=shapes.BinsBody,
        does=lambda session, lot, body, act: bins.upgrade(session, lot, body.edit, act),
        states=(*THERE, S.SCRAPPED, S.CONSUMED),
        means=bins.UPGRADE_MEANS,
    ),
    Verb(
        name="renumber",
        title="Give units new ids",
        says="Give units new ids, as a laser marks them; by the ids from before they are found all the same.",
        example='W-3 --at 4,7 --ids M-00071 --why "marked by hand"',
        permission=Permission.WORK_LOTS,
        body=shapes.RenumberBody,
        does=lambda session, lot, body, act: renumber.renumber(
            session, lot, body.substrate, body.places, body.ids, act
        ),
        states=THERE,
    ),
    Verb(
        name="skip",
        title="Leave an operation out",
        says="Let substrates go past the operation at which they wait; that they left it out stays known.",
        example='W-3 --operation module/40 --why "measured before"',
        permission=Permission.REROUTE_LOTS,
        body=shapes.SkipBody,
        does=lambda session, lot, body, act: reroute.skip(session, lot, body.operation, body.substrates, act),
        states=ON_LINE,
        means=reroute.SKIP_MEANS,
    ),
    Verb(
        name="move",
        title="Move to another operation",
        says="Let substrates that wait go on at another operation of their route, further on or back.",
        example='W-3 --operation module/40 --why "cleaned by hand"',
        permission=Permission.REROUTE_LOTS,
        body=shapes.MoveBody,
        does=lambda session, lot, body, act: reroute.move(session, lot, body.operation, body.substrates, act),
        states=ON_LINE,
        means=reroute.MOVE_MEANS,
    ),
    Verb(
        name="recount",
        title="Count the units",
        says="Note a count by hand. It only checks the map: where the two differ nothing is noted.",
        example='W-3 --units 360 --why "before the shipment"',
        permission=Permission.WORK_LOTS,
        body=shapes.RecountBody,
        does=lambda session, lot, body, act: counts.recount(session, lot, body.substrate, body.units, act),
        states=THERE,
    ),
    Verb(
        name="bonus",
        title="Put found units on the map",
        says="Put units on the map of a substrate where it has none, or none to be used; they go on as any other.",
        example='W-3 --at 4,7 --why "the edge die is good"',
        permission=Permission.AMEND_LOTS,
        body=shapes.BonusBody,
        does=lambda session, lot, body, act: counts.bonus(session, lot, body.substrate, body.places, act),
        states=THERE,
        means=counts.BONUS_MEANS,
    ),
    Verb(
        name="correct",
        title="Take an entry back",
        says="Take back what was done to units by mistake: scrapped, sampled, found or destroyed. The entry stays.",
        example='--record 12 --why "it was the other wafer"',
        permission=Permission.AMEND_LOTS,
        body=shapes.CorrectBody,
        does=lambda session, lot, body, act: correct.correct(session, lot, body.record, act),
        states=(*THERE, S.SCRAPPED, S.CONSUMED),
        means=correct.CORRECT_MEANS,
    ),
    Verb(
        name="withdraw",
        title="Withdraw from the die bank",
        says="Let a lot that was stored on its way wait again where it stood.",
        example='--why "the order came"',
        permission=Permission.DISPOSE_LOTS,
        body=shapes.AloneBody,
        does=lambda session, lot, _, act: again.withdraw(session, lot, act),
        states=(S.STOCKED,),
    ),
    Verb(
        name="reopen",
        title="Reopen",
        says="Let a lot queue again that has passed its route or was given up, with what was left in it then.",
        example='--operation module/40 --why "one more measurement"',
        permission=Permission.AMEND_LOTS,
        body=shapes.ReopenBody,
        does=lambda session, lot, body, act: again.reopen(session, lot, body.operation, act),
        states=(S.COMPLETED, S.STOCKED, S.TERMINATED),
        means=again.REOPEN_MEANS,
    ),
    Verb(
        name="return-to-owner",
        title="Return to its owner",
        says="Let all that is left of a lot go back to its owner as it is, also what is suspect.",
        example='--why "asked for by the customer"',
        permission=Permission.SHIP_LOTS,
        body=shapes.AloneBody,
        does=lambda session, lot, _, act: ends.return_to_owner(session, lot, act),
        states=WAITS,
    ),
    Verb(
        name="destroy",
        title="Destroy",
        says="Destroy all that is left of a lot before a witness; it is scrapped.",
        example='--witness "J. Park" --why "asked for by the customer"',
        permission=Permission.AMEND_LOTS,
        body=shapes.DestroyBody,
        does=lambda session, lot, body, act: ends.destroy(session, lot, body.witness, act),
        states=WAITS,
    ),
    Verb(
        name="terminate",
        title="Give this lot up",
        says="End a lot wherever it is, with all that is left in it; what is on equipment is broken off first.",
        example='--left scrapped --why "the product was given up"',
        permission=Permission.AMEND_LOTS,
        body=shapes.TerminateBody,
        does=lambda session, lot, body, act: ends.terminate(session, lot, body.left, act),
        states=THERE,
        means=ends.TERMINATE_MEANS,
    ),
    Verb(
        name="change-owner",
        title="Change its owner",
        says="Let a lot, or some of its substrates, go over to another customer, in a lot of that one's own.",
        example='--to hanbit --why "sold by order 4711"',
        permission=Permission.CHANGE_OWNERS,
        body=shapes.ChangeOwnerBody,
        does=lambda session, lot, body, act: owner.change_owner(session, lot, body.to, body.substrates, body.into, act),
        states=WAITS,
        means=owner.MEANS,
    ),
    Verb(
        name="part",
        title="Part by projects",
        says="Let the dies of multi-project wafers go on as their customers', each project in a lot of its own.",
        example='--why "sawn and counted"',
        permission=Permission.CHANGE_OWNERS,
        body=shapes.AloneBody,
        does=lambda session, lot, _, act: part.part(session, lot, act),
        states=(S.STOCKED,),
        means=part.MEANS,
        of_projects=True,
    ),
    Verb(
        name="migrate",
        title="Go over to another version of the route",
        says="Let a lot that waits go on by another version of its route, each substrate from where it stands.",
        example='--to module@3 --why "version 3 cures for longer"',
        permission=Permission.MIGRATE_LOTS,
        body=shapes.MigrateBody,
        does=lambda session, lot, body, act: migrate.migrate(session, lot, body.to, act),
        states=(S.CREATED, S.QUEUED),
        means=migrate.MEANS,
    ),
)
