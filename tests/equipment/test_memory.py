"""The in-memory twin keeps the contract, and breaks as a network can."""

import asyncio

import pytest

from equipment.client import EquipmentLost
from equipment.client.memory import MemoryEquipment
from equipment.interface.states import JobState
from tests.equipment.contract import Contract, for_every_contract
from tests.equipment.shop import Shop, assembly


@for_every_contract
def test_contract(contract: Contract) -> None:
    with Shop() as shop:
        asyncio.run(contract(MemoryEquipment(shop.device())))


def test_nothing_gets_through_a_cut_link() -> None:
    async def scenario(twin: MemoryEquipment) -> None:
        twin.cut()
        for call in (twin.connect, twin.jobs, twin.recipes, twin.next_event):
            with pytest.raises(EquipmentLost):
                await call()
        with pytest.raises(EquipmentLost):
            await twin.store(assembly())
        with pytest.raises(EquipmentLost):
            await twin.news(10.0)
        twin.mend()
        assert await twin.jobs() == ()

    with Shop() as shop:
        asyncio.run(scenario(MemoryEquipment(shop.device())))


def test_a_call_whose_answer_was_lost_has_been_executed() -> None:
    async def scenario(twin: MemoryEquipment) -> None:
        twin.lose_reply("store")
        with pytest.raises(EquipmentLost):
            await twin.store(assembly())
        with pytest.raises(EquipmentLost):
            await twin.connect()
        twin.mend()
        assert [(job.job_order_id, job.state) for job in await twin.jobs()] == [("J-1", JobState.NOT_ALLOWED_TO_START)]
        assert (await twin.store(assembly())).accepted

    with Shop() as shop:
        asyncio.run(scenario(MemoryEquipment(shop.device())))


def test_who_waits_for_news_learns_that_the_link_is_cut() -> None:
    async def scenario(twin: MemoryEquipment) -> None:
        waiting = asyncio.create_task(twin.news(10.0))
        await asyncio.sleep(0)
        twin.cut()
        assert await waiting
        with pytest.raises(EquipmentLost):
            await twin.records(0)

    with Shop() as shop:
        asyncio.run(scenario(MemoryEquipment(shop.device())))
