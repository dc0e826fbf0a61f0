"""What may stand in a plant's text of material and of tools that wear: kinds, and what operations use of them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mes.plant.part import Name, Part, Title


class Material(Part):
    name: Name
    title: Title
    unit: str = Field(pattern=r"^\S{1,32}$", description="UCUM, or a word for a piece; amounts are whole numbers of it")
    thaw_h: float | None = Field(default=None, gt=0, description="It is kept in the cold, and thaws so long")
    floor_life_h: float | None = Field(
        default=None, gt=0, description="How long a container may be used that has thawed, or else was opened"
    )
    bake_h: float | None = Field(
        default=None, gt=0, description="How long an open container is baked, which gives it its floor life again"
    )
    bakes: int | None = Field(default=None, ge=1, le=100, description="How often; left out: as often as needed")
    certificate: bool = Field(default=False, description="Whether it is received only with a certificate")

    @model_validator(mode="after")
    def _is_dried_or_kept_cold(self) -> Self:
        if self.bake_h is None and self.bakes is not None:
            raise ValueError("bakes says how often it is baked; say with bake_h how long, or leave both out")
        if self.bake_h is not None and self.thaw_h is not None:
            raise ValueError("what is kept in the cold is not baked; leave out thaw_h or bake_h")
        return self


class MaterialFile(Part):
    """``materials.yaml``: the kinds of material that operations use up."""

    materials: list[Material]


class MaterialUse(Part):
    """What an operation uses up of a material."""

    material: Name
    amount: int = Field(ge=1, le=1_000_000_000, description="In the unit of the material")
    per: Literal["unit", "substrate"] = "unit"
    needed_h: float | None = Field(
        default=None, ge=0, description="How long a run needs it from its start; process_h of the operation if not said"
    )


class DurableKind(Part):
    name: Name
    title: Title
    counts: Name = Field(description="The word for what is counted: touchdowns, shots, cuts")
    per: Literal["unit", "substrate", "load"] = Field(
        default="unit", description="Whether each unit counts, or each substrate, or each load that a holder carries"
    )
    most: int = Field(ge=1, le=1_000_000_000, description="A durable is used up at so many")
    clean_every: int | None = Field(default=None, ge=1, le=1_000_000_000)
    inspect_every: int | None = Field(default=None, ge=1, le=1_000_000_000)


class DurableFile(Part):
    """``durables.yaml``: the kinds of tools that wear, and that operations need on equipment."""

    durable_kinds: list[DurableKind]
