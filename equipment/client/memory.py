"""The in-memory twin: an equipment without a network, for virtual time and for tests of what a network can do."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from equipment.client import EquipmentLost
from equipment.interface.messages import (
    Answer,
    Identity,
    JobOnEquipment,
    JobOrder,
    PositionMap,
    RecipeHeld,
    RecordBatch,
)

T = TypeVar("T")


class Device(Protocol):
    """What the twin needs of the device behind it; all of it returns at once."""

    name: str
    on_news: Callable[[], None]

    def identity(self) -> Identity: ...
    def jobs(self) -> tuple[JobOnEquipment, ...]: ...
    def records(self, after: int, most: int) -> RecordBatch: ...
    def acknowledge(self, journal: str, upto: int) -> None: ...
    def recipes(self) -> tuple[RecipeHeld, ...]: ...
    def download_recipe(self, name: str, version: int, body: str, sha256: str) -> Answer: ...
    def load_map(self, job_order_id: str, positions: PositionMap) -> Answer: ...
    def store(self, order: JobOrder) -> Answer: ...
    def start(self, job_order_id: str) -> Answer: ...
    def stop(self, job_order_id: str) -> Answer: ...
    def pause(self, job_order_id: str) -> Answer: ...
    def resume(self, job_order_id: str) -> Answer: ...
    def abort(self, job_order_id: str) -> Answer: ...
    def clear(self, job_order_id: str) -> Answer: ...
    def cancel(self, job_order_id: str) -> Answer: ...
    def next_event(self) -> datetime | None: ...
    def advance(self, to: datetime) -> None: ...
    def fault(self, name: str, value: float) -> Answer: ...


class MemoryEquipment:
    """A `SteppedEquipment` around a device in the same process. Waits for nothing but news."""

    def __init__(self, device: Device) -> None:
        self.name = device.name
        self._is_cut = False
        self._replies_to_lose: list[str] = []
        self._news = asyncio.Event()
        self.plug(device)

    # What can go wrong with a link

    def plug(self, device: Device) -> None:
        """Put another device in the place of the one before, e.g. the same equipment after a restart."""
        self._device = device
        device.on_news = self._news.set

    def cut(self) -> None:
        """Nothing gets through until `mend`; the device goes on. Whoever waits for news is woken to find that out."""
        self._is_cut = True
        self._news.set()

    def mend(self) -> None:
        """Let calls through again."""
        self._is_cut = False

    def lose_reply(self, method: str) -> None:
        """The next call of ``method`` is executed, but its answer is lost and the link cut until `mend`."""
        self._replies_to_lose.append(method)

    def _call(self, method: str, call: Callable[[], T]) -> T:
        if self._is_cut:
            raise EquipmentLost(f"{self.name} does not answer")
        answer = call()
        if method in self._replies_to_lose:
            self._replies_to_lose.remove(method)
            self.cut()
            raise EquipmentLost(f"{self.name} was lost during {method}")
        return answer

    # Equipment

    async def connect(self) -> Identity:
        return self._call("connect", self._device.identity)

    async def close(self) -> None:
        """There is no link to close."""

    async def jobs(self) -> tuple[JobOnEquipment, ...]:
        return self._call("jobs", self._device.jobs)

    async def records(self, after: int, most: int = 500) -> RecordBatch:
        return self._call("records", lambda: self._device.records(after, most))

    async def acknowledge(self, journal: str, upto: int) -> None:
        self._call("acknowledge", lambda: self._device.acknowledge(journal, upto))

    async def recipes(self) -> tuple[RecipeHeld, ...]:
        return self._call("recipes", self._device.recipes)

    async def download_recipe(self, name: str, version: int, body: str, sha256: str) -> Answer:
        return self._call("download_recipe", lambda: self._device.download_recipe(name, version, body, sha256))

    async def load_map(self, job_order_id: str, positions: PositionMap) -> Answer:
        return self._call("load_map", lambda: self._device.load_map(job_order_id, positions))

    async def store(self, order: JobOrder) -> Answer:
        return self._call("store", lambda: self._device.store(order))

    async def start(self, job_order_id: str) -> Answer:
        return self._call("start", lambda: self._device.start(job_order_id))

    async def stop(self, job_order_id: str) -> Answer:
        return self._call("stop", lambda: self._device.stop(job_order_id))

    async def pause(self, job_order_id: str) -> Answer:
        return self._call("pause", lambda: self._device.pause(job_order_id))

    async def resume(self, job_order_id: str) -> Answer:
        return self._call("resume", lambda: self._device.resume(job_order_id))

    async def abort(self, job_order_id: str) -> Answer:
        return self._call("abort", lambda: self._device.abort(job_order_id))

    async def clear(self, job_order_id: str) -> Answer:
        return self._call("clear", lambda: self._device.clear(job_order_id))

    async def cancel(self, job_order_id: str) -> Answer:
        return self._call("cancel", lambda: self._device.cancel(job_order_id))

    async def news(self, timeout_s: float) -> bool:
        if self._is_cut:
            raise EquipmentLost(f"{self.name} does not answer")
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return False
        self._news.clear()
        return True

    # SteppedEquipment

    async def next_event(self) -> datetime | None:
        return self._call("next_event", self._device.next_event)

    async def advance(self, to: datetime) -> None:
        self._call("advance", lambda: self._device.advance(to))

    async def fault(self, name: str, value: float) -> Answer:
        return self._call("fault", lambda: self._device.fault(name, value))
