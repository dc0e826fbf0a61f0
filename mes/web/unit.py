"""One unit: what it is now, all that it contains down to every die, and where it went up to the package."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from equipment.interface.messages import PASS_BIN
from equipment.interface.states import TransferOutcome
from mes.errors import NotFound
from mes.genealogy.records import readings, substrates
from mes.genealogy.trace import NO_PLANT, trace_unit, trace_up
from mes.genealogy.tree import Move, Onward, Place, Reading, Unit
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.lots.gate.supply import reserved
from mes.lots.holds.masks import masked
from mes.lots.own_lots import own_lots
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.units.models import Substrate
from mes.units.queries import substrate_id
from mes.units.states import ABNORMAL, Disposition
from mes.web.pages import page, plant_time, view_of
from mes.web.substrate_legend import pick

router = APIRouter(prefix="/units")
PUT_BACK = TransferOutcome.PUT_BACK.name.lower()
At = Annotated[int, Path(ge=0, lt=2**15)]


@dataclass(frozen=True)
class Line:
    """A position that a unit was at, or a move that led nowhere, and how it came about.

    ``kind`` is that of the substrate: a tray and a strip of a lot may differ in name by one character.
    ``place`` is None where the other side is another owner's, or where there is none. ``unit`` and ``map`` are
    addresses; ``bins`` is what stands on record about the position.
    """

    depth: int
    place: Place | None
    substrate: str
    product: str
    owner: str
    lot: str
    move: Move | None
    bins: tuple[Reading, ...] = ()
    kind: str = ""
    device_id: str = ""
    origin: str = ""
    tested: str = ""
    """Of another owner's, as far as the supply agreement shows it."""

    @property
    def _at(self) -> str:
        return f"{quote(self.owner, safe='')}/{quote(self.substrate, safe='')}"

    @property
    def unit(self) -> str:
        """The page of the unit at this position."""
        return f"/units/{self._at}/{self.place.x}/{self.place.y}" if self.place else ""

    @property
    def map(self) -> str:
        """The map with this position marked."""
        return f"/substrates/{self._at}?x={self.place.x}&y={self.place.y}" if self.place else ""

    @property
    def of_lot(self) -> str:
        """The page of the lot."""
        return f"/lots/{quote(self.owner, safe='')}/{quote(self.lot, safe='')}"


@router.get("/{customer}/{substrate}/{x}/{y}")
def show(
    request: Request, session: Tx, viewer: Annotated[Person, require(Permission.SEE_LOTS)],
    customer: Annotated[Name, Path()], substrate: Annotated[Name, Path()], x: At, y: At,
) -> Response:  # fmt: skip
    """The unit. A customer sees own units alone, and of their making neither equipment nor runs nor recipes."""
    found = substrate_id(session, substrate, customer)
    centre = viewer.customer_id is None
    with own_lots(session):
        disposition = _disposition(session, Place(found, x, y), substrate)
        kept, stays = _kept(session, Place(found, x, y))
        plant = plant_time(session, view_of(request, viewer))
    down, up = trace_unit(session, found, x, y), trace_up(session, found, x, y)
    contents, ways = list(_down(down.unit, None, 0)), list(_up(up.positions[0], None, 0))
    now = _now(up.positions[0])
    with own_lots(session):
        told = _told(session, [*contents, *ways, *([now] if now else [])], centre=centre)
        there = _disposition(session, now.place, now.substrate) if now and now.place else disposition
    missing = dict.fromkeys([*down.missing, *up.missing])
    missing.pop(NO_PLANT, None)
    return page(
        request, "unit.html", "/lots", viewer, here=told[0], contents=told[: len(contents)],
        ways=told[len(contents) : len(contents) + len(ways)], missing=list(missing),
        disposition=disposition.name.lower(), abnormal=disposition in ABNORMAL, picked=pick(disposition), kept=kept,
        masked=stays, used=sorted({*_all(down.unit, "used")}, key=lambda one: one.at), there=there.name.lower(),
        runs=down.runs, shipments=sorted({*_all(down.unit, "shipments")}, key=lambda one: one.sent_at),
        owners=sorted({*_all(down.unit, "owners")}, key=lambda one: one.at),
        now=told[-1] if now else None, plant=plant, centre=centre,
        passed=PASS_BIN,
    )  # fmt: skip


def _disposition(session: Session, place: Place, name: str) -> Disposition:
    found, x, y = place.substrate_id, place.x, place.y
    known = substrates(session, [found], centre=True)[found]
    if x >= known.columns or y >= known.rows:
        most = f"x goes to {known.columns - 1} and y to {known.rows - 1}"
        raise NotFound(f"Substrate {name} has no position ({x}, {y}): {most}.")
    code = func.get_byte(Substrate.dispositions, y * known.columns + x)
    return Disposition(session.scalars(select(code).where(Substrate.id == found)).one())


def _kept(session: Session, place: Place) -> tuple[bool, bool]:
    """Whether the unit is kept for a run that is open, and whether a hold masks it."""
    found = place.substrate_id
    known = substrates(session, [found], centre=True)[found]
    shape = (known.rows, known.columns)
    stays = masked(session, {found: shape}).get(found)
    return bool(reserved(session, found, shape)[place.y, place.x]), stays is not None and bool(stays[place.y, place.x])


def _told(session: Session, lines: list[Line], *, centre: bool) -> list[Line]:
    """With products and what layers say of the positions; for a customer, whose own they are, without who wrote it."""
    known = substrates(session, {line.place.substrate_id for line in lines if line.place}, centre=True)
    said = readings(session, [line.place for line in lines if line.place], known)
    if not centre:
        said = {place: tuple(replace(one, source="") for one in ones) for place, ones in said.items()}
    return [
        replace(line, product=of.product, kind=of.kind, bins=said.get(line.place, ()))
        if line.place and (of := known[line.place.substrate_id])
        else line
        for line in lines
    ]


def _down(unit: Unit, move: Move | None, depth: int) -> Iterator[Line]:
    yield Line(
        depth, unit.place, unit.substrate, unit.product, unit.owner, unit.lot, move,
        device_id=unit.device_id, origin=unit.origin, tested=unit.grade,
    )  # fmt: skip
    for held in unit.contains:
        yield from _down(held.unit, held.move, depth + 1)


def _all(unit: Unit, what: str) -> Iterator[Any]:
    """What is told of it, and of everything in it."""
    yield from getattr(unit, what)
    for held in unit.contains:
        yield from _all(held.unit, what)


def _up(step: Onward, move: Move | None, depth: int) -> Iterator[Line]:
    if move is not None:
        yield Line(depth, step.place, step.substrate, step.product, step.owner, step.lot, move, tested=step.result)
    for went in step.went:
        yield from _up(went.to or Onward(None), went.move, depth + 1)


def _now(step: Onward) -> Line | None:
    """Where the unit has gone, as far as is known; None where it is still here, or was lost or thrown away."""
    last = step
    while last.went and (to := last.went[-1].to) is not None and to.place is not None:
        last = to
    if last is step or (last.went and last.went[-1].move.outcome != PUT_BACK):
        return None
    return Line(0, last.place, last.substrate, last.product, last.owner, last.lot, None)
