"""Figures of maps over HTTP: zones and signatures of a substrate, a lot or a product, and bins before and after."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, BaseModel, Field

from mes.http.shapes import Name, example
from mes.http.transaction import Tx
from mes.lots.analysis.figures import Shot, analysis, comparison, merge, proposals
from mes.lots.analysis.stack import of_lot, of_product, of_substrate
from mes.lots.maps.map_file import DISPOSITIONS
from mes.lots.own_lots import own_lots
from mes.lots.queries import lot_id
from mes.people.access import require
from mes.people.permissions import Permission
from mes.units.arithmetic.merging import Rule
from mes.units.arithmetic.neighbours import Neighbourhood
from mes.units.queries import substrate_id

router = APIRouter(tags=["maps"], dependencies=[require(Permission.SEE_LOTS)])

LotName = Annotated[Name, Path(description="Name of the lot.")]
SubstrateName = Annotated[Name, Path(description="Name of the substrate.")]
Customer = Annotated[Name | None, Query(description="Whose it is, where customers share a name.")]
LayerName = Annotated[Name, Query(description="A layer of bins, or `dispositions`.")]


class ZoneRow(BaseModel):
    """The yield of a zone. Zones of one kind share the substrate between them."""

    kind: str = Field(description="`ring`, `quadrant`, `shot`: positions of a shot as x,y, or `block`: of a panel.")
    zone: str
    good: int
    tested: int
    share: float | None = Field(alias="yield", description="Good of tested; null where nothing was tested.")


class SignatureRow(BaseModel):
    """A pattern of failures that chance does not explain."""

    kind: str = Field(description="`edge_ring`, `half_moon`, `cluster`, `scratch` or `repeater`.")
    failed: int = Field(description="In it, of `tested`.")
    tested: int
    failed_elsewhere: int
    tested_elsewhere: int
    chance: float = Field(description="At most so likely is one like it anywhere where failures fall at random.")
    positions: int
    measures: dict[str, float] = Field(
        description="x and y of a position in it; width, radius, length and periods in positions; angle in degrees."
    )


class Analysis(BaseModel):
    """Zones and signatures of substrates laid upon each other."""

    model_config = example(
        layer="bin:incoming", rows=3, columns=4, substrates=1, good=11, tested=12,
        zones=[{"kind": "ring", "zone": "edge", "good": 9, "tested": 10, "yield": 0.9}], signatures=[],
    )  # fmt: skip

    layer: str
    rows: int
    columns: int
    substrates: int = Field(description="That have the layer, each in its newest version.")
    good: int
    tested: int
    zones: list[ZoneRow]
    signatures: list[SignatureRow] = Field(description="The most telling first, each looked for beside those before.")


class BinsMoved(BaseModel):
    """Units that had one bin before and one after."""

    before: int
    after: int
    units: int


class Comparison(BaseModel):
    """Bins of two layers, of the units that both tested on substrates that have both."""

    model_config = example(
        before="bin:incoming", after="bin:die/20", substrates=1, units=12, good_good=10, good_bad=1, bad_good=0,
        bad_bad=1, kappa=0.625, phi=0.674, bins=[{"before": 1, "after": 1, "units": 10}],
    )  # fmt: skip

    before: str
    after: str
    substrates: int
    units: int
    good_good: int = Field(description="Passed before and after.")
    good_bad: int
    bad_good: int
    bad_bad: int
    kappa: float | None = Field(description="Cohen's: agreement beyond chance, 1 at most.")
    phi: float | None = Field(description="Correlation of passing before with passing after, -1 to 1.")
    bins: list[BinsMoved]


class Merged(BaseModel):
    """One map made of several layers of a substrate."""

    model_config = example(
        layers=["bin:incoming", "bin:die/20"], rule="worst", rows=1, columns=2, good=1, tested=2, codes=[[1, 9]],
    )  # fmt: skip

    layers: list[str]
    rule: Rule
    rows: int
    columns: int
    good: int
    tested: int
    codes: list[list[int | None]] = Field(description="Row by row from the top left; null where no layer tells.")


class UnitAt(BaseModel):
    """A unit by its position."""

    x: int
    y: int


class Proposals(BaseModel):
    """Units that passed where many around them failed: proposed to be rejected, and nothing more."""

    model_config = example(layer="bin:incoming", tested=12, good=11, units=[{"x": 1, "y": 1}])

    layer: str
    tested: int
    good: int
    units: list[UnitAt]


def _shot(
    shot: Annotated[
        str | None, Query(pattern=r"^[1-9]\d{0,2}x[1-9]\d{0,2}$", description="Columns x rows of a shot, e.g. 3x4.")
    ] = None,
) -> Shot | None:
    if shot is None:
        return None
    columns, rows = shot.split("x")
    return int(columns), int(rows)


OfShot = Annotated[Shot | None, Depends(_shot)]
Edge = Annotated[float | None, Query(gt=0, le=1000, description="Width of the edge in mm; one position if not given.")]


@router.get("/substrates/{substrate}/map-analysis", response_model=Analysis)
def of_one(
    session: Tx, substrate: SubstrateName, customer: Customer = None, layer: LayerName = DISPOSITIONS,
    edge_mm: Edge = None, shot: OfShot = None,
) -> Any:  # fmt: skip
    """Yield by zone, and signatures, of one substrate."""
    found = substrate_id(session, substrate, customer)
    with own_lots(session):
        return analysis(of_substrate(session, found, layer), edge_mm, shot)


@router.get("/lots/{lot}/map-analysis", response_model=Analysis)
def of_a_lot(
    session: Tx, lot: LotName, customer: Customer = None, layer: LayerName = DISPOSITIONS,
    edge_mm: Edge = None, shot: OfShot = None,
) -> Any:  # fmt: skip
    """The same of the substrates of a lot laid upon each other, in the last of its forms that has the layer."""
    found = lot_id(session, lot, customer)
    with own_lots(session):
        return analysis(of_lot(session, found, layer), edge_mm, shot)


@router.get("/products/{product}/map-analysis", response_model=Analysis)
def of_a_product(
    session: Tx, product: Annotated[Name, Path(description="Name of the product.")], layer: LayerName,
    begin: Annotated[AwareDatetime | None, Query(alias="from", description="Written from then on.")] = None,
    end: Annotated[AwareDatetime | None, Query(alias="to", description="Written before then.")] = None,
    edge_mm: Edge = None, shot: OfShot = None,
) -> Any:  # fmt: skip
    """The same of the substrates of a product that a layer was written of in a period; a customer's own alone."""
    with own_lots(session) as lots:
        return analysis(of_product(session, product, layer, (begin, end), lots), edge_mm, shot)


