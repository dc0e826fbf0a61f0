"""Substrates that go from one lot to another: what a split and a merge have in common.

A substrate goes whole, with all that it ever held: its accounts go along, so that what was scrapped on it stands in the
lot that it is in. The giving lot posts them as split off, the taking lot as merged in. Its queue-time clocks are its
own and know no lot.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import Table, case, insert, or_, select, update
from sqlalchemy.orm import Session

from mes.db import lock
from mes.errors import Reason
from mes.history import Act, Change, Delta
from mes.lots import ledger
from mes.lots.models import Handover, Lot, LotSubstrate, RunSource
from mes.lots.states import Progress
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate
from mes.units.positions import opened

_SUBSTRATE, _MEMBER = (cast(Table, model.__table__) for model in (Substrate, LotSubstrate))

WAITS = (Progress.QUEUED, Progress.FINISHED)
"""A substrate of these is on no equipment."""


@dataclass(frozen=True)
class Gone:
    """What is to be recorded of substrates that went over."""

    given: Sequence[Delta]
    taken: Sequence[Delta]
    substrates: Sequence[Change]

    @property
    def names(self) -> list[str]:
        """Of the substrates."""
        return [change.subject.name for change in self.substrates]


def lock_substrates(session: Session, members: Sequence[LotSubstrate]) -> dict[int, Substrate]:
    """Lock the substrates of locked lots, by id in the order of their names."""
    locked = lock(session, (Substrate, [m.substrate_id for m in members])).all(Substrate)
    return {substrate.id: substrate for substrate in sorted(locked, key=lambda one: one.name)}


def busy(
    session: Session, members: Sequence[LotSubstrate], substrates: dict[int, Substrate], *,
    then: str = "only what waits goes into another lot",
) -> Iterator[Reason]:  # fmt: skip
    """Why some of these locked substrates may not go over: they are in a run, serve one, or nothing is left on them.

    ``then`` says what to do about it.
    """
    for member in members:
        if member.progress not in WAITS:
            what = f"Substrate {substrates[member.substrate_id].name} is {member.progress.replace('_', ' ')}"
            yield Reason("substrate_busy", f"{what}; {then}.", "operator")
    serving = select(RunSource.substrate_id, Run.name).join(Run, Run.id == RunSource.run_id)
    serving = serving.where(RunSource.substrate_id.in_(substrates), Run.state.in_(OPEN)).order_by(Run.name)
    for substrate_id, run in session.execute(serving):
        what = f"{run} picks from substrate {substrates[substrate_id].name}; wait until it ends."
        yield Reason("substrate_busy", what, "operator")


def on_shared_wafers(session: Session, substrates: Mapping[int, Substrate]) -> Iterator[Reason]:
    """Why masked copies among these substrates neither leave nor are worked on: their wafer has units of others."""
    wafers = {one.part_of_id: one.name for one in substrates.values() if one.part_of_id is not None}
    if not wafers:
        return
    wafer = case((Substrate.part_of_id.in_(wafers), Substrate.part_of_id), else_=Substrate.id)
    there = or_(Substrate.part_of_id.in_(wafers), Substrate.id.in_(wafers))
    others = select(wafer).where(there, Substrate.id.not_in(substrates), ~Substrate.closed).distinct()
    for name in sorted(wafers[number] for number in session.scalars(others)):
        what = f"On the wafer of substrate {name} units of others still are; let its units be picked, or theirs first."
        yield Reason("wafer_shared", what)


def _move(session: Session, giver: Lot, taker: Lot, ids: Sequence[int]) -> None:
    """Let members stand in the other lot; with its owner the substrates, by the same statement: no row has two."""
    moved = update(_MEMBER).where(_MEMBER.c.lot_id == giver.id, _MEMBER.c.substrate_id.in_(ids))
    moved = moved.values(lot_id=taker.id, customer_id=taker.customer_id)
    if taker.customer_id != giver.customer_id:
        theirs = update(_SUBSTRATE).where(_SUBSTRATE.c.id.in_(ids)).values(customer_id=taker.customer_id)
        moved = moved.add_cte(theirs.cte("theirs"))
    session.execute(moved)


def hand_over(
    session: Session, giver: Lot, taker: Lot, members: Sequence[LotSubstrate], substrates: dict[int, Substrate],
    act: Act,
) -> Gone:  # fmt: skip
    """Let locked substrates of one locked lot go over to another: members, ledgers and the record of it.

    The state of both lots is the caller's to settle. As many statements for a hundred substrates as for one.
    """
    form_of = {m.substrate_id: m.form for m in members}
    holds = {i: ledger.held(at) for i, at in opened(session, substrates.values()).items()}
    went = [
        {"customer_id": giver.customer_id, "substrate_id": i, "form": form_of[i], "from_id": giver.id,
         "to_id": taker.id, "units": holds[i].total(), "happened_at": act.at}
        for i in substrates
    ]  # fmt: skip
    session.execute(insert(Handover), went)
    for member in members:
        session.expunge(member)
    _move(session, giver, taker, list(substrates))
    given: list[Delta] = []
    taken: list[Delta] = []
    for form in sorted({*form_of.values()}):
        of_form = sum((units for i, units in holds.items() if form_of[i] == form), Counter[str]())
        ledger.open_form(session, taker, form)
        left = {account: -units for account, units in of_form.items()}
        given += ledger.post(session, giver, form, left | {"split_off": of_form.total()})
        taken += ledger.post(session, taker, form, of_form | Counter(merged_in=of_form.total()))
    changes = [Change(s, before={"lot": giver.name}, after={"lot": taker.name}) for s in substrates.values()]
    return Gone(given, taken, changes)
