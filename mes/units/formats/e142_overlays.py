"""The overlays of an E142 substrate map: rows of bins, device ids, transfers, reference devices.

`e142.py` says how positions come into our frame.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from mes.units.formats.e142_codes import read_code, read_rows
from mes.units.formats.e142_layouts import size_um
from mes.units.formats.e142_xml import at, attribute, child, children, local, named, unread
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.grid import bounded, picture
from mes.units.formats.mapfile import (
    BinCodes,
    BinDefinition,
    BinType,
    DeviceIds,
    Overlay,
    ReferenceDevice,
    SubstrateMap,
    TransferList,
)
from mes.units.formats.values import whole

TYPES = ("Wafer", "Frame", "Strip", "Tray", "TNR", "Panel", "PCB")
_BIN_TYPES = {bin_type.lower(): bin_type for bin_type in BinType}


def substrate_type(element: etree._Element, name: str) -> str | None:
    """The attribute as the standard spells it, whatever its case; types of its own as they are."""
    given = named(element, name)
    return next((kind for kind in TYPES if given and kind.lower() == given.lower()), given)


def picture_size(overlays: Sequence[etree._Element]) -> tuple[int, int] | None:
    """Rows and columns of the first bin map as it was drawn, for files without layout; None without one."""
    for overlay in overlays:
        body = child(overlay, "bincodemap")
        if body is not None and children(body, "bincode"):
            _, counts = read_rows(_row_texts(body), read_bin_type(body), at(body))
            columns, rows = bounded(int(counts.max()), len(counts), at(body))
            return rows, columns
    return None


def read_overlay(
    element: etree._Element, of: SubstrateMap, reserve: Callable[[int, int, str], None], findings: Findings
) -> Iterator[Overlay]:
    """The maps of one Overlay of that substrate: the standard knows one in each, every one found is read.

    `reserve(columns, rows, place)` is asked before room for a bin map is made, and refuses what is too much.
    """
    unread(element, "referencedevices bincodemap deviceidmap transfermap", "mapname mapversion", findings)
    devices = children(child(element, "referencedevices"), "referencedevice")
    head = Overlay(
        name=named(element, "MapName") or "",
        version=named(element, "MapVersion"),
        references=tuple(_reference(device, of, findings) for device in devices),
    )
    found = False
    for body in element:
        match local(body):
            case "bincodemap":
                reserve(of.columns, of.rows, at(body))
                yield _bin_codes(body, head, of, findings)
            case "deviceidmap":
                yield _device_ids(body, head, of, findings)
            case "transfermap":
                yield _transfers(body, head, of, findings)
            case _:
                continue
        found = True
    if head.references and not found:
        yield head


def _reference(element: etree._Element, of: SubstrateMap, findings: Findings) -> ReferenceDevice:
    coordinates = child(element, "coordinates")
    if coordinates is None:
        raise MapRefused("reference-device", at(element), "The ReferenceDevice has no Coordinates; add X and Y.")
    x, y = (whole(attribute(coordinates, axis) or "", axis, at(coordinates)) for axis in "XY")
    x, y = of.frame.to_ours(x, y, of.shape)
    return ReferenceDevice(
        x=x,
        y=y,
        name=named(element, "Name"),
        position_um=size_um(child(element, "position"), None, findings),
    )


def _bin_codes(body: etree._Element, head: Overlay, of: SubstrateMap, findings: Findings) -> BinCodes:
    check_map_type(body)
    unread(body, "bindefinitions bincode", "bintype nullbin maptype", findings)
    bin_type = read_bin_type(body)
    null_bin = read_null_bin(body, bin_type)
    elements = children(child(body, "bindefinitions"), "bindefinition")
    definitions = tuple(read_definition(element, bin_type) for element in elements)
    flat, counts = read_rows(_row_texts(body), bin_type, at(body))
    drawn = picture(flat, counts, of.frame.drawn(of.shape), null_bin, at(body), findings)
    return BinCodes(
        name=head.name,
        version=head.version,
        references=head.references,
        bin_type=bin_type,
        null_bin=null_bin,
        codes=of.frame.ours(drawn),
        definitions=definitions,
    )


def check_map_type(body: etree._Element) -> None:
    """Refuses (`map-type`) a MapType that is no rows of codes."""
    given = named(body, "MapType")
    if given is not None and given.lower() not in ("array", "2darray"):
        raise MapRefused("map-type", at(body), f"MapType is {given[:40]!r}; only rows (2DArray) are supported.")


def read_bin_type(body: etree._Element) -> BinType:
    """The attribute BinType in any case. Refuses (`bin-type`) unknown ones."""
    given = named(body, "BinType") or "not given"
    if given.lower() not in _BIN_TYPES:
        raise MapRefused("bin-type", at(body), f"BinType is {given[:40]!r}; it must be one of {', '.join(BinType)}.")
    return _BIN_TYPES[given.lower()]


def read_null_bin(body: etree._Element, bin_type: BinType) -> int | None:
    """The attribute NullBin; None if there is none."""
    given = attribute(body, "NullBin") or None
    return read_code(given, bin_type, f"{at(body)}, NullBin") if given else None


def read_definition(element: etree._Element, bin_type: BinType) -> BinDefinition:
    """A bin as the attributes of its element say it."""
    place = at(element)
    count, pick = named(element, "BinCount"), named(element, "Pick")
    return BinDefinition(
        code=read_code(attribute(element, "BinCode") or "", bin_type, place),
        count=whole(count, "BinCount", place) if count else None,
        quality=named(element, "BinQuality"),
        description=named(element, "BinDescription"),
        pick=None if pick is None else pick.lower() in ("true", "1"),
    )


def _row_texts(body: etree._Element) -> list[str]:
    elements = children(body, "bincode")
    if any(named(element, "X") for element in elements[:1]):
        raise MapRefused("map-type", at(elements[0]), "BinCode has X and Y; only whole rows are supported.")
    return row_texts(elements, body, children(child(body, "bindefinitions"), "bindefinition"))


def row_texts(rows: Sequence[etree._Element], body: etree._Element, definitions: Sequence[etree._Element]) -> list[str]:
    """The rows as text. Where a blank is an ASCII code, only line ends and tabs around a row are cut off."""
    spelled = [attribute(body, "NullBin"), *(attribute(definition, "BinCode") for definition in definitions)]
    around = "\r\n\t" if " " in spelled and read_bin_type(body) is BinType.ASCII else None
    return [(row.text or "").strip(around) for row in rows]


def _device_ids(body: etree._Element, head: Overlay, of: SubstrateMap, findings: Findings) -> DeviceIds:
    unread(body, "id", "", findings)
    elements = children(body, "id")
    given_x, given_y = _coordinates(elements, ("X", "Y"))
    x, y = of.frame.to_ours(given_x, given_y, of.shape)
    return DeviceIds(
        name=head.name,
        version=head.version,
        references=head.references,
        x=x,
        y=y,
        texts=tuple((element.text or "").strip() for element in elements),
    )


def _transfers(body: etree._Element, head: Overlay, of: SubstrateMap, findings: Findings) -> TransferList:
    unread(body, "t", "fromsubstratetype fromsubstrateid fromlayoutspecifier", findings)
    source = named(body, "FromSubstrateId")
    if source is None:
        raise MapRefused(
            "transfer-source", at(body), "The TransferMap has no FromSubstrateId; add where units came from."
        )
    fx, fy, given_x, given_y = _coordinates(children(body, "t"), ("FX", "FY", "TX", "TY"))
    tx, ty = of.frame.to_ours(given_x, given_y, of.shape)
    return TransferList(
        name=head.name,
        version=head.version,
        references=head.references,
        from_substrate=source,
        from_type=substrate_type(body, "FromSubstrateType"),
        from_layout=named(body, "FromLayoutSpecifier"),
        fx=fx,
        fy=fy,
        tx=tx,
        ty=ty,
    )


def _coordinates(elements: Sequence[etree._Element], names: Sequence[str]) -> NDArray[np.int32]:
    """The attributes of all elements, one row each name; at most eight digits, so sums stay in 32 bits."""
    texts = [element.get(name) for element in elements for name in names]
    if None in texts:
        texts = [attribute(element, name) or "" for element in elements for name in names]
    flat = [text or "" for text in texts]
    joined = "".join(flat)
    if not (joined.isascii() and all(map(str.isdecimal, flat)) and max(map(len, flat), default=0) < 9):
        for i, text in enumerate(flat):
            element, name = elements[i // len(names)], names[i % len(names)]
            if abs(whole(text, name, at(element))) >= 10**8:
                raise MapRefused("not-a-number", at(element), f"{name} is {text}; no substrate is that large.")
    values = np.fromiter(map(int, flat), np.int32, len(flat))
    return np.ascontiguousarray(values.reshape(-1, len(names)).T)
