"""What may have been bad, as commands take it, and where the units are that it touched, as they show it."""

import csv
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from mes.cli.lot_urgency import DUE_FORMATS
from mes.cli.output import print_json, say, show
from mes.genealogy.recalls.causes import Cause

Row = dict[str, Any]

Delivery = Annotated[str | None, typer.Option("--material", help="A lot of material: all its containers.")]
Used = Annotated[str | None, typer.Option("--container", help="A container of material that was used.")]
Tool = Annotated[str | None, typer.Option("--durable", help="A durable that was used.")]
Recipe = Annotated[str | None, typer.Option("--recipe", help="A recipe in all its versions, or one: name@1.")]
OnEquipment = Annotated[str | None, typer.Option("--equipment", help="Equipment that worked on them or moved them.")]
Head = Annotated[int | None, typer.Option("--head", min=0, max=255, help="Of the equipment: what it moved.")]
Since = Annotated[
    datetime | None, typer.Option("--from", help="It worked then or later, with offset.", formats=DUE_FORMATS)
]
Until = Annotated[datetime | None, typer.Option("--to", help="And before, with offset.", formats=DUE_FORMATS)]
OnSubstrate = Annotated[str | None, typer.Option("--substrate", help="All units of a substrate.")]
At = Annotated[str | None, typer.Option("--at", metavar="X,Y", help="One position of the substrate.")]
OfLot = Annotated[str | None, typer.Option("--lot", help="All units with which a lot began.")]
Owner = Annotated[str | None, typer.Option("--customer", help="Whose it is, where owners share a name.")]
InFull = Annotated[bool, typer.Option("--all", help="With --json, the position of every unit, too.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="A line for every unit, as CSV.")]

UNIT_COLUMNS = (
    "substrate", "x", "y", "unit", "lot", "customer", "product", "state", "operation", "receiver", "shipment",
)  # fmt: skip


def show_concern(told: Row, cause: Cause, *, as_json: bool = False, as_csv: bool = False) -> None:
    """The lots that have the units, and what they are in sum."""
    if as_json:
        print_json(told)
        return
    if as_csv:
        writer = csv.DictWriter(sys.stdout, UNIT_COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(_units(told))
        return
    ended = "".join(f", {n} {what.replace('_', ' ')}" for what, n in told["ended"].items())
    what = ", ".join(f"{name} {value}" for name, value in cause.given().items())
    units = "1 unit" if told["touched"] == 1 else f"{told['touched']} units"
    say(f"Touched by {what}: {units}{ended}.")
    show([_line(lot) for lot in told["lots"]], as_json=False, empty="None of them is anywhere.")


def _line(lot: Row) -> Row:
    """A lot in a table for people."""
    became = ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in lot["became"].items())
    where = lot["receiver"] or lot["operation"]
    carriers = ", ".join(lot["carriers"])
    told = {"lot": lot["lot"], "customer": lot["customer"], "product": lot["product"], "state": lot["state"]}
    told |= {"where": f"{where} ({carriers})" if carriers else where, "units": f"{lot['units']} of {lot['of']}"}
    return told | {"became": became, "held": lot["units"] - lot["open"] if lot["holds"] else 0, "left": lot["left_at"]}


def _units(told: Row) -> Iterator[Row]:
    for lot in told["lots"]:
        for substrate, kinds in lot["positions"].items():
            for kind, places in kinds.items():
                for x, y in places:
                    yield {**lot, "substrate": substrate, "x": x, "y": y, "unit": kind}
