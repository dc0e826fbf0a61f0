"""The command line: one module per noun. Exit code 0 done, 1 refused with reasons on standard error, 2 wrong use."""

from typing import Annotated

import typer

from mes.cli import output, remote
from mes.cli.commands import TopCommand

app = typer.Typer(
    cls=TopCommand,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def mes(
    context: typer.Context,
    *,
    address: Annotated[
        str | None, typer.Option(help="Ask this server over HTTP, not the database; MES_ADDRESS if not given.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="Who acts there; rather set MES_API_KEY, which no list of processes shows.")
    ] = None,
) -> None:
    """Interposer, an open MES for advanced packaging.

    Where no server is named, commands work on the database itself and act as the administrator: all is allowed, and
    history says "administrator", whoever typed. Over HTTP they act as the user of the key, whose name history says.
    """
    context.with_resource(output.of_no_plant())
    context.with_resource(remote.asked(address, key))
