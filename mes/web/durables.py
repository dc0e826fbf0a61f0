"""Durables: what they have done, until when they are cleaned and inspected, where they are, what people do to them."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from sqlalchemy import select

from mes.definitions.clock import act_now
from mes.definitions.models import DurableKind
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.genealogy.used import last_uses_of_durable
from mes.http import paging
from mes.http.command import FormRoute
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.materials.durables.care import (
    clean_durable,
    dismount_durable,
    inspect_durable,
    mount_durable,
    scrap_durable,
)
from mes.materials.durables.looks import look, select_durables, select_kinds, wanted
from mes.materials.durables.models import Durable
from mes.materials.durables.queries import durable_id
from mes.materials.durables.states import DurableState
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.web.forms import Field, Note, Unchosen, Why, onwards
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/durables", route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_LINE)]
Worker = Annotated[Person, require(Permission.WORK_MATERIALS)]
Keeper = Annotated[Person, require(Permission.KEEP_MATERIALS)]
DurableName = Annotated[Name, Path()]
MOST = 500
"""The last uses of a durable that its page shows."""


@router.get("")
def show_all(
    request: Request, session: Tx, viewer: Viewer, asked: paging.Asked, kind: str = "", equipment: str = "",
    state: DurableState | Unchosen = "", q: str = "",
) -> Response:  # fmt: skip
    """Durables by number."""
    given = {"kind": kind, "equipment": equipment, "state": state, "q": q}
    chosen = {name: value for name, value in given.items() if value}
    query = wanted(
        select_durables(), kind=kind or None, equipment=equipment or None, state=state or None, named=q or None
    )
    found = paging.paged(session, query, (Durable.name,), asked)
    told: dict[str, Any] = {
        "rows": found["items"], "given": given, "asked": chosen, "states": list(DurableState),
        "further": urlencode({**chosen, "after": found["next"]}) if found["next"] else "",
        "kinds": session.execute(select_kinds().order_by(DurableKind.ordinal)).mappings().all(),
        "equipment": session.scalars(select(Equipment.name).order_by(Equipment.name)).all(),
        "plant": plant_time(session, view_of(request, viewer)),
    }  # fmt: skip
    return page(request, "durables.html", "/equipment", viewer, **told)


@router.get("/{name}")
def show(request: Request, session: Tx, viewer: Viewer, name: DurableName) -> Response:
    """One durable: what it has done, what it carries, and on what it was used."""
    found = durable_id(session, name)
    uses, plant = last_uses_of_durable(session, found, MOST), plant_time(session, view_of(request, viewer))
    return page(request, "durable.html", "/equipment", viewer, one=look(session, found), uses=uses, plant=plant)


@router.post("/{name}/mount")
def mount(session: Tx, by: Worker, name: DurableName, equipment: Field) -> Response:
    """Put a durable on an equipment."""
    mount_durable(session, durable_id(session, name), equipment_id(session, equipment), act_now(session, by.name))
    return _back(name)


@router.post("/{name}/dismount")
def dismount(session: Tx, by: Worker, name: DurableName) -> Response:
    """Take a durable off its equipment."""
    dismount_durable(session, durable_id(session, name), act_now(session, by.name))
    return _back(name)


@router.post("/{name}/clean")
def clean(session: Tx, by: Worker, name: DurableName) -> Response:
    """A durable was cleaned."""
    clean_durable(session, durable_id(session, name), act_now(session, by.name))
    return _back(name)


@router.post("/{name}/inspect")
def inspect(session: Tx, by: Keeper, name: DurableName, *, fit: Annotated[bool, Form()], why: Note = "") -> Response:
    """A durable was inspected, and found fit or not."""
    inspect_durable(session, durable_id(session, name), act_now(session, by.name, why), fit=fit)
    return _back(name)


@router.post("/{name}/scrap")
def scrap(session: Tx, by: Keeper, name: DurableName, why: Why) -> Response:
    """Throw a durable away."""
    scrap_durable(session, durable_id(session, name), act_now(session, by.name, why))
    return _back(name)


def _back(name: str) -> Response:
    """To the list, with this durable in it."""
    return onwards("/durables", q=name)
