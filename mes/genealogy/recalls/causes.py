"""What may have been bad, and which units it touched, where they were when it did.

What is given of a cause must hold of the same run: a container, on one equipment, in a week. A wafer, a position of it
or a lot stands for its units and is a cause alone.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session

from equipment.interface.states import TransferOutcome
from mes.definitions.models import Layout
from mes.equipment.queries import equipment_id
from mes.errors import Malformed, NotFound
from mes.genealogy.recalls.reach import (
    EVER,
    Stays,
    moment,
    moves,
    places_of,
    places_on,
    stays,
    together,
    was_there,
)
from mes.history import instant
from mes.lots.models import Consumption, Handover, LotSubstrate, RunSubstrate
from mes.lots.queries import lot_id
from mes.lots.states import Progress, Work
from mes.lots.work.models import DurableUse
from mes.materials.durables.queries import durable_id
from mes.materials.models import Container
from mes.materials.queries import container_id, material_lot_id
from mes.recipes.models import RecipeVersion
from mes.runs.models import Run
from mes.units.models import Substrate, Transfer
from mes.units.queries import substrate_id

Use = type[Consumption] | type[DurableUse]
Condition = ColumnElement[bool]

IN_A_RUN = ("material", "container", "durable", "recipe", "equipment")
ALONE = ("substrate", "lot")
KINDS = (*IN_A_RUN, *ALONE)
TOLD_AS = {"since": "from", "until": "to"}
"""How people and programs name what Python reserves."""


@dataclass(frozen=True)
class Cause:
    """What may have been bad, by names; None is any. ``since`` up to ``until``: when work with it was done."""

    material: str | None = None
    """A lot of material, as it was delivered: all its containers."""
    container: str | None = None
    durable: str | None = None
    recipe: str | None = None
    """In all its versions, or one: ``name@1``."""
    equipment: str | None = None
    head: int | None = None
    """Of the equipment: the moves that it made."""
    since: datetime | None = None
    until: datetime | None = None
    substrate: str | None = None
    x: int | None = None
    y: int | None = None
    """One position of the substrate, and not all."""
    lot: str | None = None
    customer: str | None = None
    """Whose the substrate, lot or material is, where owners share a name."""

    def given(self) -> dict[str, Any]:
        """What is given of it, as JSON has it."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            TOLD_AS.get(name, name): instant(value) if isinstance(value, datetime) else value
            for name, value in told.items()
            if value is not None
        }


def check(cause: Cause) -> None:
    """Raise `Malformed` where it is none, or contradicts itself."""
    given = cause.given().keys()
    if cause.head is not None and cause.equipment is None:
        raise Malformed("A head is that of an equipment; name it, too.")
    if not given & {*KINDS}:
        raise Malformed(f"Name what was bad: one of {', '.join(KINDS)}.")
    alone = [name for name in ALONE if name in given]
    if alone and given - {alone[0], "customer", "x", "y"}:
        raise Malformed(
            f"A {alone[0]} stands for all its units; name nothing else with it but a position or its owner."
        )
    if (cause.x is None) != (cause.y is None) or (cause.x is not None and cause.substrate is None):
        raise Malformed("A position is x and y on a substrate; give all three.")
    if cause.since is not None and cause.until is not None and cause.since >= cause.until:
        raise Malformed("The time ends before it begins; give from before to.")


def touched(session: Session, cause: Cause) -> Stays:
    """The units that it touched, where they were then. Raises what `check` does, and `NotFound` for an unknown name."""
    check(cause)
    if cause.substrate is not None or cause.lot is not None:
        return _all_of(session, cause)
    uses, done = _uses(session, cause), list(_done(session, cause))
    if not uses and cause.head is not None:
        return _handled(session, done, cause, heads=[cause.head])
    worked = session.execute(_worked(uses, done, cause)).all()
    if cause.head is not None:
        on = {row.substrate_id for row in worked}, {row.run_id for row in worked}
        of_these = [Transfer.target_id.in_(on[0]), Transfer.run_id.in_(on[1])]
        return _handled(session, [*done, *of_these], cause, heads=[cause.head])
    of_runs = [] if uses else [_handled(session, done, cause, outcomes=[TransferOutcome.PUT_BACK])]
    return together([*_on_worked(session, worked), *of_runs])


