"""What may stand in the files of a plant: one model a thing, one file model a file.

The models are strict (text is not a number) and closed (an unknown key is a mistake). Editors get them as JSON Schema.
`content` is what of a thing the MES holds: figures of simulators are read by the simulators alone.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from mes.dispatch.criteria import USUAL, Criterion
from mes.people.roles import Role
from mes.plant.part import Count, Figures, Name, Part, Title, Version, Versioned
from mes.plant.schema_demonstration import Demonstration
from mes.plant.schema_maps import MapDeclaration, MapRule, MapsFile
from mes.plant.schema_materials import DurableFile, DurableKind, Material, MaterialFile, MaterialUse
from mes.plant.schema_products import Layout, Product, ProductFile, Recipe, RecipeFile
from mes.plant.schema_supply import SupplyAgreement, SupplyFile
from mes.plant.schema_upkeep import Certification, CertificationFile, MaintenanceFile, MaintenancePlan
from mes.routes.states import OperationKind, RouteEnd

Ranking = list[Criterion]


class Site(Part):
    name: Name
    title: Title
    time_zone: str = Field(description="IANA name, such as Asia/Seoul; shifts and reports follow it")
    ranking: Ranking = Field(
        default=list(USUAL), min_length=1, description="By what waiting lots are ranked, the first before the others"
    )


class Area(Part):
    name: Name
    title: Title


class Customer(Part):
    name: Name
    title: Title


class SiteFile(Part):
    """``site.yaml``: the place, its areas, and whose material is on the line."""

    site: Site
    areas: list[Area]
    customers: list[Customer]


class Person(Part):
    name: Name
    title: Title
    role: Role
    customer: Name | None = Field(default=None, description="Only and always with the role customer")


class PeopleFile(Part):
    """``people.yaml``: who signs in. Passwords never stand here."""

    people: list[Person]


class HoldCode(Part):
    name: Name
    title: Title
    owner: Role = Field(description="Whose such a hold is: who releases it, beside the administrator")
    other_owners: list[Role] = Field(default_factory=list, description="Who may be named as its owner instead")
    running_job: Literal["finish", "pause", "abort"] = Field(
        default="finish", description="What becomes of a job that runs while a lot of it has such a hold"
    )


class HoldFile(Part):
    """``holds.yaml``: the codes that people hold lots with. Without the file they choose codes freely."""

    hold_codes: list[HoldCode]


class BinReason(Part):
    name: Name
    title: Title
    allows: Literal["downgrade", "upgrade"] = Field(
        description="Whether it makes good units fail, or failed ones good, which is signed"
    )
    roles: list[Role] = Field(min_length=1, description="Who may give it, beside the administrator")


class BinFile(Part):
    """``bins.yaml``: the reasons for which people edit bins. Without the file they write reasons freely."""

    bin_reasons: list[BinReason]


class ReleaseRule(Part):
    route: Name
    constant_wip: Count = Field(
        description="Lots of the route that are kept on the line: one is released as one leaves"
    )

    @property
    def key(self) -> str:
        return self.route


class ReleaseFile(Part):
    """``release.yaml``: routes whose lots are released by themselves. Without it people release every lot."""

    release_rules: list[ReleaseRule]


class EquipmentClass(Part):
    name: Name
    title: Title
    kind: Literal[
        "placement", "thermal", "test", "handling", "dispense", "removal", "deposition", "inspection", "by_hand"
    ] = Field(description="Physics of its simulator; by_hand: people work it, and nothing is connected")
    places: Count = Field(description="Jobs that it runs at once")
    most_substrates: Count = Field(description="Substrates that one job may have")
    batch: bool = Field(description="Whether one job may take substrates of several lots")
    least_substrates: Count = Field(default=1, description="Substrates without which a batch is not started")
    most_wait_h: float | None = Field(default=None, gt=0, description="After so many hours a smaller batch is started")
    ranking: Ranking = Field(
        default_factory=list, description="By what lots are ranked before it, if not by the site's"
    )
    certification: Name | None = Field(
        default=None, description="What a person must be certified for who starts lots on it"
    )
    process_time: Literal["fixed", "exponential"] = Field(
        default="fixed", description="Whether its simulator always takes the same time, or that one in the mean"
    )
    simulation: Figures = Field(default_factory=dict, description="Figures of the simulator that differ from its own")


class Equipment(Part):
    name: Name
    title: Title
    equipment_class: Name = Field(alias="class")
    area: Name
    simulation: Figures = Field(default_factory=dict, description="Figures that differ from those of its class")
    faults: Figures = Field(default_factory=dict, description="What is wrong with the simulated equipment at first")


class EquipmentFile(Part):
    """``equipment.yaml``: equipment classes, and the equipment of each."""

    classes: list[EquipmentClass]
    equipment: list[Equipment]


class SiteLevel(Part):
    site: int
    level: int


class Retest(Part):
    """Units of these bins are tested again, or all that were tested, if such are more than a share of these."""

    bins: list[int] = Field(min_length=1)
    above: float = Field(ge=0, lt=1, description="Share of the tested units")
    passes: int = Field(ge=2, le=9, description="Most passes, the first one counted")
    whole: bool = Field(default=False, description="All that were tested are tested again, good ones too")
    effective: Literal["last", "best", "worst"] = Field(
        default="last", description="Which pass counts; best and worst where the whole is tested again"
    )

    def content(self) -> dict[str, Any]:
        """What a version from before there was such a thing does not say is left out: it keeps its hash."""
        usual = {"whole": False, "effective": "last"}
        return {key: value for key, value in super().content().items() if usual.get(key) != value}


class Rework(Part):
    """What waits at the operation may go back on the route and come through it again."""

    back_to: int = Field(ge=1, description="Number of the earlier operation where it then waits")
    most: int = Field(ge=1, le=9, description="How often a substrate goes back from here")
    most_per_lot: int | None = Field(default=None, ge=1, le=99, description="How often substrates of a lot do")
    reasons: list[Name] = Field(min_length=1, description="The reasons that people may give")


BinCode = Annotated[int, Field(ge=1, le=255)]


SAID_LATER = {
    "process_h",
    "materials",
    "rework",
    "sampling",
    "alternatives",
    "certification",
    "durables",
    "measures",
    "dummies",
}
"""Keys of an operation that texts of earlier versions did not have."""


class Sampling(Part):
    """The operation is done of some lots or substrates only; the others leave it out."""

    every_lots: int = Field(
        default=1, ge=1, le=1_000, description="Every so manieth lot of the product, the first one included"
    )
    substrates: int | None = Field(default=None, ge=1, le=1_000, description="Of each such lot; without it all")


class Measure(Part):
    """A characteristic of units that is kept as equipment measures it. What is beyond a limit gets the bin."""

    name: Name
    unit: str = Field(pattern=r"^\S{1,32}$", description="UCUM; what is measured in another is not kept")
    low: float | None = None
    high: float | None = None
    bin: BinCode | None = Field(default=None, description="test: of a unit below low or above high")


class Alternative(Part):
    """Equipment of another class, or another recipe, that does the same."""

    equipment_class: Name = Field(alias="class")
    recipe: Versioned


class Operation(Part):
    number: int = Field(ge=1, le=99_999)
    title: Title
    kind: OperationKind
    equipment_class: Name = Field(alias="class")
    recipe: Versioned
    fills: list[SiteLevel] = Field(default_factory=list, description="assemble: what it fills of the attach sites")
    dummies: bool = Field(
        default=False, description="assemble: it puts dummies on bad positions, and fills no good one"
    )
    makes: Name | None = Field(default=None, description="transfer: the layout of the substrates that it fills")
    bins: dict[BinCode, Name] = Field(default_factory=dict, description="Bin codes: 1 is good, every other a failure")
    process_h: float | None = Field(default=None, gt=0, description="How long equipment works on one run, in hours")
    retest: Retest | None = None
    materials: list[MaterialUse] = Field(default_factory=list, description="What it uses up of material")
    durables: list[Name] = Field(default_factory=list, description="The kinds of durables that it needs mounted")
    measures: list[Measure] = Field(
        default_factory=list, description="What is kept of what equipment measures of units"
    )
    rework: Rework | None = None
    certification: Name | None = Field(
        default=None, description="What a person must be certified for who starts lots here"
    )
    sampling: Sampling | None = None
    alternatives: list[Alternative] = Field(
        default_factory=list, description="What serves as well where the class or recipe above does not"
    )

    @property
    def ways(self) -> list[tuple[str, str]]:
        """Class and recipe, its own before the alternatives."""
        return [(self.equipment_class, self.recipe), *((one.equipment_class, one.recipe) for one in self.alternatives)]

    def content(self) -> dict[str, Any]:
        """What a version from before there was such a thing does not say is left out: it keeps its hash."""
        retest = None if self.retest is None else self.retest.content()
        return {k: v for k, v in (super().content() | {"retest": retest}).items() if k not in SAID_LATER or v}


class QueueLimit(Part):
    """Most time from the end of one operation to the start of a later one, per substrate."""

    from_operation: int = Field(alias="from")
    to_operation: int = Field(alias="to")
    most_h: float | None = Field(default=None, gt=0)
    warning_h: float | None = Field(default=None, gt=0)
    floor_life: bool = Field(
        default=False, description="It lasts as long as the product's moisture level allows; most_h may shorten it"
    )

    def content(self) -> dict[str, Any]:
        """What a version from before there was such a thing does not say is left out: it keeps its hash."""
        return {key: value for key, value in super().content().items() if value not in (None, False)}


class Route(Part):
    """``routes/*.yaml``: the version of one route that new lots take."""

    route: Name
    version: Version
    title: Title
    product: Name
    ends: RouteEnd = Field(description="Where its lots end: stocked in the die bank, or completed")
    operations: list[Operation] = Field(min_length=1)
    queue_limits: list[QueueLimit] = Field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.route}@{self.version}"

    def content(self) -> dict[str, Any]:
        limits = sorted(self.queue_limits, key=lambda limit: (limit.from_operation, limit.to_operation))
        return super().content() | {
            "operations": [operation.content() for operation in self.operations],
            "queue_limits": [limit.content() for limit in limits],
        }


FILES: dict[str, type[Part]] = {
    "site.yaml": SiteFile,
    "people.yaml": PeopleFile,
    "holds.yaml": HoldFile,
    "bins.yaml": BinFile,
    "materials.yaml": MaterialFile,
    "durables.yaml": DurableFile,
    "certifications.yaml": CertificationFile,
    "equipment.yaml": EquipmentFile,
    "maintenance.yaml": MaintenanceFile,
    "products/*.yaml": ProductFile,
    "supply.yaml": SupplyFile,
    "maps.yaml": MapsFile,
    "recipes/*.yaml": RecipeFile,
    "routes/*.yaml": Route,
    "release.yaml": ReleaseFile,
    "demonstration.yaml": Demonstration,
}
"""Which file has which shape."""


@dataclass(frozen=True)
class Plant:
    """A whole plant, checked or read from the database; every list in the order of the text."""

    site: Site | None
    """None only of a database that has no plant yet."""
    areas: tuple[Area, ...]
    customers: tuple[Customer, ...]
    people: tuple[Person, ...]
    hold_codes: tuple[HoldCode, ...]
    bin_reasons: tuple[BinReason, ...]
    materials: tuple[Material, ...]
    durable_kinds: tuple[DurableKind, ...]
    certifications: tuple[Certification, ...]
    classes: tuple[EquipmentClass, ...]
    equipment: tuple[Equipment, ...]
    maintenance_plans: tuple[MaintenancePlan, ...]
    layouts: tuple[Layout, ...]
    products: tuple[Product, ...]
    supply_agreements: tuple[SupplyAgreement, ...]
    map_rules: tuple[MapRule, ...]
    map_declarations: tuple[MapDeclaration, ...]
    recipes: tuple[Recipe, ...]
    routes: tuple[Route, ...]
    release_rules: tuple[ReleaseRule, ...]

    def kinds(self) -> dict[str, dict[str, Part]]:
        """Kind -> key -> thing; a kind stands after those that it speaks of."""
        parts: dict[str, tuple[Part, ...]] = {
            "site": (self.site,) if self.site else (),
            "area": self.areas,
            "customer": self.customers,
            "person": self.people,
            "hold_code": self.hold_codes,
            "bin_reason": self.bin_reasons,
            "material": self.materials,
            "durable_kind": self.durable_kinds,
            "certification": self.certifications,
            "class": self.classes,
            "equipment": self.equipment,
            "maintenance_plan": self.maintenance_plans,
            "layout": self.layouts,
            "product": self.products,
            "supply_agreement": self.supply_agreements,
            "map_rule": self.map_rules,
            "map_declaration": self.map_declarations,
            "recipe": self.recipes,
            "route": self.routes,
            "release_rule": self.release_rules,
        }
        return {kind: {part.key: part for part in listed} for kind, listed in parts.items()}


def json_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schema (2020-12) of every file, by its pattern, for editors."""
    return {
        pattern: {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema(by_alias=True)}
        for pattern, model in FILES.items()
    }
