"""Open the system of record from the edge: the server that is set or the embedded one, made ready if it is new.

MES_DATABASE_URL        the server: as its owner where roles and schema are still to be made, after that as mes_app
unset                   the embedded server in MES_DATA_DIR, started, or attached to where another process runs it
DATA_DIR/app.password   what mes_app signs in with, mode 0600, where neither the address nor MES_APP_PASSWORD says it
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
from sqlalchemy.engine import URL, make_url

from mes.cli.output import times_in
from mes.cli.remote import refuse_address
from mes.db import APP_ROLE, Database, ReadSession, Session
from mes.definitions.clock import act_now, time_zone
from mes.errors import Away, Refused
from mes.history import Act
from mes.postgres import MAJOR_VERSION, EmbeddedPostgres
from mes.schema import init, versions
from mes.settings import Settings

ADMINISTRATOR = "administrator"
"""Who acts where the database is opened directly."""


@contextmanager
def open_server(settings: Settings) -> Iterator[str]:
    """The address of the database as long as the block lasts: as it is set, or the embedded server's as its owner.

    An embedded server that ran before goes on. Raises `Refused` where commands are to ask a server over HTTP.
    """
    refuse_address(settings)
    if settings.database_url:
        yield settings.database_url
    else:
        with EmbeddedPostgres.start(settings.data_dir) as server:
            yield server.url


@contextmanager
def open_database(settings: Settings, statement_timeout_s: float = 0.0) -> Iterator[Database]:
    """The system of record as the application sees it; roles and schema are made where there are none yet.

    Raises `Refused` where the schema is older or newer than this release, where there is none and the login may not
    make it, or where mes_app has a password that is not known here; `Away` where no server answers.
    """
    with open_server(settings) as url:
        if not has_schema(url):
            init(url, known_password(settings, url))
        with _application(settings, url, statement_timeout_s) as database:
            yield database


@contextmanager
def _application(settings: Settings, url: str, statement_timeout_s: float = 0.0) -> Iterator[Database]:
    """The database at ``url``, which has a schema, as the application sees it."""
    login = app_url(settings, url)
    refuse_other_schema(login)
    database = Database(login, statement_timeout_s=statement_timeout_s)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def open_known_server(settings: Settings) -> Iterator[str]:
    """As `open_server`, of a database that is there. Raises `Refused` instead of making one."""
    refuse_address(settings)
    kept = any(os.path.lexists(file) for file in (settings.data_dir / f"pg{MAJOR_VERSION}", *_clusters(settings)))
    if not settings.database_url and not kept:
        raise Refused(
            f"There is no database in {settings.data_dir.absolute()}. Name the directory that holds one with"
            " MES_DATA_DIR, start the demonstration (make demo), or make an empty database (mes db init)."
        )
    with open_server(settings) as url:
        if not has_schema(url):
            server = make_url(url).render_as_string(hide_password=True)
            raise Refused(f"The database {server} holds nothing of Interposer yet; mes db init makes it ready.")
        yield url


def _clusters(settings: Settings) -> list[Path]:
    """Data of any version of PostgreSQL in the data directory."""
    return [file.parent for file in settings.data_dir.glob("pg*/PG_VERSION")]


@contextmanager
def open_known(settings: Settings) -> Iterator[Database]:
    """As `open_database`, of a database that is there. Raises `Refused` instead of making one."""
    with open_known_server(settings) as url, _application(settings, url) as database:
        yield database


def times_of(session: Session | ReadSession) -> None:
    """Let people read this command's times as the plant does."""
    zone = time_zone(session)
    times_in(lambda: zone)


@contextmanager
def reading() -> Iterator[ReadSession]:
    """One read-only transaction of the staff, on the database that is set and there."""
    with open_known(Settings()) as database, database.reading() as session:
        times_of(session)
        yield session


@contextmanager
def writing(why: str, *, on_new: bool = False) -> Iterator[tuple[Session, Act]]:
    """One transaction, and the act it is recorded as: the administrator's, now on the plant clock.

    Raises `Refused` where there is no database, unless one may be made for it (``on_new``).
    """
    opened = open_database if on_new else open_known
    with opened(Settings()) as database, database.transaction() as session:
        times_of(session)
        yield session, act_now(session, ADMINISTRATOR, why)


def app_url(settings: Settings, url: str) -> URL:
    """The address by which the application signs in, whoever's login ``url`` holds."""
    return make_url(url).set(username=APP_ROLE, password=known_password(settings, url))


def known_password(settings: Settings, url: str) -> str:
    """The password of mes_app: as the address says, as set, as kept, or made now where nobody else can have made one.

    Raises `Refused` where mes_app exists on a server of others: a new password would lock its other users out.
    """
    login = make_url(url)
    if login.username == APP_ROLE and isinstance(login.password, str):
        return login.password
    if settings.app_password:
        return settings.app_password
    file = password_file(settings)
    if not file.exists():
        if settings.database_url and _value(url, "select 1 from pg_roles where rolname = 'mes_app'"):
            raise Refused(
                f"The role mes_app exists on this server and {file} does not hold its password;"
                " set MES_APP_PASSWORD, or give the role a new one with mes db init."
            )
        keep_password(file, secrets.token_urlsafe(32))
    return file.read_text()


def password_file(settings: Settings) -> Path:
    """Where the password of mes_app is kept."""
    return settings.data_dir / "app.password"


def keep_password(file: Path, password: str) -> None:
    """Write a password readable by its owner alone; of several processes at once the first one's stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(password)
    try:
        os.link(draft, file)  # fails where it exists, and is never seen half written
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def has_schema(url: str) -> bool:
    """Whether roles and schema have been made; any login may ask."""
    return _value(url, "select to_regclass('alembic_version')::text") is not None


def schema_version(url: str | URL) -> str | None:
    """The version of the schema in the database, for the owner and mes_app."""
    return _value(url, "select version_num from alembic_version")


def refuse_other_schema(url: str | URL) -> None:
    """Raise `Refused` where the database has another schema than this release works with."""
    found, newest = schema_version(url), versions()[-1]
    if found != newest:
        raise Refused(
            f"The schema of the database is at version {found}, this release works with {newest};"
            " run mes db upgrade, or the release that the database belongs to."
        )


def _value(url: str | URL, query: LiteralString) -> str | None:
    """One value, read by the login of ``url``."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(address) as connection:
            found = connection.execute(query).fetchone()
    except psycopg.OperationalError as error:
        raise Away(f"The database does not answer: {error}") from error
    return None if found is None or found[0] is None else str(found[0])
