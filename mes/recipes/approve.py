"""Submit, approve and retire recipe versions: only what a process engineer has signed may run."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import NotAllowed
from mes.history import Act, Change, record
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.recipes.models import RecipeVersion
from mes.recipes.states import TRANSITIONS, RecipeState, RecipeVerb

APPROVED_MEANS = "Equipment may run this body with set points inside these limits; neither changes again."
"""What an approval signs."""


def submit(session: Session, version_id: int, act: Act) -> RecipeVersion:
    """Ask for the approval of a draft. Raises `NotFound`, `WrongState`."""
    version = lock(session, (RecipeVersion, [version_id])).one(RecipeVersion, version_id)
    record(session, RecipeVerb.SUBMIT, act, [moved(version, RecipeVerb.SUBMIT)])
    return version


def approve(session: Session, version_id: int, signer: Person, act: Act) -> RecipeVersion:
    """Sign that a submitted version may run, as ``signer``, who is also recorded as the actor.

    Raises `NotAllowed` where the signer is no process engineer, `NotFound`, `WrongState`.
    """
    version = lock(session, (RecipeVersion, [version_id])).one(RecipeVersion, version_id)
    if signer.role is not Role.PROCESS_ENGINEER:
        raise NotAllowed(f"{signer.name} may not approve recipes; a process engineer may.")
    record(session, RecipeVerb.APPROVE, replace(act, actor=signer.name), [signed(version, signer.name, act.at)])
    return version


def retire(session: Session, version_id: int, act: Act) -> RecipeVersion:
    """Take an approved version out of use: no lot starts with it any more. What runs is not stopped.

    Raises `NotFound`, `WrongState`.
    """
    version = lock(session, (RecipeVersion, [version_id])).one(RecipeVersion, version_id)
    record(session, RecipeVerb.RETIRE, act, [moved(version, RecipeVerb.RETIRE)])
    return version


def signed(version: RecipeVersion, signer: str, at: datetime) -> Change:
    """Put a submitted version in force as signed; the caller has it under its lock and records the change."""
    version.approved_by, version.approved_at = signer, at
    return moved(version, RecipeVerb.APPROVE, approved_by=signer, sha256=version.sha256, means=APPROVED_MEANS)


def moved(version: RecipeVersion, verb: RecipeVerb, **after: Any) -> Change:
    """Move a version by the transition table; the caller has it under its lock and records the change."""
    before = version.state
    version.state = TRANSITIONS.after(f"Recipe {version.name}", RecipeState(before), verb).value
    return Change(version, {"state": before}, {"state": version.state, **after})
