"""`mes lot dispose-queue-time`: what waited too long goes on, signed by a process engineer."""

from datetime import datetime
from typing import Annotated

import typer

from mes.cli.database import writing
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.lot_urgency import DUE_FORMATS
from mes.cli.output import Json, Why, show_one
from mes.cli.remote import server
from mes.lots.gate.dispose_queue_time import dispose_queue_time as dispose
from mes.lots.looks import look
from mes.lots.queries import lot_id
from mes.people.sign_in import signer

app = typer.Typer()


@app.command()
def dispose_queue_time(
    name: LotName,
    substrates: Annotated[
        list[str] | None, typer.Argument(metavar="SUBSTRATE...", help="All that waited too long if none is named.")
    ] = None,
    *,
    by: Annotated[str, typer.Option(help="The process engineer who signs.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="MES_SIGNING_PASSWORD")],
    why: Why,
    until: Annotated[
        datetime | None, typer.Option(help="By when they are to start now, with offset.", formats=DUE_FORMATS)
    ] = None,
    customer: CustomerName = None,
    as_json: Json = False,
) -> None:
    """Sign that substrates that waited too long go on as they are. The signer's password is asked for.

    Example: mes lot dispose-queue-time L-104 --by process.engineer --why "looked at: clean"
    """
    chosen = substrates or []
    if there := server():
        body = {"substrates": chosen, "until": until and until.isoformat(), "signer": by, "password": password}
        told = there.post("lots", name, "dispose-queue-time", body=body | {"why": why}, customer=customer)
    else:
        with writing(why) as (session, act):
            who = signer(session, by, password, pin=False)
            lot = dispose(session, lot_id(session, name, customer), chosen, until, who, act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)
