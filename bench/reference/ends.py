"""Where lots begin and end, as rows: their substrates, accounts and shipments, and what was mounted meanwhile."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import psycopg

from bench.database import BEGIN
from bench.reference.line import Line, Lot, Part, Subject
from bench.reference.moves import BAD, COMPLETED, CONSUMED, GONE, IN_PROCESS, NO_UNIT, SCRAPPED, SHIPPED, Wafer
from bench.reference.plant import COLLET
from bench.reference.rows import Rows
from mes.lots.experiments.models import Experiment, ExperimentLeg
from mes.lots.models import Ledger, LotSubstrate
from mes.lots.models import Lot as LotRow
from mes.lots.work.models import DurableUse
from mes.materials.durables.models import Durable
from mes.materials.models import Container, MaterialLot
from mes.shipments.models import Shipment, ShipmentLot
from mes.units.models import Substrate

ACCOUNT_OF = {
    IN_PROCESS: "in_process", BAD: "scrapped", COMPLETED: "completed", CONSUMED: "consumed", SCRAPPED: "scrapped",
    GONE: "lost", SHIPPED: "shipped",
}  # fmt: skip
CONTAINER_MG = 1_000_000
COLLETS_EVERY = 10
"""Lots of modules that a collet bonds."""
WHAT_IS = """
select r.route, r.id, p.id, l.id, l.rows, l.columns, l.substrate_kind
from route_version r join product p on p.id = r.product_id join layout l on l.id = p.layout_id
"""
BOAT = "select id, rows, columns, substrate_kind from layout where name = 'module_boat'"
BONDERS = """
select e.id from equipment e join equipment_class c on c.id = e.class_id where c.name = 'tcb_bonder' order by e.id
"""


class Ends:
    """Begins and ends lots on a line."""

    def __init__(self, connection: psycopg.Connection[Any], rows: Rows, line: Line) -> None:
        self._rows, self._line = rows, line
        self._routes = {row[0]: row[1:] for row in connection.execute(WHAT_IS)}
        self._boat = cast(tuple[int, int, int, str], connection.execute(BOAT).fetchone())
        self._owners: dict[str, int] = dict(connection.execute("select name, id from customer").fetchall())
        self._kinds: dict[str, int] = dict(connection.execute("select name, id from durable_kind").fetchall())
        (self._flux,) = cast(
            tuple[int], connection.execute("select id from material_kind where name = 'flux'").fetchone()
        )
        self._bonders = [one for (one,) in connection.execute(BONDERS)]
        agreed = connection.execute("select supplier_id, receiver_id, id from supply_agreement")
        self.agreements = {(supplier, receiver): number for supplier, receiver, number in agreed}
        self._begun: Counter[str] = Counter()
        self._of_lot, self._since = 0, BEGIN

    def vary(self, operation: str, parameters: Sequence[dict[str, float]], at: datetime) -> None:
        """An experiment at an operation, with a leg for each of these sets of parameters."""
        experiment = self._rows.add(
            Experiment, name=f"vary-{operation}", title="Reference", operation=operation, every=True, state="closed",
            drafted_by="engineer", drafted_at=at, approved_by="engineer", approved_at=at, closed_by="engineer",
            closed_at=at,
        )  # fmt: skip
        self._line.legs[operation] = tuple(
            self._rows.add(ExperimentLeg, experiment_id=experiment, ordinal=n, name=f"leg-{n}", parameters=given)
            for n, given in enumerate(parameters, 1)
        )

    @property
    def boat(self) -> tuple[int, int]:
        """Rows and columns of a boat."""
        return self._boat[1], self._boat[2]

    def grid(self, route: str) -> tuple[int, int]:
        """Rows and columns of the substrates with which a route begins."""
        _, _, _, rows, columns, _ = self._routes[route]
        return rows, columns

    def lot(self, name: str, owner: str, route: str, at: datetime) -> Lot:
        """A new lot."""
        self._begun[route] += 1
        return Lot(self._rows.number(LotRow), name, self._owners[owner], route, [], at)

    def mount(self, number: int, at: datetime) -> None:
        """A new container of flux on every bonder, and now and then a new collet."""
        self.dismount(collets=number % COLLETS_EVERY == 0)
        self._since = at
        self._of_lot = self._rows.add(
            MaterialLot, name=f"F-{number:04d}", kind_id=self._flux, supplier="Maker", certificate="COA", received_at=at
        )
        for place in self._bonders:
            self._line.flux[place] = self._rows.number(Container)
            self._line.used_mg[self._line.flux[place]] = 0
            if place not in self._line.collet:
                self._line.collet[place] = self._rows.number(Durable)
                self._line.done[self._line.collet[place]] = 0

    def dismount(self, *, collets: bool = True) -> None:
        """Write down what was used of the containers, and where it is their time of the collets."""
        for container, used_mg in self._line.used_mg.items():
            name, told = f"FLX-{container:05d}", {"received": CONTAINER_MG, "consumed": used_mg}
            head = self._line.tell(Subject("container", container, name), "receive", "planner", self._since, told)
            self._rows.add(
                Container, id=container, name=name, material_lot_id=self._of_lot, state="opened", **told,
                remainder=CONTAINER_MG - used_mg, history_n=1, history_hash=head,
            )  # fmt: skip
        self._line.used_mg.clear()
        if collets:
            for collet, done in self._line.done.items():
                self._durable(collet, f"COL-{collet:05d}", COLLET, done, {}, self._since)
            self._line.done.clear()
            self._line.collet.clear()

    def fill(self, lot: Lot, boat: Wafer, part: Part) -> None:
        """A boat is filled."""
        self._rows.add(
            DurableUse, customer_id=lot.owner, run_id=part.run, substrate_id=boat.number, durable_id=boat.holder,
            done=1, happened_at=part.ended_at,
        )  # fmt: skip

    def finish(self, lot: Lot) -> None:
        """What is left in process is completed."""
        for wafer in lot.wafers:
            wafer.at[wafer.at == IN_PROCESS] = COMPLETED

    def stock(self, lot: Lot, before: Iterable[Wafer] = (), *, shipped: bool = False) -> None:
        """Write a lot and its substrates as they are now; ``before`` are those of its first form."""
        forms = [(1, list(before)), (2, lot.wafers)] if lot.form == 2 else [(1, lot.wafers)]
        kept = 0
        for form, wafers in forms:
            for wafer in wafers:
                kept += self._substrate(lot, form, wafer)
        units = sum(int((w.at == COMPLETED).sum()) for _, wafers in forms for w in wafers)
        deltas = [delta for form, wafers in forms for delta in self._account(lot, form, wafers)]
        state = "shipped" if shipped else "stocked" if kept else "consumed"
        route, product, *_ = self._routes[lot.route]
        subject = Subject("lot", lot.number, lot.name, lot.owner)
        head = self._line.tell(subject, "create", "planner", lot.clock, {"state": state}, deltas)
        self._rows.add(
            LotRow, id=lot.number, customer_id=lot.owner, name=lot.name, product_id=product, route_version_id=route,
            state=state, form=lot.form, substrates=kept, units=units, of_product=self._begun[lot.route],
            created_at=lot.clock, released_at=lot.clock, ended_at=lot.clock, history_n=1, history_hash=head,
        )  # fmt: skip
        if shipped:
            self._ship(lot)

    def _substrate(self, lot: Lot, form: int, wafer: Wafer) -> bool:
        """One of a lot's; whether the lot still has it."""
        kept = bool((wafer.at == COMPLETED).any())
        layout, _, _, kind = self._boat if form == 2 else self._routes[lot.route][2:]
        self._rows.add(
            Substrate, id=wafer.number, customer_id=wafer.owner, name=wafer.name, kind=kind, layout_id=layout,
            product_id=self._routes[lot.route][1], closed=not kept, holder_id=wafer.holder if kept else None,
            dispositions=wafer.at.tobytes(),
        )  # fmt: skip
        self._rows.add(
            LotSubstrate, customer_id=lot.owner, lot_id=lot.number, substrate_id=wafer.number, form=form,
            progress="finished" if kept else "closed", since=lot.clock,
        )  # fmt: skip
        if wafer.holder is not None:
            told: dict[str, Any] = {"state": "loaded", "load": wafer.name} if kept else {}
            self._durable(wafer.holder, f"BOAT-{wafer.holder:05d}", "module_boat", 1, told, lot.clock)
        return kept

    def _durable(self, number: int, name: str, kind: str, done: int, told: dict[str, Any], at: datetime) -> None:
        head = self._line.tell(Subject("durable", number, name), "register", "planner", at, {"done": done, **told})
        self._rows.add(
            Durable, id=number, name=name, kind_id=self._kinds[kind], count=done, **told, history_n=1,
            history_hash=head,
        )  # fmt: skip

    def _account(self, lot: Lot, form: int, wafers: Sequence[Wafer]) -> list[list[Any]]:
        """The ledger of a form; gives its deltas for history."""
        counts: Counter[str] = Counter()
        for disposition, account in ACCOUNT_OF.items():
            counts[account] += sum(int((wafer.at == disposition).sum()) for wafer in wafers)
        counts["received" if form == 1 else "made"] = sum(int((wafer.at != NO_UNIT).sum()) for wafer in wafers)
        self._rows.add(Ledger, customer_id=lot.owner, lot_id=lot.number, form=form, **counts)
        return [[lot.name, form, account, units] for account, units in counts.items() if units]

    def _ship(self, lot: Lot) -> None:
        units = sum(int((wafer.at == SHIPPED).sum()) for wafer in lot.wafers)
        left = [wafer.name for wafer in lot.wafers]
        document = json.dumps({"shipment": f"SHP-{lot.name}", "lots": [{"lot": lot.name, "substrates": left}]})
        at = lot.clock + timedelta(hours=4)
        shipment = self._rows.number(Shipment)
        self._rows.add(
            Shipment, id=shipment, customer_id=lot.owner, name=f"SHP-{lot.name}", direction="sent", state="arrived",
            partner=f"Board house {lot.number % 4 + 1}", document=document,
            sha256=hashlib.sha256(document.encode()).hexdigest(), sent_at=at, arrived_at=at + timedelta(days=2),
        )  # fmt: skip
        self._rows.add(
            ShipmentLot, customer_id=lot.owner, shipment_id=shipment, lot_id=lot.number, substrates=len(left),
            units=units,
        )  # fmt: skip
