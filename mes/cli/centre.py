"""A demonstration centre as it runs: database, line, connector and pages, fed with material."""

import json
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from equipment.client import SteppedEquipment
from equipment.interface import endpoints
from mes import plant as plants
from mes import schema
from mes.cli import feeder, persons
from mes.cli.database import app_url, known_password
from mes.cli.ports import free_port, refuse_taken, wait_for_listening
from mes.cli.processes import Processes, Program
from mes.cli.signatures import Desk, Signature
from mes.clock import PlantClock
from mes.db import Database
from mes.definitions.clock import act_now, plant_clock, plant_now, set_plant_clock
from mes.errors import Away, Busy, Refused
from mes.history import Act, History
from mes.lots.models import Lot
from mes.lots.states import ON_LINE
from mes.people.models import User
from mes.people.passwords import hash_password, matches
from mes.plant.schema_demonstration import PlannedLot
from mes.postgres import EmbeddedPostgres
from mes.settings import Settings

BEGINS = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)
"""Plant time at which a demonstration begins: a Sunday morning in Seoul, so that it soon has a last week to report."""
START_S = 90.0
"""Wall seconds within which the line must be up."""
LOW = 5
"""Lots on the line below which a running demonstration gets the next ones."""


class Centre:
    """The demonstration centre in one data directory. `running` starts all of it and ends all of it."""

    database: Database
    owner_url: str

    def __init__(self, folder: Path, plant_dir: Path, settings: Settings, *, seed: int, port: int | None) -> None:
        self.folder = folder
        self.plant_dir = plant_dir.absolute()
        self.seed = seed
        self.settings = settings.model_copy(update={"data_dir": folder})
        self.port = free_port() if port == 0 else (port or settings.port)
        self.truth = folder / "truth"
        self.incoming = folder / "incoming"
        self._demonstration = plants.read_demonstration(self.plant_dir)
        self._processes: Processes
        self._web: Program
        self._environment: dict[str, str]
        self._log_ins: list[dict[str, str]] = []
        self._hashes: dict[str, str] = {}
        self.began = time.monotonic()

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://{self.settings.host}:{self.port}/"

    @contextmanager
    def running(self, speed: float) -> Iterator[None]:
        """All processes but the connector, until the block ends. ``speed`` 0 lets a conductor step the clock.

        Raises `Refused` before anything is started where another program has the port.
        """
        refuse_taken(self.settings.host, self.port)
        with ExitStack() as stack:
            self.folder.mkdir(parents=True, exist_ok=True)
            for private in (self.truth, self.incoming, self.folder / "disks"):
                private.mkdir(mode=0o700, exist_ok=True)
            server = None
            if self.settings.database_url is None:
                server = stack.enter_context(EmbeddedPostgres.start(self.folder))
            self.owner_url = self.settings.database_url or (server.url if server is not None else "")
            schema.init(self.owner_url, known_password(self.settings, self.owner_url))
            login = app_url(self.settings, self.owner_url)
            self.database = Database(login)
            stack.callback(self.database.close)
            clock = self._prepare(speed)
            self._processes = Processes(server, self._write)
            stack.callback(self._processes.end)
            self._environment = self._settings_of(login)
            self._start(clock)
            yield

    def lots(self) -> int:
        """How many lots there are."""
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(Lot)) or 0

    def feed(self, count: int) -> list[int]:
        """Have the next ``count`` lots of the line delivered and take them in. Returns their ids."""
        return self._feed(self._demonstration.lots, count)

    def feed_people(self) -> None:
        """Have as many lots that people work on the line as there are in the text, for whoever practises."""
        wanted = self._demonstration.by_hand
        try:
            with self.database.reading() as session:
                missing = len(wanted) - feeder.count(session, wanted, Lot.state.in_(ON_LINE))
            if missing > 0:
                self._feed(wanted, missing)
        except (Away, Busy):
            return

    def _feed(self, pattern: Sequence[PlannedLot], count: int) -> list[int]:
        with self.database.reading() as session:
            wanted = feeder.deliveries(pattern, feeder.count(session, pattern), count)
        with self.database.reading() as session:
            feeder.send(session, wanted, self.incoming, self.seed, plant_now(session))
        ids = []
        for delivery in wanted:
            with self.database.transaction() as session:
                act = act_now(session, feeder.ACTOR, "delivered")
                ids.append(feeder.take_in(session, delivery, self.incoming, act).id)
        return ids

    def feed_if_low(self, count: int) -> None:
        """Feed ``count`` lots when few are left on the line, or when those wait for material or a person alone."""
        try:
            with self.database.reading() as session:
                busy = feeder.count(session, self._demonstration.lots, Lot.state.in_(ON_LINE))
                is_low = busy < LOW or not feeder.goes_on(session, plant_now(session))
            if is_low:
                self.feed(count)
        except (Away, Busy):
            return

    def persons(self, session: Session, at: datetime) -> persons.Looked:
        """Let the people of the demonstration do what is due, and say what they are to sign."""
        return persons.act(session, self._demonstration, at)

    def sign(self, signature: Signature) -> None:
        """Have one of them sign on the pages' server. Raises `Away` while it does not answer."""
        Desk(self.address, {who["name"]: who["password"] for who in self._log_ins}).sign(signature)

    def next_look(self, session: Session, at: datetime) -> datetime | None:
        """When dispatch or the people of the demonstration look next although nothing happens until then."""
        return persons.next_look(session, self._demonstration, at)

    def persons_now(self) -> None:
        """The same, on a running clock: who comes too late for a substrate comes again."""
        try:
            with self.database.transaction() as session:
                looked = self.persons(session, plant_now(session))
        except (Away, Busy, Refused):
            return
        for signature in looked.to_sign:
            with suppress(Away, Refused):  # what one cannot sign now keeps nobody else from it
                self.sign(signature)

    def connect(self) -> None:
        """Start the connector, which lets the line run. In a headless run only when all is there that it looks at."""
        self._wait_for_line()
        self._start_program("connector", "connect")

    def wait_for_pages(self) -> None:
        """Return when the pages are there. Raises `Away` with the end of their log where their process ends."""
        wait_for_listening(self._web, self.port, START_S)

    def line(self) -> list[SteppedEquipment]:
        """The equipment of the line, for the conductor."""
        self._wait_for_line()
        # this brings the OPC UA library in
        from equipment.client.opcua import open_line

        return list(open_line(self.folder).values())

    def welcome(self) -> str:
        """What a person needs to look around."""
        lines = [f"The demonstration centre runs at {self.address}", "", "Sign in as"]
        lines += [f"  {who['name']:<18} {who['password']:<14} {who['role']}" for who in self._log_ins]
        lines += [
            "",
            "Look first at the line board as line.engineer; then at Reports, Yield.",
            "To start and finish lots yourself, sign in as operator: some wait there for a person.",
            f"In another terminal: . .venv/bin/activate; {self._same_database()}mes lot list",
            'On another port: make demo ARGS="--port 8100". How to break it: docs/how-to/break-it.md.',
            f"Ctrl-C ends everything; the next start goes on from there. To start afresh: rm -r {self.folder}",
        ]
        return "\n".join(lines)

    def _same_database(self) -> str:
        """What a person writes before `mes` so that it finds this database."""
        default = Path(Settings.model_fields["data_dir"].default).absolute()
        return "" if self.settings.database_url or self.folder == default else f"MES_DATA_DIR={self.folder} "

    def _prepare(self, speed: float) -> PlantClock:
        """Plant, people and clock. A centre that ran before goes on at the plant time at which it stopped."""
        plant = plants.load(self.plant_dir)
        with self.database.transaction() as session:
            now = _stopped_at(session) or BEGINS
            plants.apply(session, plant, Act("administrator", now, "start of the demonstration"))
            self._log_ins = self._give_passwords(session)
            set_plant_clock(session, now, speed)
            return plant_clock(session)

    def _give_passwords(self, session: Session) -> list[dict[str, str]]:
        """A password for everybody who signs in, made on first start and kept in the data directory."""
        told = self._known()
        known = {who["name"]: who for who in told.get("log_ins", [])}
        self._hashes = told.get("hashes", {})
        log_ins = []
        for user in session.scalars(select(User).order_by(User.id)):
            if user.password_hash is None or user.name not in known:
                password = secrets.token_urlsafe(8)
                user.password_hash = hash_password(password)
                known[user.name] = {"name": user.name, "role": user.role, "password": password}
            elif not (
                self._hashes.get(user.name) == user.password_hash  # known without a second of work
                or matches(user.password_hash, known[user.name]["password"])
            ):
                known[user.name]["password"] = "as it was set"  # noqa: S105 - says that there is another one now
            self._hashes[user.name] = user.password_hash
            log_ins.append(known[user.name])
        return log_ins

    def _settings_of(self, login: URL) -> dict[str, str]:
        """What our programs are told: of the database the application's login alone, never the owner's."""
        return {
            "MES_DATABASE_URL": login.render_as_string(hide_password=False),
            "MES_DATA_DIR": str(self.folder),
            "MES_LOG_FORMAT": self.settings.log_format,
        }

    def _start(self, clock: PlantClock) -> None:
        self._processes.start(self._line_program(clock))
        self._web = self._start_program("web", "serve", "--host", self.settings.host, "--port", str(self.port))

    def _start_program(self, name: str, *words: str) -> Program:
        program = Program(name, ["mes.cli", *words], self._environment, self.folder / f"{name}.log")
        self._processes.start(program)
        return program

    def _line_program(self, clock: PlantClock) -> Program:
        """The line on the one plant clock: a moment between two clocks is minutes when they run fast."""
        arguments = ["equipment.sim", "--plant", str(self.plant_dir), "--data-dir", str(self.folder)]
        arguments += ["--seed", str(self.seed)]
        if clock.stepped:
            arguments += ["--stepped"]
        else:
            arguments += ["--epoch", clock.plant_at.isoformat(), "--wall0", str(clock.wall_at.timestamp())]
            arguments += ["--speed", str(clock.speed)]
        (self.folder / endpoints.FILE).unlink(missing_ok=True)
        return Program("line", arguments, {}, self.folder / "line.log")

    def _wait_for_line(self) -> None:
        deadline = time.monotonic() + START_S
        while not (self.folder / endpoints.FILE).exists():
            if time.monotonic() > deadline:
                raise Away(f"The simulated line did not start within {START_S:.0f} s; see {self.folder / 'line.log'}.")
            time.sleep(0.05)

    def _endpoints(self) -> dict[str, dict[str, Any]]:
        """Where the equipment of the line answers, by name; nothing before the line is up."""
        try:
            return {name: asdict(one) for name, one in endpoints.read_endpoints(self.folder).items()}
        except FileNotFoundError:
            return {}

    def _known(self) -> dict[str, Any]:
        file = self.folder / "demo.json"
        known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return known

    def _write(self, ids: dict[str, int]) -> None:
        """Keep ``demo.json`` true: whole or not at all, readable by its owner alone."""
        told = {
            "address": self.address,
            "log_ins": self._log_ins,
            "hashes": self._hashes,
            "processes": ids,
            "opcua": self._endpoints(),
            "incoming": str(self.incoming),
            "truth": str(self.truth),
            "seed": self.seed,
        }
        draft = self.folder / f".demo.json.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(told, indent=1))
        draft.replace(self.folder / "demo.json")


def _stopped_at(session: Session) -> datetime | None:
    """What the plant clock showed when something was last recorded; None before anything was.

    By the clock itself: what equipment said of its own time may be wrong.
    """
    last = session.scalar(select(func.max(History.recorded_at)))
    return None if last is None else plant_clock(session).at(last)
