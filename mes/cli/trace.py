"""`mes trace`: genealogy down to every die, and up to every package."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.markup import escape
from rich.tree import Tree

from mes.cli.database import reading
from mes.cli.finding import owned, position
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.output import Json, console, print_json, say, show, told_time
from mes.cli.remote import Server, server
from mes.errors import Malformed
from mes.genealogy.reached import reached
from mes.genealogy.trace import trace_lot_up, trace_unit, trace_up
from mes.genealogy.tree import Move, Onward, Place, Ran, Trace, TraceUp, Unit, Work
from mes.genealogy.used import durables_on, used_of_container, used_of_durable, used_of_lot, used_on
from mes.lots.queries import lot_id
from mes.materials.durables.queries import durable_id
from mes.materials.queries import container_id, material_lot_id
from mes.units.queries import substrate_id

All = Annotated[bool, typer.Option("--all", help="Every unit with its way, not a summary.")]

app = typer.Typer(no_args_is_help=True)


@app.command()
def unit(
    name: Annotated[str, typer.Argument(metavar="SUBSTRATE:X,Y", help="Where the unit is.")],
    *,
    runs: Annotated[
        bool, typer.Option("--runs", help="Every run that any of it was in: by whom, with which parameters.")
    ] = False,
    as_json: Json = False,
) -> None:
    """All that a unit contains: every die with wafer, position, level, equipment, recipe and head; and material used.

    Example: mes trace unit module-01.03:2,5
    """
    substrate, colon, place = name.rpartition(":")
    if not colon:
        raise Malformed(f"{name} is no unit; write SUBSTRATE:X,Y, e.g. module-01.03:2,5.")
    x, y = position(place)
    if there := server():
        found = TypeAdapter(Trace).validate_python(_asked(there, substrate, x, y, "genealogy"))
    else:
        with reading() as session:
            found = trace_unit(session, substrate_id(session, substrate), x, y)
    if as_json:
        print_json(asdict(found))
    else:
        console().print(_down(found.unit, Tree(_named(found.unit.place, found.unit.substrate, found.unit.product))))
        if runs:
            show([_done(one) for one in found.runs], as_json=False, empty="No run of it is shown.")
        _missing(found.missing)


@app.command()
def substrate(
    name: Annotated[str, typer.Argument(metavar="SUBSTRATE", help="Name, or CUSTOMER/NAME.")],
    *,
    at: Annotated[str | None, typer.Option(metavar="X,Y", help="Only the unit of this position, in full.")] = None,
    in_full: All = False,
    as_json: Json = False,
) -> None:
    """Where the units of a substrate went, up to the package.

    Example: mes trace substrate HBM-7 --at 12,3
    """
    x, y = (None, None) if at is None else position(at)
    if there := server():
        if x is None:
            raise there.lacks(
                "All units of a substrate are", "name one with --at, or trace its lot: mes trace material."
            )
        found = TypeAdapter(TraceUp).validate_python(_asked(there, name, x, y, "destinations"))
    else:
        with reading() as session:
            found = trace_up(session, substrate_id(session, name), x, y)
    _print_up(found, in_full=in_full or at is not None, as_json=as_json)


@app.command()
def material(name: LotName, *, customer: CustomerName = None, in_full: All = False, as_json: Json = False) -> None:
    """Where every unit of a lot went, up to the package: what a recall of its material concerns.

    Example: mes trace material hbm_core-02
    """
    if there := server():
        if in_full or as_json:
            raise there.lacks(
                "Every unit with its way is", "ask without --all and --json, or follow one: mes trace substrate."
            )
        told = there.get("lots", name, "genealogy", customer=customer)
        _print_summary(told["units"], told["outcomes"], told["reached"])
        _missing(told["missing"])
        return
    with reading() as session:
        found = trace_lot_up(session, lot_id(session, name, customer))
    _print_up(found, in_full=in_full, as_json=as_json)


@app.command()
def container(
    name: Annotated[str, typer.Argument(metavar="CONTAINER", help="Name of the container.")],
    *,
    customer: Annotated[str | None, typer.Option(help="Whose it is, where owners share a name.")] = None,
    as_json: Json = False,
) -> None:
    """On which substrates of which lots material of a container was used: what a recall of it concerns.

    Example: mes trace container FLX-31
    """
    if there := server():
        found = there.entries("containers", name, "genealogy", customer=customer)
    else:
        with reading() as session:
            found = used_of_container(session, container_id(session, name, customer))
    show(found, as_json=as_json, empty="Nothing of it was used.")


@app.command()
def delivery(
    name: Annotated[str, typer.Argument(metavar="LOT", help="Name of the lot of material.")],
    *,
    customer: Annotated[str | None, typer.Option(help="Whose it is, where owners share a name.")] = None,
    as_json: Json = False,
) -> None:
    """The same for all containers of a lot of material, as its supplier delivered it.

    Example: mes trace delivery F-2207
    """
    if there := server():
        found = there.entries("material-lots", name, "genealogy", customer=customer)
    else:
        with reading() as session:
            found = used_of_lot(session, material_lot_id(session, name, customer))
    show(found, as_json=as_json, empty="Nothing of it was used.")


@app.command()
def used(
    name: Annotated[str, typer.Argument(metavar="SUBSTRATE", help="Name, or CUSTOMER/NAME.")], *, as_json: Json = False
) -> None:
    """The containers of which material was used on a substrate.

    Example: mes trace used module-01-02
    """
    if there := server():
        customer, own = owned(name)
        found = there.entries("substrates", own, "materials", customer=customer)
    else:
        with reading() as session:
            found = used_on(session, substrate_id(session, name))
    show(found, as_json=as_json, empty="No material was used on it.")


@app.command()
def durable(
    name: Annotated[str, typer.Argument(metavar="DURABLE", help="Number of the durable.")], *, as_json: Json = False
) -> None:
    """On which substrates of which lots a durable was used: what concerns it if it was bad.

    Example: mes trace durable COL-12
    """
    if there := server():
        found = there.entries("durables", name, "genealogy")
    else:
        with reading() as session:
            found = used_of_durable(session, durable_id(session, name))
    show(found, as_json=as_json, empty="It was not used.")


@app.command()
def tools(
    name: Annotated[str, typer.Argument(metavar="SUBSTRATE", help="Name, or CUSTOMER/NAME.")], *, as_json: Json = False
) -> None:
    """The durables that were used on a substrate, at which operation.

    Example: mes trace tools module-01-02
    """
    if there := server():
        customer, own = owned(name)
        found = there.entries("substrates", own, "durables", customer=customer)
    else:
        with reading() as session:
            found = durables_on(session, substrate_id(session, name))
    show(found, as_json=as_json, empty="No durable was used on it.")


def _asked(there: Server, name: str, x: int | None, y: int | None, what: str) -> Any:
    customer, substrate = owned(name)
    return there.get("units", substrate, x, y, what, customer=customer)


def _print_up(found: TraceUp, *, in_full: bool, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
        return
    if in_full and found.positions:
        for step in found.positions:
            console().print(_up(step, Tree(_named(step.place, step.substrate, step.product))))
    else:
        told = reached(found)
        _print_summary(len(found.positions), told.outcomes, told.lots)
    _missing(found.missing)


def _print_summary(units: int, outcomes: Mapping[str, int], lots: Sequence[Mapping[str, Any]]) -> None:
    if not units:
        typer.echo("No unit has left.")
        return
    gone = "".join(f", {n} {outcome.replace('_', ' ')}" for outcome, n in outcomes.items())
    say(f"{units} units left{gone}. They reached:")
    show(lots, as_json=False, empty="No other substrate.")
    typer.echo("Every unit with its way: --all, or --json.")


def _down(unit: Unit, tree: Tree) -> Tree:
    for said in unit.readings:
        tree.add(escape(f"{said.layer}: {said.value} {said.meaning} ({said.source})"))
    for one in unit.used:
        tree.add(escape(f"{one.material} of {one.container} ({one.operation} on {one.equipment}, {told_time(one.at)})"))
    for sent in unit.shipments:
        arrived = "" if sent.arrived_at is None else f", arrived {told_time(sent.arrived_at)}"
        tree.add(escape(f"{sent.direction} with {sent.shipment}, {sent.partner} ({told_time(sent.sent_at)}{arrived})"))
    for change in unit.owners:
        tree.add(escape(f"from {change.giver} to {change.taker} ({told_time(change.at)})"))
    for held in unit.contains:
        inner = held.unit
        name = _named(inner.place, inner.substrate, inner.product, inner.device_id, inner.grade, inner.origin)
        _down(held.unit, tree.add(f"{name} {_moved(held.move)}"))
    return tree


def _done(ran: Ran) -> dict[str, Any]:
    """A run in a line."""
    set_to = ", ".join(f"{one.name} {one.target:g} {one.unit}" for one in ran.parameters)
    recipe = ran.recipe if ran.leg is None else f"{ran.recipe}, leg {ran.leg}"
    return {
        "run": ran.run, "operation": ran.operation, "equipment": ran.equipment, "recipe": recipe,
        "approved_by": ran.approved_by, "parameters": set_to, "ordered_by": ran.by, "started_at": ran.started_at,
        "ended_at": ran.ended_at,
    }  # fmt: skip


def _up(step: Onward, tree: Tree) -> Tree:
    for went in step.went:
        if went.to is None:
            tree.add(f"{went.move.outcome} {_moved(went.move)}")
        else:
            name = _named(went.to.place, went.to.substrate, went.to.product, went.to.result)
            _up(went.to, tree.add(f"{name} {_moved(went.move)}"))
    return tree


def _named(place: Place | None, substrate: str, product: str, *shown: str) -> str:
    """A unit; of another owner's what the supply agreement shows."""
    where: Any = "another owner's" if place is None else f"{substrate}:{place.x},{place.y}"
    return escape(" ".join(word for word in (product, where, *shown) if word))


def _moved(move: Move) -> str:
    site = f"site {move.site} level {move.level}, " if move.level else ""
    work = "" if move.work is None else _worked(move.work)
    return escape(f"({site}{work}head {move.head}, {told_time(move.at)})")


def _worked(work: Work) -> str:
    tools = "".join(f"{durable}, " for durable in work.durables)
    leg = "" if work.leg is None else f"leg {work.leg}, "
    return f"{work.operation} on {work.equipment} by {work.recipe}, {leg}{tools}"


def _missing(sentences: Sequence[str]) -> None:
    for sentence in sentences:
        say(sentence)
