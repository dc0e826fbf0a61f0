"""The database: engine, transactions with a scope, the one lock, and who may see which rows.

`transaction()` is the only place that commits and `lock()` the only one that says FOR UPDATE. The application logs in
as ``mes_app``, which has no policy and therefore sees no row; every transaction takes a role for its duration.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, TypeVar, cast

import psycopg
from psycopg import sql
from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Select,
    any_,
    bindparam,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import BYTEA, JSONB
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column, undefer
from sqlalchemy.orm.exc import StaleDataError

from mes.errors import Away, Busy, Malformed, MesError, NotFound, Stale, TookTooLong
from mes.lists import lists_as_arrays
from mes.rows import many_in_one_insert, write_together

__all__ = [
    "STAFF",
    "Database",
    "ReadSession",
    "Scope",
    "Session",
    "as_customer",
    "expect",
    "eyes",
    "lock",
    "see_as",
    "seeing_as",
    "unique",
]

APP_ROLE, STAFF_ROLE, CUSTOMER_ROLE = "mes_app", "mes_staff", "mes_customer"
AWAY = "The database does not answer; try again in a moment."

IN_BETWEEN = "Another transaction holds what this one needs; try again."

PREPARED = 400
"""Statements that one connection keeps planned; those used least recently are forgotten."""

REORDERED = 6
"""Joins whose best order the server looks for; of more it takes the order that is written. See decision 0021."""

IN_THE_WAY = {"40P01", "55P03", "40001"}
"""States of errors where another transaction was in the way: deadlock, lock not had in time, order of transactions."""
BROKEN_OFF = "57014"
"""State of the error where a statement has had all the time it may take."""
UNFIT = {"22003", "22021", "22023", "22P05", "54000"}
"""States of errors where a value is at fault: out of range, no text, no such name, too long."""


class Base(DeclarativeBase):
    """Every table. Names of constraints follow one convention, so that migrations can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        bytes: BYTEA,
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


class Lockable:
    """A row that verbs change under `lock()`. ``lock_order`` is its place in the one order of locking."""

    lock_order: ClassVar[int]
    id: Mapped[int] = mapped_column(primary_key=True, sort_order=-1)
    row_version: Mapped[int] = mapped_column(default=1)

    @declared_attr.directive
    @classmethod
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.row_version}


class Owned:
    """A row that belongs to a customer; that customer may read it, and no other."""

    @declared_attr
    @classmethod
    def customer_id(cls) -> Mapped[int]:
        return mapped_column(ForeignKey("customer.id"), index=True)


BigKey = BigInteger


class ReadSession(Session):
    """A session whose transaction is read only."""


event.listen(Session, "before_flush", write_together)


@dataclass(frozen=True)
class Scope:
    """Whose eyes a transaction has: the staff's, or one customer's."""

    role: str
    customer_id: int | None = None


STAFF = Scope(STAFF_ROLE)


def as_customer(customer_id: int) -> Scope:
    """The scope of one customer: its own rows, to read."""
    return Scope(CUSTOMER_ROLE, customer_id)


class Database:
    """Connections of one process to the system of record."""

    def __init__(self, url: str | URL, pool_size: int = 12, statement_timeout_s: float = 0.0) -> None:
        """``statement_timeout_s``: how long one statement may take; 0 sets no bound."""
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self.pool_size = pool_size
        settings = f"-c timezone=UTC -c join_collapse_limit={REORDERED} -c lock_timeout=10s"
        self.engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=8,
            pool_use_lifo=True,  # that was used last: it has most statements planned
            connect_args={
                "options": f"{settings} -c statement_timeout={round(1000 * statement_timeout_s)}",
                "connect_timeout": 5,
            },
        )
        event.listen(self.engine, "connect", _prepare_more)
        many_in_one_insert(self.engine)
        lists_as_arrays(self.engine)

    @contextmanager
    def transaction(self, scope: Scope = STAFF) -> Iterator[Session]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises `Away` when the server is not there, `Busy` when another transaction stands in the way, `TookTooLong`
        where a statement has had all its time, and `Malformed` where a value cannot be stored.
        """
        with self._session(Session, scope) as session:
            yield session
            session.commit()

    @contextmanager
    def reading(self, scope: Scope = STAFF) -> Iterator[ReadSession]:
        """One read-only transaction. What was changed of its objects is forgotten.

        It is committed all the same: at a rollback the driver has the server forget every statement it has planned.
        """
        with self._session(ReadSession, scope) as session:
            yield cast(ReadSession, session)
            session.expunge_all()
            session.commit()

    @contextmanager
    def _session(self, kind: type[Session], scope: Scope) -> Iterator[Session]:
        try:
            with kind(self.engine, expire_on_commit=False) as session:
                read_only = "on" if kind is ReadSession else "off"
                session.execute(_BEGIN, {"read_only": read_only, **_settings(scope)})
                yield session
        except (OperationalError, DataError, UnicodeEncodeError) as error:
            raise _told(error) from error
        except StaleDataError as error:  # a row that was changed without a lock, and by another meanwhile
            raise Busy(IN_BETWEEN) from error

    @contextmanager
    def listening(self, *channels: str) -> Iterator[Callable[[float], bool]]:
        """Hear notifications of ``channels`` from now on: gives what waits for one, at most so many seconds, and says
        whether one came.

        Raises `Away` when the server is not there. A notification only wakes; whoever is woken looks at the rows.
        """
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with _away(), psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            for channel in channels:
                connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))

            def wait(most_s: float) -> bool:
                with _away():
                    return bool(list(connection.notifies(timeout=most_s, stop_after=1)))

            yield wait

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


@contextmanager
def _away() -> Iterator[None]:
    """Say it in our words where the server of a bare connection is gone."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise Away(AWAY) from error


