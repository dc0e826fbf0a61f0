"""What the API takes and gives of material."""

from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from mes.http.shapes import Asked, Name, Text, Why, example
from mes.materials.receive import MOST
from mes.materials.states import ContainerState

CONTAINER: dict[str, Any] = {
    "container": "FLX-0031",
    "material": "flux",
    "lot": "F-2207",
    "customer": None,
    "state": "mounted",
    "unit": "mg",
    "received": 30000,
    "remainder": 21400,
    "thawed_at": "2026-03-01T02:00:00Z",
    "baked_at": None,
    "floor_ends_at": "2026-03-02T02:00:00Z",
    "expires_at": "2026-03-02T02:00:00Z",
    "expired": False,
    "equipment": "TCB-01",
    "mounted_at": "2026-03-01T02:10:00Z",
}
"""A container in the examples, alone and with what belongs to it."""
LOT: dict[str, Any] = {
    "lot": "F-2207",
    "material": "flux",
    "customer": None,
    "supplier": "Fluxwerk",
    "certificate": "COA-88211",
    "expires_at": "2026-09-01T00:00:00Z",
    "received_at": "2026-03-01T00:00:00Z",
}
"""A lot of material in the examples."""


class KindRow(BaseModel):
    """A kind of material that operations use up."""

    model_config = example(
        material="flux",
        title="Flux",
        unit="mg",
        thaw_s=7200.0,
        floor_life_s=86400.0,
        bake_s=None,
        bakes=None,
        certificate=True,
    )

    material: str
    title: str
    unit: str = Field(description="Amounts are whole numbers of it.")
    thaw_s: float | None = Field(description="How long it thaws; null: it is not kept in the cold.")
    floor_life_s: float | None = Field(description="How long it lasts, thawed or else opened; null: its shelf life.")
    bake_s: float | None = Field(description="How long an open container is baked; null: it is not baked.")
    bakes: int | None = Field(description="How often a container may be baked; null: as often as needed.")
    certificate: bool = Field(description="It is received only with a certificate.")


class ContainerRow(BaseModel):
    """A container in a list. Times are UTC on the plant clock."""

    model_config = example(**CONTAINER)

    container: str
    material: str
    lot: str
    customer: str | None = Field(description="Whose it is; null is the centre's, which lots of all customers use.")
    state: ContainerState
    unit: str
    received: int
    remainder: int
    thawed_at: datetime | None = Field(description="When its time of thawing is over.")
    baked_at: datetime | None = Field(description="When its last baking is over.")
    floor_ends_at: datetime | None
    expires_at: datetime | None = Field(description="The end of its shelf life or floor life, whichever comes first.")
    expired: bool
    equipment: str | None = Field(description="What it is mounted on.")
    mounted_at: datetime | None


class ContainerLook(ContainerRow):
    """A container with where it came from and where its material went."""

    model_config = example(
        **CONTAINER, supplier="Fluxwerk", certificate="COA-88211", consumed=8400, scrapped=200,
        opened_at="2026-03-01T02:10:00Z", bakes=0,
    )  # fmt: skip

    supplier: str
    certificate: str
    consumed: int
    scrapped: int
    opened_at: datetime | None
    bakes: int = Field(description="How often it was baked.")


class MaterialLotRow(BaseModel):
    """What a supplier delivered at once of one kind."""

    model_config = example(**LOT)

    lot: str
    material: str
    customer: str | None = Field(description="Whose it is; null is the centre's.")
    supplier: str
    certificate: str = Field(description="Its reference; empty where it came without one.")
    expires_at: datetime | None = Field(description="The end of its shelf life.")
    received_at: datetime


class MaterialLotLook(MaterialLotRow):
    """A lot of material with its containers."""

    model_config = example(**LOT, containers=[CONTAINER])

    containers: list[ContainerRow]


class NewContainer(Asked):
    """A container that came."""

    id: Name
    amount: int = Field(ge=1, le=MOST, description="In the unit of the material.")


class DeliveryBody(Asked):
    """A lot of material to receive."""

    model_config = example(
        id="F-2207", material="flux", supplier="Fluxwerk", certificate="COA-88211",
        expires_at="2026-09-01T00:00:00Z", containers=[{"id": "FLX-0031", "amount": 30000}],
    )  # fmt: skip

    id: Name = Field(description="The supplier's number of the lot.")
    material: Name
    containers: list[NewContainer] = Field(min_length=1, max_length=1000)
    supplier: Text = ""
    certificate: Text = Field("", description="Reference of its certificate.")
    expires_at: AwareDatetime | None = Field(None, description="The end of its shelf life, on the plant clock.")
    customer: Name | None = Field(None, description="Whose it is; the centre's if nobody is named.")
    why: Text = ""


class ThawBody(Asked):
    """A container to take out of the cold."""

    model_config = example(why="for the night shift")

    out_of_order: bool = Field(default=False, description="Though another in the cold expires earlier; says why.")
    why: Text = ""


class MountBody(Asked):
    """Where to mount a container."""

    model_config = example(equipment="TCB-01")

    equipment: Name
    out_of_order: bool = Field(default=False, description="Though another that is ready expires earlier; says why.")
    why: Text = ""


class ScrapContainerBody(Asked):
    """How much of a container is thrown away; all that is left if nothing is said."""

    model_config = example(amount=200, why="purged after the stop")

    amount: int | None = Field(None, ge=1, le=MOST, description="In the unit of the material.")
    why: Why


class DoneBody(Asked):
    """A command on a container that needs nothing but, if you like, a reason."""

    model_config = example(why="end of the shift")

    why: Text = ""
