"""What the API takes and gives where an act is on all lots that a filter finds."""

from pydantic import AwareDatetime, BaseModel, Field

from mes.http.shapes import Asked, Name, Text, Why, example
from mes.lots.looks import LotFilter, Worked
from mes.lots.shapes import LOT, LotRow
from mes.lots.states import LotState
from mes.people.roles import Role


class WhichLots(Asked):
    """The filter of the list of lots: what is not given is any."""

    state: LotState | None = None
    operation: Name | None = None
    customer: Name | None = None
    q: str | None = Field(None, max_length=64, description="A part of the name.")
    held: bool | None = Field(None, description="Only lots with a standing hold, or only those without.")
    on_line: bool | None = Field(None, description="Only lots on the line, or only those that have ended.")
    route: Name | None = Field(None, description="In all its versions, or name@version.")
    equipment: Name | None = Field(None, description="That worked on some of it.")
    recipe: Name | None = Field(None, description="That it worked by: in all its versions, or name@version.")
    container: Name | None = Field(None, description="Of material that was used on some of it.")
    since: AwareDatetime | None = Field(None, description="Such work was not over before, on the plant clock.")
    until: AwareDatetime | None = Field(None, description="Such work began before.")

    def filter(self) -> LotFilter:
        """The same, as lists take it."""
        asked = dict(self)
        worked = Worked(**{name: asked.pop(name) for name in Worked.__dataclass_fields__})
        return LotFilter(**asked, worked=worked)


class BulkBody(Asked):
    """Which lots, and how many of them: without ``expected`` nothing is done, the answer lists what would be."""

    which: WhichLots
    expected: int | None = Field(None, ge=1, le=2**31 - 1, description="As counted without it: 409 where they differ.")


class BulkHoldBody(BulkBody):
    """A hold to place on each."""

    model_config = example(which={"route": "hbm_core", "held": False}, expected=12, code="height", why="bath 3 is off")

    code: Name
    why: Why
    owner: Role | None = Field(None, description="Who may release it; the role that the code names if not given.")
    review_by: AwareDatetime | None = Field(None, description="When somebody is to have looked at it, plant clock.")


class BulkReleaseBody(BulkBody):
    """The code of which every standing hold is to be released."""

    model_config = example(which={"route": "hbm_core"}, expected=12, code="height", why="measured again: within limits")

    code: Name
    why: Why


class BulkPriorityBody(BulkBody):
    """A priority for each that has another."""

    model_config = example(which={"customer": "hanbit", "on_line": True}, expected=12, priority=2, why="line stop")

    priority: int = Field(ge=1, le=9, description="1 is the most urgent.")
    why: Text = ""


class BulkLook(BaseModel):
    """The lots that an act was on, as it leaves them, or those that it would be on, as they are."""

    model_config = example(done=True, count=1, lots=[LOT | {"held": True}])

    done: bool = Field(description="False where `expected` was not given: nothing was changed.")
    count: int
    lots: list[LotRow]
