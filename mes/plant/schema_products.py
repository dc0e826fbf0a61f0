"""What may stand in a plant's text of products and recipes: grids, what is made of what, and what equipment runs."""

from typing import Any, Literal

from pydantic import Field

from mes.definitions.moisture import Level
from mes.plant.part import Count, Name, Part, Title, Version


class Layout(Part):
    name: Name
    substrate_kind: Literal["wafer", "frame", "strip", "panel", "boat", "tray"]
    rows: Count
    columns: Count
    pitch_x_um: float = Field(gt=0)
    pitch_y_um: float = Field(gt=0)
    holder: Name | None = Field(
        default=None, description="The kind of durables, boats or trays, of which each carries one load of it"
    )
    block_rows: Count | None = Field(default=None, description="Of a panel made of blocks: rows of positions of each")
    block_columns: Count | None = None


class Attach(Part):
    """One site of the attach specification. Level 1 is the lowest."""

    site: int = Field(ge=0, le=255)
    level: int = Field(ge=1, le=255)
    product: Name
    height_um: float | None = Field(default=None, gt=0, description="How much higher it makes the unit, joint included")
    dummy: Name | None = Field(default=None, description="The product that is put there where the position is bad")


class Project(Part):
    """Dies of one customer on a multi-project wafer. They are known by a letter in the rows of the reticle."""

    name: str = Field(pattern=r"^[A-Za-z]$", description="A letter")
    customer: Name = Field(description="Whose its dies are")
    product: Name = Field(description="What they are")


class Reticle(Part):
    """What one shot of the reticle prints, over and over on the wafer from its position at the top left."""

    projects: list[Project] = Field(min_length=1, max_length=52)
    rows: list[str] = Field(
        min_length=1, description="Of positions, each the letter of a project; a dot stays with the wafer"
    )


class Product(Part):
    name: Name
    title: Title
    unit: Name = Field(description="The word for one of it: die, stack, module, package")
    layout: Name = Field(description="The form in which its material arrives")
    attach: list[Attach] = Field(default_factory=list)
    most_height_um: float | None = Field(
        default=None, gt=0, description="What is attached at a site is not higher, all its levels together"
    )
    reticle: Reticle | None = Field(default=None, description="Of a multi-project wafer: whose is what")
    moisture_level: Level | None = Field(
        default=None, description="Of a package that takes up moisture, by J-STD-020; its floor life is J-STD-033's"
    )

    def content(self) -> dict[str, Any]:
        attach = sorted(self.attach, key=lambda place: (place.site, place.level))
        return super().content() | {"attach": [place.model_dump() for place in attach]}


class ProductFile(Part):
    """``products/*.yaml``: grids, products, and what is attached to each site of them."""

    layouts: list[Layout] = Field(default_factory=list)
    products: list[Product] = Field(default_factory=list)


class Parameter(Part):
    """A set point of a recipe and the limits inside which it may be set."""

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
    unit: str = Field(pattern=r"^\S{1,32}$", description="UCUM, such as Cel, N, s, um")
    target: float
    low: float
    high: float


class Recipe(Part):
    name: Name
    version: Version
    equipment_class: Name = Field(alias="class")
    approved_by: Name = Field(description="A person of role process_engineer")
    body: str = Field(min_length=1, max_length=65_536, description="What equipment runs: one name = value unit a line")
    parameters: list[Parameter] = Field(description="Limits of every set point of the body")

    @property
    def key(self) -> str:
        return f"{self.name}@{self.version}"


class RecipeFile(Part):
    """``recipes/*.yaml``: approved recipe versions. Several versions of one recipe may stand side by side."""

    recipes: list[Recipe]
