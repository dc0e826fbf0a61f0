"""``maps.yaml``: what warnings of incoming maps cause, and how maps that are plain text are read."""

from typing import Any

from pydantic import Field

from mes.plant.part import Name, Part, Title
from mes.units.formats.declaration import MAX_BYTES


class MapRule(Part):
    name: Name
    customer: Name | None = Field(default=None, description="Whose material; of every customer if not said")
    operation: str | None = Field(
        default=None, description="The first operation of its route, as route/number; of every route if not said"
    )
    stops: list[str] = Field(default_factory=list, description="Codes of warnings that stop the import")
    holds: list[str] = Field(default_factory=list, description="Codes of warnings that hold the lot")
    hold_code: Name | None = Field(default=None, description="Of the hold")

    def content(self) -> dict[str, Any]:
        """All of it; codes in one order, however they are written."""
        return super().content() | {key: sorted({*getattr(self, key)}) for key in ("stops", "holds")}


class MapDeclaration(Part):
    name: Name
    title: Title
    told_by: str | None = Field(
        default=None, min_length=1, max_length=80, description="A line of its files begins so, and of no others"
    )
    text: str = Field(min_length=1, max_length=MAX_BYTES, description="The declaration, as beside a file")


class MapsFile(Part):
    """``maps.yaml``: what warnings of incoming maps cause, and how maps that are plain text are read."""

    map_rules: list[MapRule] = Field(default_factory=list)
    map_declarations: list[MapDeclaration] = Field(default_factory=list)
