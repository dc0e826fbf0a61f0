"""Trace a unit down to every die in it, or dies up to where they went: step by step, a query or two for each.

The work is bound by what is read for whole substrates, not by the number of dies: every step reads the transfers of
all substrates reached, and numpy picks the positions asked for. A position may be occupied again, so what counts is
what came to it before its unit left, or left it after the unit came.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.states import TransferOutcome
from mes.errors import Malformed, NotFound
from mes.genealogy.across import Supplied, supplied_results, supplied_units
from mes.genealogy.moves import Moment, Recorded, into, left, out_of
from mes.genealogy.records import Known, readings, sees_the_centre, substrates, works
from mes.genealogy.tree import Held, Move, Onward, Place, Trace, TraceUp, Unit, Used, Went, Work
from mes.genealogy.used import durables_of, used_at
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

EVER = datetime.max.replace(tzinfo=UTC), 0
NEVER = datetime.min.replace(tzinfo=UTC), 0

Visit = tuple[Place, Moment]
"""A unit's stay at a position: traced down, until when; traced up, since when."""

Reach = dict[Visit, list[Recorded]]


def trace_unit(session: Session, substrate_id: int, x: int, y: int) -> Trace:
    """All that the unit at a position contains, through every form it had: dies, their sites, runs and readings.

    Under a customer's scope only what that customer may read; `Trace.missing` says what is left out. Raises
    `NotFound` where the reader has no such substrate, `Malformed` where the position is outside it.
    """
    top = Place(substrate_id, x, y), EVER
    _check(session, substrate_id, x, y)
    reach, missing = _follow(session, [top], into, _came)
    about = _About(session, reach)
    told = readings(session, {place for place, _ in reach}, about.known)
    units = {
        visit: Unit(visit[0], *about.words(visit[0]), told.get(visit[0], ()), about.used(visit)) for visit in reach
    }
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
    return Trace(units[top], (*missing, *about.missing))


def trace_up(session: Session, substrate_id: int, x: int | None = None, y: int | None = None) -> TraceUp:
    """Where the unit at a position went, or without one every unit that left the substrate, up to the package.

    Of a multi-project wafer these are the units of its masked copies, too.

    Under a customer's scope only what that customer may read; `TraceUp.missing` says what is left out. Raises
    `NotFound` where the reader has no such substrate, `Malformed` where the position is outside it or half given.
    """
    _check(session, substrate_id, x, y)
    copies = session.scalars(select(Substrate.id).where(Substrate.part_of_id == substrate_id)).all()
    if x is None or y is None:
        return _up(session, left(session, [substrate_id, *copies]))
    there = [place for place in left(session, copies) if (place.x, place.y) == (x, y)] if copies else []
    return _up(session, there or [Place(substrate_id, x, y)])


def trace_lot_up(session: Session, lot_id: int) -> TraceUp:
    """Where every unit went that left a substrate with which the lot began, split off or not: what a recall concerns.

    Under a customer's scope as `trace_up`; nothing for a lot that the reader does not see.
    """
    members = select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id == lot_id, LotSubstrate.form == 1)
    went = select(Handover.substrate_id).where(Handover.from_id == lot_id, Handover.form == 1)
    return _up(session, left(session, session.scalars(members.union(went))))


def _up(session: Session, places: Iterable[Place]) -> TraceUp:
    start = [(place, NEVER) for place in places]
    reach, missing = _follow(session, start, out_of, _went)
    about = _About(session, reach)
    steps = {visit: Onward(visit[0], *about.words(visit[0])) for visit in reach}
    foreign = {move.number_of for moves in reach.values() for move in moves if move.target is None}
    results = supplied_results(session, foreign)
    for visit, moves in reach.items():
        for move in sorted(moves, key=lambda m: m.moment):
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


