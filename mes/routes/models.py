"""Routes: released versions of operations in order, with queue-time limits between them."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, Lockable
from mes.definitions.models import EquipmentClass, Layout, Product
from mes.history import Chained
from mes.recipes.models import RecipeVersion
from mes.routes.states import OperationKind, RouteEnd


class RouteVersion(Lockable, Chained, Base):
    """One released version of a route. ``sha256`` is over its canonical text; a trigger refuses any change of it."""

    __tablename__ = "route_version"
    lock_order: ClassVar[int] = 0

    route: Mapped[str]
    version: Mapped[int]
    name: Mapped[str] = mapped_column(unique=True)
    """``route@version``."""
    title: Mapped[str]
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    ends: Mapped[str]
    sha256: Mapped[str]
    released_at: Mapped[datetime]
    current: Mapped[bool]
    """Whether new lots take this version."""

    product: Mapped[Product] = relationship(lazy="raise")

    __table_args__ = (
        UniqueConstraint("route", "version"),
        CheckConstraint(f"ends in ({', '.join(repr(e.value) for e in RouteEnd)})", name="ends"),
    )


class Operation(Base):
    """One operation of a route version. Immutable, like its version."""

    __tablename__ = "operation"

    id: Mapped[int] = mapped_column(primary_key=True)
    route_version_id: Mapped[int] = mapped_column(ForeignKey("route_version.id"))
    number: Mapped[int]
    name: Mapped[str]
    """``route/number``, as equipment and reports know it."""
    title: Mapped[str]
    kind: Mapped[str]
    class_id: Mapped[int] = mapped_column(ForeignKey("equipment_class.id"))
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))
    fills: Mapped[list[Any]]
    """For assemble: [site, level] pairs of the attach specification that this operation fills."""
    dummies: Mapped[bool] = mapped_column(default=False)
    """For assemble: it fills those sites of bad positions, with dummies; good ones it leaves alone."""
    makes_layout_id: Mapped[int | None] = mapped_column(ForeignKey("layout.id"))
    """For transfer: the layout of the substrates it fills."""
    bins: Mapped[dict[str, Any]]
    """For judging operations: bin code as text to {name, quality}."""
    process_s: Mapped[float | None]
    """How long equipment works on one run, as far as the route says so."""
    retest: Mapped[dict[str, Any] | None]
    """{bins: [code], above: share of tested units, passes: most} or none."""
    materials: Mapped[list[Any]] = mapped_column(default=list)
    """What it uses up: [{material, per: unit or substrate, amount in the unit of the material, needed_s: or null}]."""
    rework: Mapped[dict[str, Any] | None]
    """What may happen to what waits here: {back_to: number, most, most_per_lot, reasons: [code]} or none."""
    sampling: Mapped[dict[str, Any] | None]
    """{every_lots: of those of the product, substrates: of each such lot, or null}; none: it is done of all."""
    certification: Mapped[str | None]
    """Name of what a person must be certified for who starts it."""
    durables: Mapped[list[Any]] = mapped_column(default=list)
    """The kinds of durables that it needs on the equipment, by name."""
    measures: Mapped[list[Any]] = mapped_column(default=list)
    """What is kept of what is measured of units: [{name, unit, low, high, bin}]; beyond a limit a unit gets the bin."""

    route_version: Mapped[RouteVersion] = relationship(lazy="raise")
    equipment_class: Mapped[EquipmentClass] = relationship(lazy="raise")
    recipe_version: Mapped[RecipeVersion] = relationship(lazy="raise")
    makes_layout: Mapped[Layout | None] = relationship(lazy="raise")
    alternatives: Mapped[list["OperationAlternative"]] = relationship(
        lazy="raise", order_by="OperationAlternative.ordinal", viewonly=True
    )

    @property
    def ways(self) -> list["Operation | OperationAlternative"]:
        """How it may be done, its own class and recipe before the alternatives."""
        return [self, *self.alternatives]

    @property
    def holder(self) -> str | None:
        """The kind of durables that carry the loads it fills, if any do."""
        return None if self.makes_layout is None else self.makes_layout.holder

    def loads(self, units: int) -> int:
        """How many substrates of the layout that it makes hold so many units."""
        layout = self.makes_layout
        return 0 if layout is None else -(-units // (layout.rows * layout.columns))

    __table_args__ = (
        UniqueConstraint("route_version_id", "number"),
        CheckConstraint(f"kind in ({', '.join(repr(k.value) for k in OperationKind)})", name="kind"),
        CheckConstraint("(kind = 'transfer') = (makes_layout_id is not null)", name="makes"),
        CheckConstraint("process_s > 0 and process_s < 'infinity'", name="process_s"),
    )


class OperationAlternative(Base):
    """Another class of equipment, or another recipe, that serves an operation as well. Immutable, like its version."""

    __tablename__ = "operation_alternative"

    id: Mapped[int] = mapped_column(primary_key=True)
    operation_id: Mapped[int] = mapped_column(ForeignKey("operation.id"))
    ordinal: Mapped[int]
    """1 is tried first, after the operation's own."""
    class_id: Mapped[int] = mapped_column(ForeignKey("equipment_class.id"))
    recipe_version_id: Mapped[int] = mapped_column(ForeignKey("recipe_version.id"))

    equipment_class: Mapped[EquipmentClass] = relationship(lazy="raise")
    recipe_version: Mapped[RecipeVersion] = relationship(lazy="raise")

    __table_args__ = (UniqueConstraint("operation_id", "ordinal"),)


class QueueLimit(Base):
    """The most time from the end of one operation to the start of a later one, per substrate."""

    __tablename__ = "queue_limit"

    id: Mapped[int] = mapped_column(primary_key=True)
    from_operation_id: Mapped[int] = mapped_column(ForeignKey("operation.id"))
    to_operation_id: Mapped[int] = mapped_column(ForeignKey("operation.id"))
    most_s: Mapped[float | None]
    warning_s: Mapped[float | None]
    floor_life: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It lasts no longer than the moisture level of the product allows, by which ``most_s`` may be left out.

    `mes.routes.limits` has the hours of all.
    """

    __table_args__ = (
        UniqueConstraint("from_operation_id", "to_operation_id"),
        CheckConstraint("0 < warning_s and warning_s <= most_s", name="order"),
        CheckConstraint("floor_life or num_nulls(most_s, warning_s) = 0", name="hours"),
    )
