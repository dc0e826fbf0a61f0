"""How a map that is plain text is to be read: a small YAML beside it, for all files of one supplier or equipment."""

from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from mes.units.formats.findings import MapRefused
from mes.units.formats.frame import TURNS, Axis, Frame, Origin, Side

NAME = "declaration.yaml"
"""How messages call it, and how it is called in a zip."""
MAX_BYTES = 8 * 1024
_MAX_EVENTS = 2_000
_MAX_BRACKETS = 64


def _numbered(column: object) -> object:
    return int(column) if isinstance(column, str) and column.isdecimal() and len(column) < 6 else column


Column = Annotated[str | Annotated[int, Field(ge=1)], BeforeValidator(_numbered)]
"""A column by its name in the head of a table, or by its number from 1."""


def _turn(degrees: int) -> int:
    if degrees not in TURNS:
        raise ValueError(f"it must be one of {', '.join(map(str, TURNS))}")
    return degrees


class Found(BaseModel):
    """Where the file itself says something."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Column | None = None
    """In this column of a table; in every row the same."""
    line: str | None = None
    """In the first line that begins with this text, behind it and behind `:`, `=` or blanks."""

    @model_validator(mode="after")
    def _one(self) -> "Found":
        if (self.column is None) == (self.line is None):
            raise ValueError("give column or line")
        return self


class Declaration(BaseModel):
    """What a declaration says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["table", "picture"]
    """A line for each position, or a line for each row of positions."""
    substrate: Found | str
    lot: Found | str | None = None
    product: str | None = None
    type: str = "Wafer"
    after: str | None = None
    """The map begins behind the first line that begins with this text."""
    until: str | None = None
    """The map ends before the first line behind it that begins with this text."""
    delimiter: str = ","
    """One character, or `tab`, or `blank` for any number of blanks."""
    x: Column | None = None
    y: Column | None = None
    bin: Column | None = None
    width: int | None = Field(None, ge=1, le=5)
    """Characters of each code of a picture; not given, blanks stand between codes."""
    codes: Literal["ascii", "decimal", "hexadecimal"] = "decimal"
    good: list[str] = Field(min_length=1)
    empty: list[str] = []
    """Codes of no unit."""
    columns: int | None = Field(None, ge=1)
    rows: int | None = Field(None, ge=1)
    side: Side = Side.TOP
    orientation: Annotated[int, AfterValidator(_turn)] = 0
    origin: Origin | None = None
    axis: Axis | None = None
    first: int | None = Field(None, ge=0, le=1)
    """The coordinate of the origin; not given, the least that occurs."""

    @model_validator(mode="after")
    def _whole(self) -> "Declaration":
        table = {"x": self.x, "y": self.y, "bin": self.bin, "origin": self.origin, "axis": self.axis}
        missing = [key for key, value in table.items() if value is None]
        if self.form == "table" and missing:
            raise ValueError(f"a table needs {', '.join(missing)}")
        if (self.columns is None) != (self.rows is None):
            raise ValueError("give columns and rows, or neither")
        if self.form == "table" and self.columns is not None and self.first is None:
            raise ValueError("a table with columns and rows needs first")
        if self.delimiter not in ("tab", "blank") and (len(self.delimiter) != 1 or self.delimiter in '"\r\n\0'):
            raise ValueError("delimiter is one character but a quote, tab or blank")
        return self

    @property
    def frame(self) -> Frame:
        """How the text draws and counts."""
        return Frame(
            side=self.side,
            orientation=self.orientation,
            origin=self.origin or Origin.UPPER_LEFT,
            axis=self.axis or Axis.DOWN_RIGHT,
            first=self.first or 0,
        )


def read_declaration(data: bytes) -> Declaration:
    """What the YAML says; every value as it is typed, so that a code 010 is no octal number.

    Refuses (`declaration`) what is no small, plain YAML of these keys, with what is right.
    """
    if len(data) > MAX_BYTES:
        raise _refused(f"It has {len(data)} bytes; at most {MAX_BYTES} are read.")
    if sum(map(data.count, (b"[", b"{"))) > _MAX_BRACKETS:
        raise _refused(f"It has more than {_MAX_BRACKETS} lists or groups in brackets.")
    try:
        text = data.decode("utf-8-sig")
        for n, event in enumerate(yaml.parse(text, yaml.BaseLoader)):
            if n > _MAX_EVENTS or isinstance(event, yaml.AliasEvent):
                raise _refused("It is too long, or refers to itself by * and &; write it plainly.")
        return Declaration.model_validate(yaml.load(text, yaml.BaseLoader))  # noqa: S506  # it makes only strings
    except MapRefused:
        raise
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, e['loc'])) or 'all'}: {e['msg']}" for e in error.errors()[:10]]
        raise _refused("; ".join(wrong) + ".") from None
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError) as error:
        raise _refused(f"It is no YAML: {str(error)[:200]}.") from None


def _refused(message: str) -> MapRefused:
    return MapRefused("declaration", NAME, message)