def _check(session: Session, substrate_id: int, x: int | None, y: int | None) -> None:
    if (x is None) != (y is None):
        raise Malformed("Give both x and y, or neither.")
    known = substrates(session, [substrate_id], centre=sees_the_centre(session)).get(substrate_id)
    if known is None:
        raise NotFound(f"There is no substrate with id {substrate_id}.")
    if x is None or y is None:
        return
    if min(x, y) < 0 or (known.columns and (x >= known.columns or y >= known.rows)):
        most = f"; x goes to {known.columns - 1} and y to {known.rows - 1}" if known.columns else ""
        raise Malformed(f"Position ({x}, {y}) is outside substrate {known.name}: both count from 0{most}.")


def _came(move: Recorded, until: Moment) -> tuple[Place | None, Place | None]:
    """Where a move brought a unit and from where, if it did before the unit there left."""
    return (move.target, move.source) if move.moment < until else (None, None)


def _went(move: Recorded, since: Moment) -> tuple[Place | None, Place | None]:
    """From where a move took a unit and to where, if it did after the unit had come there."""
    if move.moment <= since:
        return None, None
    return move.source, move.target if move.outcome is TransferOutcome.PLACED else None


def _follow(
    session: Session,
    start: Iterable[Visit],
    read: Callable[[Session, Iterable[Place]], Iterator[Recorded]],
    ends: Callable[[Recorded, Moment], tuple[Place | None, Place | None]],
) -> tuple[Reach, list[str]]:
    """Every stay that moves lead to from ``start``, with its moves. Moments only fall, or only rise: it ends."""
    reach: Reach = {visit: [] for visit in start}
    fresh = list(reach)
    for _ in range(MOST_STEPS):
        at: dict[Place, list[Moment]] = {}
        for place, moment in fresh:
            at.setdefault(place, []).append(moment)
        fresh = []
        for move in read(session, at) if at else ():
            for place, moment in [(p, m) for p in (move.source, move.target) if p in at for m in at[p]]:
                here, there = ends(move, moment)
                if here != place:
                    continue
                reach[place, moment].append(move)
                if there is not None and (there, move.moment) not in reach:
                    reach[there, move.moment] = []
                    fresh.append((there, move.moment))
    return reach, [TOO_FAR] if fresh else []


class _About:
    """What stands on record about all that was reached, read once, and what the reader is not shown of it."""

    def __init__(self, session: Session, reach: Reach) -> None:
        centre = sees_the_centre(session)
        moves = [move for found in reach.values() for move in found]
        self.known = substrates(session, (place.substrate_id for place, _ in reach), centre=centre)
        run_ids = {move.run_id for move in moves if move.run_id is not None}
        self._works: dict[int, Work] = works(session, run_ids) if centre else {}
        self._durables = durables_of(session, run_ids) if centre else {}
        self._used = used_at(session, (place.substrate_id for place, _ in reach)) if centre else {}
        self.missing: list[str] = [] if centre else [NO_PLANT] + ([NO_WORK] if moves else [])

    def words(self, place: Place) -> tuple[str, str, str, str]:
        """Substrate, product, owner and lot of a position."""
        known = self.known.get(place.substrate_id, Known("", "", ""))
        return known.name, known.product, known.owner, known.lot

    def used(self, visit: Visit) -> tuple[Used, ...]:
        """Material that was used on the substrate before the unit left it; a unit may have come there later."""
        place, until = visit
        return tuple(one for one in self._used.get(place.substrate_id, ()) if one.at < until[0])

    def move(self, move: Recorded) -> Move:
        """A move with the work that it was part of."""
        work = None if move.run_id is None else self._works.get(move.run_id)
        if work is not None and move.run_id is not None:
            used = self._durables.get((move.run_id, None), ())
            if move.target is not None:
                used += self._durables.get((move.run_id, move.target.substrate_id), ())
            work = replace(work, durables=used)
        return Move(move.at, move.site, move.level, move.head, move.outcome.name.lower(), work)
