"""Reads substrate maps in E142 XML: bins, device ids and transfers, in whatever frame the file declares.

Liberal in what it takes: any E142-1 namespace or none, names in any case, CDATA, types of its own. What does not
fit becomes a discrepancy of the map file that names the place; what would have to be guessed is refused.

Frame. `BinCode` rows are a picture: the first row is the top, the first code the left, whatever origin and axis say.
The layout's dimension is that before it is turned. Coordinates (device ids, targets of transfers, reference devices)
count from 0 at the origin, unless reference devices and ids prove that they count from 1. A transfer's source
coordinates stay as they are, see `mapfile.TransferList`. With nested layouts ("Strip/Chip") rows and columns are the
products along the path.
"""

import re
from dataclasses import dataclass, field, replace

from lxml import etree

from mes.units.formats.check import check
from mes.units.formats.e142_frame import ATTRIBUTES, read_frame
from mes.units.formats.e142_layouts import read_layouts
from mes.units.formats.e142_overlays import TYPES, picture_size, read_overlay, substrate_type
from mes.units.formats.e142_xml import at, child, children, local, named, parse, text, unread
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.frame import Frame, Shape
from mes.units.formats.from_one import counts_from_one, recounted, seems_to_count_from_one
from mes.units.formats.grid import Grids, bounded
from mes.units.formats.mapfile import (
    Layout,
    MapFile,
    Overlay,
    Sources,
    SubstrateMap,
    TransferList,
    extent,
    layout_path,
)
from mes.units.formats.values import MAX_BYTES, whole

_NAMESPACE = re.compile(r"urn:semi-org:xsd\.E142-1\.V[0-9]+\.SubstrateMap")


@dataclass(frozen=True, slots=True)
class _Substrate:
    """An entry of `Substrates`."""

    lot: str | None = None
    carrier: str | None = None
    slot: int | None = None
    good_devices: int | None = None
    supplier: str | None = None


@dataclass
class _Reading:
    """What is known while one file is read."""

    findings: Findings
    layouts: dict[str, Layout]
    substrates: dict[tuple[str, str], _Substrate]
    grids: Grids = field(default_factory=Grids)


def read_e142(data: bytes, max_bytes: int = MAX_BYTES) -> MapFile:
    """The maps of one E142 file, with every discrepancy found in it.

    Refuses with `MapRefused`: XML that is too large, broken or has a DOCTYPE; another root; no map at all;
    dimensions missing or over the bound; text where a number must be; an orientation that is no such; a bin
    type or a list of single positions that is not supported. Nothing is read in part.
    """
    root = parse(data, max_bytes)
    findings = Findings()
    _check_root(root, findings)
    layouts = read_layouts(root, findings)
    reading = _Reading(findings, layouts, _substrates(root, findings))
    elements = children(child(root, "substratemaps"), "substratemap")
    if not elements:
        raise MapRefused("no-map", "MapData", "There is no SubstrateMap in SubstrateMaps: nothing to read.")
    maps = tuple(_substrate_map(element, reading) for element in elements)
    findings.substrate = None
    mapped = {(substrate.type, substrate.id) for substrate in maps}
    for kind, name in reading.substrates:
        if (kind, name) not in mapped:
            findings.add("substrate-without-map", "Substrates", f"{kind} {name} is listed, but has no SubstrateMap.")
    mapfile = MapFile(layouts=tuple(reading.layouts.values()), substrates=_with_sources(maps))
    check(mapfile, findings)
    return replace(mapfile, discrepancies=findings.listed())


def _check_root(root: etree._Element, findings: Findings) -> None:
    if local(root) != "mapdata":
        raise MapRefused("not-e142", at(root), "The root element of an E142 map is MapData.")
    namespace = root.tag[1:].partition("}")[0] if root.tag.startswith("{") else None
    if namespace is not None and not _NAMESPACE.fullmatch(namespace):
        findings.add(
            "namespace-unknown",
            at(root),
            f"Namespace {namespace[:200]!r} is not one of E142-1; the file was read by element names.",
        )
    unread(root, "layouts substrates substratemaps", "", findings)


def _substrates(root: etree._Element, findings: Findings) -> dict[tuple[str, str], _Substrate]:
    substrates: dict[tuple[str, str], _Substrate] = {}
    for element in children(child(root, "substrates"), "substrate"):
        unread(
            element,
            "lotid carrierid slotnumber gooddevices suppliername",
            "substratetype substrateid",
            findings,
        )
        key = (substrate_type(element, "SubstrateType") or "", named(element, "SubstrateId") or "")
        if key in substrates:
            findings.add(
                "substrate-duplicate",
                at(element),
                f"{key[0]} {key[1]} is listed again; the first one counts.",
            )
        slot, good = text(child(element, "slotnumber")), text(child(element, "gooddevices"))
        substrate = _Substrate(
            lot=text(child(element, "lotid")),
            carrier=text(child(element, "carrierid")),
            slot=whole(slot, "SlotNumber", at(element)) if slot else None,
            good_devices=whole(good, "GoodDevices", at(element)) if good else None,
            supplier=text(child(element, "suppliername")),
        )
        substrates.setdefault(key, substrate)
    return substrates


