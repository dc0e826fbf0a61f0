"""What bodies of commands and answers have in common."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

PRINTED = r"^[^\x00-\x1F\x7F-\x9F]*$"
"""Text of one line."""
WRITTEN = r"^(?:[^\x00-\x08\x0B-\x1F\x7F-\x9F]|\r\n)*$"
"""Text of many lines: of control characters it has tabs and ends of lines alone, for others steer terminals."""

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=PRINTED)]
Text = Annotated[str, Field(max_length=2000, pattern=WRITTEN)]
Why = Annotated[str, Field(min_length=1, max_length=2000, pattern=WRITTEN, description="Why; kept in history.")]


def example(**values: Any) -> ConfigDict:
    """An example of a shape, told in the description of the API."""
    return ConfigDict(json_schema_extra={"examples": [values]})


class Asked(BaseModel):
    """A body of a command: a key that is not known is refused, so that a slip of the pen is not lost."""

    model_config = ConfigDict(extra="forbid")


class Position(Asked):
    """A place on a substrate: x from 0 at the left, y from 0 at the top."""

    x: int = Field(ge=0, lt=2**15)
    y: int = Field(ge=0, lt=2**15)


class ToldReason(BaseModel):
    """A reason of a refusal, and the role that can clear it."""

    code: str
    message: str
    who: str
