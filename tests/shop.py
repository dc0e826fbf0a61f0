"""A shop in miniature that tests work through the real verbs, each in a transaction of its own.

Dies and caps are stocked, packages assembled from dies, diced into boats and tested, pairs assembled from a die and a
cap, boards baked and tested. A wafer has three rows of four dies, everything else two rows of two units.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from equipment.interface.codec import sha256_of
from equipment.interface.messages import TRANSFER_COLUMNS, Parameter, SubstrateResult, Transfers
from equipment.interface.states import Outcome, TransferOutcome
from mes.cli.db_check import Problem, check
from mes.db import Base, Database
from mes.definitions.models import Area, AttachSite, EquipmentClass, HoldCode, Layout, Product, Site, SupplyAgreement
from mes.equipment.models import Equipment
from mes.history import Act
from mes.lots.accounts import ARE, CAME
from mes.lots.create import NewLot, create, release
from mes.lots.models import Hold, Ledger, Lot, LotSubstrate, RunSource, RunSubstrate
from mes.lots.work import run_course
from mes.lots.work.track_in import LotPart, TrackIn, track_in
from mes.lots.work.track_out import track_out
from mes.people.models import Customer
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation, QueueLimit, RouteVersion
from mes.runs.models import Run
from mes.units.arrival import Arrival
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, SubstrateMap
from mes.units.models import Substrate
from mes.units.positions import opened, shapes, unpack

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
BOND, SEAL, BAKE = "force = 40 N", "force = 15 N", "peak_temperature = 150 Cel"
SHA256 = sha256_of(BOND)

PLACED, PUT_BACK, REJECTED, LOST = TransferOutcome

Move = tuple[str, int, int, str, int, int, int, int, int, int]
"""(source, x, y, target, x, y, site, level, head, outcome)."""

TEST_BINS = {"2": {"name": "OPEN", "quality": "Fail"}, "7": {"name": "CONTACT", "quality": "Fail"}}
MOST_WAIT_H = 4.0
"""Between the oven and the test of boards."""


def build_plant(session: Session) -> None:
    """Two customers who supply dies to each other, two cells for everything, an oven for several lots, five routes."""
    session.add_all(Customer(name=name, title=name.title()) for name in ("alpha", "beta"))
    site = _added(session, Site(name="site", title="Site", time_zone="UTC"))
    area = _added(session, Area(name="area", title="Area", site_id=site.id))
    cell = EquipmentClass(name="cell", title="Cell", kind="handling", places=2, most_substrates=8, batch=False)
    oven = EquipmentClass(name="oven", title="Oven", kind="thermal", places=1, most_substrates=3, batch=True)
    for its_class, names in ((cell, ("CELL-1", "CELL-2")), (oven, ("OVEN-1",))):
        place = {"class_id": _added(session, its_class).id, "area_id": area.id, "state_since": BEGIN}
        session.add_all(Equipment(name=name, title=name, **place) for name in names)
    wafer, interposer, boat = (
        Layout(name=name, substrate_kind=kind, rows=rows, columns=columns, pitch_x_um=1.0, pitch_y_um=1.0)
        for name, kind, rows, columns in (("dies", "wafer", 3, 4), ("sites", "wafer", 2, 2), ("boat", "boat", 1, 2))
    )
    session.add_all([wafer, interposer, boat])
    session.flush()
    die, cap = (_product(session, name, wafer) for name in ("die", "cap"))
    package, pair, board = (_product(session, name, interposer) for name in ("package", "pair", "board"))
    for product, others in ((package, (die, die)), (pair, (die, cap))):
        sites = enumerate(others, 1)
        session.add_all(AttachSite(product_id=product.id, site=s, level=1, die_product_id=o.id) for s, o in sites)
    _agree(session, die)
    in_cell = {"class_id": cell.id, "recipe_version_id": _recipe(session, "bond", cell, BOND, []).id}
    limits = [{"name": "peak_temperature", "unit": "Cel", "target": 150, "low": 145, "high": 155}]
    in_oven = {"class_id": oven.id, "recipe_version_id": _recipe(session, "bake", oven, BAKE, limits).id}
    assembly, retest = {"kind": "assemble", "fills": [[1, 1], [2, 1]]}, {"bins": [7], "above": 0.25, "passes": 2}
    _route(session, die, "stocked", in_cell | {"kind": "process", "process_s": 2 * 3600})
    _route(
        session, package, "completed", in_cell | assembly, in_cell | {"kind": "transfer", "makes_layout_id": boat.id},
        in_cell | {"kind": "test", "bins": {"2": TEST_BINS["2"]}},
    )  # fmt: skip
    sealed = {"recipe_version_id": _recipe(session, "seal", cell, SEAL, []).id}
    _route(session, cap, "stocked", in_cell | sealed | {"kind": "process"})
    _route(session, pair, "completed", in_cell | assembly)
    back = {"back_to": 10, "most": 2, "most_per_lot": 3, "reasons": ["residue", "height"]}
    tested = in_cell | {"kind": "test", "bins": TEST_BINS, "retest": retest, "rework": back}
    long, short = {"process_s": 8 * 3600}, {"process_s": 2 * 3600}
    baked, judged = _route(session, board, "completed", in_oven | long | {"kind": "process"}, tested | short)
    times = {"most_s": MOST_WAIT_H * 3600, "warning_s": 3600.0}
    session.add(QueueLimit(from_operation_id=baked.id, to_operation_id=judged.id, **times))


def _agree(session: Session, product: Product) -> None:
    """Let the two customers supply a product to each other."""
    sees: dict[str, Any] = {"product_id": product.id, "receiver_sees": ["id", "grade"], "supplier_sees": []}
    alpha, beta = session.scalars(select(Customer.id).order_by(Customer.id))
    for supplier, receiver in ((alpha, beta), (beta, alpha)):
        agreed = SupplyAgreement(name=f"{supplier}-{receiver}", supplier_id=supplier, receiver_id=receiver, **sees)
        session.add(agreed)


def _added(session: Session, row: Any) -> Any:
    session.add(row)
    session.flush()
    return row


def _product(session: Session, name: str, layout: Layout) -> Product:
    product: Product = _added(session, Product(name=name, title=name.title(), unit=name, layout_id=layout.id))
    return product


def _recipe(session: Session, name: str, its_class: EquipmentClass, body: str, limits: list[Any]) -> RecipeVersion:
    row = RecipeVersion(
        recipe=name, version=1, name=f"{name}@1", class_id=its_class.id, body=body, sha256=sha256_of(body),
        parameters=limits, state="approved", approved_by="lee", approved_at=BEGIN,
    )  # fmt: skip
    recipe: RecipeVersion = _added(session, row)
    return recipe


def _route(session: Session, product: Product, ends: str, *steps: dict[str, Any]) -> list[Operation]:
    name = product.name
    route = RouteVersion(
        route=name, version=1, name=f"{name}@1", title=name, product_id=product.id, ends=ends, sha256="00",
        released_at=BEGIN, current=True,
    )  # fmt: skip
    _added(session, route)
    operations = []
    for number, step in enumerate(steps, 1):
        place = {"route_version_id": route.id, "number": 10 * number, "name": f"{name}/{10 * number}"}
        operation = Operation(**{"fills": [], "bins": {}, "title": step["kind"], **place, **step})
        operations.append(_added(session, operation))
    return operations


def standing_holds(session: Session, lot_ids: Iterable[int]) -> Sequence[Hold]:
    """The holds that nobody has released, oldest first."""
    query = select(Hold).where(Hold.lot_id.in_(list(lot_ids)), Hold.released_at.is_(None))
    return session.scalars(query.order_by(Hold.held_at, Hold.id)).all()


def code_of_holds(
    session: Session, name: str, owner: str, *others: str, place: int = 1, running_job: str = "finish"
) -> None:  # fmt: skip
    """A code of holds in the plant."""
    of_text = {"title": name.title(), "owner": owner, "other_owners": list(others), "running_job": running_job}
    session.add(HoldCode(name=name, ordinal=place, **of_text))


def transfers(moves: Iterable[Move]) -> Transfers:
    """Moves as equipment reports them."""
    moves = tuple(moves)
    sources, targets = sorted({m[0] for m in moves}), sorted({m[3] for m in moves})
    rows = [(sources.index(m[0]), m[1], m[2], targets.index(m[3]), *m[4:]) for m in moves]
    columns = {
        name: np.array(column, dtype)
        for (name, dtype), column in zip(TRANSFER_COLUMNS.items(), zip(*rows, strict=True), strict=True)
    }
    return Transfers(tuple(sources), tuple(targets), **columns)


def fill_packages(source: str, target: str) -> list[Move]:
    """Two dies onto each of the four packages of a target, from the first eight positions of a source."""
    sites = [(x, y, site) for y in (0, 1) for x in (0, 1) for site in (1, 2)]
    return [(source, n % 4, n // 4, target, x, y, site, 1, 0, PLACED) for n, (x, y, site) in enumerate(sites)]


def mapped(substrate: str, codes: list[list[int]]) -> Arrival:
    """A substrate that comes with a map of bins: 1 is good, 0 nothing, every other never meant to be used."""
    bins = BinCodes(
        name="SortGrade", bin_type=BinType.DECIMAL, null_bin=0, codes=np.array(codes, np.uint16),
        definitions=(BinDefinition(1, quality="Pass"), BinDefinition(9, quality="Fail")),
    )  # fmt: skip
    rows, columns = bins.codes.shape
    return Arrival(substrate, SubstrateMap(substrate, "Wafer", "dies", rows, columns, overlays=(bins,)))


@dataclass
class Floor:
    """People and equipment of the shop. Every step is an hour after the one before, in a transaction of its own."""

    database: Database
    hours: int = 0

    def act(self, why: str = "a test") -> Act:
        """The next hour."""
        self.hours += 1
        return Act("tester", BEGIN + timedelta(hours=self.hours), why)

    def do(self, verb: Callable[..., Any], *given: Any, act: Act | None = None) -> Any:
        """A verb of the shop floor."""
        with self.database.transaction() as session:
            return verb(session, *given, act or self.act())

    # --- what there is ----------------------------------------------------------------------------------------

    def id_of(self, model: type[Any], name: str) -> int:
        with self.database.reading() as session:
            return int(session.scalars(select(model.id).where(model.name == name)).one())

    def lot(self, name: str) -> Lot:
        with self.database.reading() as session:
            return session.scalars(select(Lot).where(Lot.name == name)).one()

    def member(self, substrate: str) -> LotSubstrate:
        """The place of a substrate in its lot."""
        with self.database.reading() as session:
            query = select(LotSubstrate).where(LotSubstrate.substrate_id == self.id_of(Substrate, substrate))
            return session.scalars(query).one()

    def run(self, run_id: int) -> Run:
        with self.database.reading() as session:
            return session.get_one(Run, run_id)

    def work(self, run_id: int, substrate: str) -> RunSubstrate:
        """What came of a substrate in a run."""
        with self.database.reading() as session:
            work: RunSubstrate = self._in_run(session, RunSubstrate, run_id, substrate)[0]
            return work

    def asked(self, run_id: int, substrate: str) -> NDArray[np.bool_]:
        """The positions that a run asked for."""
        with self.database.reading() as session:
            return self._mask(session, RunSubstrate, run_id, substrate)

    def reserved(self, run_id: int, source: str) -> NDArray[np.bool_]:
        """The positions of a source that a run may pick from."""
        with self.database.reading() as session:
            return self._mask(session, RunSource, run_id, source)

    def _mask(self, session: Session, table: type[Any], run_id: int, name: str) -> NDArray[np.bool_]:
        row, substrate = self._in_run(session, table, run_id, name)
        return unpack(row.positions, shapes(session, [substrate])[substrate.id])

    @staticmethod
    def _in_run(session: Session, table: type[Any], run_id: int, name: str) -> tuple[Any, Substrate]:
        query = select(table, Substrate).join(Substrate, Substrate.id == table.substrate_id)
        row, substrate = session.execute(query.where(table.run_id == run_id, Substrate.name == name)).one()
        return row, substrate

    def substrates(self) -> set[str]:
        """The names of all that arrived or was made."""
        with self.database.reading() as session:
            return set(session.scalars(select(Substrate.name)))

    def substrate(self, name: str) -> int:
        return self.id_of(Substrate, name)

    def are(self, substrate: str) -> list[list[int]]:
        """The dispositions of a substrate, row by row."""
        with self.database.reading() as session:
            row = session.scalars(select(Substrate).where(Substrate.name == substrate)).one()
            rows: list[list[int]] = opened(session, [row])[row.id].now.tolist()
            return rows

    def ledger(self, lot: str, form: int = 1) -> dict[str, int]:
        """The accounts of a form that are not empty."""
        with self.database.reading() as session:
            row = session.get_one(Ledger, (self.id_of(Lot, lot), form))
            return {account: units for account in (*CAME, *ARE) if (units := getattr(row, account))}

    def holds(self, lot: str) -> list[Hold]:
        """The standing holds of a lot."""
        with self.database.reading() as session:
            return list(standing_holds(session, [self.id_of(Lot, lot)]))

    def problems(self) -> list[Problem]:
        """What every check of the database finds: nothing, always."""
        return check(self.database.url.render_as_string(hide_password=False)).problems

    def everything(self) -> dict[str, list[Any]]:
        """All rows of all tables."""
        with self.database.reading() as session:
            tables = Base.metadata.sorted_tables
            return {t.name: sorted(map(repr, session.execute(select(t)).all())) for t in tables}

    # --- what is done -----------------------------------------------------------------------------------------

    def arrive(self, name: str, route: str, *substrates: str | Arrival, customer: str = "alpha") -> int:
        """A released lot; every position of a substrate given by its name holds a unit."""
        came = tuple(s if isinstance(s, Arrival) else Arrival(s) for s in substrates)
        lot: Lot = self.do(create, NewLot(name, customer, route, came))
        self.do(release, lot.id)
        return lot.id

    def wanted(self, equipment: str, *lots: str, sources: Iterable[str] = (), only: Iterable[str] = ()) -> TrackIn:
        """The words of a track-in by names; ``only`` names substrates of the one lot."""
        chosen = tuple(self.id_of(Substrate, name) for name in only)
        given = tuple(self.id_of(Substrate, name) for name in sources)
        parts = tuple(LotPart(self.id_of(Lot, lot), chosen) for lot in lots)
        return TrackIn(self.id_of(Equipment, equipment), parts, given)

    def order(self, equipment: str, *lots: str, sources: Iterable[str] = (), only: Iterable[str] = ()) -> int:
        """Track in; the id of the run."""
        run: Run = self.do(track_in, self.wanted(equipment, *lots, sources=sources, only=only))
        return run.id

    def begin(self, equipment: str, *lots: str, sources: Iterable[str] = (), only: Iterable[str] = ()) -> int:
        """Track in, and the equipment begins; the id of the run."""
        run_id = self.order(equipment, *lots, sources=sources, only=only)
        self.do(run_course.start, run_id)
        return run_id

    def result(
        self, run_id: int, substrate: str, *, moves: Iterable[Move] = (), bins: Any = None, touched: Any = None,
        outcome: Outcome = Outcome.DONE, ran: tuple[Parameter, ...] = (), **otherwise: Any,
    ) -> SubstrateResult:  # fmt: skip
        """What equipment would report now; all that was asked for is touched if not told otherwise."""
        moves, at = tuple(moves), BEGIN + timedelta(hours=self.hours)
        asked, work = self.asked(run_id, substrate), self.work(run_id, substrate)
        with self.database.reading() as session:
            lot = session.get_one(Lot, work.lot_id).name
        result = SubstrateResult(
            lot, substrate, work.visit, outcome, at, at, 0.5,
            asked if touched is None else np.array(touched, np.bool_),
            bins=None if bins is None else np.array(bins, np.uint8),
            transfers=transfers(moves) if moves else None, parameters=ran,
        )  # fmt: skip
        return replace(result, **otherwise)

    def report(self, run_id: int, substrate: str, **told: Any) -> RunSubstrate:
        """Equipment reports on a substrate; see `result`."""
        work: RunSubstrate = self.do(track_out, run_id, self.result(run_id, substrate, **told))
        return work

    def end(self, run_id: int, reason: str = "") -> None:
        self.do(run_course.end, run_id, reason)

    def pass_through(self, equipment: str, lot: str, *substrates: str) -> int:
        """One whole run in which every unit is touched and nothing is judged or moved; its id."""
        run_id = self.begin(equipment, lot)
        for substrate in substrates:
            self.report(run_id, substrate)
        self.end(run_id)
        return run_id

    def stock(self, name: str, route: str, *substrates: str | Arrival, customer: str = "alpha") -> None:
        """A lot of dies or caps that lies in the die bank."""
        self.arrive(name, route, *substrates, customer=customer)
        self.pass_through("CELL-1", name, *(s if isinstance(s, str) else s.substrate for s in substrates))


def build_floor(database: Database) -> Floor:
    """The shop in an empty database."""
    with database.transaction() as session:
        build_plant(session)
    return Floor(database)
