"""Lots as people and programs look at them: rows of a list, and one lot with all that is asked next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    SQLColumnExpression,
    bindparam,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from mes.definitions.models import Product
from mes.equipment.models import Equipment
from mes.lots.accounts import ARE, CAME
from mes.lots.carriers.models import Carrier, CarrierSlot
from mes.lots.carriers.queries import IN_USE
from mes.lots.experiments.known import KNOWN
from mes.lots.gate.queue_times import select_clocks
from mes.lots.holds.models import HELD, HoldMask
from mes.lots.models import Consumption, FutureHold, Hold, Ledger, Lot, LotSubstrate, RunSubstrate
from mes.lots.states import LotState, Progress, Work
from mes.materials.models import Container
from mes.people.models import Customer
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation, RouteVersion
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Layer, Substrate

Row = dict[str, Any]

_ENDED = Lot.ended_at.is_not(None)
LINE_FIRST: tuple[SQLColumnExpression[Any], ...] = (
    _ENDED,
    case((_ENDED, 0), else_=Lot.priority),
    case((_ENDED, -Lot.id), else_=Lot.id),
)
"""The order of lists: lots on the line first, by priority and age; then those that have ended, the newest first."""


@dataclass(frozen=True)
class Worked:
    """What was done to some of a lot by one run; None is any. What happened before a substrate came to it counts, too.

    ``recipe`` in all its versions, or one: ``name@1``; the work touches the time from ``since`` up to ``until``.
    """

    equipment: str | None = None
    recipe: str | None = None
    container: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class LotFilter:
    """Which lots of a list; None is any. ``q`` is a part of the name in upper or lower case; ``held``: as a whole.

    ``on_line``: those that have not ended, or only those that have. ``route`` in all its versions, or one: ``name@1``.
    ``worked``: for the centre alone, whose equipment and material it is.
    """

    state: LotState | None = None
    operation: str | None = None
    customer: str | None = None
    q: str | None = None
    held: bool | None = None
    on_line: bool | None = None
    route: str | None = None
    worked: Worked | None = None


_REVIEW = select(func.min(Hold.review_by)).where(Hold.lot_id == Lot.id, Hold.released_at.is_(None)).scalar_subquery()
"""When the first of the lot's standing holds is to be looked at again."""

_WAITING = select_clocks(LotSubstrate.lot_id == Lot.id).subquery()
_QUEUE_ENDS = select(func.min(_WAITING.c.ends_at)).scalar_subquery()
"""When the first queue time of what waits in it ends."""
QUEUE_WARNING = select(func.min(_WAITING.c.warning_at)).scalar_subquery()
"""When the first queue time of what waits in it comes near."""

_THERE = (
    select(func.count())
    .where(
        LotSubstrate.lot_id == Lot.id,
        LotSubstrate.operation_id == Lot.operation_id,
        LotSubstrate.progress.not_in((Progress.CLOSED, Progress.LOADING)),
    )
    .scalar_subquery()
)
"""Of the lot's substrates those that have come no further than its operation."""


def select_lots(wanted: LotFilter | None = None) -> Select[*tuple[Any, ...]]:
    """One row for each lot, to be ordered by `LINE_FIRST`."""
    query = _rows(_QUEUE_ENDS)
    return query if wanted is None else query.where(*_conditions(wanted))


