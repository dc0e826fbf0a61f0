"""Numbers and sizes as files spell them, within bounds that every format shares."""

import re
from decimal import Decimal

from mes.units.formats.findings import MapRefused

MAX_BYTES = 64 * 1024 * 1024
"""Of one file, unpacked; STDF has a bound of its own."""
KILOMETRE_UM = 10**9
"""No substrate is that large."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?")


def whole(value: str, what: str, place: str) -> int:
    """A whole number of at most 18 digits. Refuses (`not-a-number`) anything else."""
    if not _WHOLE.fullmatch(value.strip()):
        raise MapRefused("not-a-number", place, f"{what} is {value[:40]!r}; it must be a whole number.")
    return int(value)


def number(value: str, what: str, place: str) -> Decimal:
    """A decimal number. Refuses (`not-a-number`) anything else, infinity and NaN too."""
    if not _NUMBER.fullmatch(value.strip()):
        raise MapRefused("not-a-number", place, f"{what} is {value[:40]!r}; it must be a number.")
    return Decimal(value.strip())


def micrometres(text: str, what: str, scale: Decimal, place: str) -> float:
    """The size in micrometres, to a billionth of one. Refuses (`not-a-number`) what is a kilometre or more."""
    value = number(text, what, place) * scale
    if abs(value) >= KILOMETRE_UM:
        raise MapRefused("not-a-number", place, f"{what} is {text[:40]}; no substrate is that large.")
    return float(round(value, 9))
