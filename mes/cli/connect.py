"""`mes connect`: the connector, alone. It works all equipment of the line."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from equipment.interface.endpoints import FILE
from mes.cli import logs
from mes.cli.commands import for_good
from mes.cli.database import open_database
from mes.db import Database
from mes.errors import Refused
from mes.settings import Settings


def connect(
    *,
    line: Annotated[
        Path | None, typer.Option(help="Folder with endpoints.json and the keys; MES_DATA_DIR if not given.")
    ] = None,
) -> None:
    """Connect to all equipment and let the line run, until Ctrl-C or SIGTERM. One connector at a time.

    Example: mes connect --line mes-data
    """
    settings = Settings()
    logs.set_up(settings.log_format)
    folder = line or settings.data_dir
    if not (folder / FILE).exists():
        raise Refused(f"{folder} has no {FILE}; start the equipment first, or name its folder with --line.")
    with open_database(settings) as database:
        asyncio.run(_connect(database, folder))


async def _connect(database: Database, folder: Path) -> None:
    # this brings the OPC UA library in, which help should not wait for
    with for_good():
        from equipment.client.opcua import open_line
        from mes.jobs.connector import Connector
        from mes.jobs.link import links

    connector = Connector(database, links(database, dict(open_line(folder))))
    running = asyncio.ensure_future(connector.run())
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        await connector.close()
