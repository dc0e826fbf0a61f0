"""The MES's side of an equipment: one protocol, a network client and its twin in memory."""

from datetime import datetime
from typing import Protocol

from equipment.interface.messages import (
    Answer,
    Identity,
    JobOnEquipment,
    JobOrder,
    PositionMap,
    RecipeHeld,
    RecordBatch,
)


class EquipmentLost(ConnectionError):
    """The equipment does not answer. A call that was under way may have been executed: look before repeating."""


class Equipment(Protocol):
    """One equipment as the MES sees it. Every method raises `EquipmentLost` when the link is gone.

    Every job method is idempotent by ``job_order_id``: asked again for what it already did, the equipment accepts.
    """

    name: str

    async def connect(self) -> Identity:
        """Open the link, or keep it when it is open. Returns who answers now."""
        ...

    async def close(self) -> None:
        """Close the link. Never raises."""
        ...

    async def jobs(self) -> tuple[JobOnEquipment, ...]:
        """The job orders that the equipment holds."""
        ...

    async def records(self, after: int, most: int = 500) -> RecordBatch:
        """Result journal records with sequences above ``after``, at most ``most``, oldest first."""
        ...

    async def acknowledge(self, journal: str, upto: int) -> None:
        """Tell the equipment that records up to ``upto`` are stored; it may forget them."""
        ...

    async def recipes(self) -> tuple[RecipeHeld, ...]:
        """Recipes on the equipment, with the hash that the equipment computed."""
        ...

    async def download_recipe(self, name: str, version: int, body: str, sha256: str) -> Answer:
        """Put a recipe on the equipment; it refuses a body that does not have that hash."""
        ...

    async def load_map(self, job_order_id: str, positions: PositionMap) -> Answer:
        """Hand over the positions of one substrate of a stored job order, before Start."""
        ...

    async def store(self, order: JobOrder) -> Answer:
        """Store a job order. Refused where the recipe is not held with the order's hash."""
        ...

    async def start(self, job_order_id: str) -> Answer:
        """Allow the job order to start; it runs as soon as the equipment has a place."""
        ...

    async def stop(self, job_order_id: str) -> Answer:
        """End the job order after the substrate it works on."""
        ...

    async def pause(self, job_order_id: str) -> Answer:
        """Interrupt a running job order; it stays on the equipment."""
        ...

    async def resume(self, job_order_id: str) -> Answer:
        """Let an interrupted job order run on."""
        ...

    async def abort(self, job_order_id: str) -> Answer:
        """Break the job order off now."""
        ...

    async def clear(self, job_order_id: str) -> Answer:
        """Forget an ended or aborted job order."""
        ...

    async def cancel(self, job_order_id: str) -> Answer:
        """Forget a job order that has not begun."""
        ...

    async def news(self, timeout_s: float) -> bool:
        """Wait until the equipment says that there is something in its journal; False after ``timeout_s``."""
        ...


class SteppedEquipment(Equipment, Protocol):
    """A simulator whose time a conductor moves. Real equipment has no such methods."""

    async def next_event(self) -> datetime | None:
        """Plant time of the next thing that will happen by itself; None while idle."""
        ...

    async def advance(self, to: datetime) -> None:
        """Let everything up to and including plant time ``to`` happen; its records are in the journal after that."""
        ...

    async def fault(self, name: str, value: float) -> Answer:
        """Switch a fault of the simulator on (value above 0: its dose) or off (0)."""
        ...