def _all_of(session: Session, cause: Cause) -> Stays:
    """Every unit of a substrate or of those with which a lot began, also on their masked copies."""
    if cause.substrate is not None:
        wanted: Any = [substrate_id(session, cause.substrate, cause.customer)]
    else:
        of = lot_id(session, cause.lot or "", cause.customer)
        members = select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id == of, LotSubstrate.form == 1)
        went = select(Handover.substrate_id).where(Handover.from_id == of, Handover.form == 1)
        wanted = session.scalars(members.union(went)).all()
    query = select(Substrate.id, Substrate.name, Substrate.dispositions, Layout.rows, Layout.columns)
    query = query.join(Layout, Layout.id == Substrate.layout_id)
    mine = or_(Substrate.id.in_(wanted), Substrate.part_of_id.in_(wanted))
    found = []
    for one in session.execute(query.where(mine)):
        places = places_on(one.id, was_there(one.dispositions), one.columns)
        if cause.x is not None and cause.y is not None:
            if cause.x >= one.columns or cause.y >= one.rows:
                most = f"x goes to {one.columns - 1} and y to {one.rows - 1}"
                raise Malformed(f"Position ({cause.x}, {cause.y}) is outside substrate {one.name}: {most}.")
            places = places[places == places_of(one.id, np.array(cause.x), np.array(cause.y))]
        found.append(stays(places, EVER))
    return together(found)


def _containers(session: Session, cause: Cause) -> Condition:
    return Consumption.container_id == container_id(session, cause.container or "", cause.customer)


def _delivery(session: Session, cause: Cause) -> Condition:
    of = material_lot_id(session, cause.material or "", cause.customer)
    return Consumption.container_id.in_(select(Container.id).where(Container.material_lot_id == of))


def _durable(session: Session, cause: Cause) -> Condition:
    return DurableUse.durable_id == durable_id(session, cause.durable or "")


USES: dict[str, tuple[Use, Callable[[Session, Cause], Condition]]] = {
    "container": (Consumption, _containers),
    "material": (Consumption, _delivery),
    "durable": (DurableUse, _durable),
}
"""What is used on substrates: where that is recorded, and which of it the cause means."""


def _uses(session: Session, cause: Cause) -> dict[Use, Condition]:
    """By where it is recorded, what the cause names of what is used."""
    found: dict[Use, Condition] = {}
    for name, (use, means) in USES.items():
        if getattr(cause, name) is not None:
            found[use] = and_(found.get(use, true()), means(session, cause))
    return found


def _done(session: Session, cause: Cause) -> Iterator[Condition]:
    """Conditions on the run: where, and by what recipe."""
    if cause.equipment is not None:
        yield Run.equipment_id == equipment_id(session, cause.equipment)
    if cause.recipe is not None:
        named = or_(RecipeVersion.recipe == cause.recipe, RecipeVersion.name == cause.recipe)
        versions = session.scalars(select(RecipeVersion.id).where(named)).all()
        if not versions:
            raise NotFound(f"There is no recipe {cause.recipe}.")
        yield Run.recipe_version_id.in_(versions)


def _within(column: Any, cause: Cause) -> Iterator[Condition]:
    if cause.since is not None:
        yield column >= cause.since
    if cause.until is not None:
        yield column < cause.until


_BEGAN = func.coalesce(RunSubstrate.started_at, Run.started_at)
"""When work on a substrate began; null before."""


