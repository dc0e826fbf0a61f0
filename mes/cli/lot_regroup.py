"""`mes lot split`, `merge`, `rework`: substrates that go to another lot, or back on their route."""

from typing import Annotated

import typer

from mes.cli.database import writing
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.output import Json, Why, show_one
from mes.cli.remote import server
from mes.lots.looks import look
from mes.lots.queries import lot_id
from mes.lots.regrouping.merge import merge as merge_lots
from mes.lots.regrouping.rework import rework as rework_lot
from mes.lots.regrouping.split import split as split_lot

app = typer.Typer()


@app.command()
def split(
    name: LotName,
    substrates: Annotated[list[str], typer.Argument(metavar="SUBSTRATE...", help="Substrates that leave the lot.")],
    *,
    into: Annotated[str | None, typer.Option(help="Name of the new lot; L-104.1 and so on if not given.")] = None,
    customer: CustomerName = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Let whole substrates of a waiting lot go on in a lot of their own. It inherits every hold.

    Example: mes lot split L-104 W-3 W-4 --into L-104.1 --why "waits for another map"
    """
    if there := server():
        body = {"substrates": substrates, "into": into, "why": why}
        told = there.post("lots", name, "split", body=body, customer=customer)["lots"][1]
    else:
        with writing(why) as (session, act):
            new = split_lot(session, lot_id(session, name, customer), substrates, into, act)
            told = look(session, new.id)
    show_one(told, as_json=as_json)


@app.command()
def merge(
    name: LotName,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The lot that goes on in it, and ends.")],
    *,
    customer: CustomerName = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Let all of another lot that is like this one go on in this one, with every hold of both.

    Example: mes lot merge L-104 L-104.1 --why "the map has come"
    """
    if there := server():
        told = there.post("lots", name, "merge", body={"lot": other, "why": why}, customer=customer)
    else:
        with writing(why) as (session, act):
            lot = merge_lots(session, lot_id(session, name, customer), lot_id(session, other, customer), act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)


@app.command()
def rework(
    name: LotName,
    substrates: Annotated[list[str], typer.Argument(metavar="SUBSTRATE...", help="Those that go back.")],
    *,
    reason: Annotated[str, typer.Option(help="One of those that the operation has: mes route show.")],
    why: Why,
    customer: CustomerName = None,
    as_json: Json = False,
) -> None:
    """Send whole substrates that wait back on their route, as often as the operation allows; they come there again.

    Example: mes lot rework L-104 W-3 W-4 --reason residue --why "seen after cleaning"
    """
    if there := server():
        body = {"substrates": substrates, "reason": reason, "why": why}
        told = there.post("lots", name, "rework", body=body, customer=customer)
    else:
        with writing(why) as (session, act):
            lot = rework_lot(session, lot_id(session, name, customer), substrates, reason, act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)
