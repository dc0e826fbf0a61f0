"""Customers and the people who sign in."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from mes.db import Base
from mes.people.roles import Role


class Customer(Base):
    """A company whose material is on the line; the centre is one too. Each customer sees its own row."""

    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]


class User(Base):
    """A person who signs in. A customer's user belongs to that customer and sees nothing else."""

    __tablename__ = "user_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    role: Mapped[str]
    belongs_to_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    password_hash: Mapped[str | None]
    pin_hash: Mapped[str | None]
    """Of the digits that this person may sign with instead of the password."""
    language: Mapped[str | None]
    """Of pages; that of the browser if not chosen."""
    time_zone: Mapped[str | None]
    """In which times are shown; the plant's if not chosen."""
    from_text: Mapped[bool] = mapped_column(default=False)
    """Whether the plant's text names this person; who was added by hand stays when a text is applied."""

    __table_args__ = (
        CheckConstraint(f"role in ({', '.join(repr(r.value) for r in Role)})", name="role"),
        CheckConstraint("(role = 'customer') = (belongs_to_id is not null)", name="customer_role"),
    )


class SignIn(Base):
    """One signed-in browser: only a hash of its token is stored. Expires by the database's clock."""

    __tablename__ = "sign_in"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]


class SavedFilter(Base):
    """A list or report with its filters, as one person has named it: ``address`` is a path of ours with its query."""

    __tablename__ = "saved_filter"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    name: Mapped[str]
    address: Mapped[str]

    __table_args__ = (UniqueConstraint("user_id", "name"),)


class ApiKey(Base):
    """By what a program acts as a user: only a hash of the key is stored. Expires by the database's clock."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id", ondelete="CASCADE"))
    scopes: Mapped[list[Any]]
    """The permissions that it gives, of those that the user has."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime]


class SignInTry(Base):
    """What came of tries to sign in with one name from one address, by the database's clock; see `tries`."""

    __tablename__ = "sign_in_try"

    name_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True, index=True)
    failures: Mapped[int] = mapped_column(default=0)
    """Since the last success."""
    failed_at: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
