"""Mistakes in the rules of maps: codes that are none, operations where nothing arrives, two rules for the same."""

from collections.abc import Iterator

from mes.lots.holds.hold_codes import MEANINGS as CODES_OF_THE_SYSTEM
from mes.plant.gather import Entry, Gathered, unknown
from mes.plant.problems import Problem, choice
from mes.units.formats.findings import MEANINGS


def map_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake in the rules of maps."""
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
