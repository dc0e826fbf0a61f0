"""Refusals, interruptions and faults of a device."""

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from equipment.interface.codec import sha256_of
from equipment.interface.messages import AttachSite, JobChange, JobOrder, Parameter, PositionMap, SubstrateResult
from equipment.interface.states import E10State, JobState, MapRole, Outcome, ReturnStatus
from equipment.sim.config import DeviceConfig, Kind, ProcessTime
from equipment.sim.device import Device
from equipment.sim.disk import Disk
from tests.equipment.shop import (
    BODIES,
    BONDER,
    SHIFT_BEGINS,
    Shop,
    assembly,
    begin,
    config,
    maps_of,
    order,
    run_out,
    work,
)

SITE = AttachSite(1, 1, "logic")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"recipe": "unknown@1"}, "not on bonder-1"),
        ({"recipe": "placement"}, "not on bonder-1"),
        ({"recipe": "placement@2"}, "not on bonder-1"),
        ({"sha256": "0" * 64}, "hash"),
        ({"parameters": (Parameter("bond_force", 60.0, "kgf"),)}, "bond_force is given in kgf"),
        ({"parameters": (Parameter("dwell_time", -1.0, "s"),)}, "cannot be run"),
        ({"parameters": (Parameter("bond_force", float("nan"), "N"),)}, "cannot be run"),
        ({"sites": (SITE, replace(SITE, product="lid"))}, "no source holds lid"),
        ({"sites": (SITE, SITE)}, "a site stands twice"),
        ({"loads": ("B-1",)}, "fills no loads"),
        ({"sources": (("T-1", "logic"), ("S-memory-1", "memory"))}, "two roles"),
    ],
)
def test_an_order_that_cannot_be_worked_is_refused(change: dict[str, object], told: str) -> None:
    good = assembly()
    with Shop() as shop:
        device = shop.device()
        answer = device.store(replace(good, **change))  # type: ignore[arg-type]  # one field of the right type
        assert answer.status == ReturnStatus.INVALID_REQUEST
        assert told in answer.text
        assert device.jobs() == ()
        assert device.store(good).accepted


def test_a_refusal_tells_every_reason() -> None:
    with Shop() as shop:
        device = shop.device(replace(BONDER, most_substrates=1))
        assert device.store(assembly("J-1", ["T-1"])).accepted
        answer = device.store(replace(assembly("J-2"), sha256="0" * 64))
    assert answer.status == ReturnStatus.INVALID_REQUEST | ReturnStatus.CANNOT_ACCEPT
    for told in ("hash", "2 substrates", "no place: it holds J-1"):
        assert told in answer.text


def test_an_order_starts_only_with_every_map_and_in_the_right_shape() -> None:
    job = assembly()
    with Shop() as shop:
        shop.world.see([PositionMap("T-2", MapRole.WORK, np.ones((3, 3), np.bool_))])
        device = shop.device()
        assert device.store(job).accepted
        for positions in maps_of(job)[1:]:
            assert device.load_map("J-1", positions).accepted
        answer = device.start("J-1")
        assert "the map of T-1 is missing" in answer.text
        assert "the map of T-2 is (6, 8), the substrate (3, 3)" in answer.text
        assert device.jobs()[0].state is JobState.NOT_ALLOWED_TO_START


@pytest.mark.parametrize("body", ["bond_force 60 N", "bond_force = much N", "a = 1 s\na = 2 s", "a = inf s", "= 1 s"])
def test_a_recipe_that_cannot_be_read_is_refused(body: str) -> None:
    with Shop() as shop:
        device = shop.device()
        answer = device.download_recipe("bad", 1, body, sha256_of(body))
        assert answer.status == ReturnStatus.INVALID_REQUEST
        assert "recipe line" in answer.text
        assert device.upload_recipe("bad", 1) is None


def test_a_recipe_in_use_stays_as_it_is() -> None:
    other = "bond_force = 1 N\n"
    with Shop() as shop:
        device = shop.device()
        assert device.store(assembly()).accepted
        answer = device.download_recipe("placement", 1, other, sha256_of(other))
        assert answer.status == ReturnStatus.CANNOT_ACCEPT
        assert device.delete_recipe("placement", 1).status == ReturnStatus.CANNOT_ACCEPT
        assert device.upload_recipe("placement", 1) == BODIES[Kind.PLACEMENT]
        assert device.cancel("J-1").accepted
        assert device.delete_recipe("placement", 1).accepted
        assert device.recipes() == ()


def test_time_stands_still_while_it_is_paused() -> None:
    with Shop() as shop:
        device = shop.device()
        begin(device, assembly(), maps_of(assembly()))
        planned = device.next_event()
        assert planned is not None
        device.advance(SHIFT_BEGINS + timedelta(seconds=10))
        assert device.pause("J-1").accepted
        assert (device.e10_state, device.next_event()) == (E10State.SBY, None)
        device.advance(SHIFT_BEGINS + timedelta(hours=5))
        assert device.resume("J-1").accepted
        assert device.e10_state is E10State.PRD
        assert device.next_event() == planned + timedelta(hours=5) - timedelta(seconds=10)
        records = run_out(device)
    states = [record.body.state.name for record in records if isinstance(record.body, JobChange)]
    assert states == ["RUNNING", "INTERRUPTED", "RUNNING", "ENDED"]
    energies = [record.body.energy_kwh for record in records if isinstance(record.body, SubstrateResult)]
    assert energies[0] == pytest.approx(2.0 * (planned - SHIFT_BEGINS).total_seconds() / 3600, abs=1e-6)


