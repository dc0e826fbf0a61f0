"""A reader of E142 files for tests alone. It shares nothing with the product: it thinks in vectors from the centre."""

from dataclasses import dataclass, field
from xml.etree import ElementTree

XY = tuple[int, int]


@dataclass
class Plain:
    """One SubstrateMap by position: x from the left, y from the top, of the layout seen from above and not turned."""

    declared: dict[str, str]
    rows: list[str] = field(default_factory=list)
    """Of the last bin map, as they stand in the file."""
    bins: dict[XY, str] = field(default_factory=dict)
    ids: dict[XY, str] = field(default_factory=dict)
    references: dict[XY, str | None] = field(default_factory=dict)
    sources: dict[XY, XY] = field(default_factory=dict)
    """Target to source, the latter as the file counts it."""
    counted: dict[str, XY] = field(default_factory=dict)
    """Id to its coordinates as the file counts them."""


def plain_maps(data: bytes, width: int = 1) -> dict[str, Plain]:
    """The maps of a file by id of substrate; its bin codes have ``width`` characters, and all counts begin at 0."""
    root = ElementTree.fromstring(data)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    sizes = {one.get("LayoutId", ""): _xy(one.find("Dimension")) for one in root.iter("Layout")}
    found = {}
    for one in root.iter("SubstrateMap"):
        columns = rows = 1
        for layout in one.get("LayoutSpecifier", "").split("/"):
            columns, rows = columns * sizes[layout][0], rows * sizes[layout][1]
        found[one.get("SubstrateId", "")] = _plain(one, columns, rows, width)
    return found


def _plain(one: ElementTree.Element, columns: int, rows: int, width: int) -> Plain:
    quarter = int(one.get("Orientation", "0")) // 90
    from_below = one.get("SubstrateSide") == "BottomSide"
    wide, high = (rows, columns) if quarter % 2 else (columns, rows)
    words = {"SubstrateSide", "Orientation", "OriginLocation", "AxisDirection"}
    plain = Plain({name: value for name, value in one.items() if name in words})

    def place(across: int, down: int) -> XY:
        """A cell of the picture, as a vector from its centre, turned back counter-clockwise, then seen from above."""
        vector = complex(2 * across - wide + 1, high - 1 - 2 * down) * 1j**quarter
        right = -vector.real if from_below else vector.real
        return round(right + columns - 1) // 2, round(rows - 1 - vector.imag) // 2

    origin, axis = one.get("OriginLocation", "LowerLeft"), one.get("AxisDirection", "UpRight")
    across_of = _labels(wide, "Left" in axis, {"Left": "first", "Righ": "last"}.get(origin[5:9], "middle"))
    down_of = _labels(high, "Up" in axis, {"Upper": "first", "Lower": "last"}.get(origin[:5], "middle"))

    def counted(element: ElementTree.Element | None, x: str = "X", y: str = "Y") -> XY:
        at = _xy(element, x, y)
        return place(across_of[at[0]], down_of[at[1]])

    for body in one.iter("BinCodeMap"):
        plain.rows = [row.text or "" for row in body.iter("BinCode")]
        for down, row in enumerate(plain.rows):
            for across in range(wide):
                plain.bins[place(across, down)] = row[across * width : (across + 1) * width]
    for element in one.iter("Id"):
        plain.ids[counted(element)] = element.text or ""
        plain.counted[element.text or ""] = _xy(element)
    for element in one.iter("ReferenceDevice"):
        plain.references[counted(element.find("Coordinates"))] = element.get("Name")
    for element in one.iter("T"):
        plain.sources[counted(element, "TX", "TY")] = _xy(element, "FX", "FY")
    return plain


def _labels(cells: int, backwards: bool, origin: str) -> dict[int, int]:  # noqa: FBT001
    """Coordinate to cell, along one side of the picture."""
    walk = list(range(cells))[:: -1 if backwards else 1]
    start = walk.index(cells - 1 if origin == "last" else 0) if origin != "middle" else cells // 2
    return {step - start: cell for step, cell in enumerate(walk)}


def _xy(element: ElementTree.Element | None, x: str = "X", y: str = "Y") -> XY:
    assert element is not None
    return int(element.get(x, "")), int(element.get(y, ""))
