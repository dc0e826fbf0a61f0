"""A line of equipment processes: what it publishes, how it comes back, how it ends."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from equipment.client import EquipmentLost
from equipment.client.opcua import OpcuaEquipment, open_line
from equipment.client.opcua_link import Link
from equipment.interface import nodes, ua_messages
from equipment.interface.codec import sha256_of
from equipment.interface.messages import JobOrder, SubstrateResult
from equipment.interface.nodes import Method
from equipment.interface.pki import CONNECTOR_URI
from equipment.interface.states import E10State, JobState, ReturnStatus
from equipment.sim.__main__ import main
from equipment.sim.config import Kind
from equipment.sim.server_nodes import EVENT_TYPE
from tests.equipment.line_process import LineProcess, is_alive
from tests.equipment.shop import BODIES, SHIFT_BEGINS, maps_of, order

BODY = BODIES[Kind.THERMAL]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineProcess]:
    process = LineProcess.of_plant(tmp_path_factory.mktemp("plant"), "--stepped")
    yield process
    process.close()


@asynccontextmanager
async def oven(line: LineProcess) -> AsyncIterator[OpcuaEquipment]:
    """The oven with its recipe, at the begin of the shift or later."""
    equipment = line.client("oven-1")
    await equipment.connect()
    await equipment.advance(SHIFT_BEGINS)
    assert (await equipment.download_recipe("thermal", 1, BODY, sha256_of(BODY))).accepted
    try:
        yield equipment
    finally:
        await equipment.close()


@asynccontextmanager
async def linked(line: LineProcess) -> AsyncIterator[Link]:
    """The oven by the methods of its table."""
    link = await Link.open(line.address("oven-1"), lambda: None)
    try:
        yield link
    finally:
        await link.close()


async def prepare(equipment: OpcuaEquipment, job: JobOrder) -> None:
    assert (await equipment.store(job)).accepted
    for positions in maps_of(job):
        assert (await equipment.load_map(job.job_order_id, positions)).accepted


async def run_out(equipment: OpcuaEquipment) -> None:
    while (event := await equipment.next_event()) is not None:
        await equipment.advance(event)


def test_open_line_reaches_all_equipment(line: LineProcess) -> None:
    async def scenario() -> None:
        opened = open_line(line.data_dir)
        assert list(opened) == ["bonder-1", "oven-1"]
        for name, equipment in opened.items():
            identity = await equipment.connect()
            assert identity.equipment == name
            await equipment.close()
            with pytest.raises(EquipmentLost):
                await equipment.jobs()

    asyncio.run(scenario())


def test_killed_equipment_comes_back_with_its_journal_and_jobs(line: LineProcess) -> None:
    async def scenario() -> None:
        async with oven(line) as equipment:
            await prepare(equipment, job := order(Kind.THERMAL, "J-kill", ("T-1", "T-2")))
            assert (await equipment.start(job.job_order_id)).accepted
            before, records = await equipment.connect(), await equipment.records(0)
            address = line.endpoints()["oven-1"]
            os.kill(address["pid"], signal.SIGKILL)
            line.wait_for("oven-1 ended with code -9")
            line.wait_for("oven-1 serves again")
            with pytest.raises(EquipmentLost):
                await equipment.jobs()
            after = await equipment.connect()
            assert (after.journal, after.head) == (before.journal, before.head)
            assert after.boot != before.boot
            assert [r.body for r in (await equipment.records(0)).records] == [r.body for r in records.records]
            assert JobState.RUNNING in [job.state for job in await equipment.jobs()]
            again = line.endpoints()["oven-1"]
            assert again["pid"] != address["pid"]
            assert again | {"pid": 0} == address | {"pid": 0}
            await run_out(equipment)
            last = (await equipment.records(before.head)).records
            assert [r.body.substrate for r in last if isinstance(r.body, SubstrateResult)] == ["T-1", "T-2"]
            assert (await equipment.clear(job.job_order_id)).accepted

    asyncio.run(scenario())


def test_methods_of_the_standard_that_the_mes_has_no_use_for(line: LineProcess) -> None:
    async def scenario() -> None:
        async with oven(line) as equipment, linked(line) as link:
            job = order(Kind.THERMAL, "J-standard", ("T-3",))

            async def status(method: Method, argument: object) -> int:
                return int(await link.call(method, argument, []))

            async def state() -> list[JobState]:
                return [held.state for held in await equipment.jobs() if held.job_order_id == "J-standard"]

            done = int(ReturnStatus.NO_ERROR)
            await prepare(equipment, job)
            assert await status(nodes.UPDATE, ua_messages.order_to_ua(job)) == done
            start = ua_messages.order_to_ua(job)
            assert await status(nodes.STORE_AND_START, start) == done
            assert await state() == [JobState.RUNNING]
            assert await status(nodes.PAUSE, "J-standard") == done
            assert await state() == [JobState.INTERRUPTED]
            assert await status(nodes.RESUME, "J-standard") == done
            assert await status(nodes.REVOKE_START, "J-standard") == ReturnStatus.INVALID_STATUS
            refusal = await link.call(nodes.LAST_REFUSAL, "J-standard")
            assert refusal[0] == ReturnStatus.INVALID_STATUS
            assert "RUNNING" in refusal[1]
            await run_out(equipment)
            assert (await equipment.clear("J-standard")).accepted

    asyncio.run(scenario())


def test_recipe_is_uploaded_and_deleted(line: LineProcess) -> None:
    async def scenario() -> None:
        async with oven(line), linked(line) as link:
            assert await link.call(nodes.UPLOAD_RECIPE, "thermal", 1) == (ReturnStatus.NO_ERROR, "", BODY)
            (masters,) = await link.read(nodes.WORK_MASTER)
            assert [(m.ID, m.Parameters[0].Value.Value) for m in masters] == [("thermal@1", sha256_of(BODY))]
            assert (await link.call(nodes.DELETE_RECIPE, "thermal", 1))[0] == ReturnStatus.NO_ERROR
            assert (await link.call(nodes.UPLOAD_RECIPE, "thermal", 1))[0] == ReturnStatus.INVALID_REQUEST
            (masters,) = await link.read(nodes.WORK_MASTER)
            assert not masters

    asyncio.run(scenario())


def test_job_response_and_states_follow_the_job(line: LineProcess) -> None:
    async def scenario() -> None:
        async with oven(line) as equipment, linked(line) as link:
            await prepare(equipment, order(Kind.THERMAL, "J-response", ("T-4", "T-5")))
            response, status = await link.call(nodes.RESPONSE_BY_ID, "J-response")
            assert (response.JobState[0].StateNumber, response.StartTime, status) == (1, None, 1)
            assert (await equipment.start("J-response")).accepted
            assert await link.read(nodes.E10_STATE) == (E10State.PRD,)
            (energy,) = await link.read(nodes.ENERGY_KWH)
            await run_out(equipment)
            response, _ = await link.call(nodes.RESPONSE_BY_ID, "J-response")
            records = [r for r in (await equipment.records(0)).records if r.job_order_id == "J-response"]
            said = {p.ID: p.Value.Value for p in response.JobResponseData}
            assert said == {"LastRecord": records[-1].sequence, "SubstrateResults": 2}
            assert (response.StartTime, response.EndTime) == (records[0].happened_at, records[-1].happened_at)
            assert await link.read(nodes.E10_STATE) == (E10State.SBY,)
            assert (await link.read(nodes.ENERGY_KWH))[0] > energy
            ended = ua_messages.state_to_ua(JobState.ENDED)
            responses, _ = await link.call(nodes.RESPONSE_BY_STATE, ended)
            assert [r.JobOrderID for r in responses] == ["J-response"]
            assert (await equipment.clear("J-response")).accepted
            _, status = await link.call(nodes.RESPONSE_BY_ID, "J-response")
            assert status == ReturnStatus.UNKNOWN_JOB

    asyncio.run(scenario())


def test_every_change_of_a_job_raises_the_standards_event(line: LineProcess) -> None:
    async def scenario() -> None:
        async with oven(line) as equipment, raw_client(line) as client:
            index = await client.get_namespace_index(nodes.NAMESPACE)
            subscription = await client.create_subscription(20, None)
            await subscription.subscribe_events(evtypes=[client.get_node(ua.NodeId(EVENT_TYPE, index))])
            await prepare(equipment, order(Kind.THERMAL, "J-event", ("T-6",)))
            assert (await equipment.start("J-event")).accepted
            await run_out(equipment)
            heard: list[tuple[str, int, str]] = []
            async with asyncio.timeout(10):
                while len(heard) < 2:
                    event = (await anext(subscription)).event
                    heard.append((event.JobOrder.JobOrderID, event.JobState[0].StateNumber, event.SourceName))
            assert heard == [("J-event", 3, "JobOrderControl"), ("J-event", 5, "JobOrderControl")]
            assert (await equipment.clear("J-event")).accepted

    asyncio.run(scenario())


@asynccontextmanager
async def raw_client(line: LineProcess) -> AsyncIterator[Client]:
    address = line.address("oven-1")
    client = Client(address.url, timeout=5)
    client.application_uri = CONNECTOR_URI
    await client.set_security(
        SecurityPolicyBasic256Sha256, address.client_certificate, address.client_key,
        server_certificate=str(address.server_certificate),
    )  # fmt: skip
    client.set_user(address.user)
    client.set_password(address.password)
    async with client:
        yield client


def test_wrong_arguments_are_refused_and_the_server_lives(line: LineProcess) -> None:
    async def scenario() -> None:
        async with oven(line), raw_client(line) as client:
            index = await client.get_namespace_index(nodes.NAMESPACE)

            async def call(method: Method, *arguments: Any) -> Any:
                owner = client.get_node(ua.NodeId(method.path.rpartition(".")[0], index))
                return await owner.call_method(ua.NodeId(method.path, index), *arguments)

            right = (ua.Variant("", ua.VariantType.String), ua.Variant(0, ua.VariantType.UInt64),
                     ua.Variant(5, ua.VariantType.UInt32))  # fmt: skip
            assert await call(nodes.GET_RECORDS, *right)
            for wrong in (right[:2], (*right, right[0]), (right[1], right[0], right[2])):
                with pytest.raises(ua.UaStatusCodeError, match=r"(?i)argument"):
                    await call(nodes.GET_RECORDS, *wrong)
            other = await call(nodes.GET_RECORDS, ua.Variant("no-such", ua.VariantType.String), *right[1:])
            assert other[3] in ([], None)

    asyncio.run(scenario())


def test_unknown_journal_is_not_acknowledged(line: LineProcess) -> None:
    async def scenario() -> None:
        async with oven(line) as equipment, linked(line) as link:
            before = await equipment.records(0)
            assert before.records
            answer = await link.call(nodes.ACKNOWLEDGE, "no-such", before.head)
            assert answer[0] == ReturnStatus.INVALID_REQUEST
            assert len((await equipment.records(0)).records) == len(before.records)
            await equipment.acknowledge(before.journal, before.head)
            assert (await equipment.records(0)).records == ()

    asyncio.run(scenario())


def test_running_clock_moves_the_equipment_and_cannot_be_stepped(tmp_path: Path) -> None:
    started = time.time()
    running = ("--epoch", SHIFT_BEGINS.isoformat(), "--wall0", str(started), "--speed", "3600")
    line = LineProcess.of_plant(tmp_path, *running)

    async def scenario() -> None:
        equipment = line.client("oven-1")
        await equipment.connect()
        assert (await equipment.download_recipe("thermal", 1, BODY, sha256_of(BODY))).accepted
        await prepare(equipment, order(Kind.THERMAL, "J-1", ("T-1",)))
        ordered_at = SHIFT_BEGINS + timedelta(seconds=(time.time() - started) * 3600)
        assert (await equipment.start("J-1")).accepted
        with pytest.raises(RuntimeError, match="runs by itself"):
            await equipment.advance(datetime.now(UTC))
        while not any(isinstance(r.body, SubstrateResult) for r in (await equipment.records(0)).records):
            assert await equipment.news(timeout_s=10.0)
        first = (await equipment.records(0)).records[0]
        assert ordered_at <= first.happened_at < SHIFT_BEGINS + timedelta(seconds=(time.time() - started) * 3600)
        await equipment.close()

    asyncio.run(scenario())
    pids = [endpoint["pid"] for endpoint in line.endpoints().values()]
    assert line.end() == 0
    assert not any(map(is_alive, pids))


def test_equipment_without_fork_serves_too_and_ends_when_its_line_is_killed(tmp_path: Path) -> None:
    line = LineProcess.of_plant(tmp_path, "--stepped", "--spawn")
    test_open_line_reaches_all_equipment(line)
    pids = [endpoint["pid"] for endpoint in line.endpoints().values()]
    assert all(map(is_alive, pids))
    line.kill()
    assert not any(map(is_alive, pids))


@pytest.mark.parametrize(
    ("plant", "options", "words"),
    [
        ("", ["--stepped"], "equipment.yaml"),
        ("classes: []\nequipment: [{name: a, class: b}]", ["--stepped"], "class b"),
        ("classes: []\nequipment: []", ["--stepped", "--speed", "1"], "either --stepped"),
        ("classes: []\nequipment: []", ["--speed", "1"], "either --stepped"),
    ],
)
def test_line_that_cannot_start_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], plant: str, options: list[str], words: str
) -> None:
    if plant:
        (tmp_path / "equipment.yaml").write_text(plant)
    try:
        code = main(["--plant", str(tmp_path), "--data-dir", str(tmp_path / "d"), "--seed", "1", *options])
    except SystemExit as wrong_use:
        code = int(wrong_use.code or 0)
    assert code in (1, 2)
    assert words in capsys.readouterr().err
