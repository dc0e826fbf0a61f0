"""Text to plain values with the line of every one of them.

The YAML is the 1.2 core schema (``no`` is text, ``1:30`` is text), bounded in size and depth, without anchors, aliases
and tags, and without a key that stands twice. What is left means the same to every reader.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from mes.plant.problems import Problem

MOST_BYTES = 512 * 1024
"""Size of one file."""
MOST_DEPTH = 12
"""Lists and maps inside one another."""
MOST_FILES = 2_000
"""YAML files of one plant."""

INTEGER = re.compile(r"[-+]?[0-9]{1,15}")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}

At = tuple[str | int, ...]
"""Where a value stands: keys and list indices from the top of the file."""

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Document:
    """One file as plain values: maps with text keys, lists, text, numbers, booleans and None."""

    file: str
    """Path below the plant's folder, with forward slashes."""
    content: Any
    lines: Mapping[At, int] = field(repr=False)
    blocks: Set[At] = field(repr=False)
    """Texts that stand as they are below their key."""

    def line(self, at: At) -> int:
        """The line of a value, counted from 1; of what it would stand in where it is missing."""
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)

    def problem(self, at: At, code: str, message: str, hint: str, within: int = 0) -> Problem:
        """A mistake at a value, or in the line ``within`` of a value that is a block of text."""
        return Problem(self.file, self.line(at) + (within if at in self.blocks else 0), code, message, hint)


class Unreadable(Exception):
    """A file is not the YAML that is read here."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def yaml_files(folder: Path) -> Iterator[str]:
    """YAML files below ``folder``, in order, as `Document.file`; the search ends with the one after `MOST_FILES`."""
    found = (path for path in folder.rglob("*") if path.suffix in {".yaml", ".yml"} and path.is_file())
    yield from sorted(path.relative_to(folder).as_posix() for path in islice(found, MOST_FILES + 1))


def read_file(folder: Path, file: str) -> Document:
    """One file. Raises `Unreadable` for what is too large, not UTF-8, or not the YAML of this module."""
    with (folder / file).open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Unreadable(Problem(file, 1, "too_large", f"the file has more than {MOST_BYTES} bytes", "split it"))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Unreadable(Problem(file, line, "not_utf8", "this is not UTF-8", "save the file as UTF-8")) from error
    return read_text(file, text)


def read_text(file: str, text: str) -> Document:
    """The values and lines of a YAML text. Raises `Unreadable`."""
    builder = _Builder(file)
    try:
        events = yaml.parse(text, Loader=_PARSER)
        content = builder.document(events)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or "the text cannot be read"
        problem = Problem(file, mark.line + 1 if mark else 1, "not_yaml", said, "correct the YAML")
        raise Unreadable(problem) from error
    except yaml.YAMLError as error:
        said = f"this is not YAML ({str(error).splitlines()[0]})"
        raise Unreadable(Problem(file, 1, "not_yaml", said, "correct the YAML")) from error
    return Document(file, content, builder.lines, builder.blocks)


class _Builder:
    """Builds values from parser events; never holds more than the text does."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[At, int] = {}
        self.blocks: set[At] = set()

    def document(self, events: Iterator[yaml.Event]) -> Any:
        content: Any = None
        seen = False
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self._refused(event, "not_yaml", "a second document begins here", "keep one a file")
                seen = True
                first = next(events)
                self.lines[()] = _line(first)
                content = self._value(first, events, ())
        return content

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], at: At) -> Any:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self._refused(event, "alias", "anchors and aliases are not read", "write the value out")
        tag = getattr(event, "tag", None)
        if tag:
            raise self._refused(event, "tag", f"the tag {tag} is not read", "leave the tag out")
        if isinstance(event, yaml.ScalarEvent):
            if event.style == "|":
                self.blocks.add(at)
            return self._scalar(event)
        if len(at) >= MOST_DEPTH:
            raise self._refused(event, "too_deep", f"more than {MOST_DEPTH} levels", "flatten it")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, at)
        return self._map(events, at)

    def _list(self, events: Iterator[yaml.Event], at: At) -> list[Any]:
        found: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            here = (*at, len(found))
            self.lines[here] = _line(event)
            found.append(self._value(event, events, here))
        return found

    def _map(self, events: Iterator[yaml.Event], at: At) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent) or event.anchor or event.tag:
                raise self._refused(event, "key", "a key is not plain text", "write a word before the colon")
            key = str(self._text(event))
            here = (*at, key)
            if key in found:
                hint = f"it stands already in line {self.lines[here]}; keep one"
                raise self._refused(event, "duplicate_key", f"the key {key} stands twice", hint)
            self.lines[here] = _line(event)
            found[key] = self._value(next(events), events, here)
        return found

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text = self._text(event)
        if event.style:  # quoted or a block: text as it stands
            return text
        if text.lower() in WORDS:
            return WORDS[text.lower()]
        if INTEGER.fullmatch(text):
            return int(text)
        if FLOAT.fullmatch(text):
            number = float(text)
            if not math.isfinite(number):
                raise self._refused(event, "not_finite", f"{text} is too large", "write a finite number")
            return number
        return text

    def _text(self, event: yaml.ScalarEvent) -> str:
        strange = next((c for c in event.value if c not in "\n\t" and unicodedata.category(c) in {"Cc", "Cs"}), None)
        if strange is not None:
            raise self._refused(event, "control", f"the text has the character U+{ord(strange):04X}", "leave it out")
        return str(event.value)

    def _refused(self, event: yaml.Event, code: str, message: str, hint: str) -> Unreadable:
        return Unreadable(Problem(self.file, _line(event), code, message, hint))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
