"""Lots over HTTP: lists, one lot, and a path for each verb."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now, plant_now
from mes.equipment.queries import equipment_id
from mes.history import History, entry
from mes.http import etag, paging
from mes.http.command import CommandRoute
from mes.http.etag import IfMatch
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.lots.create import NewLot, create, new_name, release
from mes.lots.gate import start_gate
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.gate.reserve import lift_reservation, reserve
from mes.lots.gate.shapes import QueueTimeBody
from mes.lots.holds.future_hold import set_future_hold, withdraw_future_hold
from mes.lots.holds.hold import hold, release_hold
from mes.lots.holds.hold_codes import hold_codes
from mes.lots.holds.shapes import FutureHoldBody, HoldBody, HoldCode, ReleaseHoldBody, WithdrawBody
from mes.lots.looks import LINE_FIRST, LotFilter, Row, look_at_version, maps, select_lots
from mes.lots.models import Lot
from mes.lots.own_lots import own_lots
from mes.lots.priority import change_priority
from mes.lots.queries import lot_id, open_run, route_making
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.lots.shapes import (
    AbortBody,
    Entry,
    LotLook,
    LotRow,
    LotsLook,
    MapRow,
    MergeBody,
    NewLotBody,
    PriorityBody,
    ReserveBody,
    ReworkBody,
    RunLook,
    ScrapBody,
    SplitBody,
    StartCheck,
    TakeBody,
    TrackInBody,
    TrackOutBody,
    WhyBody,
)  # fmt: skip
from mes.lots.states import LotState
from mes.lots.store import store
from mes.lots.taking import pull_sample, scrap
from mes.lots.verbs.shapes import SignedBody
from mes.lots.verbs.table import VERBS, Verb
from mes.lots.work import run_course
from mes.lots.work.hand_work import Told, finish
from mes.lots.work.track_in import TrackIn, lot_parts, track_in
from mes.materials.durables.queries import durable_id
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.people.signing import GUESSED, signing
from mes.runs.models import Run
from mes.units.arrival import Arrival
from mes.units.queries import substrate_id

router = APIRouter(prefix="/lots", route_class=CommandRoute, tags=["lots"])

codes = APIRouter(prefix="/hold-codes", tags=["lots"])

LotName = Annotated[Name, Path(description="Name of the lot.")]
Customer = Annotated[Name | None, Query(description="Whose lot, where customers share a name.")]


@dataclass
class _Named:
    """The lot that a command is for, and the version that the caller has seen of it."""

    lot: LotName
    customer: Customer = None
    if_match: IfMatch = None

    def id(self, session: Session) -> int:
        """Its id. Raises what `lot_id` does, and later `Stale` where it has changed since."""
        found = lot_id(session, self.lot, self.customer)
        etag.asked(session, Lot, found, self.if_match)
        return found


Named = Annotated[_Named, Depends()]
Viewer = Annotated[Person, require(Permission.SEE_LOTS)]
Creator = Annotated[Person, require(Permission.CREATE_LOTS)]
Changer = Annotated[Person, require(Permission.CHANGE_LOTS)]
Reworker = Annotated[Person, require(Permission.REWORK_LOTS)]
Worker = Annotated[Person, require(Permission.WORK_LOTS)]
Holder = Annotated[Person, require(Permission.HOLD_LOTS)]
Releaser = Annotated[Person, require(Permission.RELEASE_HOLDS)]
Engineer = Annotated[Person, require(Permission.DISPOSE_QUEUE_TIMES)]
Disposer = Annotated[Person, require(Permission.DISPOSE_LOTS)]


@router.get("", response_model=paging.Page[LotRow])
def list_lots(
    session: Tx,
    _: Viewer,
    asked: paging.Asked,
    state: LotState | None = None,
    operation: Name | None = None,
    customer: Name | None = None,
    q: Annotated[str | None, Query(max_length=64, description="A part of the name.")] = None,
    held: Annotated[bool | None, Query(description="Only lots with a standing hold, or only those without.")] = None,
    on_line: Annotated[bool | None, Query(description="Only lots on the line, or only those that have ended.")] = None,
    route: Annotated[Name | None, Query(description="In all its versions, or name@version.")] = None,
) -> Any:
    """Lots, those on the line first by priority and age; a customer's own, or all for the centre's people."""
    with own_lots(session) as ids:
        query = select_lots(LotFilter(state, operation, customer, q, held, on_line, route))
        return paging.paged(session, query if ids is None else query.where(Lot.id.in_(ids)), LINE_FIRST, asked)


@codes.get("", response_model=list[HoldCode], dependencies=[require(Permission.SEE_LINE)])
def list_hold_codes(session: Tx) -> Any:
    """The codes of holds: the plant's, those that the system sets, and those in use; which ones people may choose."""
    return hold_codes(session)


