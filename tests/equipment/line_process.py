"""Lines of simulated equipment in processes of their own, for tests over the real wire."""

import json
import signal
import subprocess
import sys
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any, cast

import psutil

from equipment.client.opcua import OpcuaEquipment
from equipment.client.opcua_link import Address
from equipment.interface.pki import make_connector, make_credentials

PLANT = """
classes:
  - {name: placement_class, kind: placement, places: 1, most_substrates: 25, simulation: {heads: 2}}
  - {name: thermal_class, kind: thermal, places: 2, most_substrates: 25}
equipment:
  - {name: bonder-1, class: placement_class}
  - {name: oven-1, class: thermal_class}
"""
ROOT = Path(__file__).resolve().parents[2]
END_TIMEOUT_S = 20.0


class LineProcess:
    """A line that serves from ``data_dir``; made when it does."""

    def __init__(self, data_dir: Path, *command: str) -> None:
        self.data_dir = data_dir
        self._process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            self.wait_for("serving")
        except AssertionError:
            self.close()
            raise

    @classmethod
    def of_plant(cls, folder: Path, *clock: str) -> "LineProcess":
        """``python -m equipment.sim`` on a plant with a bonder and an oven, its data below ``folder``."""
        (folder / "equipment.yaml").write_text(PLANT)
        data_dir = folder / "data"
        return cls(data_dir, "-m", "equipment.sim", "--plant", str(folder), "--data-dir", str(data_dir), "--seed", "7",
                   *clock)  # fmt: skip

    def wait_for(self, words: str) -> str:
        """The next line of its output that has these words; fails when it ends before."""
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if words in line:
                return line
        raise AssertionError(f"the line ended without saying {words!r}: {''.join(said)}")

    def endpoints(self) -> dict[str, dict[str, Any]]:
        return cast(dict[str, dict[str, Any]], json.loads((self.data_dir / "endpoints.json").read_text()))

    def address(self, place: str) -> Address:
        """How the connector enters the equipment at that place of the line."""
        endpoint, connector = self.endpoints()[place], make_connector(self.data_dir)
        user = make_credentials(self.data_dir)
        certificate = Path(endpoint["certificate"])
        return Address(
            place, endpoint["url"], certificate, connector.certificate, connector.key, user.user, user.password
        )

    def client(self, place: str, name: str = "") -> OpcuaEquipment:
        """A client of the equipment at that place, as the connector has it."""
        return OpcuaEquipment(*astuple(replace(self.address(place), name=name or place)))

    def kill(self) -> None:
        """Take the parent of the line away without a word, and give its children time to notice."""
        children = [psutil.Process(endpoint["pid"]) for endpoint in self.endpoints().values()]
        self._process.kill()
        self._process.wait()
        psutil.wait_procs(children, END_TIMEOUT_S)
        self.close()

    def end(self) -> int:
        """Ask the line to end: its exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(END_TIMEOUT_S)
        self.close()
        return code

    def close(self) -> None:
        assert self._process.stdout is not None
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(END_TIMEOUT_S)
        self._process.stdout.close()


def is_alive(pid: int) -> bool:
    """Whether a process of that id is there."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
