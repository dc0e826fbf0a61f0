"""The verbs that a random shop does, a row each: how often, on what, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from equipment.interface.messages import SubstrateResult
from mes.history import Act
from mes.lots.carriers.carry import change_carrier, leave_carrier
from mes.lots.create import NewLot, create, release
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.gate.reserve import lift_reservation, reserve
from mes.lots.holds.future_hold import set_future_hold, withdraw_future_hold
from mes.lots.holds.hold import hold, release_hold
from mes.lots.many.bulk import change_priority_of_all, hold_all, release_all
from mes.lots.models import Lot
from mes.lots.priority import change_priority
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.lots.states import ENDED, LotState
from mes.lots.store import store
from mes.lots.taking import pull_sample, scrap
from mes.lots.verbs.again import reopen, withdraw
from mes.lots.verbs.correct import correct
from mes.lots.verbs.counts import bonus, recount
from mes.lots.verbs.ends import destroy, return_to_owner, terminate
from mes.lots.verbs.migrate import migrate
from mes.lots.verbs.owner import change_owner
from mes.lots.verbs.part import part
from mes.lots.verbs.reroute import move, skip
from mes.lots.verbs.suspects import dispose_suspects
from mes.lots.work import run_course
from mes.lots.work.track_in import track_in
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.shipments.receive import receive
from mes.shipments.send import Sending, confirm, send
from tests.lots.racers import finish_by_hand, mask
from tests.lots.random_shop import BAKED, BONDED, CODE, ENGINEER, OWNER, TESTED, Shop
from tests.lots.seen import Seen, idle, ordered

S = LotState
IDLE = (S.CREATED, S.QUEUED, S.STOCKED, S.COMPLETED)
THERE = (*IDLE, S.ORDERED, S.RUNNING)
ON_LINE = (S.QUEUED, S.ORDERED, S.RUNNING)
ANYBODY, FOUND = Role.ADMINISTRATOR, "looked at"


@dataclass(frozen=True)
class Lots:
    """Lots in these states, and of those such as `only` takes."""

    states: tuple[LotState, ...]
    only: Callable[[Seen, Lot], object] = lambda seen, lot: True

    def __call__(self, seen: Seen) -> list[Lot]:
        return [lot for lot in seen.lots if lot.state in self.states and self.only(seen, lot)]


@dataclass(frozen=True)
class Row:
    """How often, which public function, on what in the usual case, and what it is given between session and act."""

    often: int
    verb: Callable[..., Any]
    on: Callable[[Seen], Sequence[Any]]
    given: Callable[[Shop, Any], tuple[Any, ...] | None]


def create_released(session: Session, new: NewLot, act: Act) -> Lot:
    """Material comes, and goes onto the line at once."""
    return create(session, new, act, released=True)


def report_late(session: Session, run_id: int, result: SubstrateResult, act: Act) -> object:
    """Equipment tells what it did in a run that was closed before."""
    return track_out(session, run_id, result, act)


def wanted(seen: Seen) -> Sequence[str]:
    """Something, while there are few lots; nothing, where there are many."""
    return [""] if sum(lot.state not in ENDED for lot in seen.lots) < Shop.live else []


def ready(seen: Seen, lot: Lot) -> bool:
    """Whether something of it waits, and all that it needs is there."""
    served = seen.operation(lot) != BONDED or seen.wafers(lot)
    return bool(seen.queued(lot) and served and not seen.held(lot))


def alone(_: Shop, lot: Lot) -> tuple[int]:
    return (lot.id,)


TABLE = (
    # from the first operation to the last
    Row(5, create, wanted, Shop.new_lot),
    Row(10, create_released, wanted, Shop.new_lot),
    Row(3, receive, wanted, Shop.document),
    Row(3, release, Lots((S.CREATED,)), alone),
    Row(14, track_in, Lots(ON_LINE, ready), Shop.to_start),
    Row(10, run_course.start, ordered, lambda _, run: (run.id,)),
    Row(16, track_out, lambda seen: seen.waiting, Shop.report),
    Row(2, report_late, lambda seen: seen.late, Shop.report),
    Row(3, finish_by_hand, lambda seen: seen.waiting, lambda _, one: (one.run.id, one.lot_id)),
    Row(8, run_course.end, idle, lambda _, run: (run.id, "")),
    Row(2, run_course.abort, lambda seen: seen.runs, lambda _, run: (run.id, "tried")),
    Row(1, run_course.doubt, lambda seen: seen.runs, lambda _, run: (run.id, "it remembers nothing")),
    Row(2, reserve, Lots(ON_LINE), lambda shop, lot: (lot.id, shop.equipment(lot), shop.ahead())),
    Row(2, lift_reservation, Lots(ON_LINE, lambda _, lot: lot.reserved_for_id), alone),
    # other ways than the route's
    Row(2, skip, Lots(ON_LINE, Seen.queued), lambda shop, lot: (lot.id, shop.waits_at(lot), shop.some(lot))),
    Row(2, move, Lots(ON_LINE, Seen.queued), lambda shop, lot: (lot.id, shop.elsewhere(lot), shop.some(lot))),
    Row(4, rework, Lots(ON_LINE, lambda seen, lot: seen.operation(lot) == TESTED),
        lambda shop, lot: (lot.id, shop.some(lot), "residue")),
    Row(2, migrate, Lots((S.QUEUED,), lambda seen, lot: seen.operation(lot) in (BAKED, TESTED)),
        lambda shop, lot: (lot.id, shop.other_version(lot))),
    Row(4, dispose_queue_time, Lots(ON_LINE, lambda seen, lot: seen.operation(lot) == TESTED),
        lambda shop, lot: (lot.id, (), shop.chance.choice((None, shop.ahead())), ENGINEER)),
    Row(1, store, Lots((S.CREATED, S.QUEUED)), alone),
    Row(4, withdraw, Lots((S.STOCKED,), lambda _, lot: lot.operation_id), alone),
    Row(4, reopen, Lots((S.COMPLETED, S.STOCKED, S.TERMINATED), lambda seen, lot: lot.units or lot.id in seen.changed),
        lambda shop, lot: (lot.id, shop.chance.choice((None, None, BAKED)))),
    # who is with whom
    Row(6, split, Lots((S.CREATED, S.QUEUED, S.STOCKED), lambda seen, lot: seen.free(lot)[1:]),
        lambda shop, lot: (lot.id, shop.half(lot), None)),
    Row(5, merge, Lots((S.CREATED, S.QUEUED, S.STOCKED)), Shop.alike),
    Row(3, change_carrier, Lots(IDLE), lambda shop, lot: (lot.id, shop.carrier(), None)),
    Row(2, leave_carrier, Lots(THERE, lambda seen, lot: lot.id in seen.carriers),
        lambda shop, lot: (lot.id, shop.seen.carriers.get(lot.id, shop.carrier()))),
    Row(3, change_owner, Lots(IDLE, lambda seen, lot: not seen.held(lot)), Shop.sold),
    Row(8, part, Lots((S.STOCKED,), lambda seen, lot: not seen.held(lot) and not lot.operation_id), alone),
    # what stops, and how urgent it is
    Row(3, hold, Lots(THERE), lambda _, lot: (lot.id, CODE, "look", OWNER)),
    Row(3, mask, Lots(THERE, Seen.free), Shop.masked),
    Row(7, release_hold, lambda seen: seen.holds, lambda _, one: (one.lot_id, one.id, FOUND, ANYBODY)),
    Row(2, set_future_hold, Lots(ON_LINE, Seen.ahead),
        lambda shop, lot: (lot.id, shop.later(lot), CODE, "look", OWNER)),
    Row(3, withdraw_future_hold, lambda seen: seen.future, lambda _, one: (one.lot_id, one.id, "no", ANYBODY)),
    Row(2, hold_all, Lots(THERE), lambda shop, lot: (*shop.to_hold(lot), CODE, "look", OWNER)),
    Row(3, release_all, Lots(THERE, lambda seen, lot: seen.held(lot, CODE)),
        lambda shop, lot: (*shop.to_release(lot), CODE, FOUND, ANYBODY)),
    Row(3, change_priority_of_all, Lots(THERE), Shop.to_hurry),
    Row(2, change_priority, Lots(ON_LINE), lambda shop, lot: (lot.id, shop.chance.randint(1, 9), shop.ahead())),
    # what units are and become
    Row(4, dispose_suspects, Lots(THERE, Seen.suspect), Shop.verdict),
    Row(2, scrap, Lots(THERE, Seen.free), Shop.unit),
    Row(2, pull_sample, Lots(THERE, Seen.free), Shop.unit),
    Row(3, bonus, Lots(THERE, lambda seen, lot: seen.free(lot, *Shop.holes)), Shop.hole),
    Row(2, recount, Lots(THERE), lambda _, lot: (lot.id, None, lot.units)),
    Row(4, correct, Lots((*THERE, S.SCRAPPED), lambda seen, lot: lot.id in seen.changed), Shop.mistake),
    # the end
    Row(5, send, Lots((S.COMPLETED, S.STOCKED), lambda seen, lot: not seen.held(lot)),
        lambda _, lot: (Sending([lot.id], "elsewhere"),)),
    Row(4, confirm, lambda seen: seen.shipments, lambda _, one: (one.id, [])),
    Row(1, return_to_owner, Lots(IDLE, lambda seen, lot: not seen.held(lot)), alone),
    Row(1, destroy, Lots(IDLE), lambda _, lot: (lot.id, "lee")),
    Row(1, terminate, Lots(THERE), lambda shop, lot: (lot.id, shop.chance.choice(("scrapped", "lost")))),
)  # fmt: skip
"""What is done, the sum of the first column to a whole."""
