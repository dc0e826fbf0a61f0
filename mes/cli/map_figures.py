"""`mes map analyse`, `stack`, `compare`, `merge` and `neighbours`: figures of maps."""

from datetime import datetime
from typing import Annotated, Any

import typer

from mes.cli.database import reading
from mes.cli.finding import owned
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.output import Json, print_json, show, show_one
from mes.cli.remote import server
from mes.errors import Malformed
from mes.lots.analysis.figures import Shot, analysis, comparison, proposals
from mes.lots.analysis.figures import merge as merged
from mes.lots.analysis.stack import of_lot, of_product, of_substrate
from mes.lots.maps.map_file import DISPOSITIONS
from mes.lots.queries import lot_id
from mes.units.arithmetic.merging import Rule
from mes.units.arithmetic.neighbours import Neighbourhood
from mes.units.queries import substrate_id

app = typer.Typer()
TIMES = ["%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"]

SubstrateName = Annotated[str, typer.Argument(metavar="SUBSTRATE", help="Name, or CUSTOMER/NAME.")]
LayerName = Annotated[str, typer.Option(help="Layer of bins; what became of each unit if not given.")]
Bins = Annotated[str, typer.Option(help="Layer of bins, e.g. bin:incoming.")]
Edge = Annotated[float | None, typer.Option(help="Width of the edge in mm; one position if not given.", min=0.001)]
OfShot = Annotated[str | None, typer.Option("--shot", help="COLUMNSxROWS of a shot, e.g. 3x4.")]


@app.command()
def analyse(
    name: SubstrateName, *, layer: LayerName = DISPOSITIONS, edge_mm: Edge = None, shot: OfShot = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Yield by zone of one substrate, and signatures: edge ring, half-moon, cluster, scratch, repeater.

    Example: mes map analyse W-12 --layer bin:incoming --edge-mm 5
    """
    if there := server():
        customer, substrate = owned(name)
        asked = {"customer": customer, "layer": layer, "edge_mm": edge_mm, "shot": shot}
        told = there.get("substrates", substrate, "map-analysis", **asked)
    else:
        with reading() as session:
            told = analysis(of_substrate(session, substrate_id(session, name), layer), edge_mm, _shot(shot))
    _show(told, as_json=as_json)


@app.command()
def stack(
    *,
    lot: Annotated[str | None, typer.Option(help="The substrates of this lot.")] = None,
    product: Annotated[str | None, typer.Option(help="Those of this product, of which the layer was written.")] = None,
    customer: CustomerName = None,
    layer: LayerName = DISPOSITIONS,
    begin: Annotated[
        datetime | None, typer.Option("--from", formats=TIMES, help="Of a product: written from then on.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", formats=TIMES, help="Of a product: written before then.")
    ] = None,
    edge_mm: Edge = None,
    shot: OfShot = None,
    as_json: Json = False,
) -> None:
    """The same of substrates laid upon each other: of a lot, or of a product in a period.

    Example: mes map stack --lot L-104 --layer bin:incoming
    """
    if (lot is None) == (product is None):
        raise typer.BadParameter("name a lot or a product", param_hint="--lot, --product")
    of = ("lots", lot) if lot is not None else ("products", product)
    if there := server():
        asked: dict[str, object] = {"layer": layer, "edge_mm": edge_mm, "shot": shot}
        asked |= {"customer": customer} if lot is not None else {"from": _told(begin), "to": _told(end)}
        told = there.get(*of, "map-analysis", **asked)
    else:
        with reading() as session:
            if lot is not None:
                stacked = of_lot(session, lot_id(session, lot, customer), layer)
            else:
                stacked = of_product(session, str(product), layer, (begin, end), None)
            told = analysis(stacked, edge_mm, _shot(shot))
    _show(told, as_json=as_json)


@app.command()
def compare(
    name: LotName, *, before: Bins, after: Bins, customer: CustomerName = None, as_json: Json = False
) -> None:  # fmt: skip
    """How bins of one layer went over into bins of another on a lot's substrates, and how well the two agree.

    Example: mes map compare L-104 --before bin:incoming --after bin:die/20
    """
    if there := server():
        told = there.get("lots", name, "bin-migration", customer=customer, before=before, after=after)
    else:
        with reading() as session:
            found = lot_id(session, name, customer)
            told = comparison(of_lot(session, found, before), of_lot(session, found, after))
    _show(told, as_json=as_json)


@app.command()
def merge(
    name: SubstrateName,
    *,
    layers: Annotated[list[str], typer.Option("--layer", help="Layers of bins in their order; several.")],
    rule: Annotated[Rule, typer.Option(help="Which bin of a position counts.")],
    as_json: Json = False,
) -> None:
    """Bins of several layers made one: the first, last, best or worst of each position. Nothing is changed.

    Example: mes map merge W-12 --layer bin:incoming --layer bin:die/20 --rule worst --json
    """
    if there := server():
        customer, substrate = owned(name)
        told = there.get("substrates", substrate, "merged-map", customer=customer, layer=layers, rule=rule)
    else:
        with reading() as session:
            found = substrate_id(session, name)
            told = merged([of_substrate(session, found, layer) for layer in layers], rule)
    show_one(told if as_json else {key: told[key] for key in told if key != "codes"}, as_json=as_json)


@app.command()
def neighbours(
    name: SubstrateName,
    *,
    layer: Bins,
    least: Annotated[float, typer.Option(help="So many around it failed, at least.")] = 5.0,
    radius: Annotated[int, typer.Option(help="Rows and columns around it.", min=1, max=10)] = 1,
    by_distance: Annotated[bool, typer.Option("--by-distance", help="Each counts as one over its distance.")] = False,
    as_json: Json = False,
) -> None:
    """Good units in bad neighbourhoods: proposed to be downgraded (`mes lot downgrade`), and nothing more.

    Example: mes map neighbours W-12 --layer bin:incoming --least 6
    """
    if there := server():
        customer, substrate = owned(name)
        asked = {"layer": layer, "least": least, "radius": radius, "by_distance": by_distance or None}
        told = there.get("substrates", substrate, "bad-neighbours", customer=customer, **asked)
    else:
        with reading() as session:
            rule = Neighbourhood(radius, least, by_distance)
            told = proposals(of_substrate(session, substrate_id(session, name), layer), rule)
    _show(told, as_json=as_json)


def _shot(text: str | None) -> Shot | None:
    """Columns and rows of ``3x4``. Raises `Malformed`."""
    if text is None:
        return None
    columns, _, rows = text.partition("x")
    if not (columns.isdecimal() and rows.isdecimal() and int(columns) and int(rows)):
        raise Malformed(f"{text} is no shot; write COLUMNSxROWS, e.g. 3x4.")
    return int(columns), int(rows)


def _told(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _show(told: dict[str, Any], *, as_json: bool) -> None:
    """Figures, then each of their tables."""
    if as_json:
        print_json(told)
        return
    show_one({key: value for key, value in told.items() if not isinstance(value, list)}, as_json=False)
    for key, rows in told.items():
        if isinstance(rows, list):
            typer.echo()
            show(rows, as_json=False, empty=f"No {key}.")