def _substrate_map(element: etree._Element, reading: _Reading) -> SubstrateMap:
    name, kind = named(element, "SubstrateId"), substrate_type(element, "SubstrateType") or ""
    if name is None:
        raise MapRefused("substrate-id", at(element), "The SubstrateMap has no SubstrateId; it says whose map it is.")
    reading.findings.substrate = name
    if kind not in TYPES:
        known = ", ".join(TYPES)
        message = f"SubstrateType {kind!r} of {name} is not one of {known}; it was kept as it is."
        reading.findings.add("type-unknown", at(element), message)
    frame = read_frame(element, f"{kind} {name}", reading.findings)
    attributes = "substratetype substrateid layoutspecifier " + " ".join(ATTRIBUTES).lower()
    unread(element, "overlay", attributes, reading.findings)
    layout, columns, rows = _extent(element, frame, reading)
    listed = reading.substrates.get((kind, name))
    if listed is None and reading.substrates:
        reading.findings.add("substrate-unlisted", at(element), f"{kind} {name} is not listed in Substrates.")
    listed = listed or _Substrate()
    of = SubstrateMap(
        id=name,
        type=kind,
        layout=layout,
        rows=rows,
        columns=columns,
        lot=listed.lot,
        carrier=listed.carrier,
        slot=listed.slot,
        good_devices=listed.good_devices,
        supplier=listed.supplier,
        frame=frame,
    )
    parts = children(element, "overlay")
    overlays = (o for part in parts for o in read_overlay(part, of, reading.grids.reserve, reading.findings))
    return _counted(replace(of, overlays=tuple(overlays)), reading.findings)


def _counted(substrate: SubstrateMap, findings: Findings) -> SubstrateMap:
    """The map as it is, or with coordinates shifted where they prove to count from 1."""
    if not counts_from_one(substrate):
        if seems_to_count_from_one(substrate):
            message = "No reference device is on a unit if coordinates count from 0, all are if from 1; read from 0."
            findings.add("reference-empty", substrate.label, message)
        return substrate
    message = "Coordinates count from 1: so all reference devices and ids fit, from 0 not. They were read so."
    findings.add("counts-from-one", substrate.label, message)
    return recounted(substrate)


def _with_sources(maps: tuple[SubstrateMap, ...]) -> tuple[SubstrateMap, ...]:
    """The maps with transfers that know the frame of their source, where that has a map here."""
    sources = Sources(maps)

    def framed(overlay: Overlay) -> Overlay:
        if not isinstance(overlay, TransferList):
            return overlay
        source = sources.of(overlay)
        return overlay if source is None else replace(overlay, from_frame=source.frame)

    return tuple(replace(one, overlays=tuple(map(framed, one.overlays))) for one in maps)


def _extent(element: etree._Element, frame: Frame, reading: _Reading) -> tuple[str, int, int]:
    """The layout's name, columns and rows; from the picture, with a finding, where no layout says them."""
    specifier = named(element, "LayoutSpecifier") or ""
    size = extent(layout_path(reading.layouts, specifier)) if specifier else None
    if size is not None:
        columns, rows = bounded(*size, at(element))
        _refuse_unturned(element, frame, (rows, columns))
        return specifier, columns, rows
    drawn = picture_size(children(element, "overlay"))
    if drawn is None:
        message = f"LayoutSpecifier {specifier!r} names no layout of the file, and there are no bins."
        raise MapRefused("dimension", at(element), message)
    rows, columns = frame.drawn(drawn)
    assumed = Layout(f"Assumed {columns}x{rows}", columns, rows)
    reading.layouts.setdefault(assumed.id, assumed)
    message = f"LayoutSpecifier {specifier!r} names no layout of the file; {columns} x {rows} as in the picture."
    reading.findings.add("layout-missing", at(element), message)
    return assumed.id, columns, rows


def _refuse_unturned(element: etree._Element, frame: Frame, shape: Shape) -> None:
    """Refuses (`dimension`) a picture that is said to be turned and has the layout's rows and columns as they are."""
    if frame.drawn(shape) == shape or picture_size(children(element, "overlay")) != shape:
        return
    size = f"{shape[1]} x {shape[0]}"
    message = (
        f"Orientation is {frame.orientation}, yet layout and picture are both {size}; change Dimension or Orientation."
    )
    raise MapRefused("dimension", at(element), message)
