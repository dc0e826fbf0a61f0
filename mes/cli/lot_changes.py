"""`mes lot create`, `release`, `scrap`, `pull-sample`, `store`: people's acts on lots."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mes.cli.database import writing
from mes.cli.finding import position
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.lot_urgency import DUE_FORMATS
from mes.cli.map import DeclarationNamed, declared
from mes.cli.output import Json, Why, show_one
from mes.cli.remote import server
from mes.lots.create import NewLot
from mes.lots.create import create as create_lot
from mes.lots.create import release as release_lot
from mes.lots.looks import look
from mes.lots.maps.reading import MapIn, Reading
from mes.lots.queries import lot_id
from mes.lots.store import store as store_lot
from mes.lots.taking import pull_sample as pull_sample_units
from mes.lots.taking import scrap as scrap_units
from mes.units.arrival import Arrival, arrivals

app = typer.Typer()

At = Annotated[list[str] | None, typer.Option("--at", metavar="X,Y", help="A position, from the top left; repeat.")]
SubstrateName = Annotated[str, typer.Argument(metavar="SUBSTRATE", help="A substrate of the lot.")]


@app.command()
def create(
    name: LotName,
    *,
    customer: Annotated[str, typer.Option(help="Whose lot it is.")],
    route: Annotated[str, typer.Option(help="The route it takes, in its current version.")],
    maps: Annotated[
        list[Path] | None, typer.Option("--map", help="Map file of arrived substrates; repeat.", exists=True)
    ] = None,
    substrates: Annotated[
        list[str] | None, typer.Option("--substrate", help="A substrate that came without a map; repeat.")
    ] = None,
    declaration: DeclarationNamed = None,
    kind: Annotated[str, typer.Option(help="production, engineering, qualification, monitor or dummy.")] = "production",
    priority: Annotated[int, typer.Option(help="1 is the most urgent, 9 the least.")] = 5,
    due: Annotated[datetime | None, typer.Option(help="When it is due, with offset.", formats=DUE_FORMATS)] = None,
    released: Annotated[bool, typer.Option("--release", help="Release it in the same transaction.")] = False,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Create a lot of substrates that arrived, or of one named as the lot. What was odd about maps is kept in history.

    Example: mes lot create L-104 --customer alpha --route chip_on_wafer --map lot104.xml --release
    """
    bare = substrates or ([] if maps else [name])
    if there := server():
        if maps:
            raise there.lacks("A lot of your own name with maps is", "name none, or take the files in: mes map import.")
        body = {"id": name, "customer": customer, "route": route, "substrates": bare, "kind": kind}
        more = {"priority": priority, "due_at": due and due.isoformat(), "release": released, "why": why}
        told = there.post("lots", body={**body, **more})
    else:
        named, came = declared(maps or [], declaration)
        with writing(why) as (session, act):
            reading = Reading(session, named)
            arrived = [one for file in came for one in arrivals(reading.read(MapIn(*file)), file[0])]
            arrived += [Arrival(substrate) for substrate in bare]
            wanted = NewLot(name, customer, route, tuple(arrived), kind, priority, due)
            lot = create_lot(session, wanted, act, released=released)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)


@app.command()
def release(name: LotName, *, customer: CustomerName = None, why: Why = "", as_json: Json = False) -> None:
    """Let a lot into the line, at the first operation of its route.

    Example: mes lot release L-104
    """
    if there := server():
        told = there.post("lots", name, "release", body={"why": why}, customer=customer)
    else:
        with writing(why) as (session, act):
            lot = release_lot(session, lot_id(session, name, customer), act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)


@app.command()
def scrap(
    name: LotName, substrate: SubstrateName, *, why: Why, at: At = None, customer: CustomerName = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Throw units of a substrate away: at some positions, or all that are left on it.

    Example: mes lot scrap L-104 W-3 --at 4,7 --at 5,7 --why "cracked at the edge"
    """
    where = None if at is None else [position(text) for text in at]
    if there := server():
        told = there.post(
            "lots", name, "scrap", body={"substrate": substrate, "at": _places(where), "why": why}, customer=customer
        )
    else:
        with writing(why) as (session, act):
            lot = scrap_units(session, lot_id(session, name, customer), substrate, where, act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)


def _places(where: list[tuple[int, int]] | None) -> list[dict[str, int]] | None:
    return None if where is None else [{"x": x, "y": y} for x, y in where]


@app.command()
def pull_sample(
    name: LotName, substrate: SubstrateName, *, at: At, why: Why, customer: CustomerName = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take units out for analysis.

    Example: mes lot pull-sample L-104 W-3 --at 4,7 --why "cross-section of the first strip"
    """
    where = [position(text) for text in at or []]
    if there := server():
        told = there.post(
            "lots",
            name,
            "pull-sample",
            body={"substrate": substrate, "at": _places(where), "why": why},
            customer=customer,
        )
    else:
        with writing(why) as (session, act):
            lot = pull_sample_units(session, lot_id(session, name, customer), substrate, where, act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)


@app.command()
def store(name: LotName, *, customer: CustomerName = None, why: Why = "", as_json: Json = False) -> None:
    """Put a waiting lot into the die bank, outside WIP and cycle time.

    Example: mes lot store L-104 --why "leftover, no order for it"
    """
    if there := server():
        told = there.post("lots", name, "store", body={"why": why}, customer=customer)
    else:
        with writing(why) as (session, act):
            lot = store_lot(session, lot_id(session, name, customer), act)
            told = look(session, lot.id)
    show_one(told, as_json=as_json)
