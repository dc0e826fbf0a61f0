"""How a map file draws a substrate and counts its positions: the way into our frame, and back.

Our frame is the layout seen from above before it is turned: x from 0 at the left, y from 0 at the top. A file draws
that layout as a picture: seen from below it is mirrored left to right, then it is turned clockwise. Its coordinates
count the cells of the picture from the origin in the directions of the axes.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Shape: TypeAlias = tuple[int, int]
"""(rows, columns) of our frame, unless it says otherwise."""

_N = TypeVar("_N", int, NDArray[np.int32])

TURNS = (0, 90, 180, 270)
"""Degrees by which a picture may be turned, clockwise."""


class Side(StrEnum):
    """From where the substrate is seen."""

    TOP = "TopSide"
    """From above."""
    BOTTOM = "BottomSide"
    """From below: left and right change places."""


class Origin(StrEnum):
    """The cell of the picture from which coordinates count."""

    LOWER_LEFT = "LowerLeft"
    """The first cell of the last row."""
    LOWER_RIGHT = "LowerRight"
    """The last cell of the last row."""
    UPPER_LEFT = "UpperLeft"
    """The first cell of the first row."""
    UPPER_RIGHT = "UpperRight"
    """The last cell of the first row."""
    CENTER = "Center"
    """The middle one; of an even number the second of the two in the middle, along the axis."""


class Axis(StrEnum):
    """Where in the picture coordinates grow: y, then x."""

    UP_RIGHT = "UpRight"
    """y upwards, x to the right."""
    DOWN_RIGHT = "DownRight"
    """y downwards, x to the right."""
    UP_LEFT = "UpLeft"
    """y upwards, x to the left."""
    DOWN_LEFT = "DownLeft"
    """y downwards, x to the left."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What a file declares; without anything declared it is that of E142. ``first`` is the origin's coordinate, 0 or 1.

    Coordinates may be numbers or arrays of them, also outside the substrate: there and back gives them again.
    """

    side: Side = Side.TOP
    orientation: int = 0
    origin: Origin = Origin.LOWER_LEFT
    axis: Axis = Axis.UP_RIGHT
    first: int = 0

    def __post_init__(self) -> None:
        assert self.orientation in TURNS

    def __str__(self) -> str:
        """In words: "picture turned by 90 degrees; origin lower left, axis up and right"."""
        seen = ["seen from below"] if self.side is Side.BOTTOM else []
        turned = [f"turned by {self.orientation} degrees"] if self.orientation else []
        up, _, right = _apart(self.axis).partition(" ")
        picture = " and ".join([*seen, *turned]) or "as it is"
        counted = f"origin {_apart(self.origin)}, axis {up} and {right}"
        return f"picture {picture}; {counted}" + (f"; counted from {self.first}" if self.first else "")

    def drawn(self, shape: Shape) -> Shape:
        """Rows and columns of the picture; of a picture's, those of our frame."""
        rows, columns = shape
        return (columns, rows) if self.orientation in (90, 270) else (rows, columns)

    def picture(self, ours: NDArray[Any]) -> NDArray[Any]:
        """The array of our frame as the file draws it."""
        seen = np.fliplr(ours) if self.side is Side.BOTTOM else ours
        return np.ascontiguousarray(np.rot90(seen, -self.orientation // 90))

    def ours(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The array of our frame that the file draws so."""
        seen = np.rot90(picture, self.orientation // 90)
        return np.ascontiguousarray(np.fliplr(seen) if self.side is Side.BOTTOM else seen)

    def to_file(self, x: _N, y: _N, shape: Shape) -> tuple[_N, _N]:
        """The file's coordinates of positions in our frame."""
        rows, columns = shape
        if self.side is Side.BOTTOM:
            x = columns - 1 - x
        for _ in range(self.orientation // 90):
            x, y, rows, columns = rows - 1 - y, x, columns, rows
        (ahead_x, zero_x), (ahead_y, zero_y) = self._axes(rows, columns)
        x = x - zero_x if ahead_x else columns - 1 - x - zero_x
        y = y - zero_y if ahead_y else rows - 1 - y - zero_y
        return x, y

    def to_ours(self, x: _N, y: _N, shape: Shape) -> tuple[_N, _N]:
        """The positions in our frame that have these coordinates in the file."""
        rows, columns = self.drawn(shape)
        (ahead_x, zero_x), (ahead_y, zero_y) = self._axes(rows, columns)
        x = x + zero_x if ahead_x else columns - 1 - x - zero_x
        y = y + zero_y if ahead_y else rows - 1 - y - zero_y
        for _ in range(self.orientation // 90):
            x, y, rows, columns = y, columns - 1 - x, columns, rows
        if self.side is Side.BOTTOM:
            x = columns - 1 - x
        return x, y

    def _axes(self, rows: int, columns: int) -> tuple[tuple[bool, int], tuple[bool, int]]:
        """Of x, then y: whether it grows to the right, or down; which cell in that direction has the coordinate 0."""
        right, down = self.axis.endswith("Right"), self.axis.startswith("Down")
        if self.origin is Origin.CENTER:
            zero_x, zero_y = columns // 2, rows // 2
        else:
            zero_x = 0 if self.origin.endswith("Right") != right else columns - 1
            zero_y = 0 if self.origin.startswith("Upper") == down else rows - 1
        return (right, zero_x - self.first), (down, zero_y - self.first)


DEFAULT = Frame()
"""That of a file which declares nothing."""


def _apart(word: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in word).strip()
