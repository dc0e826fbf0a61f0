"""What readers of bins share: their layouts and bounds, pictures of codes that do not fill them, codes by position."""

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.frame import Shape
from mes.units.formats.mapfile import MAX_FILE_POSITIONS, MAX_POSITIONS, Layout

MAX_MAPS = 1_000
"""Bin maps of one file."""

SizeUm = tuple[float, float]


def bounded(columns: int, rows: int, place: str) -> tuple[int, int]:
    """The two as they are. Refuses (`dimension`, `too-many-positions`) before anybody makes room for them."""
    if columns < 1 or rows < 1:
        raise MapRefused("dimension", place, f"The dimension is {columns} x {rows}; both must be 1 or more.")
    if columns * rows > MAX_POSITIONS:
        message = f"The dimension is {columns} x {rows}; at most {MAX_POSITIONS} positions are read."
        raise MapRefused("too-many-positions", place, message)
    return columns, rows


class Grids:
    """The layouts of one file, each once, and how many positions its bin maps have together."""

    def __init__(self) -> None:
        self._names: dict[tuple[int, int, str | None, SizeUm | None, SizeUm | None], Layout] = {}
        self._positions = self._maps = 0

    def name(
        self,
        columns: int,
        rows: int,
        place: str,
        *,
        product: str | None = None,
        pitch_um: SizeUm | None = None,
        device_size_um: SizeUm | None = None,
    ) -> str:
        """The name of such a layout. Refuses what `bounded` refuses."""
        bounded(columns, rows, place)
        key = (columns, rows, product, pitch_um, device_size_um)
        if key not in self._names:
            name = "Dies" if not self._names else f"Dies {len(self._names) + 1}"
            self._names[key] = Layout(
                name,
                columns,
                rows,
                pitch_um=pitch_um,
                device_size_um=device_size_um,
                product=product,
                top_level=True,
            )
        return self._names[key].id

    def reserve(self, columns: int, rows: int, place: str) -> None:
        """Refuses the bin map that would bring the file over its bound, before room for it is made."""
        self._positions += columns * rows
        self._maps += 1
        if self._maps > MAX_MAPS:
            raise MapRefused("too-many-maps", place, f"The file has more than {MAX_MAPS} maps; send several files.")
        if self._positions > MAX_FILE_POSITIONS:
            message = f"The bin maps of the file together have more than {MAX_FILE_POSITIONS} positions."
            raise MapRefused("too-many-positions", place, message)

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """All of them, in the order met."""
        return tuple(self._names.values())


def picture(
    flat: NDArray[np.uint16],
    counts: NDArray[np.int64],
    shape: Shape,
    null_bin: int | None,
    place: str,
    findings: Findings,
) -> NDArray[np.uint16]:
    """Rows of codes, one after the other, as rows x columns.

    Missing codes become the null bin, surplus ones stay unread: a finding each. Refuses (`codes-missing`) where
    no null bin says what a missing one is.
    """
    rows, columns = shape
    if len(counts) == rows and (counts == columns).all():
        return flat.reshape(shape)
    if len(counts) != rows:
        findings.add("row-count", place, f"There are {len(counts)} rows of codes, the layout has {rows}.")
    wrong = np.flatnonzero(counts != columns)
    if len(wrong):
        first = f"row {wrong[0] + 1} has {counts[wrong[0]]} codes"
        findings.add(
            "row-length", place, f"{len(wrong)} rows differ from the {columns} columns of the layout: {first}."
        )
    if null_bin is None and (len(counts) < rows or (counts < columns).any()):
        message = f"Codes are missing in {columns} x {rows}, and no null bin says what a missing one is; add them."
        raise MapRefused("codes-missing", place, message)
    codes = np.full(shape, null_bin or 0, np.uint16)
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    inside = (x < columns) & (y < rows)
    codes[y[inside], x[inside]] = flat[inside]
    return codes


def placed(
    x: NDArray[np.int32], y: NDArray[np.int32], codes: NDArray[np.uint16], null_bin: int, shape: Shape
) -> NDArray[np.uint16]:
    """The codes at their positions in our frame, as rows x columns; of those at one position the last one counts."""
    at = y * shape[1] + x
    _, from_end = np.unique(at[::-1], return_index=True)
    last = len(at) - 1 - from_end
    flat = np.full(shape[0] * shape[1], null_bin, np.uint16)
    flat[at[last]] = codes[last]
    return flat.reshape(shape)