@router.get("/{lot}", response_model=LotLook)
def show(session: Tx, _: Viewer, response: Response, lot: LotName, customer: Customer = None) -> Any:
    """One lot with its substrates, open runs, standing holds and ledger."""
    found = lot_id(session, lot, customer)
    with own_lots(session) as own:
        return _look(session, response, found, centre=own is None)


@router.get("/{lot}/history", response_model=list[Entry])
def history(session: Tx, viewer: Viewer, lot: LotName, customer: Customer = None) -> Any:
    """All that happened to a lot, from its creation on. A customer is not told who did it, nor on which equipment."""
    of_lot = (History.subject_kind == "lot", History.subject_id == lot_id(session, lot, customer))
    told = [entry(row) for row in session.scalars(select(History).where(*of_lot).order_by(History.n))]
    return told if viewer.customer_id is None else [one | {"actor": "", "before": {}, "after": {}} for one in told]


@router.get("/{lot}/maps", response_model=list[MapRow])
def list_maps(session: Tx, _: Viewer, lot: LotName, customer: Customer = None) -> Any:
    """The maps of a lot's substrates; besides these each substrate has the map `dispositions`."""
    return maps(session, lot_id(session, lot, customer))


@router.get("/{lot}/start-check", response_model=StartCheck)
def start_check(
    session: Tx, by: Annotated[Person, require(Permission.SEE_LINE)], lot: LotName, equipment: Name,
    customer: Customer = None,
) -> Any:  # fmt: skip
    """Every reason why whoever asks may not start a lot on an equipment, and who can clear it."""
    place, starts = equipment_id(session, equipment), by.name if may(by, Permission.WORK_LOTS) else None
    found = start_gate.reasons(session, lot_id(session, lot, customer), place, plant_now(session), starts)
    return {"lot": lot, "equipment": equipment, "may_start": not found, "reasons": [vars(reason) for reason in found]}


@router.post("", response_model=LotLook, status_code=201)
def create_lot(session: Tx, by: Creator, response: Response, body: NewLotBody) -> Any:
    """Create a lot of substrates that arrived without maps, and release it if asked to."""
    act = act_now(session, by.name, body.why)
    name = body.id or new_name(session)
    substrates = tuple(Arrival(one) for one in body.substrates or [name])
    route = route_making(session, body.product, body.route)
    wanted = NewLot(name, body.customer, route, substrates, body.kind, body.priority, body.due_at)
    return _look(session, response, create(session, wanted, act, released=body.release).id)


