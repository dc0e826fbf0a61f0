"""One link owns one equipment: connecting, reconciling, receiving its records, saying its errands.

It logs "lost" once and "back" once. Nothing is said before the journal was read: a call that was cut off may have
been executed, so the link looks before it repeats.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from equipment.client import Equipment, EquipmentLost
from equipment.interface.messages import Answer, JobOrder, PositionMap, RecordBatch
from equipment.interface.states import JobState, ReturnStatus
from mes.db import Database
from mes.definitions.clock import act_now, plant_now
from mes.equipment.condition import set_connected
from mes.equipment.models import Equipment as EquipmentRecord
from mes.jobs import orders, results
from mes.jobs.orders import Errand
from mes.jobs.states import Effect, OrderState
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.runs.states import RunState

T = TypeVar("T")
log = structlog.get_logger()

ACTOR = "connector"


class Link:
    """The link to one equipment. `sync` does all that can be done now."""

    def __init__(self, database: Database, equipment_id: int, equipment: Equipment) -> None:
        self._database = database
        self.equipment_id = equipment_id
        self.equipment = equipment
        self._boot = ""
        self._journal_id = 0
        self._received = 0
        self._lost: bool | None = None
        self.errands = asyncio.Event()
        """Set when there may be something to say."""

    @property
    def is_up(self) -> bool:
        """Whether the equipment answered when it was last spoken to."""
        return self._lost is False

    async def wait(self, timeout_s: float) -> None:
        """Wait until the equipment has news, there is an errand, or the time is over."""
        self.errands.clear()
        waits = [asyncio.ensure_future(self.equipment.news(timeout_s)), asyncio.ensure_future(self.errands.wait())]
        done, open_waits = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        for waiting in open_waits:
            waiting.cancel()
        await asyncio.gather(*open_waits, return_exceptions=True)
        for waiting in done:
            waiting.result()

    async def sync(self) -> bool:
        """Connect if need be, store and acknowledge what is new, say what there is to say; whether it did anything.

        Raises `EquipmentLost` when the equipment does not answer.
        """
        received = await self.receive()
        errands = await self._transact(lambda s: orders.errands(s, [self.equipment_id]))
        await self.say(errands.get(self.equipment_id, []))
        return received or bool(errands)

    async def receive(self) -> bool:
        """Connect if need be, store what is new, then acknowledge it: until then the equipment keeps its records.

        Returns whether there was anything. Raises `EquipmentLost`.
        """
        async with self._watched():
            if not self.is_up:
                await self._reconcile()
            any_new = False
            while True:
                batch = await self.equipment.records(self._received)
                if batch.boot != self._boot:
                    await self._reconcile()
                    continue
                if not batch.records:
                    return any_new
                await self._store(batch)
                await self.equipment.acknowledge(batch.journal, self._received)
                any_new = True
                if batch.head <= self._received:
                    return any_new

    async def say(self, errands: Sequence[Errand]) -> bool:
        """Send the orders that were committed, and let the equipment forget those that are over.

        Returns whether it refused an order.
        """
        refused = False
        async with self._watched():
            for errand in errands:
                if errand.effect is not None:
                    await self._affect(errand, errand.effect)
                elif errand.run_state in (RunState.ENDED, RunState.ABORTED):
                    await self._tidy(errand)
                else:
                    refused |= not await self._send(errand)
        return refused

    @asynccontextmanager
    async def _watched(self) -> AsyncIterator[None]:
        try:
            yield
        except EquipmentLost as error:
            await self._mark(lost=True, why=str(error))
            raise
        await self._mark(lost=False)

    async def close(self) -> None:
        """Close the link."""
        await self.equipment.close()

    async def _transact(self, work: Callable[[Session], T]) -> T:
        def run() -> T:
            with self._database.transaction() as session:
                return work(session)

        return await asyncio.to_thread(run)

    async def _mark(self, *, lost: bool, why: str = "") -> None:
        if self._lost == lost:
            return
        await self._transact(lambda s: set_connected(s, self.equipment_id, connected=not lost, at=plant_now(s)))
        if lost or self._lost is not None:
            log.warning("equipment lost" if lost else "equipment back", equipment=self.equipment.name, why=why)
        self._lost = lost

    async def _reconcile(self) -> None:
        identity = await self.equipment.connect()
        if identity.boot == self._boot:
            return

        def meet(session: Session) -> tuple[int, int]:
            journal = results.meet(session, self.equipment_id, identity, plant_now(session))
            return journal.id, journal.received

        self._journal_id, self._received = await self._transact(meet)
        self._boot = identity.boot

    async def _store(self, batch: RecordBatch) -> None:
        self._received = await self._transact(lambda s: results.receive(s, self._journal_id, batch))

    async def _send(self, errand: Errand) -> bool:
        """Send an order; whether the equipment took it."""
        if errand.run_state is not RunState.ORDERED:  # it began, so it was accepted, though the answer was lost
            await self._transact(lambda s: orders.set_state(s, errand.run_id, OrderState.SENT))
            return True
        order, maps = await self._transact(lambda s: orders.words(s, errand.run_id))
        answer = await self._provide_recipe(errand.recipe_version_id)
        if answer.accepted:
            answer = await self._give(order, maps)
        if answer.accepted:
            await self._transact(lambda s: orders.set_state(s, errand.run_id, OrderState.SENT))
        else:
            why = answer.text or f"return status {answer.status}"
            await self._transact(lambda s: orders.refused(s, errand.run_id, why, act_now(s, ACTOR)))
        return answer.accepted

    async def _give(self, order: JobOrder, maps: list[PositionMap]) -> Answer:
        known = {job.job_order_id: job.state for job in await self.equipment.jobs()}
        state = known.get(order.job_order_id)
        if state is None:
            answer = await self.equipment.store(order)
            if not answer.accepted:
                return answer
        if state in (None, JobState.NOT_ALLOWED_TO_START):
            for positions in maps:
                answer = await self.equipment.load_map(order.job_order_id, positions)
                if not answer.accepted:
                    return answer
            return await self.equipment.start(order.job_order_id)
        return Answer(ReturnStatus.NO_ERROR)

    async def _provide_recipe(self, recipe_version_id: int) -> Answer:
        """The equipment must hold the approved body: download it where it holds none, and compare the hash."""
        recipe = await self._transact(lambda s: s.get_one(RecipeVersion, recipe_version_id))
        held = await self._held(recipe)
        if held is None:
            answer = await self.equipment.download_recipe(recipe.recipe, recipe.version, recipe.body, recipe.sha256)
            if not answer.accepted:
                return answer
            held = await self._held(recipe)
        await self._transact(lambda s: _remember(s, self.equipment_id, recipe_version_id, held or ""))
        if held != recipe.sha256:
            return Answer(ReturnStatus.CANNOT_ACCEPT, f"{self.equipment.name} holds another body under {recipe.name}")
        return Answer(ReturnStatus.NO_ERROR)

    async def _held(self, recipe: RecipeVersion) -> str | None:
        for held in await self.equipment.recipes():
            if (held.name, held.version) == (recipe.recipe, recipe.version):
                return held.sha256
        return None

    async def _affect(self, errand: Errand, effect: Effect) -> None:
        """Tell the equipment what holds make of a job, where that makes a difference to it now."""
        state = {job.job_order_id: job.state for job in await self.equipment.jobs()}.get(errand.run)
        answer = Answer(ReturnStatus.NO_ERROR)
        if effect is Effect.ABORT and state in (JobState.RUNNING, JobState.INTERRUPTED):
            answer = await self.equipment.abort(errand.run)
        elif effect is Effect.PAUSE and state == JobState.RUNNING:
            answer = await self.equipment.pause(errand.run)
        elif effect is Effect.FINISH and state == JobState.INTERRUPTED:
            answer = await self.equipment.resume(errand.run)
        await self._transact(lambda s: orders.told(s, errand.run_id, effect, answer, act_now(s, ACTOR)))

    async def _tidy(self, errand: Errand) -> None:
        """A run is over: the equipment may forget its order, and stops working on one that a person closed."""
        known = {job.job_order_id: job.state for job in await self.equipment.jobs()}
        state = known.get(errand.run)
        if state in (JobState.NOT_ALLOWED_TO_START, JobState.ALLOWED_TO_START):
            await self.equipment.cancel(errand.run)
        elif state in (JobState.RUNNING, JobState.INTERRUPTED):
            await self.equipment.abort(errand.run)
            return
        elif state is not None:
            await self.equipment.clear(errand.run)
        await self._transact(lambda s: orders.set_state(s, errand.run_id, OrderState.CLOSED))


def _remember(session: Session, equipment_id: int, recipe_version_id: int, sha256: str) -> None:
    values = {"sha256": sha256, "verified_at": plant_now(session)}
    key = {"equipment_id": equipment_id, "recipe_version_id": recipe_version_id}
    statement = insert(RecipeOnEquipment).values(**key, **values)
    session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def links(database: Database, line: dict[str, Equipment]) -> list[Link]:
    """A link for each equipment of the line that the plant knows, by name."""
    with database.reading() as session:
        ids = {row.name: row.id for row in session.execute(select(EquipmentRecord.name, EquipmentRecord.id))}
    return [Link(database, ids[name], line[name]) for name in sorted(line) if name in ids]