def _results(its_config: DeviceConfig, *jobs: JobOrder) -> tuple[list[SubstrateResult], list[JobChange]]:
    with Shop() as shop:
        device = shop.device(its_config)
        for job in jobs:
            begin(device, job, maps_of(job))
            run_out(device)
            assert device.clear(job.job_order_id).accepted
        bodies = [record.body for record in device.records(0, 1000).records]
    return [b for b in bodies if isinstance(b, SubstrateResult)], [b for b in bodies if isinstance(b, JobChange)]


def test_a_job_stops_half_way_through_a_substrate() -> None:
    names = ["T-1", "T-2", "T-3", "T-4"]
    jobs = [order(Kind.TEST, f"J-{n}", [f"{name}-{n}" for name in names]) for n in (1, 2, 3)]
    results, changes = _results(replace(config(Kind.TEST), faults={"stop_in_job": 2.0}), *jobs)
    second = [result for result in results if result.substrate.endswith("-2")]
    assert [result.outcome for result in second] == [Outcome.DONE, Outcome.DONE, Outcome.PARTIAL]
    assert int(second[-1].touched.sum()) == second[-1].touched.size // 2
    assert [change.state for change in changes] == [JobState.RUNNING, JobState.ENDED] * 3
    assert [change.reason.startswith("stopped: ") for change in changes[1::2]] == [False, True, False]
    assert len(results) == 4 + 3 + 4


def test_an_oven_that_stops_leaves_its_load_unheated() -> None:
    job = order(Kind.THERMAL, substrates=["T-1", "T-2"])
    results, changes = _results(replace(config(Kind.THERMAL), faults={"stop_in_job": 1.0}), job)
    assert [(result.outcome, bool(result.touched.any())) for result in results] == [(Outcome.PARTIAL, False)] * 2
    assert changes[-1].reason.startswith("stopped: ")


def test_records_of_another_journal_are_not_forgotten() -> None:
    with Shop() as shop:
        device = shop.device()
        begin(device, assembly(), maps_of(assembly()))
        device.acknowledge("another", 2)
        assert len(device.records(0, 10).records) == 2
        device.acknowledge("journal-of-bonder-1", 2)
        assert device.records(0, 10).records == ()
        assert device.identity().head == 2


def test_it_calls_when_it_has_written_records() -> None:
    calls: list[int] = []
    with Shop() as shop:
        device = shop.device()
        device.on_news = lambda: calls.append(device.identity().head)
        device.advance(SHIFT_BEGINS + timedelta(hours=1))
        assert calls == []
        begin(device, assembly(), maps_of(assembly()))
        run_out(device)
    assert calls == [2, 3, 6]


def test_two_devices_on_one_seed_do_not_depend_on_who_is_first() -> None:
    jobs = {n: assembly(f"J-{n}", [f"T-{n}"]) for n in (1, 2)}
    found = []
    for turns in ((1, 2), (2, 1)):
        with Shop() as shop:
            for n in turns:
                half = np.zeros((12, 12), np.bool_)
                half[:, (n - 1) * 6 : n * 6] = True
                device = shop.device(replace(BONDER, name=f"bonder-{n}"))
                begin(device, jobs[n], maps_of(jobs[n], sources=half))
                run_out(device)
            truths = shop.world.read(["T-1", "T-2", "S-logic"])
            found.append({name: (t.defects.tolist(), t.present.tolist()) for name, t in truths.items()})
    assert found[0] == found[1]


def test_a_new_disk_begins_nothing_before_it_is_told_the_time() -> None:
    job = assembly()
    with Shop() as shop, closing(Disk(":memory:", "journal-2")) as disk:
        device = Device(BONDER, disk, shop.world, shop.seed, "boot-2")
        body = BODIES[Kind.PLACEMENT]
        assert device.download_recipe("placement", 1, body, sha256_of(body)).accepted
        begin(device, job, maps_of(job))
        assert (device.next_event(), device.records(0, 10).records) == (None, ())
        device.advance(SHIFT_BEGINS)
        assert device.jobs()[0].state is JobState.RUNNING
        assert {record.happened_at for record in device.records(0, 10).records} == {SHIFT_BEGINS}


def test_exponential_times_vary_around_the_same_mean_and_are_the_same_again() -> None:
    job = order(Kind.HANDLING, substrates=[f"T-{n}" for n in range(20)])

    def times_s(process_time: ProcessTime) -> list[float]:
        with Shop() as shop:
            device = shop.device(replace(config(Kind.HANDLING), process_time=process_time))
            done = work(device, job, maps_of(job)).values()
        return [(one.ended_at - one.started_at).total_seconds() for one in done]

    fixed, varied = times_s(ProcessTime.FIXED), times_s(ProcessTime.EXPONENTIAL)
    assert len({*fixed}) == 1
    assert len({*varied}) == len(varied) == len(fixed)
    assert 0.5 < sum(varied) / sum(fixed) < 2
    assert times_s(ProcessTime.EXPONENTIAL) == varied
