"""``maps.yaml``: what warnings of incoming maps cause."""

from typing import Any

from pydantic import Field

from mes.plant.part import Name, Part


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


class MapRuleFile(Part):
    """``maps.yaml``: what warnings of incoming maps cause. Without it every warning is only recorded."""

    map_rules: list[MapRule]
