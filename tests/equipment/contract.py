"""What every client of an equipment must do, whatever lies between it and the device.

Each contract is a coroutine on a fresh, connected `SteppedEquipment` around ``Shop().device(BONDER)``: a bonder named
``bonder-1`` with one place, at `SHIFT_BEGINS`, that holds ``placement@1`` and no job order. Run all of `CONTRACTS`
against every client.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from equipment.client import SteppedEquipment
from equipment.interface.codec import record_text, sha256_of
from equipment.interface.messages import (
    PASS_BIN,
    Answer,
    EquipmentChange,
    JobChange,
    JobOrder,
    PositionMap,
    Record,
    SubstrateResult,
)
from equipment.interface.states import E10State, JobState, MapRole, Outcome, ReturnStatus, TransferOutcome
from tests.equipment.shop import SHIFT_BEGINS, Shop, assembly, begin, full, maps_of, run_out

UNKNOWN = "J-unknown"


async def _begin(equipment: SteppedEquipment, job: JobOrder) -> None:
    assert (await equipment.store(job)).accepted
    for positions in maps_of(job):
        assert (await equipment.load_map(job.job_order_id, positions)).accepted
    assert (await equipment.start(job.job_order_id)).accepted


async def _run_out(equipment: SteppedEquipment) -> tuple[Record, ...]:
    while (event := await equipment.next_event()) is not None:
        await equipment.advance(event)
    return (await equipment.records(0, 10_000)).records


async def _state(equipment: SteppedEquipment, job_order_id: str) -> JobState | None:
    states = {job.job_order_id: job.state for job in await equipment.jobs()}
    return states.get(job_order_id)


def _refused(answer: Answer, bit: ReturnStatus) -> bool:
    return not answer.accepted and answer.status == bit and bool(answer.text)


async def says_who_it_is(equipment: SteppedEquipment) -> None:
    identity = await equipment.connect()
    assert (identity.equipment, identity.equipment_class, identity.head) == ("bonder-1", "placement_class", 0)
    assert equipment.name == "bonder-1"
    assert identity.journal and identity.boot
    assert await equipment.connect() == identity


async def holds_recipes_by_their_hash(equipment: SteppedEquipment) -> None:
    body = "bond_force = 55 N\n"
    assert _refused(await equipment.download_recipe("new", 2, body, "0" * 64), ReturnStatus.INVALID_REQUEST)
    for _ in range(2):
        assert (await equipment.download_recipe("new", 2, body, sha256_of(body))).accepted
    held = {(recipe.name, recipe.version): recipe for recipe in await equipment.recipes()}
    assert set(held) == {("new", 2), ("placement", 1)}
    assert held["new", 2].sha256 == sha256_of(body)
    assert held["new", 2].since == SHIFT_BEGINS


async def refuses_an_order_with_another_hash(equipment: SteppedEquipment) -> None:
    wrong = replace(assembly(), sha256="f" * 64)
    answer = await equipment.store(wrong)
    assert _refused(answer, ReturnStatus.INVALID_REQUEST)
    assert "hash" in answer.text
    assert await equipment.jobs() == ()


async def refuses_what_the_state_forbids(equipment: SteppedEquipment) -> None:
    job = assembly()
    for method in (equipment.start, equipment.stop, equipment.abort, equipment.clear, equipment.cancel):
        assert _refused(await method(UNKNOWN), ReturnStatus.UNKNOWN_JOB)
    assert _refused(await equipment.load_map(UNKNOWN, maps_of(job)[0]), ReturnStatus.UNKNOWN_JOB)
    assert (await equipment.store(job)).accepted
    assert _refused(await equipment.start("J-1"), ReturnStatus.INVALID_REQUEST)  # no map yet
    assert _refused(await equipment.stop("J-1"), ReturnStatus.INVALID_STATUS)
    assert _refused(await equipment.clear("J-1"), ReturnStatus.INVALID_STATUS)
    stranger = PositionMap("stranger", MapRole.WORK, full())
    assert _refused(await equipment.load_map("J-1", stranger), ReturnStatus.INVALID_REQUEST)
    assert _refused(await equipment.store(assembly("J-2")), ReturnStatus.CANNOT_ACCEPT)  # one place


async def works_an_order_and_tells_of_it(equipment: SteppedEquipment) -> None:
    await _begin(equipment, assembly())
    assert await _state(equipment, "J-1") is JobState.RUNNING
    records = await _run_out(equipment)
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    assert [type(record.body) for record in records] == [
        JobChange,
        EquipmentChange,
        SubstrateResult,
        SubstrateResult,
        JobChange,
        EquipmentChange,
    ]
    assert records[0].body == JobChange(JobState.RUNNING)
    assert records[1].body == EquipmentChange(E10State.PRD)
    assert records[4].body == JobChange(JobState.ENDED)
    assert records[5].body == EquipmentChange(E10State.SBY)
    assert [record.job_order_id for record in records] == ["J-1", "", "J-1", "J-1", "J-1", ""]
    assert records[0].happened_at == SHIFT_BEGINS < records[2].happened_at < records[3].happened_at
    assert await _state(equipment, "J-1") is JobState.ENDED


async def reports_every_transfer(equipment: SteppedEquipment) -> None:
    await _begin(equipment, assembly())
    first = next(r.body for r in await _run_out(equipment) if isinstance(r.body, SubstrateResult))
    assert first.outcome is Outcome.DONE
    assert first.touched.all()
    assert first.bins is not None and first.bins.dtype == np.uint8
    assert (first.bins == PASS_BIN).mean() > 0.9
    moves = first.transfers
    assert moves is not None and moves.targets == ("T-1",)
    assert moves.sources == ("S-logic", "S-memory-1", "S-memory-2")
    placed = moves.outcome == TransferOutcome.PLACED
    sites = list(zip(moves.to_x[placed], moves.to_y[placed], moves.site[placed], moves.level[placed], strict=True))
    assert len(sites) == len(set(sites)) > 2 * full().size
    assert set(moves.head.tolist()) == {0, 1}
    assert first.energy_kwh > 0
    assert first.measured[0].name == "offset_um"


async def tells_what_the_device_tells(equipment: SteppedEquipment) -> None:
    await _begin(equipment, assembly())
    told = await _run_out(equipment)
    with Shop() as shop:
        device = shop.device()
        begin(device, assembly(), maps_of(assembly()))
        meant = run_out(device)
    assert [record_text(replace(record, journal="")) for record in told] == [
        record_text(replace(record, journal="")) for record in meant
    ]


async def is_idempotent(equipment: SteppedEquipment) -> None:
    job = assembly()
    for _ in range(2):
        assert (await equipment.store(job)).accepted
    for positions in maps_of(job) * 2:
        assert (await equipment.load_map("J-1", positions)).accepted
    for _ in range(3):
        assert (await equipment.start("J-1")).accepted
    assert (await equipment.store(job)).accepted
    records = await _run_out(equipment)
    assert (await equipment.start("J-1")).accepted
    for _ in range(2):
        assert (await equipment.clear("J-1")).accepted
    assert not (await equipment.store(job)).accepted  # ids are unique for ever
    assert await equipment.jobs() == ()
    again = (await equipment.records(0, 10_000)).records
    assert [record_text(record) for record in again] == [record_text(record) for record in records]


async def keeps_records_until_acknowledged(equipment: SteppedEquipment) -> None:
    await _begin(equipment, assembly())
    everything = await _run_out(equipment)
    batch = await equipment.records(1, 2)
    assert [record.sequence for record in batch.records] == [2, 3]
    assert batch.head == len(everything)
    await equipment.acknowledge(batch.journal, 3)
    left = await equipment.records(0)
    assert [record.sequence for record in left.records] == list(range(4, len(everything) + 1))
    assert (await equipment.connect()).head == len(everything)


async def stops_after_the_substrate(equipment: SteppedEquipment) -> None:
    await _begin(equipment, assembly())
    await equipment.advance(SHIFT_BEGINS + timedelta(seconds=40))
    for _ in range(2):
        assert (await equipment.stop("J-1")).accepted
    assert await _state(equipment, "J-1") is JobState.RUNNING
    records = await _run_out(equipment)
    results = [record.body for record in records if isinstance(record.body, SubstrateResult)]
    assert [(result.substrate, result.outcome) for result in results] == [("T-1", Outcome.DONE)]
    assert records[-2].body == JobChange(JobState.ENDED, "stopped: by order")


async def aborts_at_once(equipment: SteppedEquipment) -> None:
    await _begin(equipment, assembly())
    end = await equipment.next_event()
    assert end is not None
    now = SHIFT_BEGINS + (end - SHIFT_BEGINS) / 2
    await equipment.advance(now)
    for _ in range(2):
        assert (await equipment.abort("J-1")).accepted
    assert await equipment.next_event() is None
    records = (await equipment.records(0)).records
    partial = records[2].body
    assert isinstance(partial, SubstrateResult)
    assert (partial.outcome, partial.ended_at) == (Outcome.PARTIAL, now)
    assert int(partial.touched.sum()) == full().size // 2
    change = records[3].body
    assert isinstance(change, JobChange) and change.state is JobState.ABORTED
    assert (await equipment.clear("J-1")).accepted


async def stands_still_until_it_is_resumed(equipment: SteppedEquipment) -> None:
    await _begin(equipment, assembly())
    for _ in range(2):
        assert (await equipment.pause("J-1")).accepted
    assert await equipment.next_event() is None
    assert [job.state for job in await equipment.jobs()] == [JobState.INTERRUPTED]
    for _ in range(2):
        assert (await equipment.resume("J-1")).accepted
    assert await equipment.next_event() is not None
    assert [job.state for job in await equipment.jobs()] == [JobState.RUNNING]


async def cancels_what_has_not_begun(equipment: SteppedEquipment) -> None:
    assert (await equipment.store(assembly())).accepted
    for _ in range(2):
        assert (await equipment.cancel("J-1")).accepted
    assert await equipment.jobs() == ()
    await _begin(equipment, assembly("J-2"))
    assert _refused(await equipment.cancel("J-2"), ReturnStatus.INVALID_STATUS)


async def moves_only_by_its_clock(equipment: SteppedEquipment) -> None:
    assert await equipment.next_event() is None
    await _begin(equipment, assembly())
    event = await equipment.next_event()
    assert event is not None
    await equipment.advance(event - timedelta(milliseconds=1))
    await equipment.advance(SHIFT_BEGINS)
    assert len((await equipment.records(0)).records) == 2
    await equipment.advance(event)
    assert len((await equipment.records(0)).records) == 3


async def takes_the_faults_of_its_kind(equipment: SteppedEquipment) -> None:
    assert (await equipment.fault("collet_wear", 2.0)).accepted
    assert (await equipment.fault("collet_wear", 0.0)).accepted
    assert _refused(await equipment.fault("contact_wear", 1.0), ReturnStatus.INVALID_REQUEST)
    assert _refused(await equipment.fault("collet_wear", -1.0), ReturnStatus.INVALID_REQUEST)


async def calls_when_there_is_news(equipment: SteppedEquipment) -> None:
    await _begin(equipment, assembly())
    assert await equipment.news(timeout_s=10.0)
    assert (await equipment.records(0)).records[0].body == JobChange(JobState.RUNNING)


Contract = Callable[[SteppedEquipment], Coroutine[None, None, None]]

CONTRACTS: tuple[Contract, ...] = (
    says_who_it_is,
    holds_recipes_by_their_hash,
    refuses_an_order_with_another_hash,
    refuses_what_the_state_forbids,
    works_an_order_and_tells_of_it,
    reports_every_transfer,
    tells_what_the_device_tells,
    is_idempotent,
    keeps_records_until_acknowledged,
    stops_after_the_substrate,
    aborts_at_once,
    stands_still_until_it_is_resumed,
    cancels_what_has_not_begun,
    moves_only_by_its_clock,
    takes_the_faults_of_its_kind,
    calls_when_there_is_news,
)
"""Every contract, to be parametrised over."""

for_every_contract = pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
