"""Mistakes in agreements on supply: who and what is not known, days in the wrong order, two at the same time."""

from collections.abc import Iterator
from datetime import date

from mes.plant.gather import Entry, Gathered, unknown
from mes.plant.problems import Problem


def supply_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake in agreements on supply."""
    before: list[Entry] = []
    for entry in found.entries["supply_agreement"]:
        one = entry.part
        for key in ("supplier", "receiver"):
            yield from unknown(found, entry, (key,), "customer", getattr(one, key))
        yield from unknown(found, entry, ("product",), "product", one.product)
        if one.supplier == one.receiver:
            message = f"{one.supplier} needs no agreement with itself"
            yield entry.problem(("receiver",), "same_customer", message, "name two customers")
        if one.since is not None and one.until is not None and one.until < one.since:
            message = f"{one.name} ends before it begins"
            yield entry.problem(("until",), "period", message, "let it end on its first day or later")
        for other in before:
            same = all(getattr(one, key) == getattr(other.part, key) for key in ("supplier", "receiver", "product"))
            if same and _from(entry) <= _to(other) and _from(other) <= _to(entry):
                message = f"{one.name} and {other.part.name} are in force on the same days"
                yield entry.problem(("name",), "period", message, "keep one, or let one begin when the other has ended")
        before.append(entry)


def _from(entry: Entry) -> date:
    return entry.part.since or date.min


def _to(entry: Entry) -> date:
    return entry.part.until or date.max
