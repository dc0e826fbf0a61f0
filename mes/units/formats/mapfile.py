"""What a substrate map file says, as plain data: the meeting point of every format, without a database.

One frame for all: x counts from 0 at the left, y from 0 at the **top** of the layout before it is turned, arrays are
rows x columns, so that `codes[y, x]` is the position (x, y). Every reader converts into this frame and every writer out
of it; `SubstrateMap.frame` says how the file draws and counts.

The one exception is the source of a transfer: a file often names the source wafer without its size, so `fx` and
`fy` stay as the file counts them until somebody who knows the wafer's size asks `TransferList.source_xy(shape)`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from math import prod

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.findings import Discrepancy
from mes.units.formats.frame import DEFAULT, Frame, Shape

MAX_POSITIONS = 4_000_000
"""Positions of one map; a 300 mm wafer of 0.2 mm dies has 1.8 million."""
MAX_FILE_POSITIONS = 4 * MAX_POSITIONS
"""Positions of all bin maps of one file together."""

GOOD_QUALITIES = frozenset({"pass", "good"})
"""Bin qualities that mean a good unit, in lower case."""


class BinType(StrEnum):
    """How a bin code is spelled in a file."""

    ASCII = "ASCII"
    """One character."""
    DECIMAL = "Decimal"
    """Three decimal digits, blanks between the codes."""
    HEXADECIMAL = "HexaDecimal"
    """Two hexadecimal digits."""
    INTEGER2 = "Integer2"
    """Four hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A grid of positions, or of child layouts; sizes are in micrometres, (x, y)."""

    id: str
    columns: int
    rows: int
    lower_left_um: tuple[float, float] | None = None
    device_size_um: tuple[float, float] | None = None
    pitch_um: tuple[float, float] | None = None
    z_order: int | None = None
    z_height_um: float | None = None
    product: str | None = None
    children: tuple[str, ...] = ()
    top_level: bool = False


@dataclass(frozen=True, slots=True)
class ReferenceDevice:
    """A device that can be recognised on the substrate: x, y in our frame, its place in um if given."""

    x: int
    y: int
    name: str | None = None
    position_um: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class BinDefinition:
    """What a bin code means. `count` is the number the file declares, not one that was counted."""

    code: int
    count: int | None = None
    quality: str | None = None
    description: str | None = None
    pick: bool | None = None

    @property
    def good(self) -> bool:
        """Whether the quality says that the unit is good; several codes may."""
        return (self.quality or "").lower() in GOOD_QUALITIES


@dataclass(frozen=True, eq=False, kw_only=True)
class Overlay:
    """One layer over a substrate's positions; equal if every field and every array element is."""

    name: str
    version: str | None = None
    references: tuple[ReferenceDevice, ...] = ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    __hash__ = None  # type: ignore[assignment]  # arrays make it unhashable; object's hash would contradict __eq__


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(one, other)
    return one == other


@dataclass(frozen=True, eq=False, kw_only=True)
class BinCodes(Overlay):
    """Bins by position: `codes` is uint16, rows x columns; of ASCII the code is the character's number."""

    bin_type: BinType
    null_bin: int | None
    codes: NDArray[np.uint16]
    definitions: tuple[BinDefinition, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class DeviceIds(Overlay):
    """Texts by position: three of one length, in the order of the file; a position may occur twice."""

    x: NDArray[np.int32]
    y: NDArray[np.int32]
    texts: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True)
class TransferList(Overlay):
    """Units that came from one other substrate, in the order of the file.

    `fx, fy` are the source's coordinates in ``from_frame`` (see `source_xy`), `tx, ty` the target's in ours. Where the
    file has no map of the source, ``from_frame`` is the default.
    """

    from_substrate: str
    from_type: str | None = None
    from_layout: str | None = None
    from_frame: Frame = DEFAULT
    fx: NDArray[np.int32]
    fy: NDArray[np.int32]
    tx: NDArray[np.int32]
    ty: NDArray[np.int32]

    def source_xy(self, shape: Shape) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The source positions x, y in our frame, given how many rows and columns the source substrate has."""
        return self.from_frame.to_ours(self.fx, self.fy, shape)


@dataclass(frozen=True, slots=True)
class SubstrateMap:
    """One substrate with the overlays of one map of it; `layout` names layouts from the top, "Strip/Chip"."""

    id: str
    type: str
    layout: str
    rows: int
    columns: int
    lot: str | None = None
    carrier: str | None = None
    slot: int | None = None
    good_devices: int | None = None
    supplier: str | None = None
    overlays: tuple[Overlay, ...] = ()
    frame: Frame = DEFAULT

    @property
    def shape(self) -> Shape:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def label(self) -> str:
        """How messages name it: "Wafer W-12"."""
        return f"{self.type} {self.id}".strip()


@dataclass(frozen=True, slots=True)
class MapFile:
    """All that one file says, and everything in it that does not fit."""

    layouts: tuple[Layout, ...]
    substrates: tuple[SubstrateMap, ...]
    format: str = "E142"
    discrepancies: tuple[Discrepancy, ...] = ()

    def layout_path(self, specifier: str) -> tuple[Layout, ...]:
        """The layouts that "Parent/Child" names, top first; empty if one of them is not in the file."""
        return layout_path({layout.id: layout for layout in self.layouts}, specifier)

    def extent(self, specifier: str) -> tuple[int, int] | None:
        """Columns and rows of all positions together, the products along the path; None if unknown."""
        return extent(self.layout_path(specifier))

    def in_frame(self, frame: Frame) -> "MapFile":
        """The same maps as a file in that frame; also the sources of transfers that have a map in it."""
        sources = Sources(self.substrates)

        def moved(overlay: Overlay) -> Overlay:
            if not isinstance(overlay, TransferList):
                return overlay
            source = sources.of(overlay)
            if source is None:
                return overlay
            fx, fy = frame.to_file(*overlay.source_xy(source.shape), source.shape)
            return replace(overlay, fx=fx, fy=fy, from_frame=frame)

        substrates = (replace(s, frame=frame, overlays=tuple(map(moved, s.overlays))) for s in self.substrates)
        return replace(self, substrates=tuple(substrates))


class Sources:
    """The substrates of a file by what transfers say of them: id, type and layout, the latter two perhaps not."""

    def __init__(self, substrates: Iterable[SubstrateMap]) -> None:
        self._known: dict[tuple[str, str | None, str | None], SubstrateMap] = {}
        for one in substrates:
            for key in ((one.id, kind, layout) for kind in (one.type, None) for layout in (one.layout, None)):
                self._known.setdefault(key, one)

    def of(self, overlay: TransferList) -> SubstrateMap | None:
        """The map of the substrate that the units came from, of that layout if there is one; None without a map."""
        name, kind = overlay.from_substrate, overlay.from_type
        return self._known.get((name, kind, overlay.from_layout)) or self._known.get((name, kind, None))


def layout_path(known: dict[str, Layout], specifier: str) -> tuple[Layout, ...]:
    """See `MapFile.layout_path`; a layout's own name may contain a slash."""
    names = [specifier] if specifier in known else specifier.split("/")
    return tuple(known[name] for name in names) if all(name in known for name in names) else ()


def extent(path: tuple[Layout, ...]) -> tuple[int, int] | None:
    """See `MapFile.extent`."""
    if not path:
        return None
    return prod(layout.columns for layout in path), prod(layout.rows for layout in path)