def _rows(queue_ends: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """What is told of each lot."""
    query = select(
        Lot.name.label("lot"), Customer.name.label("customer"), Product.name.label("product"), Lot.kind,
        RouteVersion.name.label("route"), Lot.state, HELD.label("held"), _REVIEW.label("review_by"),
        queue_ends.label("queue_ends_at"),
        Operation.name.label("operation"), Lot.priority, Lot.due_at, Lot.substrates, _THERE.label("at_operation"),
        Lot.units, Lot.created_at, Lot.released_at, Lot.ended_at,
    )  # fmt: skip
    return (
        query.join(Customer, Customer.id == Lot.customer_id)
        .join(Product, Product.id == Lot.product_id)
        .join(RouteVersion, RouteVersion.id == Lot.route_version_id)
        .outerjoin(Operation, Operation.id == Lot.operation_id)
    )


def _conditions(wanted: LotFilter) -> list[ColumnElement[bool]]:
    asked = {Lot.state: wanted.state, Operation.name: wanted.operation, Customer.name: wanted.customer}
    found: list[ColumnElement[bool]] = [column == value for column, value in asked.items() if value is not None]
    if wanted.held is not None:
        found.append(HELD if wanted.held else ~HELD)
    if wanted.route is not None:
        found.append(or_(RouteVersion.route == wanted.route, RouteVersion.name == wanted.route))
    if wanted.on_line is not None:
        found.append(~_ENDED if wanted.on_line else _ENDED)
    if wanted.worked is not None and wanted.worked != Worked():
        found.append(_worked(wanted.worked))
    return found + ([Lot.name.icontains(wanted.q, autoescape=True)] if wanted.q else [])


_ITS = select(LotSubstrate.substrate_id).where(LotSubstrate.lot_id == Lot.id).correlate(Lot)

_ITS_WAFERS = (
    select(Substrate.part_of_id)
    .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
    .where(LotSubstrate.lot_id == Lot.id, Substrate.part_of_id.is_not(None))
    .correlate(Lot)
)
"""The wafers of which its substrates are masked copies."""


def _worked(wanted: Worked) -> ColumnElement[bool]:
    """Whether a run did so to a substrate of the lot, to its wafer, or to one that was in it then."""
    query = select(RunSubstrate.run_id).join(Run, Run.id == RunSubstrate.run_id)
    there = or_(RunSubstrate.substrate_id.in_(_ITS), RunSubstrate.substrate_id.in_(_ITS_WAFERS))
    query = query.where(or_(RunSubstrate.lot_id == Lot.id, there))
    query = query.where(RunSubstrate.work != Work.NOT_DONE)
    if wanted.equipment is not None:
        query = query.join(Equipment, Equipment.id == Run.equipment_id).where(Equipment.name == wanted.equipment)
    if wanted.recipe is not None:
        query = query.join(RecipeVersion, RecipeVersion.id == Run.recipe_version_id)
        query = query.where(or_(RecipeVersion.recipe == wanted.recipe, RecipeVersion.name == wanted.recipe))
    if wanted.container is not None:
        used = (Consumption.run_id == RunSubstrate.run_id) & (Consumption.substrate_id == RunSubstrate.substrate_id)
        query = query.join(Consumption, used).join(Container, Container.id == Consumption.container_id)
        query = query.where(Container.name == wanted.container)
    if wanted.since is not None:
        query = query.where(or_(RunSubstrate.ended_at.is_(None), RunSubstrate.ended_at >= wanted.since))
    if wanted.until is not None:
        query = query.where(func.coalesce(RunSubstrate.started_at, Run.ordered_at) < wanted.until)
    return query.correlate(Lot).exists()


def ids_of(wanted: LotFilter, *more: ColumnElement[bool]) -> Select[int]:
    """The ids of the lots of a list for which the further conditions hold, too."""
    return select_lots(wanted).with_only_columns(Lot.id, maintain_column_froms=True).where(*more)


_RESERVED = aliased(Lot)
_OF_LOT = bindparam("of_lot", type_=Integer)


def _listed(query: Select[*tuple[Any, ...]]) -> ScalarSelect[Any]:
    """The rows of a query as one value, in its order: what one look asks for is one statement."""
    rows = query.subquery()
    return select(func.coalesce(func.json_agg(rows.table_valued()), literal_column("'[]'"))).scalar_subquery()


_HOLDS = (
    select(
        Hold.id.label("hold"), Hold.code, Hold.comment, Hold.owner_role.label("owner"), Hold.held_by.label("by"),
        Hold.held_at.label("at"), Hold.review_by,
        select(func.sum(func.bit_count(HoldMask.positions))).where(HoldMask.hold_id == Hold.id).scalar_subquery()
        .label("masked"),
    )
    .where(Hold.lot_id == _OF_LOT, Hold.released_at.is_(None))
    .order_by(Hold.held_at, Hold.id)
)  # fmt: skip
_FUTURE_HOLDS = (
    select(
        FutureHold.id.label("future_hold"), Operation.name.label("operation"), FutureHold.code, FutureHold.comment,
        FutureHold.owner_role.label("owner"), FutureHold.set_by.label("by"), FutureHold.set_at.label("at"),
    )
    .join(Operation, Operation.id == FutureHold.operation_id)
    .where(FutureHold.lot_id == _OF_LOT, FutureHold.ended_at.is_(None))
    .order_by(Operation.number, FutureHold.id)
)  # fmt: skip
_RESERVATIONS = (
    select(
        Equipment.name.label("equipment"), _RESERVED.reserved_until.label("until"), _RESERVED.reserved_by.label("by")
    )
    .join(Equipment, Equipment.id == _RESERVED.reserved_for_id)
    .where(_RESERVED.id == _OF_LOT)
)
_QUEUE_TIMES = select_clocks(LotSubstrate.lot_id == _OF_LOT)
_MEMBERS = (
    select(
        Substrate.name.label("substrate"), Substrate.kind, LotSubstrate.form, LotSubstrate.progress,
        Operation.name.label("operation"), LotSubstrate.visit, LotSubstrate.reworks, LotSubstrate.since,
        select(func.string_agg(KNOWN.c.leg, ", ")).where(KNOWN.c.substrate_id == Substrate.id).scalar_subquery()
        .label("leg"),
        Carrier.name.label("carrier"), CarrierSlot.slot,
    )
    .join(Substrate, Substrate.id == LotSubstrate.substrate_id)
    .outerjoin(Operation, Operation.id == LotSubstrate.operation_id)
    .outerjoin(CarrierSlot, IN_USE)
    .outerjoin(Carrier, Carrier.id == CarrierSlot.carrier_id)
    .where(LotSubstrate.lot_id == _OF_LOT)
    .order_by(LotSubstrate.form, Substrate.name)
)  # fmt: skip
_CARRIERS = (
    select(Carrier.name.label("carrier"), Carrier.kind, Carrier.location, Carrier.clean_until)
    .join(CarrierSlot, CarrierSlot.carrier_id == Carrier.id)
    .join(LotSubstrate, IN_USE)
    .where(LotSubstrate.lot_id == _OF_LOT)
    .order_by(Carrier.name)
    .distinct()
)
_OPEN_RUNS = (
    select(
        Run.name.label("run"), Run.state, Equipment.name.label("equipment"), Operation.name.label("operation"),
        Run.ordered_at, Run.started_at,
    )
    .join(Equipment, Equipment.id == Run.equipment_id)
    .join(Operation, Operation.id == Run.operation_id)
    .where(Run.id.in_(select(RunSubstrate.run_id).where(RunSubstrate.lot_id == _OF_LOT)), Run.state.in_(OPEN))
    .order_by(Run.id)
)  # fmt: skip
_FORMS = (
    select(Ledger.form, *(getattr(Ledger, account) for account in CAME + ARE))
    .where(Ledger.lot_id == _OF_LOT)
    .order_by(Ledger.form)
)
_LOOK = (
    _rows(null())  # when queue times end stands in the list of them
    .add_columns(
        _listed(_HOLDS).label("holds"), _listed(_FUTURE_HOLDS).label("future_holds"),
        _listed(_RESERVATIONS).label("reservation"), _listed(_QUEUE_TIMES).label("queue_times"),
        _listed(_MEMBERS).label("members"), _listed(_CARRIERS).label("carriers"),
        _listed(_OPEN_RUNS).label("runs"), _listed(_FORMS).label("ledger"), Lot.row_version,
    )
    .where(Lot.id == _OF_LOT)
)  # fmt: skip


def look(session: Session, lot: int, *, centre: bool = True) -> Row:
    """A lot with its substrates, open runs, standing holds and ledger.

    What is the centre's, which equipment runs it, where it stands and who held it, is left empty for others.
    """
    return look_at_version(session, lot, centre=centre)[0]


def look_at_version(session: Session, lot: int, *, centre: bool = True) -> tuple[Row, int]:
    """The same, and the version of the lot that was looked at."""
    row = dict(session.execute(_LOOK, {"of_lot": lot}).mappings().one())
    version: int = row.pop("row_version")
    nobody = {} if centre else {"by": ""}
    row["holds"] = [_timed(hold, "at", "review_by") | nobody for hold in row["holds"]]
    row["future_holds"] = [_timed(hold, "at") | nobody for hold in row["future_holds"]]
    row["reservation"] = next((_timed(one, "until") for one in row["reservation"] if centre), None)
    kept = {} if centre else {"leg": None, "carrier": None, "slot": None}
    row["members"] = [_timed(member, "since") | kept for member in row["members"]]
    row["carriers"] = [_timed(carrier, "clean_until") for carrier in row["carriers"] if centre]
    row["runs"] = [
        _timed(run, "ordered_at", "started_at") | ({} if centre else {"equipment": ""}) for run in row["runs"]
    ]
    row["queue_times"] = [_queue_time(clock) for clock in row["queue_times"]]
    ends = (clock["ends_at"] for clock in row["queue_times"] if clock["ends_at"] is not None)
    row["queue_ends_at"] = min(ends, default=None)
    row["ledger"] = _used(row["ledger"])
    return row, version


def _queue_time(clock: Row) -> Row:
    told = ("substrate", "from_operation", "since", "warning_at", "ends_at", "moisture_level")
    kept = {name: clock[name] for name in told}
    return _timed(kept, "since", "warning_at", "ends_at")


def _timed(row: Row, *names: str) -> Row:
    """A row of a list, with its times as times."""
    return row | {name: datetime.fromisoformat(row[name]) for name in names if row[name] is not None}


def _used(forms: list[Row]) -> list[Row]:
    """The accounts that hold units in any of the forms."""
    used = [account for account in CAME + ARE if any(form[account] for form in forms)]
    return [{"form": form["form"], **{account: form[account] for account in used}} for form in forms]


MAP_KINDS = {"u1": "bins", "u2": "bins", "f8": "values", "text": "texts"}
"""What the codes of a layer are."""


def maps(session: Session, lot: int) -> list[Row]:
    """The maps of a lot's substrates, each in its newest version, with how many versions there are."""
    query = (
        select(
            Substrate.name.label("substrate"), Layer.name.label("map"), Layer.encoding,
            func.max(Layer.version).label("version"), func.max(Layer.happened_at).label("at"),
        )
        .join(LotSubstrate, LotSubstrate.substrate_id == Substrate.id)
        .join(Layer, Layer.substrate_id == Substrate.id)
        .where(LotSubstrate.lot_id == lot)
        .group_by(Substrate.id, Layer.name, Layer.encoding)
        .order_by(Substrate.name, Layer.name)
    )  # fmt: skip
    return [
        {"substrate": r["substrate"], "map": r["map"], "version": r["version"], "kind": MAP_KINDS[r["encoding"]],
         "at": r["at"]}
        for r in session.execute(query).mappings()
    ]  # fmt: skip
