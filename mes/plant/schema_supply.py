"""``supply.yaml``: which customer's units may go into whose products, and what each sees of the other's half."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from mes.plant.part import Name, Part


class SupplyAgreement(Part):
    name: Name
    supplier: Name = Field(description="The customer whose units are used")
    receiver: Name = Field(description="The customer into whose products they go, and who owns them from the pick on")
    product: Name = Field(description="What is supplied")
    since: date | None = Field(default=None, description="The first day, of UTC; without it from ever")
    until: date | None = Field(default=None, description="The last day; without it for ever")
    receiver_sees: list[Literal["site", "id", "grade", "origin"]] = Field(
        default=["id", "grade"],
        min_length=1,
        description="Of a unit that was picked: its id, its bin, the substrate and position from which it came; site"
        " alone: no more than that it is there",
    )
    supplier_sees: list[Literal["result"]] = Field(
        default_factory=list,
        description="Beside that a unit was used, and when: the last test of what it went into",
    )

    def content(self) -> dict[str, Any]:
        """All of it; the words of what is seen in one order, however they are written."""
        sees = {key: sorted({*getattr(self, key)}) for key in ("receiver_sees", "supplier_sees")}
        return super().content() | sees


class SupplyFile(Part):
    """``supply.yaml``: agreements between customers. Without one no unit goes into another customer's product."""

    supply_agreements: list[SupplyAgreement]
