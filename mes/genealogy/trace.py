"""Trace a unit down to every die in it, or dies up to where they went: step by step, a query or two for each.

The work is bound by what is read for whole substrates, not by the number of dies: every step reads the transfers of
all substrates reached, and numpy picks the positions asked for. A position may be occupied again, so what counts is
what came to it before its unit left, or left it after the unit came.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.states import TransferOutcome
from mes.errors import Malformed, NotFound
from mes.genealogy.across import Supplied, supplied_results, supplied_units
from mes.genealogy.moves import Moment, Recorded, Spot, into, left, out_of, place, spot
from mes.genealogy.records import Known, readings, sees_the_centre, substrates, works
from mes.genealogy.stays import Stays
from mes.genealogy.tree import Held, Move, Onward, Place, Trace, TraceUp, Unit, Went, Work
from mes.genealogy.used import durables_of
from mes.lots.models import Handover, LotSubstrate
from mes.units.models import Substrate

MOST_STEPS = 24
"""Moves from a package down to its lowest die, or up: routes of advanced packaging need about ten."""

NO_WORK = "With which equipment, operation and recipe units were moved is the centre's and not shown."
NO_PLANT = "Products, bins and ids are not shown: to read them takes the plant's layouts, which are the centre's."
FROM_ANOTHER_OWNER = "Of units of another owner only their sites are shown, and what the supply agreement declares."
TO_ANOTHER_OWNER = (
    "Where units went that became part of another owner's is not shown, but what the supply agreement declares."
)
TOO_FAR = f"The trace ends after {MOST_STEPS} steps; what lies beyond is not shown."

NOBODY = Known("", "", "")
OUTCOMES = {outcome: outcome.name.lower() for outcome in TransferOutcome}

EVER = datetime.max.replace(tzinfo=UTC), 0
NEVER = datetime.min.replace(tzinfo=UTC), 0

Visit = tuple[Spot, Moment]
"""A unit's stay at a position: traced down, until when; traced up, since when."""

Reach = dict[Visit, list[Recorded]]


def trace_unit(session: Session, substrate_id: int, x: int, y: int) -> Trace:
    """All that the unit at a position contains, through every form it had: dies, their sites, runs and readings.

    Under a customer's scope only what that customer may read; `Trace.missing` says what is left out. Raises
    `NotFound` where the reader has no such substrate, `Malformed` where the position is outside it.
    """
    centre = sees_the_centre(session)
    top = spot(Place(substrate_id, x, y)), EVER
    reach, missing = _follow(session, [top], down=True, centre=centre)
    known = substrates(session, (one >> 32 for one, _ in reach), centre=centre)
    _refuse_outside(known.get(substrate_id), substrate_id, x, y)
    stays = Stays(session, known, _run_ids(reach)) if centre else None
    about = _About(session, reach, known, stays.works if stays else {}, centre=centre)
    places = {visit: place(visit[0]) for visit in reach}
    told = readings(session, set(places.values()), known)
    units = {}
    for visit, at in places.items():
        units[visit] = Unit(at, *about.words(at.substrate_id), told.get(at, ()))
        if stays:
            stays.tell(units[visit], visit[1][0])
    foreign = {move.number_of for moves in reach.values() for move in moves if move.source is None}
    supplied = supplied_units(session, foreign)
    for visit, moves in reach.items():
        for move in sorted(moves, key=lambda m: (m.level, m.site, m.moment)):
            inner = (
                _foreign(supplied.get(move.number_of)) if move.source is None else units.get((move.source, move.moment))
            )
            if inner is not None:
                units[visit].contains.append(Held(about.move(move), inner))
    if foreign:
        missing.append(FROM_ANOTHER_OWNER)
    return Trace(units[top], (*missing, *about.missing), stays.runs(units.values()) if stays else ())


def trace_up(session: Session, substrate_id: int, x: int | None = None, y: int | None = None) -> TraceUp:
    """Where the unit at a position went, or without one every unit that left the substrate, up to the package.

    Of a multi-project wafer these are the units of its masked copies, too.

    Under a customer's scope only what that customer may read; `TraceUp.missing` says what is left out. Raises
    `NotFound` where the reader has no such substrate, `Malformed` where the position is outside it or half given.
    """
    if (x is None) != (y is None):
        raise Malformed("Give both x and y, or neither.")
    centre = sees_the_centre(session)
    known = substrates(session, [substrate_id], centre=centre).get(substrate_id)
    _refuse_outside(known, substrate_id, x, y)
    copies = session.scalars(select(Substrate.id).where(Substrate.part_of_id == substrate_id)).all()
    if x is None or y is None:
        return _up(session, left(session, [substrate_id, *copies], whole=centre), centre=centre)
    of_copies = left(session, copies, whole=centre) if copies else []
    there = [one for one in of_copies if (at := place(one)).x == x and at.y == y]
    return _up(session, there or [spot(Place(substrate_id, x, y))], centre=centre)


