"""A small line for reports, written row by row: one route of three operations, two customers, two ovens."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from mes.definitions.models import Area, EquipmentClass, Layout, Product, Site
from mes.equipment.models import Equipment
from mes.lots.models import Hold, Ledger, Lot, LotSubstrate, RunSubstrate
from mes.people.models import Customer
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation, RouteVersion
from mes.runs.models import Run
from mes.units.models import Substrate
from mes.units.states import Disposition

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)


def utc(text: str) -> datetime:
    """``01T10:00`` is ten o'clock UTC on the first of November 2026."""
    return datetime.fromisoformat(f"2026-11-{text}:00+00:00")


class Line:
    """Writes rows and knows them by name. Every substrate has ten positions."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.site = self._add(Site(name="gwangju", title="Gwangju", time_zone="Asia/Seoul"))
        area = self._add(Area(name="packaging", title="Packaging", site_id=self.site.id))
        ovens = EquipmentClass(name="oven", title="Oven", kind="thermal", places=4, most_substrates=8, batch=True)
        self.ovens = self._add(ovens)
        layout = Layout(name="strip", substrate_kind="strip", rows=2, columns=5, pitch_x_um=1.0, pitch_y_um=1.0)
        self.layout = self._add(layout)
        self.product = self._add(Product(name="module", title="Module", unit="module", layout_id=self.layout.id))
        self.recipe = self._add(
            RecipeVersion(
                recipe="cure", version=1, name="cure@1", class_id=self.ovens.id, body="{}", sha256="00", parameters=[]
            )
        )
        self.customers = {n: self._add(Customer(name=n, title=n.title())) for n in ("alpha", "beta")}
        self.equipment = {n: self._equipment(n, area.id) for n in ("OV-1", "OV-2")}
        self.route = self._add(
            RouteVersion(
                route="module",
                version=1,
                name="module@1",
                title="Module",
                product_id=self.product.id,
                ends="completed",
                sha256="00",
                released_at=BEGIN,
                current=True,
            )
        )
        self.operations = {number: self._operation(number) for number in (10, 20, 30)}
        self.lots: dict[str, Lot] = {}
        self.substrates: dict[str, Substrate] = {}

    def _add(self, row: Any) -> Any:
        self.session.add(row)
        self.session.flush()
        return row

    def _equipment(self, name: str, area_id: int) -> Equipment:
        equipment = Equipment(name=name, title=name, class_id=self.ovens.id, area_id=area_id, state_since=BEGIN)
        added: Equipment = self._add(equipment)
        return added

    def _operation(self, number: int) -> Operation:
        operation = Operation(
            route_version_id=self.route.id,
            number=number,
            name=f"module/{number}",
            title=f"Step {number}",
            kind="test" if number == 20 else "process",
            class_id=self.ovens.id,
            recipe_version_id=self.recipe.id,
            fills=[],
            bins={},
        )
        added: Operation = self._add(operation)
        return added

    def lot(self, name: str, customer: str, state: str, **columns: Any) -> None:
        """A lot released on the first of November at 10:00 UTC."""
        values = {"kind": "production", "released_at": utc("01T10:00"), **columns}
        self.lots[name] = self._add(
            Lot(
                name=name,
                customer_id=self.customers[customer].id,
                product_id=self.product.id,
                state=state,
                route_version_id=self.route.id,
                created_at=BEGIN,
                **values,
            )
        )

    def ledger(self, lot: str, **accounts: int) -> None:
        """The only form of a lot."""
        row = self.lots[lot]
        self._add(Ledger(lot_id=row.id, customer_id=row.customer_id, form=1, **accounts))

    def hold(self, lot: str, held: datetime = BEGIN, released: datetime | None = None) -> None:
        """A hold; it stands unless it is released."""
        row = self.lots[lot]
        self._add(
            Hold(
                released_at=released,
                released_by=None if released is None else "lee",
                lot_id=row.id,
                customer_id=row.customer_id,
                code="height",
                comment="bump height",
                owner_role="process_engineer",
                held_by="lee",
                held_at=held,
            )
        )

    def substrate(
        self,
        name: str,
        operation: int | None,
        progress: str,
        since: str | None = None,
        visit: int = 1,
        **counts: int,
    ) -> None:
        """A substrate of the lot its name begins with. ``counts``: positions by disposition; the rest in process."""
        lot = self.lots[name.split(".")[0]]
        dispositions = [Disposition[d] for d, n in counts.items() for _ in range(n)]
        dispositions += [Disposition.IN_PROCESS] * (10 - len(dispositions))
        self.substrates[name] = self._add(
            Substrate(
                name=name,
                customer_id=lot.customer_id,
                kind="strip",
                layout_id=self.layout.id,
                product_id=self.product.id,
                dispositions=bytes(dispositions),
            )
        )
        self._add(
            LotSubstrate(
                lot_id=lot.id,
                substrate_id=self.substrates[name].id,
                customer_id=lot.customer_id,
                form=1,
                operation_id=None if operation is None else self.operations[operation].id,
                visit=visit,
                progress=progress,
                since=None if since is None else utc(since),
            )
        )

    def run(self, number: int, operation: int, equipment: str, state: str = "ended") -> Run:
        """A run of an operation on an equipment."""
        run = Run(
            name=f"J-{number}",
            equipment_id=self.equipment[equipment].id,
            state=state,
            ordered_at=BEGIN,
            operation_id=self.operations[operation].id,
            recipe_version_id=self.recipe.id,
        )
        added: Run = self._add(run)
        return added

    def work(
        self,
        run: Run,
        substrate: str,
        counts: tuple[int, ...],
        ended: str | None,
        visit: int = 1,
        work: str = "done",
        *,
        queued: str | None = None,
        started: str | None = None,
    ) -> None:
        """One substrate in a run. ``counts``: good, failed, to be judged again, suspect. Half a kilowatt hour each."""
        lot = self.lots[substrate.split(".")[0]]
        good, failed, again, suspect = (*counts, 0, 0, 0)[:4]
        self._add(
            RunSubstrate(
                run_id=run.id,
                substrate_id=self.substrates[substrate].id,
                lot_id=lot.id,
                customer_id=lot.customer_id,
                form=1,
                visit=visit,
                work=work,
                positions=b"",
                queued_at=None if queued is None else utc(queued),
                started_at=None if started is None else utc(started),
                ended_at=None if ended is None else utc(ended),
                units_in=sum(counts),
                units_good=good,
                units_failed=failed,
                units_again=again,
                units_suspect=suspect,
                energy_kwh=0.5,
            )
        )
