"""How two versions of a recipe differ: line by line, and parameter by parameter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

AROUND = 3
"""Lines that are the same shown around those that are not."""
MOST_LINES = 2000
"""Of each body that are compared."""


@dataclass(frozen=True)
class Side:
    """A line of one version; ``number`` counts from 1."""

    number: int
    text: str


@dataclass(frozen=True)
class Row:
    """Two lines side by side, None where one version has none. ``kind``: same, changed, added, removed or skipped."""

    kind: str
    before: Side | None
    after: Side | None


def lines(before: str, after: str) -> list[Row]:
    """The bodies side by side, set points by their names; stretches that are the same are left out.

    Nothing where they are the same.
    """
    old, new = before.splitlines()[:MOST_LINES], after.splitlines()[:MOST_LINES]
    compared = SequenceMatcher(None, [_set(line) for line in old], [_set(line) for line in new], autojunk=False)
    rows = [row for _, *where in compared.get_opcodes() for row in _rows(old, new, where)]
    near = {near for n, row in enumerate(rows) if row.kind != "same" for near in range(n - AROUND, n + AROUND + 1)}
    shown: list[Row] = []
    for n, row in enumerate(rows):
        if n in near:
            shown.append(row)
        elif near and (not shown or shown[-1].kind != "skipped"):
            shown.append(Row("skipped", None, None))
    return shown


def _set(line: str) -> str:
    """What a line sets; a line that sets nothing as a whole."""
    return line.partition("=")[0].strip()


def _rows(old: Sequence[str], new: Sequence[str], where: Sequence[int]) -> Iterator[Row]:
    old_from, old_to, new_from, new_to = where
    left = [Side(n + 1, old[n]) for n in range(old_from, old_to)]
    right = [Side(n + 1, new[n]) for n in range(new_from, new_to)]
    for one, other in zip_longest(left, right):
        yield Row(_changed(one, other), one, other)


def _changed(before: Side | None, after: Side | None) -> str:
    if before is None:
        return "added"
    if after is None:
        return "removed"
    return "same" if before.text == after.text else "changed"


def parameters(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Parameters whose target, limits or unit differ, by name: each with ``before`` and ``after``, None for none."""
    old, new = ({parameter["name"]: dict(parameter) for parameter in side} for side in (before, after))
    names = dict.fromkeys([*old, *new])
    pairs = [{"name": name, "before": old.get(name), "after": new.get(name)} for name in names]
    return [pair for pair in pairs if pair["before"] != pair["after"]]