def _prepare_more(connection: psycopg.Connection[Any], _: Any) -> None:
    """Let the server keep more planned statements than the driver's hundred: pages and commands have more together."""
    connection.prepared_max = PREPARED


_EYES = "set_config('app.customer', :customer, true), set_config('role', :role, true)"
_BEGIN = text(f"select set_config('transaction_read_only', :read_only, true), {_EYES}")
_SEE_AS = text(f"select {_EYES}")


def _settings(scope: Scope) -> dict[str, str]:
    return {"customer": "" if scope.customer_id is None else str(scope.customer_id), "role": scope.role}


def see_as(session: Session, scope: Scope) -> None:
    """Give the rest of the transaction the eyes of another scope: the edge learns who asks only inside it."""
    session.execute(_SEE_AS, _settings(scope))


def eyes(session: Session) -> Scope:
    """Whose eyes the transaction has now, as the database says."""
    now = "select current_user, nullif(current_setting('app.customer', true), '')::int"
    return Scope(*session.execute(text(now)).one())


@contextmanager
def seeing_as(session: Session, scope: Scope) -> Iterator[None]:
    """The eyes of another scope for a block; those from before come back after it, and after any error in it."""
    before = eyes(session)
    if before == scope:
        yield
        return
    see_as(session, scope)
    try:
        yield
    except DBAPIError:  # the transaction is over, and these eyes with it
        raise
    except BaseException:
        see_as(session, before)
        raise
    see_as(session, before)


def _told(error: DBAPIError | UnicodeEncodeError) -> Exception:
    """The same in our words. Never the server's: they may quote a row. What is a bug of ours stays as it is."""
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    by_the_driver = state is None and not isinstance(error, OperationalError)
    if state in IN_THE_WAY:
        return Busy(IN_BETWEEN)
    if state == BROKEN_OFF:
        return TookTooLong(
            "The database took longer than one request may; nothing was changed. Ask for less at once, such as a"
            " shorter period, or try again when less is going on."
        )
    if state in UNFIT or by_the_driver:
        return Malformed("A value cannot be stored: a number too large, a text too long or not of real characters.")
    return Away(AWAY) if isinstance(error, OperationalError) else error


@contextmanager
def unique(constraint: str, refusal: MesError) -> Iterator[None]:
    """Raise ``refusal`` where what the block writes breaks that constraint: another wrote the same a moment before."""
    try:
        yield
    except IntegrityError as error:
        if not isinstance(error.orig, psycopg.Error) or error.orig.diag.constraint_name != constraint:
            raise
        raise refusal from error


Row = TypeVar("Row", bound=Lockable)


class Locked:
    """Rows under lock, as they are now in the database."""

    def __init__(self, rows: dict[tuple[type[Lockable], int], Lockable]) -> None:
        self._rows = rows

    def __or__(self, other: "Locked") -> "Locked":
        return Locked(self._rows | other._rows)

    def one(self, model: type[Row], row_id: int) -> Row:
        """The locked row of that model and id."""
        return cast(Row, self._rows[model, row_id])

    def all(self, model: type[Row]) -> list[Row]:
        """All locked rows of that model, by id."""
        return [cast(Row, row) for (kind, _), row in self._rows.items() if kind is model]


EXPECTED = "expected_row_versions"
STALE = "It has changed since you looked at it; look again, then decide."


def expect(session: Session, model: type[Lockable], row_id: int, row_version: int) -> None:
    """Raise `Stale` if this row is not of that version, now or when `lock` locks it for the first time."""
    if session.scalars(select(model.row_version).where(model.id == row_id)).one() != row_version:
        raise Stale(STALE)
    session.info.setdefault(EXPECTED, {})[model, row_id] = row_version


def lock(session: Session, *wanted: tuple[type[Lockable], Sequence[int]]) -> Locked:
    """Lock all rows that a verb needs, at once and in the one order, and read them as they are now.

    Rows under lock are loaded whole. Raises `NotFound` when one of them does not exist, `Stale` when one is not of the
    version that was expected. `populate_existing` matters: without it an object that was read before the lock keeps its
    old state, and every racer wins.

    Whoever writes a row that refers to one of them does not wait: that a lot refers to equipment is checked when the
    lot is written, long after the locks were taken in their order.
    """
    rows: dict[tuple[type[Lockable], int], Lockable] = {}
    for model, ids in sorted(wanted, key=lambda pair: pair[0].lock_order):
        if not ids:
            continue
        found = session.scalars(_for_update(model), {"ids": sorted(set(ids))}).all()
        rows |= {(model, row.id): row for row in found}
        missing = sorted(set(ids) - {row.id for row in found})
        if missing:
            raise NotFound(f"There is no {model.__name__.lower()} with id {missing[0]}.")
    _refuse_stale(session, rows)
    return Locked(rows)


_FOR_UPDATE: dict[type[Lockable], Select[Any]] = {}
"""By model, made once; one text however many rows are locked, so that the server plans it once, too."""


def _for_update(model: type[Lockable]) -> Select[Any]:
    if model not in _FOR_UPDATE:
        of_ids = model.id == any_(bindparam("ids", type_=ARRAY(Integer)))
        statement = select(model).where(of_ids).order_by(model.id).options(undefer("*")).with_for_update(key_share=True)
        _FOR_UPDATE[model] = statement.execution_options(populate_existing=True)
    return _FOR_UPDATE[model]


def _refuse_stale(session: Session, rows: dict[tuple[type[Lockable], int], Lockable]) -> None:
    expected: dict[tuple[type[Lockable], int], int] = session.info.get(EXPECTED, {})
    for key in expected.keys() & rows.keys():
        if expected.pop(key) != rows[key].row_version:
            raise Stale(STALE)
