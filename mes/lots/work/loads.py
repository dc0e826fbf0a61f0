"""Loads: the empty substrates that a run fills, made when it is ordered, in boats or trays where these are counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mes.db import unique
from mes.errors import Busy, Reason
from mes.history import Change
from mes.lots.gate.durable_gate import against_holder, is_free
from mes.lots.gate.start_gate_facts import Facts
from mes.lots.holders import lock_holders, take
from mes.lots.models import Lot, LotSubstrate, RunLoad, RunSubstrate
from mes.lots.states import Progress
from mes.lots.work.models import DurableUse
from mes.materials.durables.care import WHO
from mes.materials.durables.models import Durable
from mes.materials.durables.queries import lock_durables
from mes.routes.models import Operation
from mes.runs.models import Run
from mes.units.models import Substrate
from mes.units.positions import Positions
from mes.units.states import Disposition


def lock_free(
    session: Session, free: Mapping[str, Sequence[Durable]], named: Sequence[int]
) -> Sequence[Durable]:  # fmt: skip
    """Lock what may carry the loads of a job: what is named, else what is free and fit of its kind, in this order.

    Raises `Busy` where another job takes some of it just now.
    """
    wanted = list(named) or [one.id for some in free.values() for one in some]
    if not wanted:
        return ()
    locked = lock_durables(session, wanted)
    holders = [locked.one(Durable, i) for i in wanted]
    if not named and not all(is_free(one) for one in holders):
        raise Busy("Boats or trays for this job are taken at this moment; try again.")
    return [one for one in holders if named or not any(against_holder(one))]


def against_named(job: Facts, holders: Sequence[Durable]) -> Iterator[Reason]:
    """Why the holders that were named do not carry the loads of a job."""
    kind = None if job.operation is None else job.operation.holder
    if job.operation is None or kind is None:
        yield Reason("holder_wrong", "This operation fills no boats or trays that are counted; name none.", WHO)
        return
    needs = job.operation.loads(sum(job.units[m.substrate_id] for m in job.members))
    if len(holders) != needs:
        yield Reason("holder_wrong", f"The job fills {needs} {kind}, and {len(holders)} are named.", WHO)
    for one in holders:
        if one.kind.name != kind:
            yield Reason("holder_wrong", f"{one.kind.title} {one.name} is no {kind}; name such ones.", WHO)
        elif not is_free(one):
            yield Reason("durable_state", f"{one.kind.title} {one.name} is {one.state}; name another.", WHO)
        else:
            yield from against_holder(one)


def make_loads(
    session: Session, run: Run, lot: Lot, form: int, operation: Operation, units: int, holders: Sequence[Durable]
) -> list[Change]:
    """Empty substrates of the operation's layout, enough for every unit that leaves, in the first of these holders.

    Raises `Busy` where another gives one of their names away just now.
    """
    layout = operation.makes_layout
    assert layout is not None  # of a transfer, as the database holds
    of_lot = RunLoad.run_id.in_(select(RunSubstrate.run_id).where(RunSubstrate.lot_id == lot.id))
    known = session.scalar(select(func.count()).select_from(RunLoad).where(of_lot)) or 0
    loads = [
        Substrate(
            customer_id=lot.customer_id,
            name=name,
            kind=layout.substrate_kind,
            layout_id=layout.id,
            product_id=lot.product_id,
            dispositions=bytes([Disposition.NO_UNIT]) * (layout.rows * layout.columns),
        )
        for name in _free_names(session, lot, known + 1, operation.loads(units))
    ]
    taken = take(holders[: len(loads)], loads, run.name) if operation.holder is not None else []
    session.add_all(loads)
    with unique(
        "uq_substrate_customer_id_name", Busy("Another has made a substrate of that name just now; try again.")
    ):
        session.flush()
    for ordinal, load in enumerate(loads):
        session.add(RunLoad(customer_id=lot.customer_id, run_id=run.id, substrate_id=load.id, ordinal=ordinal))
        session.add(
            LotSubstrate(
                customer_id=lot.customer_id, lot_id=lot.id, substrate_id=load.id, form=form, progress=Progress.LOADING
            )
        )
    return [Change(load, after={"lot": lot.name, "load_of": run.name}) for load in loads] + taken


def _free_names(session: Session, lot: Lot, first: int, count: int) -> list[str]:
    """So many numbers behind the lot's name that no substrate of its customer has, from the ``first`` on."""
    names: list[str] = []
    while len(names) < count:
        wanted = [f"{lot.name}.{n:02d}" for n in range(first, first + count - len(names))]
        query = select(Substrate.name).where(Substrate.customer_id == lot.customer_id, Substrate.name.in_(wanted))
        known = set(session.scalars(query))
        names += [name for name in wanted if name not in known]
        first += len(wanted)
    return names


def count_fillings(session: Session, run: Run, positions: Mapping[int, Positions]) -> list[Change]:
    """Count one filling on what carries each of a run's loads that got a unit, and remember it with the load."""
    filled = _filled(positions.values())
    locked = lock_holders(session, filled)
    if locked is None:
        return []
    changes = []
    for load in filled:
        if load.holder_id is None:
            continue
        holder = locked.one(Durable, load.holder_id)
        before = {"count": holder.count}
        holder.count += 1
        changes.append(Change(holder, before, {"count": holder.count, "done": 1, "load": load.name, "run": run.name}))
        session.add(
            DurableUse(
                customer_id=load.customer_id, run_id=run.id, substrate_id=load.id, durable_id=holder.id, done=1,
                happened_at=run.ended_at,
            )
        )  # fmt: skip
    return changes


def _filled(positions: Iterable[Positions]) -> list[Substrate]:
    return [at.substrate for at in positions if (at.now != Disposition.NO_UNIT).any()]
