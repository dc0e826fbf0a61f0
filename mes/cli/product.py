"""`mes product`: what lots become."""

import typer

from mes.cli.database import reading
from mes.cli.output import Json, show
from mes.cli.remote import server
from mes.definitions.looks import select_products
from mes.definitions.models import Product

app = typer.Typer(no_args_is_help=True)


@app.command(name="list")
def list_products(*, as_json: Json = False) -> None:
    """All products with the form in which their material arrives.

    Example: mes product list
    """
    if there := server():
        found = there.rows("products")
    else:
        with reading() as session:
            found = [dict(row) for row in session.execute(select_products().order_by(Product.name)).mappings()]
    show(found, as_json=as_json, empty="No products; mes plant apply brings them in.")