@router.post("/{lot}/release", response_model=LotLook)
def release_lot(session: Tx, by: Creator, of: Named, response: Response, body: WhyBody) -> Any:
    """Let a lot into the line, at the first operation of its route."""
    found = of.id(session)
    release(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/priority", response_model=LotLook)
def change_priority_of_lot(session: Tx, by: Changer, of: Named, response: Response, body: PriorityBody) -> Any:
    """Change how urgent a lot is: its priority, by which dispatch ranks at once, its due date, or both."""
    found = of.id(session)
    change_priority(session, found, body.priority, body.due_at, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/reserve", response_model=LotLook)
def reserve_lot(session: Tx, by: Changer, of: Named, response: Response, body: ReserveBody) -> Any:
    """Reserve a lot for one equipment until a time: no other of its class starts it before."""
    found, on = of.id(session), equipment_id(session, body.equipment)
    reserve(session, found, on, body.until, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/lift-reservation", response_model=LotLook)
def lift_reservation_of_lot(session: Tx, by: Changer, of: Named, response: Response, body: WhyBody) -> Any:
    """Let all equipment of the class start a lot again that was reserved for one."""
    found = of.id(session)
    lift_reservation(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/split", response_model=LotsLook)
def split_lot(session: Tx, by: Changer, of: Named, response: Response, body: SplitBody) -> Any:
    """Let whole substrates of a waiting lot go on in a lot of their own, which inherits every hold. Both are told."""
    found = of.id(session)
    new = split(session, found, body.substrates, body.into, act_now(session, by.name, body.why))
    session.flush()
    return {"lots": [_look(session, response, found), look_at_version(session, new.id)[0]]}


@router.post("/{lot}/merge", response_model=LotLook)
def merge_lots(session: Tx, by: Changer, of: Named, response: Response, body: MergeBody) -> Any:
    """Let all of another lot that is like this one go on in this one, with every hold of both."""
    found = of.id(session)
    merge(session, found, lot_id(session, body.lot, of.customer), act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/rework", response_model=LotLook)
def rework_lot(session: Tx, by: Reworker, of: Named, response: Response, body: ReworkBody) -> Any:
    """Send whole substrates that wait back on their route, as often as the operation allows; they come there again."""
    found = of.id(session)
    rework(session, found, body.substrates, body.reason, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/track-in", response_model=RunLook)
def track_in_lot(session: Tx, by: Worker, of: Named, response: Response, body: TrackInBody) -> Any:
    """Order a run of waiting substrates on an equipment. Refused with every reason of the start gate."""
    found = of.id(session)
    sources = tuple(substrate_id(session, source) for source in body.sources)
    parts = tuple(lot_parts(session, [found], body.substrates))
    holders = tuple(durable_id(session, holder) for holder in body.holders)
    wanted = TrackIn(equipment_id(session, body.equipment), parts, sources, holders)
    return _told(session, response, track_in(session, wanted, act_now(session, by.name, body.why)), found)


@router.post("/{lot}/track-out", response_model=RunLook)
def track_out_lot(session: Tx, by: Worker, of: Named, response: Response, body: TrackOutBody) -> Any:
    """Report by hand that a run is done: every unit it asked for is good but those named.

    Not for operations that move units: only their equipment knows which went where.
    """
    found = of.id(session)
    failed = {one.id: {(unit.x, unit.y): unit.bin for unit in one.bins} for one in body.substrates}
    told = Told(failed, body.good)
    run = finish(session, open_run(session, found, body.run), found, told, act_now(session, by.name, body.why))
    return _told(session, response, run, found)


@router.post("/{lot}/abort", response_model=RunLook)
def abort(session: Tx, by: Worker, of: Named, response: Response, body: AbortBody) -> Any:
    """Break a run off: what it did not report queues again. Make sure that the equipment has stopped."""
    found = of.id(session)
    run = open_run(session, found, body.run)
    run = run_course.abort(session, run.id, body.why, act_now(session, by.name, body.why))
    return _told(session, response, run, found)


def _told(session: Session, response: Response, run: Run, lot: int) -> Row:
    return {"run": run.name, "state": run.state, "lots": [_look(session, response, lot)]}


def _look(session: Session, response: Response, lot: int, *, centre: bool = True) -> Row:
    """A lot as the transaction leaves it, and its version in the head of the answer."""
    session.flush()
    row, version = look_at_version(session, lot, centre=centre)
    etag.tell(response, version)
    return row


@router.post("/{lot}/hold", response_model=LotLook)
def hold_lot(session: Tx, by: Holder, of: Named, response: Response, body: HoldBody) -> Any:
    """Hold a lot with a code of the plant: it is not tracked in until somebody of the owner role releases the hold.

    With a mask the lot goes on, and the units of that stay: they are not picked, moved to others or shipped. What runs
    goes on. A code that the plant does not have is answered 422 with those that it has.
    """
    found = of.id(session)
    act = act_now(session, by.name, body.why)
    units = [mask.units for mask in body.mask]
    hold(session, found, body.code, body.why, body.owner, act, body.review_by, units)
    return _look(session, response, found)


@router.post("/{lot}/release-hold", response_model=LotLook)
def release_hold_of_lot(session: Tx, by: Releaser, of: Named, response: Response, body: ReleaseHoldBody) -> Any:
    """Release one hold of a lot. Refused where the hold belongs to another role."""
    found = of.id(session)
    release_hold(session, found, body.hold, body.why, by.role, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/future-hold", response_model=LotLook)
def hold_lot_later(session: Tx, by: Holder, of: Named, response: Response, body: FutureHoldBody) -> Any:
    """Hold a lot when the first of its substrates reaches an operation of its route, in that same transaction.

    Refused where some of it stands there now, or none of it will come there any more.
    """
    found = of.id(session)
    act = act_now(session, by.name, body.why)
    set_future_hold(session, found, body.operation, body.code, body.why, body.owner, act)
    return _look(session, response, found)


@router.post("/{lot}/withdraw-future-hold", response_model=LotLook)
def withdraw_future_hold_of_lot(session: Tx, by: Releaser, of: Named, response: Response, body: WithdrawBody) -> Any:
    """Take back a future hold that has not taken effect. Refused where it belongs to another role."""
    found = of.id(session)
    withdraw_future_hold(session, found, body.future_hold, body.why, by.role, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/dispose-queue-time", response_model=LotLook, responses={429: {"description": GUESSED}})
def dispose_queue_time_of_lot(
    session: Tx, request: Request, by: Engineer, of: Named, response: Response, body: QueueTimeBody
) -> Any:
    """Sign that substrates that waited too long where they stand go on as they are.

    The signer is a process engineer and gives the password again. Wrong ones make the next try wait, as at a sign-in.
    """
    found = of.id(session)
    signer = signing(request, body.signer or by.name, body.password, pin=False)
    act = act_now(session, by.name, body.why)
    dispose_queue_time(session, found, body.substrates, body.until, signer, act)
    return _look(session, response, found)


@router.post("/{lot}/scrap", response_model=LotLook)
def scrap_units(session: Tx, by: Disposer, of: Named, response: Response, body: ScrapBody) -> Any:
    """Throw units of a substrate away: at some positions, or all that are left on it."""
    found = of.id(session)
    where = None if body.at is None else [(place.x, place.y) for place in body.at]
    scrap(session, found, body.substrate, where, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/pull-sample", response_model=LotLook)
def pull_sample_units(session: Tx, by: Disposer, of: Named, response: Response, body: TakeBody) -> Any:
    """Take units out for analysis."""
    found = of.id(session)
    where = [(place.x, place.y) for place in body.at]
    pull_sample(session, found, body.substrate, where, act_now(session, by.name, body.why))
    return _look(session, response, found)


@router.post("/{lot}/store", response_model=LotLook)
def store_lot(session: Tx, by: Disposer, of: Named, response: Response, body: WhyBody) -> Any:
    """Put a waiting lot into the die bank, outside WIP and cycle time."""
    found = of.id(session)
    store(session, found, act_now(session, by.name, body.why))
    return _look(session, response, found)


def _asks(verb: Verb) -> Callable[..., Any]:
    """The path operation of a verb of the table."""

    def ask(session: Tx, request: Request, by: Any, of: Named, response: Response, body: Any) -> Any:
        found = of.id(session)
        act = act_now(session, by.name, body.why)
        if isinstance(body, SignedBody):
            act = verb.signed_by(signing(request, body.signer or by.name, body.password, pin=False), act)
        verb.does(session, found, body, act)
        return _look(session, response, found)

    ask.__annotations__ |= {"by": Annotated[Person, require(verb.permission)], "body": verb.shape}
    ask.__doc__ = verb.says
    return ask


for _verb in VERBS:
    router.add_api_route(
        f"/{{lot}}/{_verb.name}", _asks(_verb), methods=["POST"], response_model=LotLook,
        responses={429: {"description": GUESSED}} if _verb.means else {},
    )  # fmt: skip
