"""The `Layouts` part of an E142 file: grids, their nesting and their sizes."""

from decimal import Decimal

from lxml import etree

from mes.units.formats.e142_xml import at, attribute, child, children, named, text, unread
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.grid import bounded
from mes.units.formats.mapfile import Layout
from mes.units.formats.values import micrometres, whole

_UM = {
    "um": Decimal(1),
    "micron": Decimal(1),
    "microns": Decimal(1),
    "micrometer": Decimal(1),
    "mm": Decimal(1000),
    "millimeter": Decimal(1000),
    "cm": Decimal(10_000),
    "mil": Decimal("25.4"),
    "mils": Decimal("25.4"),
    "inch": Decimal(25_400),
    "inches": Decimal(25_400),
}


def read_layouts(root: etree._Element, findings: Findings) -> dict[str, Layout]:
    """All layouts by id. Refuses one without id or dimension, or with more than `MAX_POSITIONS` positions."""
    layouts: dict[str, Layout] = {}
    for element in children(child(root, "layouts"), "layout"):
        layout = _layout(element, findings)
        if layout.id in layouts:
            findings.add("layout-duplicate", at(element), f"Layout {layout.id} is defined again; the first one counts.")
        layouts.setdefault(layout.id, layout)
    return layouts


def size_um(
    element: etree._Element | None, default_units: str | None, findings: Findings
) -> tuple[float, float] | None:
    """X and Y of the element in micrometres; None if absent, empty or in units nobody knows (a finding)."""
    if element is None:
        return None
    x, y = named(element, "X"), named(element, "Y")
    scale = _scale(element, default_units, findings)
    if x is None or y is None or scale is None:
        return None
    return micrometres(x, "X", scale, at(element)), micrometres(y, "Y", scale, at(element))


def _layout(element: etree._Element, findings: Findings) -> Layout:
    place = at(element)
    name = named(element, "LayoutId")
    dimension = child(element, "dimension")
    if name is None:
        raise MapRefused("layout-id", place, "The layout has no LayoutId; every layout needs one.")
    if dimension is None:
        raise MapRefused("dimension", place, f"Layout {name} has no Dimension; add <Dimension X= Y=/>.")
    unread(
        element,
        "dimension lowerleft devicesize stepsize z productid childlayouts",
        "layoutid defaultunits toplevel",
        findings,
    )
    columns, rows = (whole(attribute(dimension, axis) or "", f"Dimension {axis}", at(dimension)) for axis in "XY")
    bounded(columns, rows, at(dimension))
    units = named(element, "DefaultUnits")
    z_order, z_height_um = _z(child(element, "z"), units, findings)
    chips = children(child(element, "childlayouts"), "childlayout")
    return Layout(
        id=name,
        columns=columns,
        rows=rows,
        lower_left_um=size_um(child(element, "lowerleft"), units, findings),
        device_size_um=size_um(child(element, "devicesize"), units, findings),
        pitch_um=size_um(child(element, "stepsize"), units, findings),
        z_order=z_order,
        z_height_um=z_height_um,
        product=text(child(element, "productid")),
        children=tuple(filter(None, (named(chip, "LayoutId") for chip in chips))),
        top_level=(named(element, "TopLevel") or "").lower() in ("true", "1"),
    )


def _z(
    element: etree._Element | None, default_units: str | None, findings: Findings
) -> tuple[int | None, float | None]:
    if element is None:
        return None, None
    order, height = named(element, "Order"), named(element, "Height")
    scale = _scale(element, default_units, findings) if height else None
    return (
        whole(order, "Z Order", at(element)) if order else None,
        micrometres(height, "Z Height", scale, at(element)) if height and scale else None,
    )


def _scale(element: etree._Element, default_units: str | None, findings: Findings) -> Decimal | None:
    """Micrometres in one of the element's units; E142's own default is the millimetre."""
    units = named(element, "Units") or default_units or "mm"
    scale = _UM.get(units.lower())
    if scale is None:
        findings.add("unit-unknown", at(element), f"Unit {units!r} is not known, the size is not read.")
    return scale
