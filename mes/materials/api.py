"""Material over HTTP: kinds, what is received, and a path for each verb on a container."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now, plant_now
from mes.definitions.models import MaterialKind
from mes.equipment.queries import equipment_id
from mes.http import etag, paging
from mes.http.command import CommandRoute
from mes.http.etag import IfMatch
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.materials.baking import bake
from mes.materials.looks import (
    look,
    look_at_lot,
    select_containers,
    select_kinds,
    select_material_lots,
    wanted,
)
from mes.materials.models import Container, MaterialLot
from mes.materials.mounting import mount, return_container
from mes.materials.preparing import open_container, thaw
from mes.materials.queries import container_id, material_lot_id
from mes.materials.receive import Delivery, receive
from mes.materials.scrapping import scrap_container
from mes.materials.shapes import (
    ContainerLook,
    ContainerRow,
    DeliveryBody,
    DoneBody,
    KindRow,
    MaterialLotLook,
    MaterialLotRow,
    MountBody,
    ScrapContainerBody,
    ThawBody,
)
from mes.materials.states import ContainerState
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

kinds = APIRouter(prefix="/materials", tags=["materials"], dependencies=[require(Permission.SEE_LINE)])
lots = APIRouter(prefix="/material-lots", route_class=CommandRoute, tags=["materials"])
router = APIRouter(prefix="/containers", route_class=CommandRoute, tags=["materials"])

ContainerName = Annotated[Name, Path(description="Name of the container.")]
LotName = Annotated[Name, Path(description="Name of the lot of material.")]
Customer = Annotated[Name | None, Query(description="Whose it is, where owners share a name.")]
Viewer = Annotated[Person, require(Permission.SEE_LINE)]
Keeper = Annotated[Person, require(Permission.KEEP_MATERIALS)]
Worker = Annotated[Person, require(Permission.WORK_MATERIALS)]


@dataclass
class _Named:
    """The container that a command is for, and the version that the caller has seen of it."""

    container: ContainerName
    customer: Customer = None
    if_match: IfMatch = None

    def id(self, session: Session) -> int:
        """Its id. Raises what `container_id` does, and later `Stale` where it has changed since."""
        found = container_id(session, self.container, self.customer)
        etag.asked(session, Container, found, self.if_match)
        return found


Named = Annotated[_Named, Depends()]


@kinds.get("", response_model=paging.Page[KindRow])
def list_materials(session: Tx, asked: paging.Asked) -> Any:
    """All kinds of material by name, with how they are kept and how long they last."""
    return paging.paged(session, select_kinds(), (MaterialKind.name,), asked)


@lots.get("", response_model=paging.Page[MaterialLotRow])
def list_material_lots(session: Tx, _: Viewer, asked: paging.Asked, material: Name | None = None) -> Any:
    """All lots of material by name."""
    query = select_material_lots()
    if material is not None:
        query = query.where(MaterialKind.name == material)
    return paging.paged(session, query, (MaterialLot.name, MaterialLot.id), asked)


@lots.get("/{lot}", response_model=MaterialLotLook)
def show_material_lot(session: Tx, _: Viewer, lot: LotName, customer: Customer = None) -> Any:
    """One lot of material with its containers."""
    return look_at_lot(session, material_lot_id(session, lot, customer), plant_now(session))


@lots.post("", response_model=MaterialLotLook, status_code=201)
def receive_material_lot(session: Tx, by: Keeper, body: DeliveryBody) -> Any:
    """Receive a lot of material in its containers. Refused without a certificate where its kind needs one."""
    act = act_now(session, by.name, body.why)
    came = Delivery(
        body.id, body.material, tuple((one.id, one.amount) for one in body.containers), body.supplier,
        body.certificate, body.expires_at, body.customer,
    )  # fmt: skip
    lot = receive(session, came, act)
    session.flush()
    return look_at_lot(session, lot.id, act.at)


@router.get("", response_model=paging.Page[ContainerRow])
def list_containers(
    session: Tx,
    _: Viewer,
    asked: paging.Asked,
    material: Name | None = None,
    state: ContainerState | None = None,
    equipment: Annotated[Name | None, Query(description="Only what is mounted on it.")] = None,
    customer: Customer = None,
    q: Annotated[str | None, Query(max_length=64, description="A part of the name.")] = None,
    ended: Annotated[bool | None, Query(description="Only containers with nothing left, or only others.")] = None,
) -> Any:
    """Containers by name, with what is left in them and when they expire."""
    query = wanted(
        select_containers(plant_now(session)), material=material, state=state, equipment=equipment,
        customer=customer, named=q, ended=ended,
    )  # fmt: skip
    return paging.paged(session, query, (Container.name, Container.id), asked)


@router.get("/{container}", response_model=ContainerLook)
def show_container(
    session: Tx, _: Viewer, response: Response, container: ContainerName, customer: Customer = None
) -> Any:
    """One container, with the lot it came in."""
    return _look(session, response, container_id(session, container, customer))


@router.post("/{container}/thaw", response_model=ContainerLook)
def thaw_container(session: Tx, by: Worker, of: Named, response: Response, body: ThawBody) -> Any:
    """Take a container out of the cold. Refused while another in the cold expires earlier."""
    found, act = of.id(session), act_now(session, by.name, body.why)
    thaw(session, found, act, out_of_order=body.out_of_order and _keeps(by))
    return _look(session, response, found)


@router.post("/{container}/open", response_model=ContainerLook)
def open_one_container(session: Tx, by: Worker, of: Named, response: Response, body: DoneBody) -> Any:
    """Open a container that has thawed, or need not."""
    found = of.id(session)
    open_container(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{container}/bake", response_model=ContainerLook)
def bake_container(session: Tx, by: Worker, of: Named, response: Response, body: DoneBody) -> Any:
    """Dry an open container in an oven; after that it has its whole floor life. Refused where it was done too often."""
    found = of.id(session)
    bake(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{container}/mount", response_model=ContainerLook)
def mount_container(session: Tx, by: Worker, of: Named, response: Response, body: MountBody) -> Any:
    """Put a container on an equipment. Refused while another of its material that is ready expires earlier."""
    found, act = of.id(session), act_now(session, by.name, body.why)
    place = equipment_id(session, body.equipment)
    mount(session, found, place, act, out_of_order=body.out_of_order and _keeps(by))
    return _look(session, response, found)


@router.post("/{container}/return", response_model=ContainerLook)
def return_one_container(session: Tx, by: Worker, of: Named, response: Response, body: DoneBody) -> Any:
    """Take a container off its equipment with what is left in it. Refused while a run takes of it."""
    found = of.id(session)
    return_container(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{container}/scrap", response_model=ContainerLook)
def scrap_one_container(session: Tx, by: Keeper, of: Named, response: Response, body: ScrapContainerBody) -> Any:
    """Throw a part of a container away, or all that is left in it."""
    found = of.id(session)
    scrap_container(session, found, body.amount, act_now(session, by.name, body.why))
    return _look(session, response, found)


def _keeps(by: Person) -> bool:
    """Whether somebody may let a container go before one that expires earlier; who may not is told who may."""
    return may(by, Permission.KEEP_MATERIALS)


def _look(session: Session, response: Response, found: int) -> dict[str, Any]:
    """A container as the transaction leaves it, and its version in the head of the answer."""
    session.flush()
    etag.tell_row(session, response, Container, found)
    return look(session, found, plant_now(session))
