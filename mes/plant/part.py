"""What all things that stand in plant files have in common: how they are named, and what of them the MES holds."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}$"

Name = Annotated[str, Field(pattern=NAME)]
"""A letter or digit, then letters, digits, ``_ . -``; at most 64."""
Title = Annotated[str, Field(min_length=1, max_length=200)]
Versioned = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}@[1-9][0-9]{0,5}$")]
"""``name@version``."""
Version = Annotated[int, Field(ge=1, le=999_999)]
Count = Annotated[int, Field(ge=1, le=100_000)]
Figures = dict[str, float]


class Part(BaseModel):
    """A thing that stands in a plant file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @property
    def key(self) -> str:
        """The name by which other things speak of it."""
        return str(getattr(self, "name", ""))

    def content(self) -> dict[str, Any]:
        """What the MES holds of it, as plain values."""
        return self.model_dump(mode="json", exclude={"process_time", "simulation", "faults"}, by_alias=True)
