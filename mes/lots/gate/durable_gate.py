"""Why the durables on an equipment do not serve a job: missing, used up, or due to be cleaned or inspected."""

from collections.abc import Iterator

from mes.errors import Reason
from mes.lots.gate.start_gate_facts import Facts
from mes.materials.durables.care import INSPECTS, WHO
from mes.materials.durables.models import Durable


def against_durables(facts: Facts) -> Iterator[Reason]:
    """Every reason why the operation cannot have the durables that it needs."""
    operation, place = facts.operation, facts.equipment
    if operation is None or not facts.serves:
        return
    job = facts.members[: place.equipment_class.most_substrates]
    for name in operation.durables:
        kind, one = facts.tools.kinds.get(name), facts.tools.mounted.get((place.id, name))
        if one is None:
            title = name if kind is None else kind.title
            yield Reason("durable_missing", f"No {title} is mounted on {place.name}; mount one.", WHO)
            continue
        needs = sum(facts.units[m.substrate_id] for m in job) if one.kind.per == "unit" else len(job)
        yield from _worn(one, needs, facts.tools.promised.get((place.id, name), 0))
        yield from _cycles(one)


def _worn(one: Durable, needs: int, promised: int) -> Iterator[Reason]:
    kind = one.kind
    if one.count + promised + needs > kind.most:
        done = f"has done {one.count} of {kind.most} {kind.counts}"
        running = f", {promised} more are ordered" if promised else ""
        said = f"{kind.title} {one.name} {done}{running}, the job needs {needs}; mount another."
        yield Reason("durable_worn", said, WHO)


def _cycles(one: Durable) -> Iterator[Reason]:
    kind = one.kind
    uncleaned, uninspected = one.count - one.cleaned_at_count, one.count - one.inspected_at_count
    if kind.clean_every is not None and uncleaned >= kind.clean_every:
        said = _said(one, "cleaned", kind.clean_every, uncleaned)
        yield Reason("durable_unclean", said, WHO)
    if kind.inspect_every is not None and uninspected >= kind.inspect_every:
        said = _said(one, "inspected", kind.inspect_every, uninspected)
        yield Reason("durable_uninspected", said, INSPECTS)


def _said(one: Durable, what: str, every: int, since: int) -> str:
    name, counts = f"{one.kind.title} {one.name}", one.kind.counts
    return f"{name} is to be {what} every {every} {counts}, and has done {since} since; see to that, or mount another."
