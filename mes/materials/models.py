"""Material that operations use up: lots as suppliers deliver them, and their containers."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, Lockable
from mes.definitions.models import MaterialKind
from mes.equipment.models import Equipment
from mes.history import Chained
from mes.materials.states import ContainerState


class Consigned:
    """A row of material that is the centre's (null), or a customer's, who may read it."""

    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)


class MaterialLot(Chained, Consigned, Base):
    """What a supplier delivered at once of one kind: certificate and shelf life are the same for all of it."""

    __tablename__ = "material_lot"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind_id: Mapped[int] = mapped_column(ForeignKey("material_kind.id"), index=True)
    supplier: Mapped[str]
    certificate: Mapped[str]
    """Reference of its certificate; empty where it came without one."""
    expires_at: Mapped[datetime | None]
    """The end of its shelf life; null where it keeps."""
    received_at: Mapped[datetime]

    kind: Mapped[MaterialKind] = relationship(lazy="raise")

    __table_args__ = (UniqueConstraint("customer_id", "name", postgresql_nulls_not_distinct=True),)


class Container(Lockable, Chained, Consigned, Base):
    """A syringe, reel or bag. Amounts are whole numbers in the unit of its kind; ``remainder`` is what is left."""

    __tablename__ = "container"
    lock_order: ClassVar[int] = 5

    name: Mapped[str]
    material_lot_id: Mapped[int] = mapped_column(ForeignKey("material_lot.id"), index=True)
    state: Mapped[str] = mapped_column(default=ContainerState.STORED.value)
    received: Mapped[int]
    consumed: Mapped[int] = mapped_column(default=0)
    scrapped: Mapped[int] = mapped_column(default=0)
    remainder: Mapped[int]
    thawed_at: Mapped[datetime | None]
    """When its time of thawing is over; null of one that is in the cold, or that need not thaw."""
    opened_at: Mapped[datetime | None]
    baked_at: Mapped[datetime | None]
    """When its last baking is over; null of one that was never baked."""
    bakes: Mapped[int] = mapped_column(default=0)
    """How often it was baked."""
    floor_ends_at: Mapped[datetime | None]
    """When its floor life is over; null before that began, or where its material has none."""
    equipment_id: Mapped[int | None] = mapped_column(ForeignKey("equipment.id"))
    """The equipment it is mounted on."""
    mounted_at: Mapped[datetime | None]

    material_lot: Mapped[MaterialLot] = relationship(lazy="raise")
    equipment: Mapped[Equipment | None] = relationship(lazy="raise")

    __table_args__ = (
        UniqueConstraint("customer_id", "name", postgresql_nulls_not_distinct=True),
        CheckConstraint(f"state in ({', '.join(repr(s.value) for s in ContainerState)})", name="state"),
        CheckConstraint("least(received - 1, consumed, scrapped, remainder) >= 0", name="amounts"),
        CheckConstraint("remainder = received - consumed - scrapped", name="conservation"),
        CheckConstraint("(state = 'mounted') = (equipment_id is not null)", name="mounted"),
        CheckConstraint("(equipment_id is null) = (mounted_at is null)", name="since"),
        CheckConstraint("(state in ('empty', 'scrapped')) = (remainder = 0)", name="ended"),
        Index("ix_container_mounted", "equipment_id", postgresql_where="equipment_id is not null"),
    )
