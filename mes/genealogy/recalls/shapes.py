"""What the API takes and gives of causes and recalls."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mes.genealogy.recalls.causes import Cause
from mes.http.shapes import Asked, Name, Why, example
from mes.lots.states import LotState
from mes.people.roles import Role

COORDINATE = 2**15


class CauseBody(Asked):
    """What may have been bad; all that is given holds of the same run. A substrate or a lot stands for its units."""

    model_config = ConfigDict(populate_by_name=True)

    material: Name | None = Field(None, description="A lot of material: all its containers.")
    container: Name | None = Field(None, description="Of material that was used.")
    durable: Name | None = Field(None, description="That was used.")
    recipe: Name | None = Field(None, description="In all its versions, or name@version.")
    equipment: Name | None = Field(None, description="That worked on the units, or moved them.")
    head: int | None = Field(None, ge=0, le=255, description="Of the equipment: what it moved.")
    since: AwareDatetime | None = Field(None, alias="from", description="It worked then or later, on the plant clock.")
    until: AwareDatetime | None = Field(None, alias="to", description="And before.")
    substrate: Name | None = Field(None, description="All its units, also those that have left it.")
    x: int | None = Field(None, ge=0, lt=COORDINATE, description="One position of the substrate.")
    y: int | None = Field(None, ge=0, lt=COORDINATE)
    lot: Name | None = Field(None, description="All units with which it began.")
    customer: Name | None = Field(None, description="Whose it is, where owners share a name.")

    @property
    def cause(self) -> Cause:
        """What is meant."""
        return Cause(**dict(self))


CAUSE: dict[str, Any] = {"container": "FLX-0031", "equipment": "TCB-01", "from": "2026-03-01T00:00:00Z"}
"""A cause in the examples."""


class ConcernedLot(BaseModel):
    """A lot that has units which the cause touched, or had them last."""

    lot: str
    customer: str
    product: str
    state: LotState
    operation: str | None
    carriers: list[str] = Field(description="In which its substrates stand.")
    substrates: int = Field(description="On which touched units are, or ended.")
    units: int = Field(description="Touched ones that are there.")
    of: int = Field(description="Units that are there in the whole lot.")
    became: dict[str, int] = Field(description="What became of the other touched ones: scrapped, shipped …")
    holds: list[int] = Field(description="Standing holds of recalls of the same cause.")
    open: int = Field(description="Touched units that a hold would stop, and none of these does.")
    receiver: str | None = Field(description="Who has it, where it has left.")
    shipment: str | None
    left_at: datetime | None
    positions: dict[str, dict[str, list[tuple[int, int]]]] | None = Field(
        None, description="Where `all` is asked for: by substrate and what they are, x and y of touched units."
    )


LOT: dict[str, Any] = {
    "lot": "M-1", "customer": "hanbit", "product": "module", "state": "queued", "operation": "module/30",
    "carriers": ["MAG-3"], "substrates": 1, "units": 9, "of": 24, "became": {"scrapped": 1}, "holds": [12], "open": 0,
    "receiver": None, "shipment": None, "left_at": None,
}  # fmt: skip
"""A lot in the examples."""


class ConcernLook(BaseModel):
    """Where the units are that a cause touched."""

    model_config = example(touched=12, ended={"lost": 1}, lots=[LOT | {"holds": [], "open": 9}])

    touched: int = Field(description="Units, in the form in which they were touched.")
    ended: dict[str, int] = Field(description="Moves that placed a unit nowhere: lost, rejected.")
    lots: list[ConcernedLot]


class RecallBody(Asked):
    """A cause, and the hold for every unit that it touched."""

    model_config = example(
        cause=CAUSE, expected=12, code="height", why="the flux was contaminated", owner="process_engineer"
    )

    cause: CauseBody
    expected: int | None = Field(
        None, ge=1, le=2**31 - 1, description="`touched` as counted without it: 409 where it differs by now."
    )
    code: Name
    why: Why
    owner: Role | None = Field(
        None, description="Who may release the holds; the role that the code names if not given."
    )
    review_by: AwareDatetime | None = Field(None, description="When somebody is to have looked at it, plant clock.")


class RecallLook(ConcernLook):
    """What a recall did, or would do."""

    model_config = example(recall="RCL-000001", touched=12, ended={"lost": 1}, lots=[LOT])

    recall: str | None = Field(description="Its name; null where nothing was left to hold, or nothing was done.")


class RecallRow(BaseModel):
    """A recall in a list."""

    model_config = example(
        recall="RCL-000001", cause=CAUSE, code="height", why="the flux was contaminated", touched=12, by="lee",
        at="2026-03-02T09:00:00Z", holds=3, standing=2,
    )  # fmt: skip

    recall: str
    cause: dict[str, Any]
    code: str
    why: str
    touched: int = Field(description="Units that the cause had touched by then.")
    by: str
    at: datetime
    holds: int = Field(description="That it placed, with those split off them.")
    standing: int = Field(description="Of these, not released yet.")


class RecallReport(RecallRow):
    """A recall, and where the units are that its cause has touched by now."""

    model_config = example(
        recall="RCL-000001", cause=CAUSE, code="height", why="the flux was contaminated", by="lee",
        at="2026-03-02T09:00:00Z", holds=3, standing=2, now={"touched": 12, "ended": {"lost": 1}, "lots": [LOT]},
        touched=12,
    )  # fmt: skip

    now: ConcernLook
