"""What runs did on durables."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base, Owned


class DurableUse(Owned, Base):
    """What one run did on one substrate with one durable. The substrate's owner may read it."""

    __tablename__ = "durable_use"

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id"))
    substrate_id: Mapped[int]
    durable_id: Mapped[int] = mapped_column(ForeignKey("durable.id"), index=True)
    done: Mapped[int]
    happened_at: Mapped[datetime]

    __table_args__ = (
        ForeignKeyConstraint(
            ["customer_id", "substrate_id"], ["substrate.customer_id", "substrate.id"], onupdate="CASCADE"
        ),
        UniqueConstraint("run_id", "substrate_id", "durable_id"),
        Index(None, "substrate_id"),
        CheckConstraint("done > 0", name="done"),
    )