def _worked(uses: Mapping[Use, Condition], done: Sequence[Condition], cause: Cause) -> Select[Any]:
    """Substrates in runs of which all that is given holds: the uses, or the work itself where none is named."""
    first: Any = next(iter(uses), RunSubstrate)
    query = select(
        Run.id.label("run_id"), Run.operation_id, first.substrate_id, RunSubstrate.work, RunSubstrate.visit,
        RunSubstrate.positions, func.coalesce(_BEGAN, Run.ordered_at).label("since"), Layout.columns,
    ).select_from(first)  # fmt: skip
    query = query.join(Run, Run.id == first.run_id).join(Substrate, Substrate.id == first.substrate_id)
    query = query.join(Layout, Layout.id == Substrate.layout_id).where(*done)
    if not uses:
        query = query.where(RunSubstrate.work != Work.NOT_DONE, _BEGAN.is_not(None))
        if cause.since is not None:
            query = query.where(or_(RunSubstrate.ended_at.is_(None), RunSubstrate.ended_at >= cause.since))
        return query if cause.until is None else query.where(cause.until > _BEGAN)
    asked = and_(RunSubstrate.run_id == first.run_id, RunSubstrate.substrate_id == first.substrate_id)
    query = query.outerjoin(RunSubstrate, asked).where(uses[first], *_within(first.happened_at, cause))
    for use in uses.keys() - {first}:
        same = and_(Run.id == use.run_id, first.substrate_id == use.substrate_id)
        query = query.where(select(use.id).where(same, uses[use]).exists())
    return query.distinct()


def _on_worked(session: Session, worked: Sequence[Row[Any]]) -> Iterator[Stays]:
    """The positions that were worked on; of loads that a run filled, those where it placed units."""
    later = _left_over(session, [row for row in worked if row.work == Work.PARTIAL])
    for row in worked:
        if row.positions is not None:
            bits = np.unpackbits(np.frombuffer(row.positions, np.uint8)).astype(np.bool_)
            for run_id, left in later.get((row.substrate_id, row.operation_id, row.visit), ()):
                if run_id is None or run_id > row.run_id:
                    bits &= ~np.unpackbits(np.frombuffer(left, np.uint8)).astype(np.bool_)
            since = moment(row.since), 0
            yield stays(places_on(row.substrate_id, np.flatnonzero(bits), row.columns), since)
    filled = [row for row in worked if row.positions is None]
    if filled:
        runs, loads = ([getattr(row, name) for row in filled] for name in ("run_id", "substrate_id"))
        found = moves(session, Transfer.run_id.in_(runs), Transfer.target_id.in_(loads))
        yield found.some(found.outcome == TransferOutcome.PLACED).came()


LeftOver = dict[tuple[int, int, int], list[tuple[int | None, bytes]]]
"""By substrate, operation and visit: positions that a later run asked for, or None: that wait."""


def _left_over(session: Session, partial: Sequence[Row[Any]]) -> LeftOver:
    """What was not worked on in runs that did a part: it came again in the same visit, or waits for that."""
    found: LeftOver = {}
    if not partial:
        return found
    substrates = {row.substrate_id for row in partial}
    again = select(RunSubstrate.substrate_id, Run.operation_id, RunSubstrate.visit, Run.id, RunSubstrate.positions)
    again = again.join(Run, Run.id == RunSubstrate.run_id).where(RunSubstrate.substrate_id.in_(substrates))
    for substrate, operation, visit, run_id, positions in session.execute(again):
        found.setdefault((substrate, operation, visit), []).append((run_id, positions))
    waits = select(LotSubstrate.substrate_id, LotSubstrate.operation_id, LotSubstrate.visit, LotSubstrate.todo)
    waits = waits.where(LotSubstrate.substrate_id.in_(substrates), LotSubstrate.todo.is_not(None))
    for substrate, there, visit, todo in session.execute(waits.where(LotSubstrate.progress == Progress.QUEUED)):
        if there is not None and todo is not None:
            found.setdefault((substrate, there, visit), []).append((None, todo))
    return found


def _handled(
    session: Session, which: Sequence[Condition], cause: Cause, *, heads: Sequence[int] = (),
    outcomes: Sequence[TransferOutcome] = (),
) -> Stays:  # fmt: skip
    """Units that were moved in such runs in the time of the cause, from just before; none of what is named is any."""
    found = moves(session, *which, *_within(Transfer.happened_at, cause))
    by_head = np.isin(found.head, heads) if heads else True
    so = np.isin(found.outcome, outcomes) if outcomes else True
    return found.some(np.ones(len(found.head), np.bool_) & by_head & so).taken()
