"""Reads substrate maps in SEMI G85 XML: `Maps` of `Map`, each a `Device` with bins and rows of codes.

Frame. Rows are a picture: the first row is the top, the first code the left; `Rows` and `Columns` are its.
`Orientation` says by how much it is turned. Reference devices count from 0 at the corner that `OriginLocation` names.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from lxml import etree

from mes.units.formats.check import check
from mes.units.formats.e142_codes import read_rows
from mes.units.formats.e142_frame import read_orientation
from mes.units.formats.e142_overlays import (
    check_map_type,
    read_bin_type,
    read_definition,
    read_null_bin,
    row_texts,
    substrate_type,
)
from mes.units.formats.e142_xml import at, child, children, local, named, parse
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.frame import Axis, Frame, Origin, Shape
from mes.units.formats.grid import Grids, SizeUm, bounded, picture
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, MapFile, ReferenceDevice, SubstrateMap
from mes.units.formats.values import MAX_BYTES, micrometres, whole

FORMAT = "G85"
_ORIGINS = {
    "0": (Origin.CENTER, Axis.UP_RIGHT),
    "1": (Origin.UPPER_RIGHT, Axis.DOWN_LEFT),
    "2": (Origin.UPPER_LEFT, Axis.DOWN_RIGHT),
    "3": (Origin.LOWER_LEFT, Axis.UP_RIGHT),
    "4": (Origin.LOWER_RIGHT, Axis.UP_LEFT),
}


@dataclass(frozen=True, slots=True)
class _Head:
    """What a Device says of all its data."""

    place: str
    bin_type: BinType
    null_bin: int | None
    definitions: tuple[BinDefinition, ...]
    frame: Frame


def read_g85(data: bytes, max_bytes: int = MAX_BYTES) -> MapFile:
    """The maps of one G85 file, with every discrepancy found in it.

    Refuses with `MapRefused`: XML that `parse` refuses; no map or no device; a substrate without id; dimensions over
    the bound; an orientation or origin that is unknown; a bin type that is not supported; text where a number must be.
    """
    root = parse(data, max_bytes)
    findings, grids = Findings(), Grids()
    elements = [root] if local(root) == "map" else children(root, "map")
    if not elements:
        raise MapRefused("no-map", at(root), "There is no Map in Maps: nothing to read.")
    substrates = tuple(_substrate(element, grids, findings) for element in elements)
    mapfile = MapFile(layouts=grids.layouts, substrates=substrates, format=FORMAT)
    check(mapfile, findings)
    return replace(mapfile, discrepancies=findings.listed())


def _substrate(element: etree._Element, grids: Grids, findings: Findings) -> SubstrateMap:
    name = named(element, "SubstrateId") or named(element, "WaferId")
    device = child(element, "device")
    if name is None:
        raise MapRefused("substrate-id", at(element), "The Map has no SubstrateId or WaferId; it says whose map it is.")
    if device is None:
        raise MapRefused("no-map", at(element), "The Map has no Device; bins and rows stand in it.")
    findings.substrate = name
    head = _head(device, findings)
    columns, rows = _size(device, head, findings)
    bounded(columns, rows, head.place)
    shape = head.frame.drawn((rows, columns))
    layout = grids.name(
        shape[1],
        shape[0],
        head.place,
        product=named(device, "ProductId"),
        pitch_um=_size_um(device, "StepSize"),
        device_size_um=_size_um(device, "DeviceSize"),
    )
    slot = named(element, "SlotNumber") or named(device, "SlotNumber")
    return SubstrateMap(
        id=name,
        type=substrate_type(element, "SubstrateType") or "Wafer",
        layout=layout,
        rows=shape[0],
        columns=shape[1],
        frame=head.frame,
        lot=named(device, "LotId") or named(device, "LotNo"),
        carrier=named(device, "CarrierId"),
        slot=whole(slot, "SlotNumber", at(element)) if slot else None,
        supplier=named(device, "SupplierName"),
        overlays=tuple(_overlays(device, head, shape, grids, findings)),
    )


def _head(device: etree._Element, findings: Findings) -> _Head:
    check_map_type(device)
    bin_type = read_bin_type(device)
    return _Head(
        at(device),
        bin_type,
        read_null_bin(device, bin_type),
        tuple(read_definition(bin_, bin_type) for bin_ in children(device, "bin")),
        _frame(device, findings),
    )


def _frame(device: etree._Element, findings: Findings) -> Frame:
    origin = named(device, "OriginLocation") or "2"
    if origin not in _ORIGINS:
        message = f"OriginLocation is {origin[:40]!r}; it must be one of {', '.join(_ORIGINS)}."
        raise MapRefused("orientation", at(device), message)
    corner, axis = _ORIGINS[origin]
    return Frame(orientation=read_orientation(device, at(device), findings), origin=corner, axis=axis)


def _size(device: etree._Element, head: _Head, findings: Findings) -> tuple[int, int]:
    """Columns and rows as they are declared; from the picture, with a finding, where they are not."""
    columns, rows = named(device, "Columns"), named(device, "Rows")
    if columns and rows:
        return whole(columns, "Columns", head.place), whole(rows, "Rows", head.place)
    body = child(device, "data")
    counts = [] if body is None else read_rows(_rows(body, device), head.bin_type, at(body))[1].tolist()
    if not counts:
        raise MapRefused("dimension", head.place, "Rows or Columns are missing, and there are no rows; add them.")
    size = max(counts), len(counts)
    findings.add("dimension-missing", head.place, f"Rows or Columns are missing; {size[0]} x {size[1]} as drawn.")
    return size


def _rows(body: etree._Element, device: etree._Element) -> list[str]:
    return row_texts(children(body, "row"), device, children(device, "bin"))


def _overlays(device: etree._Element, head: _Head, shape: Shape, grids: Grids, findings: Findings) -> list[BinCodes]:
    references = tuple(_references(device, head.frame, shape))
    overlays = []
    for body in children(device, "data"):
        grids.reserve(shape[1], shape[0], at(body))
        flat, counts = read_rows(_rows(body, device), head.bin_type, at(body))
        drawn = picture(flat, counts, head.frame.drawn(shape), head.null_bin, at(body), findings)
        overlays.append(
            BinCodes(
                name=named(body, "MapName") or "",
                version=named(body, "MapVersion") or named(body, "Version"),
                references=references,
                bin_type=head.bin_type,
                null_bin=head.null_bin,
                codes=head.frame.ours(drawn),
                definitions=head.definitions,
            )
        )
    if not overlays:
        raise MapRefused("no-map", head.place, "The Device has no Data: there are no rows of bins to read.")
    return overlays


def _references(device: etree._Element, frame: Frame, shape: Shape) -> Iterator[ReferenceDevice]:
    for element in children(device, "referencedevice"):
        x, y = (whole(_coordinate(element, axis), axis, at(element)) for axis in "XY")
        yield ReferenceDevice(*frame.to_ours(x, y, shape))


def _coordinate(element: etree._Element, axis: str) -> str:
    return named(element, f"ReferenceDevice{axis}") or named(element, axis) or ""


def _size_um(device: etree._Element, name: str) -> SizeUm | None:
    """Attributes of micrometres, as `DeviceSizeX` and `DeviceSizeY`."""
    x, y = named(device, f"{name}X"), named(device, f"{name}Y")
    if not x or not y:
        return None
    return micrometres(x, f"{name}X", Decimal(1), at(device)), micrometres(y, f"{name}Y", Decimal(1), at(device))