@router.get("/lots/{lot}/bin-migration", response_model=Comparison)
def compare(session: Tx, lot: LotName, before: LayerName, after: LayerName, customer: Customer = None) -> Any:
    """How bins of one layer went over into bins of another, on all substrates of a lot that have both."""
    found = lot_id(session, lot, customer)
    with own_lots(session):
        return comparison(of_lot(session, found, before), of_lot(session, found, after))


@router.get("/substrates/{substrate}/merged-map", response_model=Merged)
def merge_layers(
    session: Tx, substrate: SubstrateName, rule: Annotated[Rule, Query(description="Which bin of a position counts.")],
    layer: Annotated[list[Name], Query(min_length=1, max_length=20, description="Layers of bins in their order.")],
    customer: Customer = None,
) -> Any:  # fmt: skip
    """Bins of several layers made one: the first, last, best or worst of each position. Nothing is changed."""
    found = substrate_id(session, substrate, customer)
    with own_lots(session):
        return merge([of_substrate(session, found, one) for one in layer], rule)


@router.get("/substrates/{substrate}/bad-neighbours", response_model=Proposals)
def neighbours(
    session: Tx, substrate: SubstrateName, layer: LayerName, customer: Customer = None,
    least: Annotated[float, Query(gt=0, le=1000, description="So many around it failed, at least.")] = 5.0,
    radius: Annotated[int, Query(ge=1, le=10, description="Rows and columns around it.")] = 1,
    *, by_distance: Annotated[bool, Query(description="Each counts as one over its distance.")] = False,
) -> Any:  # fmt: skip
    """Good units in a bad neighbourhood. Nothing is changed."""
    found = substrate_id(session, substrate, customer)
    with own_lots(session):
        return proposals(of_substrate(session, found, layer), Neighbourhood(radius, least, by_distance))
