"""Why durables do not serve a job: missing on equipment or for its loads, used up, due to be cleaned or inspected."""

from collections.abc import Iterator

from mes.errors import Reason
from mes.lots.gate.durable_facts import Tools
from mes.lots.gate.start_gate_facts import Facts
from mes.materials.durables.care import INSPECTS, WHO
from mes.materials.durables.models import Durable
from mes.materials.durables.states import DurableState


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
    if operation.holder is not None:
        loads = operation.loads(sum(facts.units[m.substrate_id] for m in job))
        yield from _against_holders(operation.holder, loads, facts.tools)


def _against_holders(kind: str, needs: int, tools: Tools) -> Iterator[Reason]:
    """Why there are not enough boats or trays for the loads: what of the free ones is to be seen to, what else."""
    free = [one for one in tools.free[kind] if is_free(one)]
    unfit = {one.name: reasons for one in free if (reasons := list(against_holder(one)))}
    missing = needs - (len(free) - len(unfit))
    for reasons in list(unfit.values())[: max(missing, 0)]:
        yield from reasons
    if missing > len(unfit):
        said = f"The job fills {needs} {kind}, and {len(free)} are free; wait until others are empty, or register more."
        yield Reason("holder_missing", said, INSPECTS)


def is_free(one: Durable) -> bool:
    """It carries no load and may carry one."""
    return one.state == DurableState.STORED


def against_holder(one: Durable) -> Iterator[Reason]:
    """Why a boat or tray is not filled once more."""
    yield from _worn(one, 1, 0)
    yield from _cycles(one)


def _worn(one: Durable, needs: int, promised: int) -> Iterator[Reason]:
    kind = one.kind
    if one.count + promised + needs > kind.most:
        done = f"has done {one.count} of {kind.most} {kind.counts}"
        running = f", {promised} more are ordered" if promised else ""
        said = f"{kind.title} {one.name} {done}{running}, the job needs {needs}; {_another(one)}."
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
    done = f"is to be {what} every {every} {counts}, and has done {since} since"
    return f"{name} {done}; see to that, or {_another(one)}."


def _another(one: Durable) -> str:
    return "register another" if one.kind.per == "load" else "mount another"
