"""`mes serve`: the web server, alone. Several may run."""

from typing import Annotated

import typer

from mes.cli import logs
from mes.cli.commands import for_good
from mes.cli.database import open_database
from mes.cli.ports import refuse_taken
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
    # these bring the web framework in, which help should not wait for
    with for_good():
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
