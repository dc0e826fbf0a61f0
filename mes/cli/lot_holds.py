"""`mes lot hold`, `release-hold`, `future-hold`, `withdraw-future-hold`: what stops a lot, now or further on."""

from datetime import datetime
from typing import Annotated

import typer

from mes.cli.database import writing
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.lot_urgency import DUE_FORMATS
from mes.cli.output import Json, Why, show_one
from mes.cli.remote import Row, server
from mes.lots.holds.future_hold import set_future_hold
from mes.lots.holds.future_hold import withdraw_future_hold as withdraw
from mes.lots.holds.hold import hold as hold_lot
from mes.lots.holds.hold import release_hold as release_one_hold
from mes.lots.holds.mask_text import as_body, read_units
from mes.lots.looks import look
from mes.lots.queries import lot_id
from mes.people.roles import Role

app = typer.Typer()

Code = Annotated[str, typer.Option(help="What kind of hold it is: mes lot hold-codes.")]
Owner = Annotated[Role | None, typer.Option(help="Who may release it, if not the role the code names.")]
ReviewBy = Annotated[
    datetime | None, typer.Option(help="When somebody is to have looked again, with offset.", formats=DUE_FORMATS)
]
Positions = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TEXT",
        help="Hold these units alone: 'W-3 4,7 5,7', 'W-3 id A7', 'W-3 bin bin:module/40 7', 'P-1 block 0,1', 'W-3';"
        " * is all; repeat.",
    ),
]


@app.command()
def hold(
    name: LotName,
    *,
    code: Code,
    why: Why,
    owner: Owner = None,
    review_by: ReviewBy = None,
    positions: Positions = None,
    customer: CustomerName = None,
    as_json: Json = False,
) -> None:
    """Hold a lot: it is not tracked in until somebody of the owner role releases the hold. With positions these stay.

    Example: mes lot hold L-104 --code height --why "bump height low" --positions "W-3 4,7 5,7" --owner process_engineer
    """
    units = [read_units(line) for line in positions or ()]
    if there := server():
        body: Row = {"code": code, "why": why, "owner": owner, "review_by": review_by and review_by.isoformat()}
        body |= {"mask": [as_body(some) for some in units]}
        told = there.post("lots", name, "hold", body=body, customer=customer)
    else:
        with writing(why) as (session, act):
            placed = hold_lot(session, lot_id(session, name, customer), code, why, owner, act, review_by, units)
            told = look(session, placed.lot_id)
    show_one(told, as_json=as_json)


@app.command()
def release_hold(
    name: LotName,
    *,
    hold: Annotated[int, typer.Option(help="Number of the hold, from mes lot show.")],
    why: Why,
    customer: CustomerName = None,
    as_json: Json = False,
) -> None:
    """Release one hold of a lot, saying what was found and done.

    Example: mes lot release-hold L-104 --hold 7 --why "measured again, in limits"
    """
    if there := server():
        told = there.post("lots", name, "release-hold", body={"hold": hold, "why": why}, customer=customer)
    else:
        with writing(why) as (session, act):
            placed = release_one_hold(session, lot_id(session, name, customer), hold, why, Role.ADMINISTRATOR, act)
            told = look(session, placed.lot_id)
    show_one(told, as_json=as_json)


@app.command()
def future_hold(
    name: LotName,
    operation: Annotated[str, typer.Argument(metavar="OPERATION", help="Where, e.g. module/20.")],
    *,
    code: Code,
    why: Why,
    owner: Owner = None,
    customer: CustomerName = None,
    as_json: Json = False,
) -> None:
    """Hold a lot when the first of its substrates reaches an operation of its route.

    Example: mes lot future-hold L-104 module/20 --code engineering --why "cross-section first"
    """
    if there := server():
        body = {"operation": operation, "code": code, "why": why, "owner": owner}
        told = there.post("lots", name, "future-hold", body=body, customer=customer)
    else:
        with writing(why) as (session, act):
            planned = set_future_hold(session, lot_id(session, name, customer), operation, code, why, owner, act)
            told = look(session, planned.lot_id)
    show_one(told, as_json=as_json)


@app.command()
def withdraw_future_hold(
    name: LotName,
    *,
    future_hold: Annotated[int, typer.Option(help="Number of the future hold, from mes lot show.")],
    why: Why,
    customer: CustomerName = None,
    as_json: Json = False,
) -> None:
    """Take back a future hold that has not taken effect, saying why the lot need not be held.

    Example: mes lot withdraw-future-hold L-104 --future-hold 3 --why "looked at on another lot"
    """
    if there := server():
        body = {"future_hold": future_hold, "why": why}
        told = there.post("lots", name, "withdraw-future-hold", body=body, customer=customer)
    else:
        with writing(why) as (session, act):
            found = lot_id(session, name, customer)
            told = look(session, withdraw(session, found, future_hold, why, Role.ADMINISTRATOR, act).lot_id)
    show_one(told, as_json=as_json)
