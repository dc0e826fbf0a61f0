"""The command line: one module per noun. Exit code 0 done, 1 refused with reasons on standard error, 2 wrong use."""

from typing import Annotated

import typer

from mes.cli import (
    db,
    demo,
    dispatch,
    equipment,
    event,
    history,
    job,
    key,
    lot,
    map,  # noqa: A004
    output,
    plant,
    product,
    recipe,
    remote,
    report,
    route,
    serve,
    settings,
    trace,
    user,
)
from mes.cli.refusals import Refusing

app = typer.Typer(
    cls=Refusing,
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
    """Interposer, an open MES for advanced packaging."""
    context.with_resource(output.of_no_plant())
    context.with_resource(remote.asked(address, key))


app.command()(demo.demo)
app.command()(serve.serve)
app.command()(serve.connect)
app.add_typer(lot.app, name="lot")
app.add_typer(equipment.app, name="equipment")
app.add_typer(job.app, name="job")
app.add_typer(dispatch.app, name="dispatch")
app.add_typer(recipe.app, name="recipe")
app.add_typer(map.app, name="map")
app.add_typer(trace.app, name="trace")
app.command()(report.report)
app.add_typer(event.app, name="event")
app.add_typer(plant.app, name="plant")
app.add_typer(product.app, name="product")
app.add_typer(route.app, name="route")
app.add_typer(user.app, name="user")
app.add_typer(key.app, name="key")
app.add_typer(history.app, name="history")
app.add_typer(db.app, name="db")
app.command()(settings.settings)