def trace_lot_up(session: Session, lot_id: int) -> TraceUp:
    """Where every unit went that left a substrate with which the lot began, split off or not: what a recall concerns.

    Under a customer's scope as `trace_up`; nothing for a lot that the reader does not see.
    """
    members = select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id == lot_id, LotSubstrate.form == 1)
    went = select(Handover.substrate_id).where(Handover.from_id == lot_id, Handover.form == 1)
    centre = sees_the_centre(session)
    return _up(session, left(session, session.scalars(members.union(went)), whole=centre), centre=centre)


def _up(session: Session, spots: Iterable[Spot], *, centre: bool) -> TraceUp:
    start = [(one, NEVER) for one in spots]
    reach, missing = _follow(session, start, down=False, centre=centre)
    known = substrates(session, (one >> 32 for one, _ in reach), centre=centre)
    about = _About(session, reach, known, works(session, _run_ids(reach)) if centre else {}, centre=centre)
    steps = {visit: Onward(place(visit[0]), *about.words(visit[0] >> 32)) for visit in reach}
    foreign = {move.number_of for moves in reach.values() for move in moves if move.target is None}
    results = supplied_results(session, foreign)
    for visit, moves in reach.items():
        for move in sorted(moves, key=lambda m: m.moment) if len(moves) > 1 else moves:
            to = None
            if move.outcome is TransferOutcome.PLACED:
                to = (
                    Onward(None, result=results.get(move.number_of, ""))
                    if move.target is None
                    else steps.get((move.target, move.moment))
                )
            steps[visit].went.append(Went(about.move(move), to))
    if foreign:
        missing.append(TO_ANOTHER_OWNER)
    return TraceUp(tuple(steps[visit] for visit in start), (*missing, *about.missing))


def _foreign(shown: Supplied | None) -> Unit:
    """A unit of another owner, with what the agreement shows of it."""
    return Unit(None) if shown is None else Unit(None, **vars(shown))


def _refuse_outside(known: Known | None, substrate_id: int, x: int | None, y: int | None) -> None:
    if known is None:
        raise NotFound(f"There is no substrate with id {substrate_id}.")
    if x is None or y is None:
        return
    if min(x, y) < 0 or max(x, y) >= 2**15 or (known.columns and (x >= known.columns or y >= known.rows)):
        most = f"; x goes to {known.columns - 1} and y to {known.rows - 1}" if known.columns else ""
        raise Malformed(f"Position ({x}, {y}) is outside substrate {known.name}: both count from 0{most}.")


def _follow(session: Session, start: Sequence[Visit], *, down: bool, centre: bool) -> tuple[Reach, list[str]]:
    """Every stay that moves lead to from ``start``, with its moves. Moments only fall, or only rise: it ends.

    A stay traced down ends with its moment, and a move counts that brought a unit before; traced up it begins with it,
    and a move counts that took one after.
    """
    reach: Reach = {visit: [] for visit in start}
    fresh: Collection[Visit] = list(reach)
    for _ in range(MOST_STEPS):
        at: dict[Spot, list[Moment]] = {}
        for one, moment in fresh:
            at.setdefault(one, []).append(moment)
        fresh = []
        for move in (into if down else out_of)(session, at, whole=centre) if at else ():
            here, there = (move.target, move.source) if down else (move.source, move.target)
            assert here is not None
            if move.outcome is not TransferOutcome.PLACED:
                there = None
            for moment in at[here]:
                if not (move.moment < moment if down else move.moment > moment):
                    continue
                reach[here, moment].append(move)
                if there is not None and (there, move.moment) not in reach:
                    reach[there, move.moment] = []
                    fresh.append((there, move.moment))
    return reach, [TOO_FAR] if fresh else []


def _run_ids(reach: Reach) -> set[int]:
    return {move.run_id for found in reach.values() for move in found if move.run_id is not None}


class _About:
    """What stands on record about all that was reached, read once, and what the reader is not shown of it."""

    def __init__(
        self, session: Session, reach: Reach, known: Mapping[int, Known], works: Mapping[int, Work], *, centre: bool
    ) -> None:
        self.missing: list[str] = [] if centre else [NO_PLANT] + ([NO_WORK] if any(reach.values()) else [])
        self._known, self._works = known, works
        self._durables = durables_of(session, _run_ids(reach)) if centre else {}
        self._with_durables: dict[tuple[int, int], Work] = {}

    def words(self, substrate_id: int) -> tuple[str, str, str, str]:
        """Name, product, owner and lot of a substrate."""
        known = self._known.get(substrate_id, NOBODY)
        return known.name, known.product, known.owner, known.lot

    def move(self, move: Recorded) -> Move:
        """A move with the work that it was part of."""
        return Move(move.moment[0], move.site, move.level, move.head, OUTCOMES[move.outcome], self._work(move))

    def _work(self, move: Recorded) -> Work | None:
        if move.run_id is None or move.run_id not in self._works:
            return None
        key = move.run_id, 0 if move.target is None else move.target >> 32
        if key not in self._with_durables:
            used = (*self._durables.get((move.run_id, None), ()), *self._durables.get(key, ()))
            self._with_durables[key] = replace(self._works[move.run_id], durables=used)
        return self._with_durables[key]
