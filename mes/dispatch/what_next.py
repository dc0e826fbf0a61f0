"""What to start next: one answer for one state of the line.

The rules are few. Equipment in the order of names takes, while it has a place, the lot that its ranking puts first of
those that wait for its class and that have no reason against them (see `rank`). Batch equipment fills up with others
that wait for the same operation, and waits where they are few, but not for ever. An assembly starts as many substrates
as free sources can fill completely. A substrate is not started where a queue-time limit would then wait for sources
that are not there, or for equipment that is down or has too much to do (see `ahead`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy.orm import Session

from mes.dispatch.candidates import Candidate, candidates
from mes.dispatch.line import Line, free_equipment, read_line
from mes.equipment.models import Equipment
from mes.errors import Reason
from mes.lots.gate.start_gate_facts import Facts, Stock
from mes.lots.gate.supply import Need, Source, filled
from mes.lots.work.track_in import LotPart, TrackIn
from mes.routes.states import OperationKind

SPARE = 0.03
"""Share of dies asked for beyond the sites to fill, for picks that fail."""


@dataclass(frozen=True)
class Excluded:
    """A lot that cannot start on the equipment now, and every reason."""

    lot: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Choice:
    """What one equipment should start, if anything, and the lots passed over on the way."""

    equipment_id: int
    start: TrackIn | None
    excluded: tuple[Excluded, ...] = ()


def next_start(
    session: Session, at: datetime, after: int | None = None, upto: int | None = None
) -> tuple[int, TrackIn] | None:  # fmt: skip
    """The first free equipment by name that can start something at plant time ``at``, by id, and what; None: nothing.

    ``after``, ``upto``: only equipment that comes after the one, and not after the other.
    """
    waiting = candidates(session)
    equipment = free_equipment(session, waiting, after, upto) if waiting else {}
    if not equipment:
        return None
    line = read_line(session, waiting, equipment, at)
    chosen = ((equipment_id, _choose(line, equipment_id).start) for equipment_id in equipment)
    return next(((equipment_id, start) for equipment_id, start in chosen if start is not None), None)


def choose(session: Session, equipment_id: int, at: datetime) -> Choice:
    """What the equipment should start at plant time ``at``, free or not."""
    equipment = session.get_one(Equipment, equipment_id)
    return _choose(read_line(session, candidates(session), {equipment.id: equipment.class_id}, at), equipment_id)


def _choose(line: Line, equipment_id: int) -> Choice:
    excluded: list[Excluded] = []
    for candidate in line.order[equipment_id]:
        judged = judged_on(line, candidate, equipment_id)
        if isinstance(judged, TrackIn):
            return Choice(equipment_id, judged, tuple(excluded))
        excluded.append(Excluded(candidate.lot, judged))
    return Choice(equipment_id, None, tuple(excluded))


def judged_on(line: Line, candidate: Candidate, equipment_id: int) -> TrackIn | tuple[Reason, ...]:
    """What the equipment would start of a candidate of its class if nothing more urgent waited; else every reason."""
    facts = line.facts[candidate, equipment_id]
    found = line.reasons[candidate, equipment_id] or _ahead(line, facts)
    if found:
        return tuple(found)
    return _start(line, facts, candidate)


def _too_few(candidate: Candidate, facts: Facts) -> Reason:
    products = ", ".join(sorted({need.product for need in facts.needs}))
    message = f"The free units of {products} do not fill one whole substrate of lot {candidate.lot}; wait for more."
    return Reason("source_short", message, "line_engineer")


def _start(line: Line, facts: Facts, first: Candidate) -> TrackIn | tuple[Reason, ...]:
    most = facts.equipment.equipment_class.most_substrates
    members = [m.substrate_id for m in facts.members][:most]
    if facts.operation is not None and facts.operation.kind == OperationKind.ASSEMBLE:
        return _assembly(line, facts, members) or (_too_few(first, facts),)
    parts = {first: LotPart(first.lot_id, tuple(members))}
    if facts.equipment.equipment_class.batch:
        parts |= _company(line, facts, first, most - len(members))
    waits = _not_full(line, facts, parts)
    return (waits,) if waits else TrackIn(facts.equipment.id, tuple(parts.values()))


def _not_full(line: Line, facts: Facts, parts: Mapping[Candidate, LotPart]) -> Reason | None:
    """Why a batch waits for more: it is small, and nothing of it has waited too long."""
    its_class = facts.equipment.equipment_class
    count = sum(len(part.substrate_ids) for part in parts.values())
    if its_class.most_wait_s is None or count >= its_class.least_substrates:
        return None
    left = min(c.since for c in parts) + timedelta(seconds=its_class.most_wait_s) - line.ranks.at
    if left <= timedelta(0):
        return None
    message = (
        f"{count} of the {its_class.least_substrates} substrates with which {facts.equipment.name} starts wait for this"
        f" operation; it starts with fewer in {left / timedelta(hours=1):.1f} h."
    )
    return Reason("batch_short", message, "operator")


def _company(line: Line, facts: Facts, first: Candidate, room: int) -> dict[Candidate, LotPart]:
    """Other lots that go into the same batch: same operation, no reason against them, all that fits.

    A substrate of the same name as one already chosen, another customer's, waits for the next batch.
    """
    parts: dict[Candidate, LotPart] = {}
    taken = set(facts.names.values())
    for other in line.order[facts.equipment.id]:
        if other.lot_id == first.lot_id or other.operation_id != first.operation_id or room <= 0:
            continue
        pair = (other, facts.equipment.id)
        same_leg = line.facts[pair].leg is facts.leg
        if same_leg and not line.reasons[pair] and not _ahead(line, line.facts[pair]):
            names = line.facts[pair].names
            members = [i for i, name in names.items() if name not in taken][:room]
            taken |= {names[i] for i in members}
            if members:
                parts[other] = LotPart(other.lot_id, tuple(members))
            room -= len(members)
    return parts


def _assembly(line: Line, facts: Facts, members: Sequence[int]) -> TrackIn | None:
    """As many substrates as the free sources can fill, and just the sources that it takes."""
    here = facts.equipment.id
    ordered = sorted(
        (s for s in _free(facts.stock, facts.needs) if not s.in_use or s.mounted_on == here),
        key=lambda s: (s.mounted_on != here, s.mounted_on is not None, s.lot, s.name, s.substrate_id),
    )
    ordered = _apart(ordered, {facts.names[i] for i in members})
    for count in range(len(members), 0, -1):
        chosen = _serve(facts.needs, ordered, sum(line.asked[i] for i in members[:count]))
        if chosen is not None:
            return TrackIn(here, (LotPart(facts.lot.id, tuple(members[:count])),), tuple(chosen))
    return None


def _free(stock: Stock, wanted: Sequence[Need]) -> list[Source]:
    """The sources of what is wanted that have a free unit."""
    products = sorted({need.product_id for need in wanted})
    return [source for product_id in products for source in stock.get(product_id, ()) if source.units]


def _apart(ordered: Sequence[Source], taken: set[str]) -> list[Source]:
    """The sources without those whose name another customer's has already: one job could not tell them apart."""
    kept = []
    for source in ordered:
        if source.name not in taken:
            taken.add(source.name)
            kept.append(source)
    return kept


