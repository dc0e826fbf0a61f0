"""`mes carrier`: FOUPs, magazines and boat carriers, and what stands in them."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.definitions.clock import plant_now
from mes.errors import Malformed
from mes.history import Act
from mes.lots.carriers import carry
from mes.lots.carriers.models import Carrier
from mes.lots.carriers.queries import carrier_id, look, select_carriers
from mes.lots.queries import lot_id

app = typer.Typer(no_args_is_help=True)

CarrierName = Annotated[str, typer.Argument(metavar="CARRIER", help="Name of the carrier.")]
LotName = Annotated[str, typer.Argument(metavar="LOT", help="Name of the lot.")]
Owner = Annotated[str | None, typer.Option("--customer", help="Whose lot, where customers share a name.")]


@app.command(name="list")
def list_carriers(
    *,
    named: Annotated[str | None, typer.Option("--q", help="Only with this in their name.")] = None,
    as_json: Json = False,
) -> None:
    """Carriers by name, with how full they are and by when they are cleaned.

    Example: mes carrier list
    """
    if there := server():
        found = there.rows("carriers", q=named)
    else:
        with reading() as session:
            query = select_carriers(plant_now(session)).order_by(Carrier.name)
            query = query if named is None else query.where(Carrier.name.icontains(named, autoescape=True))
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="No carriers.")


@app.command(name="show")
def show_carrier(name: CarrierName, *, as_json: Json = False) -> None:
    """One carrier with what stands in its slots.

    Example: mes carrier show FOUP-07
    """
    if there := server():
        told = there.get("carriers", name)
    else:
        with reading() as session:
            told = look(session, carrier_id(session, name), plant_now(session))
    show_one(told, as_json=as_json)


@app.command()
def register(
    name: CarrierName,
    *,
    kind: Annotated[str, typer.Option(help="foup, magazine or boat_carrier.")],
    slots: Annotated[int, typer.Option(help="How many substrates it holds.")],
    clean_every_h: Annotated[float | None, typer.Option(help="Hours after which it is cleaned again.")] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Take a carrier in, clean.

    Example: mes carrier register FOUP-07 --kind foup --slots 25 --clean-every-h 168
    """
    body = {"id": name, "kind": kind, "slots": slots, "clean_every_h": clean_every_h, "why": why}
    if there := server():
        told = there.post("carriers", body=body)
    else:
        with writing(why) as (session, act):
            told = look(session, carry.register_carrier(session, name, kind, slots, clean_every_h, act), act.at)
    show_one(told, as_json=as_json)


@app.command()
def load(
    name: CarrierName,
    lot: LotName,
    places: Annotated[list[str] | None, typer.Argument(metavar="SUBSTRATE=SLOT...", help="Which goes where.")] = None,
    *,
    customer: Owner = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Change the carrier of a lot: every substrate of it that waits goes into this one, by name into the free slots.

    Example: mes carrier load FOUP-07 L-104 W1=3 W2=4
    """
    slots = _slots(places or [])
    listed = [{"substrate": substrate, "slot": slot} for substrate, slot in slots.items()]

    def here(session: Session, found: int, act: Act) -> None:
        carry.change_carrier(session, lot_id(session, lot, customer), found, slots or None, act)

    _do(name, "load", {"lot": lot, "customer": customer, "slots": listed}, here, why, as_json=as_json)


@app.command()
def unload(name: CarrierName, lot: LotName, *, customer: Owner = None, why: Why = "", as_json: Json = False) -> None:
    """Take a lot out of its carriers.

    Example: mes carrier unload FOUP-07 L-104
    """

    def here(session: Session, found: int, act: Act) -> None:
        carry.leave_carrier(session, lot_id(session, lot, customer), found, act)

    _do(name, "unload", {"lot": lot, "customer": customer}, here, why, as_json=as_json)


@app.command()
def clean(name: CarrierName, *, why: Why = "", as_json: Json = False) -> None:
    """Say that an empty carrier was cleaned.

    Example: mes carrier clean FOUP-07
    """
    _do(name, "clean", {}, carry.clean_carrier, why, as_json=as_json)


@app.command()
def move(
    name: CarrierName,
    location: Annotated[str, typer.Argument(metavar="LOCATION", help="Where it stands now.")],
    *,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Say where a carrier stands.

    Example: mes carrier move FOUP-07 "stocker 2"
    """
    _do(
        name, "move", {"location": location}, lambda s, i, a: carry.move_carrier(s, i, location, a), why,
        as_json=as_json,
    )  # fmt: skip


def _slots(words: Sequence[str]) -> dict[str, int]:
    """Slots by substrate. Raises `Malformed` with the first word that is not so."""
    slots: dict[str, int] = {}
    for word in words:
        substrate, _, slot = word.rpartition("=")
        if not substrate or not (slot.isdecimal() and len(slot) < 4) or substrate in slots:
            raise Malformed(f"'{word}' names no slot; write SUBSTRATE=SLOT, each once.")
        slots[substrate] = int(slot)
    return slots


def _do(
    name: str, verb: str, body: dict[str, Any], here: Callable[[Session, int, Act], None], why: str, *, as_json: bool
) -> None:
    """A verb on a carrier, over HTTP or here, and what that leaves."""
    if there := server():
        told = there.post("carriers", name, verb, body={**body, "why": why})
    else:
        with writing(why) as (session, act):
            found = carrier_id(session, name)
            here(session, found, act)
            session.flush()
            told = look(session, found, act.at)
    show_one(told, as_json=as_json)
