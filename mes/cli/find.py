"""`mes find`: what a code names."""

from typing import Annotated

import typer

from mes.cli.database import reading
from mes.cli.output import Json, show
from mes.cli.remote import server
from mes.labels.find import find as find_code


def find(
    code: Annotated[str, typer.Argument(metavar="CODE", help="NAME, CUSTOMER/NAME, SUBSTRATE:X,Y or ROUTE/NUMBER.")],
    *,
    as_json: Json = False,
) -> None:
    """What a scanned or typed code names, and the page of it.

    Example: mes find hanbit/L-104
    """
    if there := server():
        found = there.get("find", q=code)["items"]
    else:
        with reading() as session:
            found = [{**vars(one), "code": one.code} for one in find_code(session, code, centre=True)]
    show(found, as_json=as_json, empty=f"Nothing is called {code}.")
