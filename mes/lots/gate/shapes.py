"""What the API takes and gives of queue times."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, Field

from mes.http.shapes import Asked, Name, Why, example


class QueueTimeBody(Asked):
    """Substrates that waited too long, by when they are to start now, and who signs that they go on."""

    model_config = example(
        substrates=["W1"], until="2026-03-18T09:00:00Z", signer="process.engineer", password="correct horse battery",  # noqa: S106
        why="the surface was looked at: clean",
    )  # fmt: skip

    substrates: list[Name] = Field(
        default=[], max_length=1000, description="All that waited too long if none is named."
    )
    until: AwareDatetime | None = Field(None, description="On the plant clock; without it they may wait.")
    signer: Name | None = Field(None, description="Name of the user who signs; the caller if not given.")
    password: str = Field(min_length=1, max_length=1000, description="Of the signer, no PIN; kept nowhere.")
    why: Why


class QueueTime(BaseModel):
    """A queue time that runs for a substrate that waits."""

    substrate: str
    from_operation: str = Field(description="Whose end began it.")
    since: datetime
    warning_at: datetime | None
    ends_at: datetime | None = Field(description="By when it must start; null where it was signed that it may wait.")
    moisture_level: str | None = Field(
        description="Of packages whose floor life it is; that runs wherever they wait until they are sealed."
    )
