"""What the API takes for verbs beside the route; the command line and the pages ask for the same."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from mes.http.shapes import Asked, Name, Position, Why, example
from mes.lots.verbs.bins import Edit

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


class BinsBody(SaidBody):
    """Positions of a substrate that get another bin on one of its maps."""

    model_config = example(
        substrate="W1", map="bin:hbm_core/40", at=[{"x": 3, "y": 4}], bin=7, reason="scratch", why="seen by eye"
    )

    substrate: Name = Field(title="Substrate")
    map: Name = Field(title="Map", description="A layer of bins, as the page of the substrate lists them.")
    at: list[Position] = Field(min_length=1, max_length=65536, title="Positions")
    bin: int = Field(ge=0, lt=65536, title="Bin", description="That they get.")
    reason: Name = Field(title="Reason", description="One that the plant's text knows, if it knows any.")

    @property
    def edit(self) -> Edit:
        """The same for the verb."""
        return Edit(self.substrate, self.map, [(place.x, place.y) for place in self.at], self.bin, self.reason)


class RenumberBody(SaidBody):
    """Units of a substrate that get new ids, one for each position in the same order."""

    model_config = example(substrate="S1", at=[{"x": 3, "y": 4}], ids=["M-00071"], why="marked by hand")

    substrate: Name = Field(title="Substrate")
    at: list[Position] = Field(min_length=1, max_length=65536, title="Positions")
    ids: list[Name] = Field(
        min_length=1, max_length=65536, title="Ids", description="Of the positions, in their order."
    )

    @property
    def places(self) -> list[tuple[int, int]]:
        """The positions."""
        return [(place.x, place.y) for place in self.at]


class MigrateBody(SaidBody):
    """The version of its route by which a lot goes on."""

    model_config = example(to="module@3", why="version 3 cures for longer")

    to: Name = Field(title="Version of the route", description="`route@version`, released.")


class ChangeOwnerBody(SaidBody):
    """To whom a lot goes over, or some of its substrates. Both owners read why."""

    model_config = example(to="hanbit", substrates=["W1"], why="sold by order 4711")

    to: Name = Field(title="New owner", description="Name of the customer.")
    substrates: list[Name] = Field(
        default=[], max_length=1000, title="Substrates; none: all", description="All that are left if none is named."
    )
    into: Name | None = Field(None, title="New lot", description="Named as this one if not given.")


class SkipBody(SaidBody):
    """Substrates that leave out the operation at which they wait."""

    model_config = example(operation="hbm_core/30", substrates=["W2"], why="measured on the wafer before")

    operation: Name = Field(title="Operation")
    substrates: list[Name] = Field(
        default=[],
        max_length=1000,
        title="Substrates; none: all that wait",
        description="All that wait if none is named.",
    )


class MoveBody(SkipBody):
    """Substrates that go on at another operation of their route."""

    model_config = example(operation="hbm_core/30", substrates=["W2"], why="cleaned by hand already")


class BonusBody(SaidBody):
    """Units that were found where the map of a substrate has none."""

    model_config = example(substrate="W1", at=[{"x": 3, "y": 4}], why="the edge die is good")

    substrate: Name = Field(title="Substrate")
    at: list[Position] = Field(min_length=1, max_length=65536, title="Positions")

    @property
    def places(self) -> list[tuple[int, int]]:
        """The positions."""
        return [(place.x, place.y) for place in self.at]


class RecountBody(SaidBody):
    """How many units were counted by hand: of a substrate, or of all of the lot."""

    model_config = example(substrate="W1", units=360, why="before the shipment")

    substrate: Name | None = Field(None, title="Substrate", description="All of the lot if not given.")
    units: int = Field(ge=0, lt=2**31, title="Units counted")


class CorrectBody(SaidBody):
    """The entry of the lot's history that is taken back."""

    model_config = example(record=12, why="it was the other wafer")

    record: int = Field(ge=1, lt=2**31, title="No. of record", description="As the lot's history numbers it: `n`.")


class TerminateBody(SaidBody):
    """What becomes of what is left in a lot that is given up."""

    model_config = example(left="scrapped", why="the customer gave the product up")

    left: Literal["scrapped", "lost"] = Field(title="What is left in it is")


class DestroyBody(SaidBody):
    """Who saw that a lot was destroyed."""

    model_config = example(witness="J. Park, security", why="asked for by the customer")

    witness: Name = Field(title="Witness")


class AloneBody(SaidBody):
    """A verb that needs nothing but a reason."""

    model_config = example(why="the order came")


class ReopenBody(SaidBody):
    """Where a lot goes on that had ended."""

    model_config = example(operation="hbm_core/30", why="one more measurement is asked for")

    operation: Name | None = Field(
        None,
        title="Operation",
        description="Where it was given up, and what has passed the route at its last, if not given.",
    )
