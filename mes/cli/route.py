"""`mes route`: what a new lot can take, and what is done to it on the way."""

from typing import Annotated, Any

import typer

from mes.cli.database import reading
from mes.cli.output import Json, show, show_one
from mes.cli.remote import server
from mes.definitions.models import Product
from mes.lots.queries import lot_id
from mes.lots.routing.migration import others, told, version_of
from mes.routes.looks import look, select_routes
from mes.routes.models import RouteVersion

app = typer.Typer(no_args_is_help=True)


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


@app.command(name="migration")
def show_migration(
    version: Annotated[str, typer.Argument(metavar="ROUTE@VERSION", help="By which the lots would go on.")],
    *,
    lot: Annotated[str | None, typer.Option(help="Only this lot.")] = None,
    customer: Annotated[str | None, typer.Option(help="Whose lot, where customers share a name.")] = None,
    as_json: Json = False,
) -> None:
    """Where each substrate of the lots that take another version would stand by this one, and what speaks against it.

    Nothing is changed; mes lot migrate lets a lot go over.

    Example: mes route migration module@3
    """
    if there := server():
        found = there.entries("routes", version, "migration", lot=lot, customer=customer)
    else:
        with reading() as session:
            which = None if lot is None else lot_id(session, lot, customer)
            found = [told(one) for one in others(session, version_of(session, version), which)]
    show(found if as_json else _brief(found), as_json=as_json, empty="No lot takes another version.")


def _brief(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line for each substrate; of a lot that speaks against it as a whole, that."""
    return [
        {"lot": one["lot"], "version": one["version"], **{key: stand[key] for key in ("substrate", "stands")},
         "would_stand": stand["would_stand"] if one["may_migrate"] else None,
         "against": " ".join(reason["message"] for reason in stand["reasons"] or one["reasons"])}
        for one in found for stand in one["substrates"]
    ]  # fmt: skip
