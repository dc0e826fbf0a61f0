"""The processes of a demonstration: started, watched, started again when they die, and ended together."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mes.postgres import EmbeddedPostgres
from mes.settings import PREFIX

KEPT_BACK = (PREFIX, "PGPASS")
"""Beginnings of the variables that no program inherits: each gets the settings that it is given, and no other login."""
POLL_S = 0.1
GRACE_S = 15.0
PR_SET_PDEATHSIG = 1


@dataclass
class Program:
    """One process: what it runs, with which settings, and where its output goes."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        """Start it in a session of its own, ended when this process dies, so that Ctrl-C reaches us alone."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(KEPT_BACK)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                env={**inherited, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    @property
    def died(self) -> bool:
        """Whether it has ended."""
        return self.process is None or self.process.poll() is not None

    def end(self) -> None:
        """Ask it to end, and wait for that."""
        if self.process is None or self.died:
            return
        self.process.terminate()
        try:
            self.process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Processes:
    """All programs of a demonstration and the embedded server under them."""

    def __init__(self, server: EmbeddedPostgres | None, changed: Callable[[dict[str, int]], None]) -> None:
        self._server = server
        self._programs: list[Program] = []
        self._changed = changed
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._keep_alive, name="watch", daemon=True)

    def start(self, program: Program) -> None:
        """Start a program and keep it alive from now on."""
        program.start()
        self._programs.append(program)
        if not self._watch.is_alive():
            self._watch.start()
        self._changed(self.ids())

    def ids(self) -> dict[str, int]:
        """Process ids by name."""
        running = {p.name: p.process.pid for p in self._programs if p.process is not None}
        return running if self._server is None else {"postgres": self._server.pid, **running}

    def end(self) -> None:
        """End all programs, the last started first."""
        self._ending.set()
        if self._watch.is_alive():
            self._watch.join()
        for program in reversed(self._programs):
            program.end()

    def _keep_alive(self) -> None:
        while not self._ending.wait(POLL_S):
            revived = False
            if self._server is not None and not self._server.alive():
                self._server.revive()
                revived = True
            for program in self._programs:
                if program.died:
                    program.start()
                    revived = True
            if revived:
                self._changed(self.ids())


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
