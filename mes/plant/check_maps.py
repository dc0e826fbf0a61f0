"""Mistakes in what is said of maps: codes that are none, operations where nothing arrives, two rules for the same,
declarations that cannot be read or are told by the same text.
"""

from collections.abc import Iterator

from mes.lots.holds.hold_codes import MEANINGS as CODES_OF_THE_SYSTEM
from mes.plant.gather import Entry, Gathered, unknown
from mes.plant.problems import Problem, choice
from mes.units.formats.declaration import read_declaration
from mes.units.formats.findings import MEANINGS, MapRefused


def map_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake in the rules and declarations of maps."""
    yield from _declarations(found)
    first: dict[tuple[str | None, str | None], str] = {}
    for entry in found.entries["map_rule"]:
        rule = entry.part
        if rule.customer is not None:
            yield from unknown(found, entry, ("customer",), "customer", rule.customer)
        yield from _operation(found, entry)
        yield from _codes(entry)
        yield from _hold_code(found, entry)
        before = first.setdefault((rule.customer, rule.operation), rule.name)
        if before != rule.name:
            message = f"{before} and {rule.name} are for the same customer and operation"
            yield entry.problem(("name",), "same_rule", message, "keep one")


def _declarations(found: Gathered) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for entry in found.entries["map_declaration"]:
        one = entry.part
        try:
            read_declaration(one.text.encode())
        except MapRefused as refused:
            hint = "write it as docs/reference/map-files.md says"
            yield entry.problem(("text",), "declaration", refused.message.rstrip("."), hint)
        other = next((name for told, name in first.items() if one.told_by and _alike(told, one.told_by)), None)
        if other is not None:
            message = f"{other} and {one.name} are told by the same lines"
            yield entry.problem(("told_by",), "told_alike", message, "let each begin otherwise, or leave one out")
        if one.told_by:
            first.setdefault(one.told_by, one.name)


def _alike(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _operation(found: Gathered, entry: Entry) -> Iterator[Problem]:
    named = entry.part.operation
    if named is None or "route" in found.lost or found.broken["route"]:
        return
    arrives = [f"{r.route}/{min(o.number for o in r.operations)}" for r in found.parts("route")]
    if named not in arrives:
        message = f"no material arrives at {named}: it does at the first operation of a route"
        yield entry.problem(("operation",), "unknown_operation", message, choice(named, arrives))


def _codes(entry: Entry) -> Iterator[Problem]:
    rule = entry.part
    for key in ("stops", "holds"):
        for index, code in enumerate(getattr(rule, key)):
            if code not in MEANINGS:
                yield entry.problem(
                    (key, index), "unknown_warning", f"there is no warning {code}", choice(code, MEANINGS)
                )
    for code in sorted({*rule.stops} & {*rule.holds}):
        index = rule.holds.index(code)
        yield entry.problem(("holds", index), "warning_twice", f"{code} stops the import already", "leave it out")


def _hold_code(found: Gathered, entry: Entry) -> Iterator[Problem]:
    rule, plants = entry.part, found.known("hold_code")
    if rule.hold_code is None:
        if rule.holds:
            yield entry.problem(
                ("holds",), "missing_key", f"{rule.name} does not say the code of its hold", "add hold_code:"
            )
    elif rule.hold_code in CODES_OF_THE_SYSTEM:
        message = f"{rule.hold_code} is set by the system itself"
        yield entry.problem(("hold_code",), "code_of_the_system", message, choice(rule.hold_code, plants))
    elif plants:
        yield from unknown(found, entry, ("hold_code",), "hold_code", rule.hold_code)
