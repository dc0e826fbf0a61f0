"""Why the material on an equipment does not serve a job: each container that must go, and what is lacking."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from mes.errors import Reason
from mes.lots.gate.material_facts import Mounted, uses
from mes.lots.gate.start_gate_facts import Facts

WHO = "operator"
"""Who mounts and returns containers."""


def against_material(facts: Facts) -> Iterator[Reason]:
    """Every reason why the operation cannot have what it uses up of material."""
    operation = facts.operation
    if operation is None or not operation.materials or not facts.serves:
        return
    job = facts.members[: facts.equipment.equipment_class.most_substrates]
    wanted = uses(operation, sum(facts.units[m.substrate_id] for m in job), len(job))
    kinds = [use.material for use in wanted]
    for use in wanted:
        here = [one for one in facts.mounted if one.material == use.material]
        mine = [one for one in here if one.customer_id in (None, facts.lot.customer_id)]
        if not mine:
            yield _none(facts, use.material, here or [one for one in facts.mounted if one.material not in kinds])
            continue
        unfit = [reason for one in mine for reason in _unfit(one, facts.at, use.needed)]
        yield from unfit
        yield from _short(facts, use.material, use.amount, mine)


def _none(facts: Facts, material: str, strange: Sequence[Mounted]) -> Reason:
    """None of the material is there: nothing at all, or something that is not for this."""
    place = facts.equipment.name
    if not strange:
        return Reason("material_missing", f"No {material} is mounted on {place}; mount a container of it.", WHO)
    names = ", ".join(one.container for one in strange)
    if strange[0].material == material:
        what = f"The {material} on {place} ({names}) belongs to another customer"
    else:
        what = f"{place} has {', '.join(sorted({one.material for one in strange}))} mounted ({names})"
    return Reason("material_wrong", f"{what}; lot {facts.lot.name} needs {material}: return that and mount this.", WHO)


def _unfit(one: Mounted, at: datetime, needed: timedelta) -> Iterator[Reason]:
    """Why a container must not serve, whatever others do: the equipment takes of all that is mounted."""
    name = f"{one.material} {one.container}"
    if one.expires_at is not None and one.expires_at <= at:
        said = f"The {name} expired {_minute(one.expires_at)}; return it and mount another."
        yield Reason("material_expired", said, WHO)
    elif one.expires_at is not None and one.expires_at < at + needed:
        until = f"lasts until {_minute(one.expires_at)}, the job needs it until {_minute(at + needed)}"
        yield Reason("floor_life_short", f"The {name} {until}; return it and mount a fresher one.", WHO)
    if one.thawed_at is not None and one.thawed_at > at:
        said = f"The {name} thaws until {_minute(one.thawed_at)}; wait, or mount one that has thawed."
        yield Reason("material_not_thawed", said, WHO)


def _short(facts: Facts, material: str, amount: int, mine: Sequence[Mounted]) -> Iterator[Reason]:
    free = sum(one.remainder for one in mine) - facts.promised.get(material, 0)
    if free < amount:
        unit = mine[0].unit
        said = f"The job needs {amount} {unit} of {material}, {max(free, 0)} {unit} are free on {facts.equipment.name}"
        yield Reason("material_short", f"{said}; mount a further container, or start fewer substrates.", WHO)


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
