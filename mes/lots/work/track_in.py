"""Track in: commit to a run of waiting substrates on an equipment, with the sources it may pick from."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mes.db import Locked, lock
from mes.equipment.models import Equipment
from mes.errors import Malformed, NotFound, Reason, StartRefused
from mes.history import Act, Change, Event, record_all
from mes.lots import progress
from mes.lots.experiments.legs import Leg
from mes.lots.experiments.models import RunLeg
from mes.lots.gate import start_gate
from mes.lots.gate.start_gate_facts import Facts, LineFacts, LotFacts, by_product
from mes.lots.gate.start_gate_look import look
from mes.lots.gate.supply import Source, sources
from mes.lots.gate.withheld import against_moving
from mes.lots.holds.masks import masked
from mes.lots.models import Lot, LotSubstrate, Mount, RunSource, RunSubstrate
from mes.lots.states import TRANSITIONS, LotState, LotVerb, Progress
from mes.lots.work import by_hand, run_course
from mes.lots.work.loads import against_named, lock_free, make_loads
from mes.materials.durables.models import Durable
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation
from mes.routes.states import OperationKind
from mes.runs.models import RUN_NUMBERS, Run
from mes.units.models import Substrate
from mes.units.positions import Mask, opened, pack


@dataclass(frozen=True)
class LotPart:
    """Substrates of a lot to start, by id; without them all that wait at its operation."""

    lot_id: int
    substrate_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class TrackIn:
    """What is asked for: on which equipment, which lots, from which sources in which order, into which holders."""

    equipment_id: int
    parts: tuple[LotPart, ...]
    source_ids: tuple[int, ...] = ()
    holder_ids: tuple[int, ...] = ()
    """One for each load; without them the first that are fit by their numbers."""


@dataclass
class _Picture:
    """What track-in has locked and read."""

    locked: Locked
    equipment: Equipment
    facts: dict[int, Facts]
    work: list[tuple[Lot, LotSubstrate]]
    sources: dict[int, Source]
    """What may be picked from, by substrate id; empty where nothing is assembled."""
    holders: Sequence[Durable]
    """What is to carry the loads, first to last."""

    @property
    def operation(self) -> Operation:
        """The one operation of all lots."""
        return _one_operation(self.facts)

    @property
    def recipe(self) -> RecipeVersion:
        """The one recipe that runs."""
        return next(one.recipe for one in self.facts.values() if one.recipe is not None)

    @property
    def leg(self) -> Leg | None:
        """The one leg of an experiment by which all of it runs, if any."""
        return next(iter(self.facts.values())).leg

    def name(self, substrate_id: int) -> str:
        """The name of a locked substrate."""
        return self.locked.one(Substrate, substrate_id).name


def track_in(session: Session, wanted: TrackIn, act: Act) -> Run:
    """Order a run. Its substrates are ordered, its sources mounted and their free units reserved, its loads made.

    On equipment that people work it begins with that: whoever tracks in is at it, and nothing else tells.

    Raises `StartRefused` with every reason of the start gate for every lot and every reason against the sources;
    `Malformed` where the request contradicts itself (no lot, one named twice, lots of different operations, several
    lots on equipment that takes one).
    """
    picture = _look(session, wanted, act)
    run = _run(session, picture, act)
    asked = _asked(session, picture)
    changes = _order(session, picture, run, asked)
    changes += _mount(session, picture, run, wanted.source_ids, act)
    if picture.operation.kind == OperationKind.TRANSFER:
        lot, first = picture.work[0]
        units = sum(int(where.sum()) for where in asked.values())
        changes += make_loads(session, run, lot, first.form + 1, picture.operation, units, picture.holders)
    after = {
        "equipment": picture.equipment.name,
        "operation": picture.operation.name,
        "recipe": picture.recipe.name,
        "substrates": [picture.name(m.substrate_id) for _, m in picture.work],
    }
    if picture.leg is not None:
        after["leg"] = picture.leg.name
    events = [Event("track_in", [Change(run, after=after), *changes])]
    if by_hand.is_worked_by_hand(session, picture.equipment):
        lots = picture.locked.all(Lot)
        begun = run_course.LockedRun(run, picture.locked, progress.members_of(session, lots), ())
        events.append(run_course.started(session, begun, act))
        by_hand.work(session, picture.equipment, run, act)
    record_all(session, act, events)
    return run


def _look(session: Session, wanted: TrackIn, act: Act) -> _Picture:
    lot_ids = [part.lot_id for part in wanted.parts]
    if not lot_ids:
        raise Malformed("Name at least one lot to track in.")
    if any(len({*ids}) < len(ids) for ids in (lot_ids, wanted.source_ids, wanted.holder_ids)):
        raise Malformed("A lot, a boat or a source is named twice; name each once.")
    locked = lock(session, (Equipment, [wanted.equipment_id]), (Lot, lot_ids))
    equipment = locked.one(Equipment, wanted.equipment_id)
    line = look(session, lot_ids, [equipment.id], act.at, act.actor)
    work = _work(line, wanted)
    wafers = _wafers(session, wanted.source_ids)
    lower = lock(session, (Substrate, [*(m.substrate_id for _, m in work), *wanted.source_ids, *wafers]))
    free = sources(session, line.needed(), act.at)
    stock = by_product(free)
    facts = {part.lot_id: line.of(_starting(line, wanted, part), equipment.id, stock) for part in wanted.parts}
    holders = lock_free(session, line.tools.free, wanted.holder_ids)
    stock_of = {source.substrate_id: source for source in free}
    picture = _Picture(locked | lower, equipment, facts, work, stock_of, holders)
    jobs = [_job(picture, facts[lot_id]) for lot_id in lot_ids]
    found = [reason for job in jobs for reason in start_gate.judge(job)]
    found += [*_against_substrates(picture, wanted), *_against_sources(picture, wanted.source_ids)]
    found += [reason for job in jobs for reason in against_named(job, holders) if wanted.holder_ids]
    if found:
        names = ", ".join(lot.name for lot in locked.all(Lot))
        raise StartRefused(f"Lot {names} cannot start on {equipment.name}.", *dict.fromkeys(found))
    _one_operation(facts)
    return picture


def _wafers(session: Session, source_ids: Sequence[int]) -> Sequence[int]:
    """The wafers of sources that are masked copies: one is on one equipment at a time, whosever copy is picked from."""
    if not source_ids:
        return ()
    query = select(Substrate.part_of_id).where(Substrate.id.in_(source_ids), Substrate.part_of_id.is_not(None))
    return [wafer for wafer in session.scalars(query) if wafer is not None]


def _job(picture: _Picture, facts: Facts) -> Facts:
    """The facts of a lot with none but the substrates that are to start, where any are."""
    chosen = [member for lot, member in picture.work if lot.id == facts.lot.id]
    return replace(facts, members=chosen or facts.members)


def _starting(line: LineFacts, wanted: TrackIn, part: LotPart) -> LotFacts:
    return line.starting(part.lot_id, wanted.equipment_id, part.substrate_ids)


def _work(line: LineFacts, wanted: TrackIn) -> list[tuple[Lot, LotSubstrate]]:
    """The waiting substrates asked for; of one lot without such words, as many as the equipment takes."""
    work = []
    for part in wanted.parts:
        lot = _starting(line, wanted, part)
        chosen = [m for m in lot.members if not part.substrate_ids or m.substrate_id in part.substrate_ids]
        work += [(lot.lot, m) for m in chosen]
    if len(wanted.parts) == 1 and not wanted.parts[0].substrate_ids:
        return work[: line.equipment[wanted.equipment_id].equipment.equipment_class.most_substrates]
    return work


def _against_substrates(picture: _Picture, wanted: TrackIn) -> Iterator[Reason]:
    most, names = picture.equipment.equipment_class.most_substrates, Counter[str]()
    for part in wanted.parts:
        facts = picture.facts[part.lot_id]
        missing = set(part.substrate_ids) - {m.substrate_id for m in facts.members}
        yield from against_moving(facts.lot, facts.holds, [facts.withheld[i] for i in missing & facts.withheld.keys()])
        missing -= facts.withheld.keys()
        if missing & set(facts.others):
            what = f"The substrates of lot {facts.lot.name} run by several legs; start those of one leg at a time."
            yield Reason("several_legs", what, "operator")
        if missing - set(facts.others):
            missing -= set(facts.others)
            lot = picture.facts[part.lot_id].lot.name
            message = f"{len(missing)} of the substrates asked for do not wait at the operation of lot {lot}."
            yield Reason("substrate_not_waiting", message, "operator")
    if len(picture.work) > most:
        message = f"{len(picture.work)} substrates are asked for; {picture.equipment.name} takes {most} at once."
        yield Reason("too_many_substrates", message, "operator")
    if len({facts.leg for facts in picture.facts.values()}) > 1:
        yield Reason("several_legs", "The lots run by several legs; start those of one leg at a time.", "operator")
    names.update(s.name for s in picture.locked.all(Substrate))
    for name in sorted(name for name, times in names.items() if times > 1):
        message = f"Several substrates are named {name}: equipment could not tell them apart; use separate runs."
        yield Reason("same_name", message, "operator")


def _one_operation(facts: dict[int, Facts]) -> Operation:
    operations = {f.operation.id: f.operation for f in facts.values() if f.operation is not None}
    if len(operations) != 1:
        raise Malformed("The lots wait at different operations; one run has one operation.")
    operation = next(iter(operations.values()))
    its_class = next(iter(facts.values())).equipment.equipment_class
    single = len(facts) > 1 and not its_class.batch
    if single or (len(facts) > 1 and operation.kind == OperationKind.TRANSFER):
        raise Malformed(f"A {its_class.name} takes one lot at a time; {len(facts)} were named.")
    return operation


def _run(session: Session, picture: _Picture, act: Act) -> Run:
    number = session.scalar(RUN_NUMBERS.next_value())
    run = Run(
        name=f"J-{number:07d}",
        equipment_id=picture.equipment.id,
        operation_id=picture.operation.id,
        recipe_version_id=picture.recipe.id,
        ordered_at=act.at,
    )
    session.add(run)
    session.flush()
    if picture.leg is not None:
        session.add(RunLeg(run_id=run.id, leg_id=picture.leg.id))
    return run


def _asked(session: Session, picture: _Picture) -> dict[int, Mask]:
    """What the run works on, by substrate. What holds mask is not moved."""
    positions = opened(session, [picture.locked.one(Substrate, m.substrate_id) for _, m in picture.work])
    moves = picture.operation.kind == OperationKind.TRANSFER
    stay = masked(session, {i: at.shape for i, at in positions.items()}) if moves else {}
    of, on = ((m, m.substrate_id) for _, m in picture.work), progress.worked_on(picture.operation)
    return {i: progress.asked_positions(member, positions[i], stay.get(i), on) for member, i in of}


def _order(session: Session, picture: _Picture, run: Run, asked: Mapping[int, Mask]) -> list[Change]:
    changes = []
    for lot, member in picture.work:
        session.add(
            RunSubstrate(
                customer_id=lot.customer_id,
                run_id=run.id,
                substrate_id=member.substrate_id,
                lot_id=lot.id,
                form=member.form,
                visit=member.visit,
                first_visit=member.first_visit,
                queued_at=member.since,
                positions=pack(asked[member.substrate_id]),
            )
        )
        member.progress = Progress.ORDERED
    for lot in {lot.id: lot for lot, _ in picture.work}.values():
        before = lot.state
        lot.state = TRANSITIONS.after(f"Lot {lot.name}", LotState(lot.state), LotVerb.TRACK_IN)
        after = {"state": lot.state, "run": run.name, "equipment": picture.equipment.name}
        changes.append(Change(lot, before={"state": before}, after=after))
    return changes


def _mount(session: Session, picture: _Picture, run: Run, source_ids: Sequence[int], act: Act) -> list[Change]:
    if picture.operation.kind != OperationKind.ASSEMBLE:
        return []
    changes = []
    for ordinal, substrate_id in enumerate(source_ids):
        source = picture.sources[substrate_id]
        session.add(
            RunSource(
                customer_id=picture.locked.one(Substrate, substrate_id).customer_id,
                run_id=run.id,
                substrate_id=substrate_id,
                ordinal=ordinal,
                positions=pack(source.free),
            )
        )
        row = picture.locked.one(Substrate, substrate_id)
        if source.mounted_on != picture.equipment.id or row.part_of_id is not None:
            _move(session, row, picture.equipment.id, act)
        if source.mounted_on != picture.equipment.id:
            after = {"mounted_on": picture.equipment.name}
            changes.append(Change(row, after=after))
    return changes


def _against_sources(picture: _Picture, source_ids: Sequence[int]) -> Iterator[Reason]:
    needs = [need for facts in picture.facts.values() for need in facts.needs]
    owners = {facts.lot.customer_id for facts in picture.facts.values()}
    for substrate_id in source_ids if needs else ():
        name, source = picture.name(substrate_id), picture.sources.get(substrate_id)
        if source is None:
            yield Reason("source_wrong", f"{name} is not stocked, or holds nothing this operation needs.")
        elif not all(source.serves(owner) for owner in owners):
            what = f"{name} is another customer's, and no supply agreement lets the lot's owner have units of it;"
            yield Reason("not_agreed", f"{what} take another, or have the plant's text agree.", "line_engineer")
        elif source.in_use and source.mounted_on != picture.equipment.id:
            yield Reason("source_in_use", f"{name} is mounted elsewhere and in use; wait until that run ends.")
        elif not source.units:
            yield Reason("source_empty", f"{name} has no free unit left.")
    given = {picture.sources[i].product_id for i in source_ids if i in picture.sources}
    for need in needs:
        if need.product_id not in given:
            yield Reason("source_missing", f"No source of {need.product} is named for this run.")


def _move(session: Session, source: Substrate, equipment_id: int, act: Act) -> None:
    """Mount a source; of a masked copy all others of its wafer leave other equipment with it."""
    there = Mount.substrate_id == source.id
    if source.part_of_id is not None:
        copies = select(Substrate.id).where(Substrate.part_of_id == source.part_of_id)
        there = or_(there, Mount.substrate_id.in_(copies) & (Mount.equipment_id != equipment_id))
    stays = False
    for mount in session.scalars(select(Mount).where(there, Mount.dismounted_at.is_(None))):
        if mount.equipment_id == equipment_id:
            stays = True
        else:
            mount.dismounted_at = act.at
    if not stays:
        session.flush()
        session.add(Mount(equipment_id=equipment_id, substrate_id=source.id, mounted_at=act.at))


def lot_parts(session: Session, lot_ids: Sequence[int], substrates: Sequence[str]) -> list[LotPart]:
    """These lots with the substrates that are named, or all of each. Raises `NotFound`: not a substrate of one."""
    if not substrates:
        return [LotPart(lot) for lot in lot_ids]
    members = [_member(session, lot_ids, name) for name in substrates]
    chosen = {lot: tuple(m.substrate_id for m in members if m.lot_id == lot) for lot in lot_ids}
    return [LotPart(lot, ids) for lot, ids in chosen.items() if ids]


def _member(session: Session, lot_ids: Sequence[int], name: str) -> LotSubstrate:
    query = select(LotSubstrate).join(Substrate, Substrate.id == LotSubstrate.substrate_id)
    found = session.scalars(query.where(LotSubstrate.lot_id.in_(lot_ids), Substrate.name == name)).all()
    if len(found) != 1:
        raise NotFound(f"{'Several' if found else 'None'} of these lots have a substrate {name}.")
    return found[0]
