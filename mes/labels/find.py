"""What a scanned or typed code names, and the page of it: the one place that says so."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, literal, or_, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from mes.db import STAFF, seeing_as
from mes.definitions.models import DurableKind, Layout, MaterialKind, Product
from mes.equipment.models import Equipment
from mes.genealogy.records import substrates
from mes.genealogy.trace import trace_up
from mes.genealogy.tree import Place
from mes.http.addresses import filtered, path
from mes.jobs.models import SentOrder
from mes.labels.scanned import readings
from mes.lots.carriers.models import Carrier
from mes.lots.models import Lot, RunSubstrate
from mes.materials.durables.models import Durable
from mes.materials.models import Container, MaterialLot
from mes.people.models import Customer
from mes.routes.models import Operation, RouteVersion
from mes.runs.models import Run
from mes.shipments.models import Shipment
from mes.units.device_ids import with_ids
from mes.units.models import Substrate

MOST = 50
"""Things that are listed where several have a name."""
UNIT = re.compile(r"(.+):([0-9]{1,5}),([0-9]{1,5})")
"""A unit is written SUBSTRATE:X,Y."""

Text = InstrumentedAttribute[str]
Rows = Select[*tuple[Any, ...]]


@dataclass(frozen=True)
class Found:
    """One thing with that name. ``customer`` is empty for what belongs to the centre, ``form`` says what it is."""

    kind: str
    name: str
    customer: str
    form: str
    page: str

    @property
    def code(self) -> str:
        """What names this alone among all of its kind: CUSTOMER/NAME, or the name of what is the centre's."""
        return f"{self.customer}/{self.name}" if self.customer else self.name


def find(session: Session, scanned: str, *, centre: bool) -> list[Found]:
    """All that a code names: NAME, CUSTOMER/NAME, SUBSTRATE:X,Y, ROUTE/NUMBER or a unit's id, as a scanner sends it.

    Ids are looked for where nothing has the name. Upper and lower case are told apart only where both have a name. Of
    what a customer may not see nothing is found.
    """
    codes = readings(scanned)
    if not codes:
        return []
    found = _asked(session, codes, centre=centre) or _with_ids(session, codes)
    found = found or _asked(session, codes, centre=centre, folded=True)
    for name, x, y in (unit.groups() for code in codes if (unit := UNIT.fullmatch(code))):
        found += _units(session, _told(session, name), int(x), int(y))
    return found[:MOST]


def find_each(session: Session, codes: Sequence[str], kinds: Collection[str]) -> dict[str, list[Found]]:
    """By code, all of these kinds that it names for the centre; as many statements for many codes as for one."""
    most = MOST * len(codes)
    exact = [one for one in _asked(session, codes, centre=True, most=most) if one.kind in kinds]
    found = {code: [one for one in exact if code in (one.name, one.code)] for code in codes}
    missing = [code for code in codes if not found[code]]
    alike = _asked(session, missing, centre=True, most=most, folded=True) if missing else []
    for code in missing:
        found[code] = [
            one for one in alike if one.kind in kinds and code.lower() in (one.name.lower(), one.code.lower())
        ]
    return found


def holding(session: Session, part: str) -> list[Found]:
    """Lots and substrates with a name that holds what was typed."""
    wanted = readings(part)
    if not wanted:
        return []

    def holds(name: Text) -> ColumnElement[bool]:
        return or_(*(name.icontains(one, autoescape=True) for one in wanted))

    return _rows(session, [_lots(holds(Lot.name), centre=False), _substrates(holds(Substrate.name))])


def _told(session: Session, name: str) -> list[Found]:
    """The substrates with a name in its very letters, which indexes find; only if that is nothing, what is alike."""
    return _asked(session, [name], substrates=True) or _asked(session, [name], substrates=True, folded=True)


def _asked(
    session: Session, codes: Sequence[str], *, centre: bool = False, substrates: bool = False, most: int = MOST,
    folded: bool = False,
) -> list[Found]:  # fmt: skip
    """What they name; ``folded``: whatever of it is in upper and lower case."""
    named = _named([code.lower() for code in codes] if folded else codes, folded=folded)
    if substrates:
        return _rows(session, [_substrates(named(Substrate.name, customer=True))], most)
    queries = [
        _lots(named(Lot.name, customer=True), centre=centre),
        _substrates(named(Substrate.name, customer=True)),
        _row("shipment", Shipment.name, "", Shipment.direction).where(named(Shipment.name)),
    ]
    return _rows(session, [*queries, *_of_the_centre(named)] if centre else queries, most)


def _named(codes: Sequence[str], *, folded: bool) -> Callable[..., ColumnElement[bool]]:
    """Whether a column has one of these names, of a joined customer if a code names one: before its first slash."""
    owned = [(owner, name) for owner, slash, name in (code.partition("/") for code in codes) if slash]

    def named(name: Text, *, customer: bool = False) -> ColumnElement[bool]:
        column, owner = (func.lower(name), func.lower(Customer.name)) if folded else (name, Customer.name)
        if not (customer and owned):
            return column.in_(codes)
        either = column.in_(codes) | tuple_(owner, column).in_(owned)
        return column.in_({*codes, *(name for _, name in owned)}) & either

    return named


def _rows(session: Session, queries: Sequence[Rows], most: int = MOST) -> list[Found]:
    """What they find, by one statement: kind by kind, by name and customer."""
    limited = [select(*query.limit(most).subquery().c) for query in queries]
    rows = session.execute(union_all(*limited)).all()
    order = list(dict.fromkeys(PAGES))
    rows = sorted(rows, key=lambda row: (order.index(row.kind), row.name, row.customer))
    return [
        Found(row.kind, row.name, row.customer, row.form, PAGES[row.kind](row.name, row.customer, row.of))
        for row in rows
    ]


