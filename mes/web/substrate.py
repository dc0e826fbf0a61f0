"""One substrate as a map: what became of each position, or the bins of one layer, with the counts of each."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import numpy as np
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import Layout
from mes.errors import NotFound
from mes.genealogy.records import Known, substrates
from mes.http.addresses import path
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.lots.analysis.figures import found as found_on
from mes.lots.analysis.figures import zone_yields
from mes.lots.analysis.stack import many, of_codes, of_its_lot
from mes.lots.gate.supply import reserved
from mes.lots.holds.masks import masked
from mes.lots.maps.api import as_json
from mes.lots.maps.map_file import DISPOSITIONS, bin_map, exported
from mes.lots.models import Lot
from mes.lots.own_lots import own_lots
from mes.lots.verbs.bins import DOWNGRADE, UPGRADE
from mes.people.access import require
from mes.people.models import Customer as CustomerRow
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.units.arrival import INCOMING_BINS
from mes.units.bins import READ
from mes.units.brought import brought_layers
from mes.units.formats.e142_write import write_e142
from mes.units.models import Layer, Substrate
from mes.units.positions import Mask
from mes.units.queries import substrate_id
from mes.units.states import Disposition
from mes.units.warned import warnings_of
from mes.web.lot_verbs import offered
from mes.web.pages import page, plant_time, view_of
from mes.web.substrate_legend import of_bins, of_dispositions, states
from mes.web.substrate_stack import failures, of_failures

router = APIRouter(prefix="/substrates")
Viewer = Annotated[Person, require(Permission.SEE_LOTS)]
Customer = Annotated[Name, Path()]
Asked = Annotated[Name, Query()]
Version = Annotated[int | None, Query(ge=1, lt=2**31)]

BINS = ("u1", "u2")
"""Encodings of layers that hold bins."""


@dataclass(frozen=True)
class Shown:
    """A layer over a substrate, with its versions, the oldest first: number, who or what wrote it, when."""

    name: str
    versions: list[tuple[int, str, datetime]]


@router.get("/{customer}/{name}/map.{extension}")
def file(
    session: Tx, viewer: Viewer, customer: Customer, name: Annotated[Name, Path()], extension: Annotated[Name, Path()],
    layer: Asked = DISPOSITIONS, version: Version = None,
) -> Response:  # fmt: skip
    """The map as a file: E142 XML, JSON, or CSV with a row for each position. Raises `NotFound` for another format."""
    if extension not in FILES:
        raise NotFound(f"Maps are given as {', '.join(FILES)}, not as {extension}.")
    written, media_type = FILES[extension]
    found = substrate_id(session, name, customer)
    with own_lots(session):
        text = written(session, found, layer, version, viewer.customer_id)
    called = quote(f"{name} {layer}.{extension}".replace("/", "-"))
    return Response(
        text, media_type=media_type, headers={"Content-Disposition": f"attachment; filename*=UTF-8''{called}"}
    )


@router.get("/{customer}/{name}/reserved", dependencies=[require(Permission.SEE_LOTS)])
def reserved_bytes(session: Tx, customer: Customer, name: Annotated[Name, Path()]) -> Response:
    """Which positions are kept for runs that are open (1), or masked by holds (2): a byte each, row by row."""
    found = substrate_id(session, name, customer)
    with own_lots(session):
        _, layout = _substrate(session, found)
        kept, stays = _kept(session, found, layout)
    said = kept.astype("u1") + 2 * stays.astype("u1")
    return Response(said.tobytes(), media_type="application/octet-stream", headers={"Map-Bytes": "1"})


@router.get("/{customer}/{name}/stack", dependencies=[require(Permission.SEE_LOTS)])
def stack_bytes(
    session: Tx, customer: Customer, name: Annotated[Name, Path()], layer: Asked = DISPOSITIONS
) -> Response:  # fmt: skip
    """At how many substrates of the lot the unit at each position failed: two bytes each, row by row."""
    found = substrate_id(session, name, customer)
    with own_lots(session):
        failed = failures(of_its_lot(session, found, layer).counts)
    return Response(failed.astype("<u2").tobytes(), media_type="application/octet-stream", headers={"Map-Bytes": "2"})


@router.get("/{customer}/{name}")
def show(
    request: Request, session: Tx, viewer: Viewer, customer: Customer, name: Annotated[Name, Path()],
    layer: Asked = DISPOSITIONS, version: Version = None, *, whole_lot: Annotated[bool, Query()] = False,
    signatures: Annotated[bool, Query()] = False,
) -> Response:  # fmt: skip
    """The substrate, or all of its lot laid upon it; its signatures if asked. No customer is told who wrote a layer."""
    found = substrate_id(session, name, customer)
    with own_lots(session):
        known = substrates(session, [found], centre=True)[found]
        substrate, layout = _substrate(session, found)
        layers, others = _layers(session, found)
        brought = brought_layers(session, found, (layout.rows, layout.columns))
        tested = substrates(session, brought.get(layer, ()), centre=True)
        _, codes = bin_map(session, found, layer, version=version)
        warnings = warnings_of(session, found) if layer == INCOMING_BINS else []
        kept, stays = (int(where.sum()) for where in _kept(session, found, layout))
        together = many(session, found, layer)
        stack = of_its_lot(session, found, layer) if whole_lot and together else None
        of = stack or of_codes(found, layout, codes)
        plant = plant_time(session, view_of(request, viewer))
        edits = [] if stack is not None else _edits(session, viewer, known, layer)
    if stack is not None:
        entries = of_failures(stack.counts)
    else:
        entries = of_dispositions(codes) if layer == DISPOSITIONS else of_bins(codes)
    return page(
        request, "substrate.html", "/lots", viewer, known=known, substrate=substrate, layout=layout,
        layers=[*layers, *(Shown(name, []) for name in brought)], others=others, tested=list(tested.values()),
        layer=layer, version=int(codes.version or 0), entries=entries, states=states(), plant=plant,
        units=sum(entry.count for entry in entries), positions=layout.rows * layout.columns, together=together,
        kept=kept, masked=stays, stack=stack and len(stack.passes), address=Address(customer, name, layer, version),
        centre=viewer.customer_id is None, warnings=warnings, zones=zone_yields(of), looked=signatures,
        signatures=found_on(of) if signatures else [],
        lot=None, verbs=edits, given={"substrate": name, "map": layer}, here=path("lots", known.owner, known.lot),
    )  # fmt: skip


def _edits(session: Session, viewer: Person, known: Known, layer: str) -> list[dict[str, Any]]:
    """How the viewer may edit the bins that are shown."""
    if not (known.lot and layer.startswith(READ)):
        return []
    query = select(Lot.state).join(CustomerRow, CustomerRow.id == Lot.customer_id)
    state = session.scalars(query.where(Lot.name == known.lot, CustomerRow.name == known.owner)).one()
    verbs = offered(session, viewer, {"state": state, "product": known.product})
    return [verb for verb in verbs if verb["name"] in (DOWNGRADE, UPGRADE)]


@dataclass(frozen=True)
class Address:
    """Where the page and what belongs to it are found."""

    customer: str
    name: str
    layer: str
    version: int | None

    @property
    def _substrate(self) -> str:
        return f"{quote(self.customer, safe='')}/{quote(self.name, safe='')}"

    def page(self, layer: str, version: int | None = None) -> str:
        """The page with that layer."""
        return (
            f"/substrates/{self._substrate}{_asking(layer=None if layer == DISPOSITIONS else layer, version=version)}"
        )

    def whole_lot(self) -> str:
        """The page with all substrates of the lot."""
        return f"/substrates/{self._substrate}{_asking(layer=self.layer, whole_lot='yes')}"

    def signatures(self, *, whole_lot: bool) -> str:
        """The page with the signatures of what it shows."""
        asked = _asking(
            layer=self.layer, version=self.version, whole_lot="yes" if whole_lot else None, signatures="yes"
        )
        return f"/substrates/{self._substrate}{asked}#signatures"

    def reserved(self) -> str:
        """Which positions are kept for open runs or masked, for the canvas."""
        return f"/substrates/{self._substrate}/reserved"

    def stack(self) -> str:
        """The same for the canvas."""
        return f"/substrates/{self._substrate}/stack{_asking(layer=self.layer)}"

    def file(self, extension: str) -> str:
        """What the page shows as a file."""
        return f"/substrates/{self._substrate}/map.{extension}{_asking(layer=self.layer, version=self.version)}"

    def bytes(self, layer: str, version: int | None = None) -> str:
        """A layer for the canvas."""
        start = f"/api/v1/substrates/{quote(self.name, safe='')}/maps/{quote(layer)}"
        return start + _asking(customer=self.customer, version=version)

    @property
    def unit(self) -> str:
        """What the page of a unit begins with."""
        return f"/units/{self._substrate}/"


def _asking(**asked: Any) -> str:
    """The question of an address; what is None is not asked."""
    given = urlencode({key: value for key, value in asked.items() if value is not None})
    return f"?{given}" if given else ""


def _substrate(session: Session, found: int) -> tuple[Substrate, Layout]:
    query = select(Substrate, Layout).join(Layout, Layout.id == Substrate.layout_id).where(Substrate.id == found)
    substrate, layout = session.execute(query).one()
    return substrate, layout


def _kept(session: Session, found: int, layout: Layout) -> tuple[Mask, Mask]:
    """Which positions are kept for runs that are open, and which are masked by holds."""
    shape = (layout.rows, layout.columns)
    stays = masked(session, {found: shape}).get(found, np.zeros(shape, np.bool_))
    return reserved(session, found, shape), stays


def _layers(session: Session, found: int) -> tuple[list[Shown], list[str]]:
    """The layers of bins, and the names of the others."""
    query = select(Layer.name, Layer.encoding, Layer.version, Layer.source, Layer.happened_at)
    shown: dict[str, Shown] = {}
    others: dict[str, None] = {}
    for name, encoding, *version in session.execute(query.where(Layer.substrate_id == found).order_by(Layer.id)):
        if encoding in BINS:
            shown.setdefault(name, Shown(name, [])).versions.append(tuple(version))  # type: ignore[arg-type]
        else:
            others[name] = None
    return list(shown.values()), list(others)


Written = Callable[[Session, int, str, int | None, int | None], str | bytes]


def _as_xml(session: Session, found: int, layer: str, version: int | None, owner_id: int | None) -> bytes:
    return write_e142(exported(session, found, layer, version=version, owner_id=owner_id))


def _as_json(session: Session, found: int, layer: str, version: int | None, _: int | None) -> str:
    return json.dumps(as_json(*bin_map(session, found, layer, version=version)), ensure_ascii=False)


def _as_csv(session: Session, found: int, layer: str, version: int | None, _: int | None) -> str:
    """x and y from 0 at the top left, code, name and quality of the bin, and what became of the unit."""
    bins, became = bin_map(session, found, layer, version=version)[1], bin_map(session, found)[1]
    meant = {d.code: (d.description or "", d.quality or "") for d in bins.definitions}
    words = {code: word for code, word, _ in states()}
    there = (became.codes != Disposition.NO_UNIT) | (bins.codes != (-1 if bins.null_bin is None else bins.null_bin))
    y, x = np.nonzero(there)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("x", "y", "code", "name", "quality", "disposition"))
    columns = (x.tolist(), y.tolist(), bins.codes[there].tolist(), became.codes[there].tolist())
    writer.writerows(
        (x_, y_, code, *meant.get(code, ("", "")), words.get(state, ""))
        for x_, y_, code, state in zip(*columns, strict=True)
    )
    return out.getvalue()


FILES: dict[str, tuple[Written, str]] = {
    "xml": (_as_xml, "application/xml"),
    "csv": (_as_csv, "text/csv; charset=utf-8"),
    "json": (_as_json, "application/json"),
}