def _serve(wanted: Sequence[Need], ordered: Sequence[Source], positions: int) -> list[int] | None:
    """The first sources that together hold enough of every product; None where they do not.

    One of each at least: a run of an assembly names its sources, also where all that is left on a substrate is suspect.
    """
    chosen: list[int] = []
    for product_id in sorted({n.product_id for n in wanted}):
        sites = sum(1 for n in wanted if n.product_id == product_id)
        missing = max(1, ceil(positions * sites * (1 + SPARE)))
        for source in ordered:
            if source.product_id == product_id and missing > 0:
                chosen.append(source.substrate_id)
                missing -= source.units
        if missing > 0:
            return None
    return chosen


def _scarce(wanted: Sequence[Need], ordered: Sequence[Source], positions: int) -> list[str]:
    """Names of the products of which the sources do not hold enough."""
    needs: dict[str, list[Need]] = {}
    for need in wanted:
        needs.setdefault(need.product, []).append(need)
    return sorted(product for product, sites in needs.items() if _serve(sites, ordered, positions) is None)


def _ahead(line: Line, facts: Facts) -> list[Reason]:
    """Reasons not to start a clock that runs out while the lot waits for equipment or sources."""
    found = [*line.too_late.get(facts.operation.id, ())] if facts.operation is not None else []
    for later in line.assemblies.get(facts.operation.id, ()) if facts.operation is not None else ():
        wanted = filled(later, facts.sites)
        units = sum(line.asked[m.substrate_id] for m in facts.members)
        if scarce := _scarce(wanted, _free(facts.stock, wanted), units):
            products = ", ".join(scarce)
            message = (
                f"{later.name} must follow in time, and too few units of {products} are free for it yet; stock more."
            )
            found.append(Reason("source_short_ahead", message, "line_engineer"))
    return found
