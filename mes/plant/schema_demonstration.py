"""What may stand in a plant's text of its demonstration: what is fed to the line, and what people do there."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from mes.plant.part import Name, Part, Title
from mes.plant.schema_upkeep import CaredFor, KeptHolders, Taught


class SentMaterial(Part):
    """Material that comes in a shipment beside its lot, with a certificate, and stays its owner's."""

    material: Name
    containers: int = Field(ge=1, le=100)
    amount: int = Field(ge=1, description="In each, in the unit of the material")
    lasts_h: float = Field(gt=0, description="From its departure to the end of its shelf life")


class PlannedLot(Part):
    route: Name
    customer: Name
    substrates: Annotated[int, Field(ge=1, le=100)]
    incoming: Literal["wafer_map", "blank", "strip"] = Field(description="What comes with the material")
    loss: float = Field(ge=0, lt=1, description="Mean share of positions that are not to be used")
    priority: int = Field(ge=1, le=9)
    due_h: float = Field(gt=0, description="h after it is fed")
    sender: Name | None = Field(
        default=None, description="The site that sends it as a shipment; its customer brings it if none is named"
    )
    materials: list[SentMaterial] = Field(default_factory=list, description="What comes with it in the shipment")
    missing: int = Field(default=0, ge=0, description="Substrates of the document that are not in the box")


class LotByHand(PlannedLot):
    """A lot of a route that people work from end to end."""


class KeptMaterial(Part):
    """A material that people of the demonstration keep ready wherever a route uses it."""

    material: Name
    who: Name = Field(description="Thaws, mounts and returns containers")
    keeper: Name = Field(description="Receives deliveries, and scraps what is left over")
    containers: int | None = Field(
        default=None, ge=1, le=100, description="Of a delivery; none is ordered where it comes with shipments alone"
    )
    amount: int = Field(default=1, ge=1, description="In each, in the unit of the material")
    lasts_h: float = Field(default=1, gt=0, description="From a delivery to the end of its shelf life")


class PullSample(Part):
    """A person takes units out of a lot while it waits at an operation."""

    act: Literal["pull_sample"]
    who: Name
    route: Name
    lot: int = Field(ge=1, description="The how-manieth lot of the route")
    operation: int = Field(ge=1)
    units: int = Field(ge=1, le=1_000)
    comment: Title


class HoldRelease(Part):
    """A person finds out about holds of a code, and releases them some hours after they were placed."""

    route: Name
    code: Name
    who: Name
    after_h: float = Field(ge=0)
    comment: Title


class QueueSignature(Part):
    """A process engineer lets go on what waited longer than allowed on a route."""

    route: Name
    who: Name
    comment: Title


class Review(Part):
    """An engineer looks at what was measured of each lot that waits at an operation, and sends back what is too low.

    What was used of material for it is thrown away then, where it is still mounted.
    """

    route: Name
    operation: int = Field(ge=1, description="At which the lot waits; the route says how far it may go back")
    measured: Name = Field(description="Characteristic that equipment measured of each unit")
    least: float = Field(description="Of the mean of a substrate")
    reason: Name = Field(description="Of the rework")
    who: Name
    comment: Title


class PlannedLeg(Part):
    """A leg of an experiment; without set points the operation runs as usual."""

    name: Name
    parameters: dict[str, float] = Field(default_factory=dict, description="Set points by the name of the parameter")


class PlannedExperiment(Part):
    """An experiment that is drafted at the begin. All that comes to the operation is in it once it is signed."""

    name: Name
    title: Title
    route: Name
    operation: int = Field(ge=1)
    legs: list[PlannedLeg] = Field(min_length=1)
    who: Name = Field(description="Drafts it, and signs it")
    comment: Title


class SuspectVerdict(Part):
    """A process engineer says what suspect units of held lots of a route are, once nothing of such a lot is at work."""

    route: Name
    verdict: Literal["cleared", "scrapped"]
    who: Name
    comment: Title


class Ship(Part):
    """A person sends each completed lot of a route away."""

    route: Name
    to: Title
    who: Name
    comment: Title


class Demonstration(Part):
    """``demonstration.yaml``: the lots that the demonstration feeds, those that wait for people, and what people do."""

    lots: list[PlannedLot] = Field(min_length=1)
    by_hand: list[LotByHand] = Field(default_factory=list)
    materials: list[KeptMaterial] = Field(default_factory=list)
    taught: list[Taught] = Field(default_factory=list)
    care: list[CaredFor] = Field(default_factory=list)
    holders: list[KeptHolders] = Field(default_factory=list)
    people: list[PullSample] = Field(default_factory=list)
    releases: list[HoldRelease] = Field(default_factory=list)
    signatures: list[QueueSignature] = Field(default_factory=list)
    verdicts: list[SuspectVerdict] = Field(default_factory=list)
    experiments: list[PlannedExperiment] = Field(default_factory=list)
    reviews: list[Review] = Field(default_factory=list)
    ships: list[Ship] = Field(default_factory=list)


def fed(pattern: Sequence[PlannedLot], count: int) -> list[tuple[str, PlannedLot]]:
    """The first ``count`` lots with their names, ``route-01`` and on; the pattern begins again when it ends."""
    named: list[tuple[str, PlannedLot]] = []
    seen: dict[str, int] = {}
    for n in range(count):
        lot = pattern[n % len(pattern)]
        seen[lot.route] = seen.get(lot.route, 0) + 1
        named.append((f"{lot.route}-{seen[lot.route]:02d}", lot))
    return named
