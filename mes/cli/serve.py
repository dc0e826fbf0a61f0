"""`mes serve` and `mes connect`: the processes of the MES, each alone. Several of the first may run."""

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from equipment.interface.endpoints import FILE
from mes.cli import logs
from mes.cli.database import open_database
from mes.cli.ports import refuse_taken
from mes.db import Database
from mes.errors import Refused
from mes.people.users import FIRST, first_administrator
from mes.settings import Settings


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on; MES_HOST if not given.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; MES_PORT if not given.")] = None,
) -> None:
    """Serve the pages until Ctrl-C or SIGTERM; requests that run are finished first.

    Where there is no user at all, the first start makes an administrator and says the password, once.

    Example: mes serve --port 8080
    """
    # these bring the web framework in, which no other command should wait for
    from mes.app import create_app
    from mes.http.server import Server

    settings = Settings()
    logs.set_up(settings.log_format)
    listening = (host or settings.host, settings.port if port is None else port)
    refuse_taken(*listening)
    with open_database(settings, settings.statement_timeout_s) as database:
        with database.transaction() as session:
            password = first_administrator(session)
        if password is not None:
            typer.echo(f"Nobody could sign in yet. Sign in once as {FIRST} with {password}, then change it.")
        proxies = settings.trusted_proxies
        Server(create_app(database), *listening, log_config=None, forwarded_allow_ips=proxies).run()


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
    # this brings the OPC UA library in, which no other command should wait for
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