def _row(kind: str, name: Text, customer: Any = "", form: Any = "", of: Any = "") -> Rows:
    return select(
        literal(kind).label("kind"), name.label("name"), func.coalesce(customer, "").label("customer"),
        func.coalesce(form, "").label("form"), func.coalesce(of, "").label("of"),
    )  # fmt: skip


def _lots(named: ColumnElement[bool], *, centre: bool) -> Rows:
    """Names of products are the centre's, and no customer's role reads them."""
    query = _row("lot", Lot.name, Customer.name, Product.title if centre else "")
    query = query.join(Product, Product.id == Lot.product_id) if centre else query
    return query.join(Customer, Customer.id == Lot.customer_id).where(named)


def _substrates(named: ColumnElement[bool]) -> Rows:
    query = _row("substrate", Substrate.name, Customer.name, Substrate.kind)
    return query.join(Customer, Customer.id == Substrate.customer_id).where(named)


def _of_the_centre(named: Callable[..., ColumnElement[bool]]) -> Iterator[Rows]:
    yield _row("equipment", Equipment.name, "", Equipment.title).where(named(Equipment.name))
    yield _row("carrier", Carrier.name, "", Carrier.kind).where(named(Carrier.name))
    tools = _row("durable", Durable.name, "", DurableKind.title).where(named(Durable.name))
    yield tools.join(DurableKind, DurableKind.id == Durable.kind_id)
    lots = _row("material_lot", MaterialLot.name, Customer.name, MaterialKind.title)
    yield (
        lots.join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
        .outerjoin(Customer, Customer.id == MaterialLot.customer_id)
        .where(named(MaterialLot.name, customer=True))
    )
    containers = _row("container", Container.name, Customer.name, MaterialKind.title + " " + MaterialLot.name)
    yield (
        containers.join(MaterialLot, MaterialLot.id == Container.material_lot_id)
        .join(MaterialKind, MaterialKind.id == MaterialLot.kind_id)
        .outerjoin(Customer, Customer.id == Container.customer_id)
        .where(named(Container.name, customer=True))
    )
    operations = _row("operation", Operation.name, "", Operation.title).where(named(Operation.name))
    yield operations.join(RouteVersion, RouteVersion.id == Operation.route_version_id).where(RouteVersion.current)
    yield from _runs(named(Run.name))


def _runs(named: ColumnElement[bool]) -> Iterator[Rows]:
    """A run of which equipment was told is a job; another leads to the lots that are in it."""
    sent = exists().where(SentOrder.run_id == Run.id)
    jobs = _row("job", Run.name, "", Equipment.name).join(Equipment, Equipment.id == Run.equipment_id)
    yield jobs.where(named, sent)
    yield (
        _row("run", Run.name, Customer.name, Lot.name, Lot.name)
        .join(RunSubstrate, RunSubstrate.run_id == Run.id)
        .join(Lot, Lot.id == RunSubstrate.lot_id)
        .join(Customer, Customer.id == Lot.customer_id)
        .where(named, ~sent)
        .distinct()
    )


def _units(session: Session, substrates: Sequence[Found], x: int, y: int) -> list[Found]:
    """The unit at x, y of those substrates, which were found, that have such a position."""
    named = tuple_(Customer.name, Substrate.name).in_([(one.customer, one.name) for one in substrates])
    query = (
        select(Customer.name, Substrate.name)
        .join(Customer, Customer.id == Substrate.customer_id)
        .join(Layout, Layout.id == Substrate.layout_id)
        .where(named, Layout.columns > x, Layout.rows > y)
    )
    with seeing_as(session, STAFF):  # layouts are the centre's, and no customer's role reads them
        there = {(customer, name) for customer, name in session.execute(query)} if substrates else ()
    return [_unit(one, x, y) for one in substrates if (one.customer, one.name) in there]


def _with_ids(session: Session, codes: Sequence[str]) -> list[Found]:
    """The units that have an id from outside, or had it: where they were when they got it, and where they are now."""
    places: dict[Place, None] = {}
    for one in with_ids(session, codes):
        places[Place(one.substrate_id, one.x, one.y)] = None
        step = trace_up(session, one.substrate_id, one.x, one.y).positions[0]
        while step.went and (to := step.went[-1].to) is not None and to.place is not None:
            step = to
        if step.place is not None:
            places[step.place] = None
    known = substrates(session, {place.substrate_id for place in places}, centre=False) if places else {}
    of = {i: Found("substrate", one.name, one.owner, one.kind, "") for i, one in known.items()}
    return [_unit(of[place.substrate_id], place.x, place.y) for place in places]


def _unit(substrate: Found, x: int, y: int) -> Found:
    page = path("units", substrate.customer, substrate.name, x, y)
    return Found("unit", f"{substrate.name}:{x},{y}", substrate.customer, substrate.form, page)


PAGES: Mapping[str, Callable[[str, str, str], str]] = {
    "lot": lambda name, customer, _: path("lots", customer, name),
    "substrate": lambda name, customer, _: path("substrates", customer, name),
    "equipment": lambda name, *_: path("equipment", name),
    "job": lambda name, *_: path("jobs", name),
    "run": lambda _, customer, lot: path("lots", customer, lot),
    "carrier": lambda name, *_: path("carriers", name),
    "container": lambda name, *_: filtered("/containers", q=name),
    "material_lot": lambda name, *_: filtered("/containers", lot=name),
    "durable": lambda name, *_: filtered("/durables", q=name),
    "shipment": lambda name, *_: path("shipments", name),
    "operation": lambda name, *_: filtered("/lots", operation=name),
}
"""By kind, in the order in which they are listed, the page of a thing from its name, its customer and what it is of."""
