"""Containers of material: what is left in them, how long they last, where they are, and what people do to them."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now, plant_now
from mes.definitions.models import MaterialKind
from mes.equipment.models import Equipment
from mes.equipment.queries import equipment_id
from mes.http import paging
from mes.http.command import FormRoute
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.materials.baking import bake
from mes.materials.looks import select_containers, wanted
from mes.materials.models import Container
from mes.materials.mounting import mount, return_container
from mes.materials.preparing import open_container, thaw
from mes.materials.queries import container_id
from mes.materials.scrapping import scrap_container
from mes.materials.states import ContainerState
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.web.forms import Field, Note, Unchosen, Why, onwards
from mes.web.pages import page, plant_time, view_of

router = APIRouter(prefix="/containers", route_class=FormRoute)

Viewer = Annotated[Person, require(Permission.SEE_LINE)]
Worker = Annotated[Person, require(Permission.WORK_MATERIALS)]
Keeper = Annotated[Person, require(Permission.KEEP_MATERIALS)]
ContainerName = Annotated[Name, Path()]
Owner = Annotated[Name | Unchosen, Form()]
OutOfOrder = Annotated[bool, Form()]


@router.get("")
def show_all(
    request: Request, session: Tx, viewer: Viewer, asked: paging.Asked, material: str = "", equipment: str = "",
    state: ContainerState | Unchosen = "", lot: str = "", q: str = "",
) -> Response:  # fmt: skip
    """Containers by name; those with nothing left only where they are asked for: by state, lot or name."""
    given = {"material": material, "equipment": equipment, "state": state, "lot": lot, "q": q}
    chosen = {name: value for name, value in given.items() if value}
    query = wanted(
        select_containers(plant_now(session)).add_columns(MaterialKind.title, MaterialKind.thaw_s, MaterialKind.bake_s),
        material=material or None, equipment=equipment or None, state=state or None, lot=lot or None, named=q or None,
        ended=None if state or lot or q else False,
    )  # fmt: skip
    found = paging.paged(session, query, (Container.name, Container.id), asked)
    told: dict[str, Any] = {
        "rows": found["items"], "given": given, "asked": chosen, "states": list(ContainerState),
        "further": urlencode({**chosen, "after": found["next"]}) if found["next"] else "",
        "materials": session.scalars(select(MaterialKind.name).order_by(MaterialKind.ordinal)).all(),
        "equipment": session.scalars(select(Equipment.name).order_by(Equipment.name)).all(),
        "plant": plant_time(session, view_of(request, viewer)),
    }  # fmt: skip
    return page(request, "containers.html", "/equipment", viewer, **told)


@router.post("/{name}/thaw")
def thaw_container(
    session: Tx, by: Worker, name: ContainerName, customer: Owner = "", why: Note = "",
    *, out_of_order: OutOfOrder = False,
) -> Response:  # fmt: skip
    """Take a container out of the cold."""
    of, act = _of(session, name, customer), act_now(session, by.name, why)
    thaw(session, of, act, out_of_order=out_of_order and may(by, Permission.KEEP_MATERIALS))
    return _back(name)


@router.post("/{name}/open")
def open_one(session: Tx, by: Worker, name: ContainerName, customer: Owner = "") -> Response:
    """Open a container."""
    open_container(session, _of(session, name, customer), act_now(session, by.name))
    return _back(name)


@router.post("/{name}/bake")
def bake_container(session: Tx, by: Worker, name: ContainerName, customer: Owner = "") -> Response:
    """Dry a container in an oven."""
    bake(session, _of(session, name, customer), act_now(session, by.name))
    return _back(name)


@router.post("/{name}/mount")
def mount_container(
    session: Tx, by: Worker, name: ContainerName, equipment: Field, customer: Owner = "", why: Note = "",
    *, out_of_order: OutOfOrder = False,
) -> Response:  # fmt: skip
    """Put a container on an equipment."""
    of, act = _of(session, name, customer), act_now(session, by.name, why)
    goes_first = out_of_order and may(by, Permission.KEEP_MATERIALS)
    mount(session, of, equipment_id(session, equipment), act, out_of_order=goes_first)
    return _back(name)


@router.post("/{name}/return")
def return_one(session: Tx, by: Worker, name: ContainerName, customer: Owner = "") -> Response:
    """Take a container off its equipment."""
    return_container(session, _of(session, name, customer), act_now(session, by.name))
    return _back(name)


@router.post("/{name}/scrap")
def scrap_one(session: Tx, by: Keeper, name: ContainerName, why: Why, customer: Owner = "") -> Response:
    """Throw away what is left in a container."""
    scrap_container(session, _of(session, name, customer), None, act_now(session, by.name, why))
    return _back(name)


def _of(session: Session, name: str, customer: str) -> int:
    return container_id(session, name, customer or None)


def _back(name: str) -> Response:
    """To the list, with this container in it whatever its state."""
    return onwards("/containers", q=name)
