"""Moisture sensitivity levels of packages, and how long one of each may lie open before it is soldered or sealed.

Levels are those of J-STD-020; the floor life is counted at 30 °C and 60 % relative humidity, from the end of a bake
(J-STD-033), which begins it anew.
"""

from collections.abc import Mapping
from typing import Literal, get_args

Level = Literal["1", "2", "2a", "3", "4", "5", "5a", "6"]
LEVELS: tuple[str, ...] = get_args(Level)

FLOOR_LIFE_H: Mapping[str, float | None] = {
    "1": None, "2": 365 * 24.0, "2a": 4 * 7 * 24.0, "3": 168.0, "4": 72.0, "5": 48.0, "5a": 24.0, "6": None,
}  # fmt: skip
"""In hours. Level 1 has no end; what is of level 6 is baked before use and used within the time on its label."""
UNLIMITED = "1"
WARNING = 0.8
"""Share of the floor life after which it comes near its end, where nothing else is said."""
