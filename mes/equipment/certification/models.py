"""Certificates of people."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base


class Certificate(Base):
    """A person is certified for something, since ``granted_at``. Changed under the lock of the certification.

    One that is withdrawn is a row no more; the history of the certification keeps all.
    """

    __tablename__ = "certificate"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    certification_id: Mapped[int] = mapped_column(ForeignKey("certification.id", ondelete="CASCADE"), index=True)
    granted_by: Mapped[str]
    granted_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("user_id", "certification_id"),
        CheckConstraint("expires_at > granted_at", name="forward"),
    )
