"""`mes lot priority`, `reserve` and `lift-reservation`: how urgent a lot is, and which equipment it waits for."""

from datetime import datetime
from typing import Annotated

import typer

from mes.cli.database import writing
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.output import Json, Why, show_one
from mes.cli.remote import server
from mes.equipment.queries import equipment_id
from mes.lots.gate.reserve import lift_reservation
from mes.lots.gate.reserve import reserve as reserve_lot
from mes.lots.looks import look
from mes.lots.priority import change_priority
from mes.lots.queries import lot_id

app = typer.Typer()

DUE_FORMATS = ["%Y-%m-%dT%H:%M%z"]


@app.command()
def priority(
    name: LotName,
    *,
    priority: Annotated[int | None, typer.Option(help="1 is the most urgent, 9 the least.")] = None,
    due: Annotated[datetime | None, typer.Option(help="When it is due, with offset.", formats=DUE_FORMATS)] = None,
    customer: CustomerName = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Change the priority of a lot, by which dispatch ranks at once, its due date, or both.

    Example: mes lot priority L-104 --priority 2 --due 2026-12-01T09:00+0900 --why "the customer's line waits"
    """
    if there := server():
        body = {"priority": priority, "due_at": due and due.isoformat(), "why": why}
        told = there.post("lots", name, "priority", body=body, customer=customer)
    else:
        with writing(why) as (session, act):
            lot = change_priority(session, lot_id(session, name, customer), priority, due, act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)


@app.command()
def reserve(
    name: LotName,
    *,
    equipment: Annotated[str, typer.Option(help="The only one of its class that is to start it.")],
    until: Annotated[datetime, typer.Option(help="Until when, with offset.", formats=DUE_FORMATS)],
    customer: CustomerName = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Reserve a lot for one equipment until a time: no other of its class starts it before.

    Example: mes lot reserve L-104 --equipment TCB-01 --until 2026-12-01T09:00+0900 --why "its collets are matched"
    """
    if there := server():
        body = {"equipment": equipment, "until": until.isoformat(), "why": why}
        told = there.post("lots", name, "reserve", body=body, customer=customer)
    else:
        with writing(why) as (session, act):
            found = lot_id(session, name, customer)
            lot = reserve_lot(session, found, equipment_id(session, equipment), until, act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)


@app.command(name="lift-reservation")
def lift(name: LotName, *, customer: CustomerName = None, why: Why = "", as_json: Json = False) -> None:
    """Let all equipment of the class start a lot again that was reserved for one.

    Example: mes lot lift-reservation L-104 --why "TCB-01 is down"
    """
    if there := server():
        told = there.post("lots", name, "lift-reservation", body={"why": why}, customer=customer)
    else:
        with writing(why) as (session, act):
            told = look(session, lift_reservation(session, lot_id(session, name, customer), act).id)
    show_one(told, as_json=as_json)
