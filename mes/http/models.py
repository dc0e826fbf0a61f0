"""Commands that have a key, with what was answered."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base


class CommandAnswer(Base):
    """A command that has a key, and its answer once it has taken effect."""

    __tablename__ = "command_answer"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    asked_sha256: Mapped[bytes]
    """Of method, path, query and body."""
    status: Mapped[int | None]
    body: Mapped[bytes | None]
    claimed_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), index=True)
