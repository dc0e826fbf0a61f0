"""What the API takes and gives of holds."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field

from mes.http.shapes import Asked, Name, Position, Why, example
from mes.lots.holds.masks import Units
from mes.people.roles import Role


class BinBody(Asked):
    """A bin of a map, as it was read last."""

    map: Name = Field(description="Such as `bin:incoming` or `bin:` and the operation that read it.")
    code: int = Field(ge=1, lt=2**16)


class MaskBody(Asked):
    """Units of a lot: at positions of a substrate, with ids, with a bin of a map, in a block, or every one there."""

    model_config = example(substrate="W1", at=[{"x": 3, "y": 4}])

    substrate: Name | None = Field(None, description="All of the lot if not given.")
    at: list[Position] | None = Field(None, min_length=1, max_length=65536)
    ids: list[Name] | None = Field(None, min_length=1, max_length=65536, description="That came with the map.")
    bin: BinBody | None = None
    block: Position | None = Field(
        None, description="Of a panel that is made of blocks, counted from 0 at the top left."
    )

    @property
    def units(self) -> Units:
        """What is meant."""
        places = None if self.at is None else [(place.x, place.y) for place in self.at]
        block = None if self.block is None else (self.block.x, self.block.y)
        bin_code = None if self.bin is None else (self.bin.map, self.bin.code)
        return Units(self.substrate, places, self.ids, bin_code, block)


class HoldBody(Asked):
    """A hold to place: on a whole lot, or on units of it."""

    model_config = example(
        code="height", why="bump height low on two wafers", owner="process_engineer",
        mask=[{"substrate": "W1", "at": [{"x": 3, "y": 4}]}],
    )  # fmt: skip

    code: Name
    why: Why
    owner: Role | None = Field(None, description="Who may release it; the role that the code names if not given.")
    review_by: AwareDatetime | None = Field(None, description="When somebody is to have looked at it, plant clock.")
    mask: list[MaskBody] = Field(
        default=[],
        max_length=1000,
        description="The units that it is about: these stay where they are, the lot goes on. None: the whole lot.",
    )


class HoldCode(BaseModel):
    """A code of holds: the plant's, one that the system sets, or one that people have used."""

    model_config = example(
        code="height", meaning="Bump height out of limits", owner="process_engineer", other_owners=["line_engineer"],
        running_job="finish", may_choose=True, standing=1, placed=4,
    )  # fmt: skip

    code: str
    meaning: str = Field(description="Empty where neither the plant nor the system has it: a comment says it.")
    owner: Role = Field(
        description="Whose a hold with it is; of a code not in the plant, whose the last one is or was."
    )
    other_owners: list[Role] = Field(description="Who may be named as the owner instead.")
    running_job: str = Field(
        description="What the equipment is told of a job that runs: finish (nothing: it goes on), pause or abort."
    )
    may_choose: bool = Field(description="Whether a person may hold a lot with it.")
    standing: int
    placed: int = Field(description="How many holds had it, standing or released.")


class ReleaseHoldBody(Asked):
    """A hold to release, and what was found and done."""

    model_config = example(hold=12, why="measured again: within limits")

    hold: int = Field(ge=1, lt=2**31)
    why: Why


class FutureHoldBody(Asked):
    """A hold that the lot is to get when it reaches an operation of its route."""

    model_config = example(operation="hbm_core/30", code="height", why="first lot of the new bath", owner=None)

    operation: Name
    code: Name
    why: Why
    owner: Role | None = Field(None, description="Who may release it; the role that the code names if not given.")


class WithdrawBody(Asked):
    """A future hold to take back, and why the lot need not be held."""

    model_config = example(future_hold=3, why="the bath was measured")

    future_hold: int = Field(ge=1, lt=2**31)
    why: Why


class StandingHold(BaseModel):
    """A hold that nobody has released."""

    hold: int
    code: str
    comment: str
    owner: Role
    by: str
    at: datetime
    review_by: datetime | None = Field(description="When somebody is to have looked at it again.")
    masked: int | None = Field(description="How many units it is about, as it was placed; of the whole lot null.")


class StandingFutureHold(BaseModel):
    """A hold that the lot gets when the first of its substrates reaches the operation."""

    future_hold: int
    operation: str
    code: str
    comment: str
    owner: Role
    by: str
    at: datetime
