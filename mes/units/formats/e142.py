"""Reads substrate maps in E142 XML: bins, device ids and transfers, in the default orientation.

Liberal in what it takes: any E142-1 namespace or none, names in any case, CDATA, types of its own. What does not
fit becomes a discrepancy of the map file that names the place; what would have to be guessed is refused.

Frame. `BinCode` rows are a picture: the first row is the top, the first code the left. Coordinates (device ids,
transfers, reference devices) count from 0 at the origin, which here is LowerLeft with axes UpRight, so y is
turned: ours = rows - 1 - theirs. A transfer's source coordinates stay as they are, see `mapfile.TransferList`.
With nested layouts ("Strip/Chip") rows and columns are the products along the path.
"""

import re
from dataclasses import dataclass, replace

from lxml import etree

from mes.units.formats.check import check
from mes.units.formats.e142_layouts import bounded, read_layouts
from mes.units.formats.e142_overlays import TYPES, picture_size, read_overlay, substrate_type
from mes.units.formats.e142_xml import (
    MAX_BYTES,
    at,
    child,
    children,
    local,
    named,
    parse,
    text,
    unread,
    whole,
)
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.mapfile import MAX_FILE_POSITIONS, Layout, MapFile, SubstrateMap, extent, layout_path

DEFAULT_ORIENTATION = {
    "SubstrateSide": "TopSide",
    "Orientation": "0",
    "OriginLocation": "LowerLeft",
    "AxisDirection": "UpRight",
}
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
    positions: int = 0

    def reserve(self, positions: int, place: str) -> None:
        """Refuses the bin map that would bring the file over its bound, before room for it is made."""
        self.positions += positions
        if self.positions > MAX_FILE_POSITIONS:
            message = f"The bin maps of the file together have more than {MAX_FILE_POSITIONS} positions."
            raise MapRefused("too-many-positions", place, message)


def read_e142(data: bytes, max_bytes: int = MAX_BYTES) -> MapFile:
    """The maps of one E142 file, with every discrepancy found in it.

    Refuses with `MapRefused`: XML that is too large, broken or has a DOCTYPE; another root; no map at all;
    dimensions missing or over the bound; text where a number must be; any orientation but the default; a bin
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
    mapped = {(substrate.type, substrate.id) for substrate in maps}
    for kind, name in reading.substrates:
        if (kind, name) not in mapped:
            findings.add("substrate-without-map", "Substrates", f"{kind} {name} is listed, but has no SubstrateMap.")
    mapfile = MapFile(layouts=tuple(reading.layouts.values()), substrates=maps)
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
    if kind not in TYPES:
        known = ", ".join(TYPES)
        message = f"SubstrateType {kind!r} of {name} is not one of {known}; it was kept as it is."
        reading.findings.add("type-unknown", at(element), message)
    _check_orientation(element, f"{kind} {name}")
    attributes = "substratetype substrateid layoutspecifier " + " ".join(DEFAULT_ORIENTATION).lower()
    unread(element, "overlay", attributes, reading.findings)
    layout, columns, rows = _extent(element, reading)
    listed = reading.substrates.get((kind, name))
    if listed is None and reading.substrates:
        reading.findings.add("substrate-unlisted", at(element), f"{kind} {name} is not listed in Substrates.")
    listed = listed or _Substrate()
    overlays = (
        overlay
        for part in children(element, "overlay")
        for overlay in read_overlay(part, columns, rows, reading.reserve, reading.findings)
    )
    return SubstrateMap(
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
        overlays=tuple(overlays),
    )


def _check_orientation(element: etree._Element, label: str) -> None:
    for name, supported in DEFAULT_ORIENTATION.items():
        given = named(element, name)
        if given is not None and given.lower() != supported.lower():
            raise MapRefused(
                "orientation",
                f"{at(element)} of {label}",
                f"{name} is {given[:40]!r}; only {supported} (or none, which means the same) is supported.",
            )


def _extent(element: etree._Element, reading: _Reading) -> tuple[str, int, int]:
    """The layout's name, columns and rows; from the picture, with a finding, where no layout says them."""
    specifier = named(element, "LayoutSpecifier") or ""
    size = extent(layout_path(reading.layouts, specifier)) if specifier else None
    if size is not None:
        return specifier, *bounded(*size, at(element))
    size = picture_size(children(element, "overlay"))
    if size is None:
        message = f"LayoutSpecifier {specifier!r} names no layout of the file, and there are no bins."
        raise MapRefused("dimension", at(element), message)
    columns, rows = size
    assumed = Layout(f"Assumed {columns}x{rows}", columns, rows)
    reading.layouts.setdefault(assumed.id, assumed)
    message = f"LayoutSpecifier {specifier!r} names no layout of the file; {columns} x {rows} as in the picture."
    reading.findings.add("layout-missing", at(element), message)
    return assumed.id, columns, rows
