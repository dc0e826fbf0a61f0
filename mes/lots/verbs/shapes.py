"""What the API takes for verbs beside the route; the command line and the pages ask for the same."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from mes.http.shapes import Asked, Name, Why, example
from mes.lots.shapes import Position

SIGNER = {"signer": "process.engineer", "password": "correct horse battery"}
"""Who signs, in the examples."""


class SaidBody(Asked):
    """A verb that says why. Titles of fields are what forms call them."""

    why: Why


class SignedBody(Asked):
    """What is signed is signed with the signer's password, given again."""

    signer: Name | None = Field(None, description="Name of the user who signs; the caller if not given.")
    password: str = Field(min_length=1, max_length=1000, description="Of the signer, no PIN; kept nowhere.")


def signed(body: type[SaidBody]) -> type[SaidBody]:
    """The shape of a body with a signature. Pages ask for the signature in their own way."""
    told: Any = body.model_config["json_schema_extra"]
    examples = ConfigDict(json_schema_extra={"examples": [one | SIGNER for one in told["examples"]]})
    made: type[SaidBody] = type(body.__name__, (body, SignedBody), {
        "__module__": __name__, "__doc__": body.__doc__, "model_config": examples,
    })  # fmt: skip
    return made


class SuspectsBody(SaidBody):
    """Suspect units and what they are: at positions of a substrate, all on it, or all of the lot."""

    model_config = example(substrate="W1", at=[{"x": 3, "y": 4}], verdict="cleared", why="looked at: nothing")

    substrate: Name | None = Field(None, title="Substrate", description="All of the lot if not given.")
    at: list[Position] | None = Field(
        None, min_length=1, max_length=65536, title="Positions", description="All on the substrate if not given."
    )
    verdict: Literal["cleared", "scrapped"] = Field(title="What they are")

    @property
    def places(self) -> list[tuple[int, int]] | None:
        """The positions; None for all."""
        return None if self.at is None else [(place.x, place.y) for place in self.at]


class MigrateBody(SaidBody):
    """The version of its route by which a lot goes on."""

    model_config = example(to="module@3", why="version 3 cures for longer")

    to: Name = Field(title="Version of the route", description="`route@version`, released.")
