"""Writes substrate maps as E142 XML, strictly: V1005 namespace, the standard's words, every count as counted.

What our own reader would call a contradiction is not written. Three findings are facts that may be true of a real
substrate and are written as they happened: a target hit twice or never, a source picked twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from mes.units.formats.check import check
from mes.units.formats.e142_codes import fits, spell, write_rows
from mes.units.formats.e142_frame import declared
from mes.units.formats.e142_overlays import TYPES
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.from_one import counts_from_one
from mes.units.formats.grid import bounded
from mes.units.formats.mapfile import BinCodes, DeviceIds, Layout, MapFile, Overlay, SubstrateMap, TransferList
from mes.units.formats.values import number

NAMESPACE = "urn:semi-org:xsd.E142-1.V1005.SubstrateMap"
_FACTS = frozenset({"target-twice", "target-never", "source-twice"})
_CODES = frozenset({"BinCode", "NullBin"})


def write_e142(mapfile: MapFile) -> bytes:
    """The file as UTF-8; equal map files give equal bytes. Reading it gives the map file back, counts filled in.

    Every map is drawn and counted in its own frame, see `MapFile.in_frame`. Refuses with `MapRefused`
    what contradicts itself, a code that is undefined or does not fit the bin type, a substrate whose layout is not in
    the file or has another size, a type the standard does not know, missing names, text that XML cannot hold or
    would give back changed, and coordinates that count from 1 where nothing in the file would prove it.
    """
    for substrate in mapfile.substrates:
        _check_substrate(mapfile, substrate)
    findings = Findings()
    check(mapfile, findings)
    for finding in findings.listed():
        if finding.code not in _FACTS:
            raise MapRefused(finding.code, finding.place, finding.message)
    document = _Document()
    with document.inside("MapData", xmlns=NAMESPACE):
        with document.inside("Layouts"):
            for layout in mapfile.layouts:
                _layout(document, layout)
        with document.inside("Substrates"):
            _substrates(document, mapfile)
        with document.inside("SubstrateMaps"):
            for substrate in mapfile.substrates:
                _substrate_map(document, substrate)
    return document.text().encode()


class _Document:
    """XML as it grows: one element a line, indented. Attributes and texts that are None are left out."""

    def __init__(self) -> None:
        self._lines = ['<?xml version="1.0" encoding="UTF-8"?>']
        self._indent = ""

    @contextmanager
    def inside(self, name: str, **attributes: object) -> Iterator[None]:
        """Everything added meanwhile is inside this element."""
        self._lines.append(f"{self._indent}<{name}{_attributes(attributes)}>")
        self._indent += "  "
        yield
        self._indent = self._indent[:-2]
        self._lines.append(f"{self._indent}</{name}>")

    def leaf(self, name: str, text: str | None = None, **attributes: object) -> None:
        """An element with text or with nothing inside."""
        start = f"{self._indent}<{name}{_attributes(attributes)}"
        self._lines.append(f"{start}/>" if text is None else f"{start}>{escape(_plain(name, text))}</{name}>")

    def markup(self, lines: Iterator[str]) -> None:
        """Many elements at once, already spelled."""
        self._lines += [self._indent + line for line in lines]

    def text(self) -> str:
        """The document so far."""
        return "\n".join(self._lines) + "\n"


def _attributes(attributes: dict[str, object]) -> str:
    given = ((key, str(value)) for key, value in attributes.items() if value is not None)
    return "".join(f" {key}={quoteattr(text if key in _CODES else _plain(key, text))}" for key, text in given)


def _check_substrate(mapfile: MapFile, substrate: SubstrateMap) -> None:
    if substrate.type not in TYPES:
        message = f"SubstrateType {substrate.type!r} is not one of {', '.join(TYPES)}."
        raise MapRefused("type-unknown", substrate.label, message)
    size = (substrate.columns, substrate.rows)
    if (found := mapfile.extent(substrate.layout)) != size:
        has = f"has {found[0]} x {found[1]} positions" if found else "is not in the file"
        message = f"It has {size[0]} x {size[1]} positions, its layout {substrate.layout!r} {has}."
        raise MapRefused("dimension", substrate.label, message)
    bounded(*size, substrate.label)
    if substrate.frame.first and not counts_from_one(substrate):
        message = "No reference device and no id proves that it counts from 1; write it in a frame that counts from 0."
        raise MapRefused("counts-from-one", substrate.label, message)
    for overlay in substrate.overlays:
        if isinstance(overlay, BinCodes):
            _check_codes(overlay, substrate)


def _check_codes(overlay: BinCodes, substrate: SubstrateMap) -> None:
    place = f"{substrate.label}, overlay {overlay.name}"
    if overlay.codes.shape != (substrate.rows, substrate.columns):
        message = f"Codes are {overlay.codes.shape}, the substrate {substrate.rows} rows x {substrate.columns}."
        raise MapRefused("dimension", place, message)
    codes = {*np.unique(overlay.codes).tolist(), *(definition.code for definition in overlay.definitions)}
    for code in codes if overlay.null_bin is None else codes | {overlay.null_bin}:
        if not fits(code, overlay.bin_type):
            raise MapRefused("code-too-wide", place, f"Bin code {code} cannot be written as {overlay.bin_type}.")


def _layout(document: _Document, layout: Layout) -> None:
    bounded(layout.columns, layout.rows, f"Layout {layout.id}")
    top = "true" if layout.top_level else None
    with document.inside("Layout", LayoutId=layout.id, DefaultUnits="mm", TopLevel=top):
        document.leaf("Dimension", X=layout.columns, Y=layout.rows)
        sizes = {"LowerLeft": layout.lower_left_um, "DeviceSize": layout.device_size_um, "StepSize": layout.pitch_um}
        for name, size_um in sizes.items():
            if size_um is not None:
                document.leaf(name, X=_mm(size_um[0]), Y=_mm(size_um[1]))
        if layout.z_order is not None or layout.z_height_um is not None:
            height = None if layout.z_height_um is None else _mm(layout.z_height_um)
            document.leaf("Z", Order=layout.z_order, Height=height)
        if layout.product is not None:
            document.leaf("ProductId", layout.product)
        if layout.children:
            with document.inside("ChildLayouts"):
                for child in layout.children:
                    document.leaf("ChildLayout", LayoutId=child)


def _substrates(document: _Document, mapfile: MapFile) -> None:
    """Each substrate once, however many maps of it the file holds; what is said of it must then agree."""
    listed: dict[tuple[str, str], dict[str, str | int | None]] = {}
    for substrate in mapfile.substrates:
        said: dict[str, str | int | None] = {
            "LotId": substrate.lot,
            "CarrierId": substrate.carrier,
            "SlotNumber": substrate.slot,
            "GoodDevices": substrate.good_devices,
            "SupplierName": substrate.supplier,
        }
        if listed.setdefault((substrate.type, substrate.id), said) != said:
            message = "Its maps name different lots, carriers, slots, suppliers or good devices."
            raise MapRefused("substrate-duplicate", substrate.label, message)
    for (kind, name), said in listed.items():
        with document.inside("Substrate", SubstrateType=kind, SubstrateId=name):
            for key, value in said.items():
                if value is not None:
                    document.leaf(key, str(value))


def _substrate_map(document: _Document, substrate: SubstrateMap) -> None:
    with document.inside(
        "SubstrateMap",
        SubstrateType=substrate.type,
        SubstrateId=substrate.id,
        LayoutSpecifier=substrate.layout,
        **declared(substrate.frame),
    ):
        for overlay in substrate.overlays:
            with document.inside("Overlay", MapName=overlay.name, MapVersion=overlay.version):
                _overlay(document, substrate, overlay)


def _overlay(document: _Document, substrate: SubstrateMap, overlay: Overlay) -> None:
    if overlay.references:
        with document.inside("ReferenceDevices"):
            for device in overlay.references:
                x, y = substrate.frame.to_file(device.x, device.y, substrate.shape)
                with document.inside("ReferenceDevice", Name=device.name):
                    document.leaf("Coordinates", X=x, Y=y)
                    if device.position_um is not None:
                        x_um, y_um = device.position_um
                        document.leaf("Position", X=_mm(x_um), Y=_mm(y_um), Units="mm")
    if isinstance(overlay, BinCodes):
        _bin_codes(document, substrate, overlay)
    elif isinstance(overlay, DeviceIds):
        _device_ids(document, substrate, overlay)
    elif isinstance(overlay, TransferList):
        _transfers(document, substrate, overlay)


def _bin_codes(document: _Document, substrate: SubstrateMap, overlay: BinCodes) -> None:
    kind = overlay.bin_type
    null = None if overlay.null_bin is None else spell(overlay.null_bin, kind)
    counted = np.bincount(overlay.codes.ravel(), minlength=0x10000)
    with document.inside("BinCodeMap", BinType=kind, NullBin=null):
        with document.inside("BinDefinitions"):
            for definition in overlay.definitions:
                document.leaf(
                    "BinDefinition",
                    BinCode=spell(definition.code, kind),
                    BinCount=counted[definition.code],
                    BinQuality=definition.quality,
                    BinDescription=definition.description,
                    Pick=None if definition.pick is None else str(definition.pick).lower(),
                )
        picture = substrate.frame.picture(overlay.codes)
        document.markup(f"<BinCode>{escape(row)}</BinCode>" for row in write_rows(picture, kind))


def _device_ids(document: _Document, substrate: SubstrateMap, overlay: DeviceIds) -> None:
    x, y = substrate.frame.to_file(overlay.x, overlay.y, substrate.shape)
    columns = (x.tolist(), y.tolist(), overlay.texts)
    with document.inside("DeviceIdMap"):
        document.markup(
            f'<Id X="{x}" Y="{y}">{escape(_plain("Id", text))}</Id>' for x, y, text in zip(*columns, strict=True)
        )


def _transfers(document: _Document, substrate: SubstrateMap, overlay: TransferList) -> None:
    to = substrate.frame.to_file(overlay.tx, overlay.ty, substrate.shape)
    columns = (array.tolist() for array in (overlay.fx, overlay.fy, *to))
    with document.inside(
        "TransferMap",
        FromSubstrateType=overlay.from_type,
        FromSubstrateId=overlay.from_substrate,
        FromLayoutSpecifier=overlay.from_layout,
    ):
        document.markup(
            f'<T FX="{fx}" FY="{fy}" TX="{tx}" TY="{ty}"/>' for fx, fy, tx, ty in zip(*columns, strict=True)
        )


def _plain(what: str, text: str) -> str:
    """The text as it is. Refuses (`text`) what XML cannot hold, and what would be read trimmed or as absent."""
    if not text or text != text.strip():
        message = "it is empty" if not text.strip() else "blanks around it would be lost"
        raise MapRefused("text", what, f"{text[:40]!r} cannot be written: {message}.")
    if not (text.isascii() and text.isprintable()) and not all(_in_xml(ord(character)) for character in text):
        raise MapRefused("text", what, f"{text[:40]!r} cannot be written: XML has no such character.")
    return text


def _in_xml(point: int) -> bool:
    """Whether XML 1.0 allows the character and gives it back; a carriage return would become a line end."""
    return point in (0x9, 0xA) or 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or point > 0xFFFF


def _mm(um: float) -> str:
    """Micrometres in millimetres, exactly. Refuses (`not-a-number`) what the reader would not take."""
    text = str(Decimal(repr(um)).scaleb(-3)) if np.isfinite(um) else str(um)
    number(text, "A size in mm", "Layouts")
    return text
