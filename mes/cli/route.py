"""`mes route`: what a new lot can take, and what is done to it on the way."""

from typing import Annotated

import typer

from mes.cli.database import reading
from mes.cli.output import Json, show, show_one
from mes.cli.remote import server
from mes.definitions.models import Product
from mes.routes.looks import look, select_routes
from mes.routes.models import RouteVersion

app = typer.Typer(help="What a new lot can take, and what is done to it on the way.", no_args_is_help=True)


@app.command(name="list")
def list_routes(
    *,
    product: Annotated[str | None, typer.Option(help="Only routes that make this.")] = None,
    as_json: Json = False,
) -> None:
    """All routes in the version that new lots take.

    Example: mes route list --product hbm_core
    """
    if there := server():
        found = there.rows("routes", product=product)
    else:
        query = select_routes().order_by(RouteVersion.route)
        if product is not None:
            query = query.where(Product.name == product)
        with reading() as session:
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="No routes; mes plant apply brings them in.")


@app.command(name="show")
def show_route(
    name: Annotated[str, typer.Argument(metavar="ROUTE", help="Name of the route.")], *, as_json: Json = False
) -> None:
    """One route with its operations in order.

    Example: mes route show chip_on_wafer
    """
    if there := server():
        told = there.get("routes", name)
    else:
        with reading() as session:
            told = look(session, name)
    show_one(told, as_json=as_json)
