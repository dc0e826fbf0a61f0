"""Loaded by every Python that has this folder on its path: lets a connector die exactly where a test says.

``INTERPOSER_DYING`` names a folder. A file ``before_acknowledge`` there makes the connector kill itself when records
are stored and the next thing is to acknowledge them; ``after_acknowledge``, when they are acknowledged and the next
thing is to apply them. The file goes away first, so that the next connector lives.
"""

import os
import signal
import sys
from pathlib import Path

folder = os.environ.get("INTERPOSER_DYING")


def _die(where: str) -> None:
    try:
        (Path(str(folder)) / where).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if folder and "connect" in sys.orig_argv:
    from equipment.client.opcua import OpcuaEquipment

    acknowledge = OpcuaEquipment.acknowledge

    async def dying(self: OpcuaEquipment, journal: str, upto: int) -> None:
        _die("before_acknowledge")
        await acknowledge(self, journal, upto)
        _die("after_acknowledge")

    OpcuaEquipment.acknowledge = dying  # type: ignore[method-assign]
