"""A device that is killed anywhere goes on where it was and produces the very same records."""

import multiprocessing
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipment.interface.codec import record_text
from equipment.interface.messages import JobChange, JobOrder, JobSubstrate
from equipment.interface.states import E10State, JobState
from equipment.sim.config import DeviceConfig, Kind
from equipment.sim.device import Device
from equipment.sim.disk import Disk, HeldJob, Machine
from equipment.sim.world import Happened, Truths, World
from tests.equipment.shop import BONDER, Shop, assembly, begin, config, maps_of, order, run_out

ASSEMBLY = assembly(substrates=["T-1", "T-2", "T-3"])
CASES: tuple[tuple[DeviceConfig, JobOrder], ...] = (
    (replace(BONDER, faults={"stop_in_job": 1.0}), ASSEMBLY),
    (BONDER, ASSEMBLY),
    (config(Kind.THERMAL), order(Kind.THERMAL, substrates=["T-1", "T-2", "T-3"])),
    (config(Kind.TEST), order(Kind.TEST, substrates=["T-1", "T-2", "T-3"])),
    (config(Kind.HANDLING), order(Kind.HANDLING, substrates=["T-1", "T-2"], loads=("B-1", "B-2", "B-3"))),
)


class Killed(Exception):
    """Stands for the end of the process: nothing after it happens."""


class WorldWithPowerCut(World):
    """Ends the process after the world has noted the n-th piece of work, before the disk has."""

    def __init__(self, path: Path, works: int) -> None:
        super().__init__(path)
        self._left = works

    def once(
        self,
        equipment: str,
        order: JobOrder,
        part: JobSubstrate,
        substrates: list[str],  # type: ignore[override]
        work: Callable[[Truths], Happened],
    ) -> Happened:
        happened = super().once(equipment, order, part, substrates, work)
        self._left -= 1
        if self._left == 0:
            raise Killed
        return happened


def _texts(device: Device) -> list[str]:
    return [record_text(record) for record in run_out(device)]


def _truth(shop: Shop) -> dict[str, bytes]:
    names = ["T-1", "T-2", "T-3", "B-1", "B-2", "B-3"]
    return {name: t.present.tobytes() + t.defects.tobytes() for name, t in shop.world.read(names).items()}


def _undisturbed(its_config: DeviceConfig, job: JobOrder) -> tuple[list[str], dict[str, bytes]]:
    with Shop() as shop:
        device = shop.device(its_config)
        begin(device, job, maps_of(job))
        return _texts(device), _truth(shop)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(CASES), st.lists(st.integers(0, 5), min_size=1, max_size=3))
def test_a_restart_between_events_changes_nothing(case: tuple[DeviceConfig, JobOrder], cuts: list[int]) -> None:
    its_config, job = case
    with tempfile.TemporaryDirectory() as folder, Shop(Path(folder)) as shop:
        device = shop.device(its_config)
        begin(device, job, maps_of(job))
        for boot, events in enumerate(cuts):
            for _ in range(events):
                _step(device)
            device = shop.device(its_config, boot=f"boot-{boot + 2}", journal="not taken: the disk has its own")
            assert device.identity().journal == f"journal-of-{its_config.name}"
        assert (_texts(device), _truth(shop)) == _undisturbed(its_config, job)


def _step(device: Device) -> datetime | None:
    event = device.next_event()
    if event is not None:
        device.advance(event)
    return event


@pytest.mark.parametrize("works", [1, 2, 3])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].kind}{'-stopping' if case[0].faults else ''}")
def test_a_kill_between_world_and_disk_changes_nothing(
    case: tuple[DeviceConfig, JobOrder], works: int, tmp_path: Path
) -> None:
    its_config, job = case
    whole = _undisturbed(its_config, job)
    happens = min(works, sum('"kind":"result"' in text for text in whole[0]))
    with Shop(tmp_path) as shop:
        dying = Shop(tmp_path)
        dying.world.close()
        dying.world = WorldWithPowerCut(tmp_path / "world.sqlite", happens)
        device = dying.device(its_config)
        begin(device, job, maps_of(job))
        with pytest.raises(Killed):
            run_out(device)
        dying.world.close()
        dying.close()
        assert (_texts(shop.device(its_config)), _truth(shop)) == whole


def _work_on(folder: Path, telling: Connection) -> None:
    """Another process: work the order on its disk, telling of each event."""
    with Shop(folder) as shop:
        device = shop.device()
        while _step(device) is not None:
            telling.send(device.identity().head)
        telling.send(None)


def test_a_real_kill_changes_nothing(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        begin(shop.device(), ASSEMBLY, maps_of(ASSEMBLY))
    spawning = multiprocessing.get_context("spawn")
    for events_before_the_kill in (1, 2):
        hearing, telling = spawning.Pipe(duplex=False)
        process = spawning.Process(target=_work_on, args=(tmp_path, telling))
        process.start()
        for _ in range(events_before_the_kill):
            if hearing.recv() is None:
                break
        process.kill()
        process.join()
    with Shop(tmp_path) as shop:
        assert (_texts(shop.device()), _truth(shop)) == _undisturbed(BONDER, ASSEMBLY)


def test_without_its_disk_it_has_a_new_journal_and_no_jobs(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        device = shop.device()
        begin(device, ASSEMBLY, maps_of(ASSEMBLY))
        _step(device)
    for file in tmp_path.glob("bonder-1.sqlite*"):
        file.unlink()
    with Shop(tmp_path) as shop:
        device = shop.device(journal="another", boot="boot-2")
        identity = device.identity()
        assert (identity.journal, identity.boot, identity.head) == ("another", "boot-2", 0)
        assert device.jobs() == ()
        assert device.e10_state is E10State.SBY


def test_what_goes_wrong_half_way_leaves_nothing_behind() -> None:
    disk = Disk(":memory:", "journal")
    with pytest.raises(Killed), disk.change():
        disk.put_job(HeldJob(ASSEMBLY, JobState.RUNNING, "hash"))
        disk.append(disk.machine.now, "J-1", JobChange(JobState.RUNNING))
        raise Killed
    assert (disk.jobs(), disk.machine, disk.records(0, 10)) == ((), Machine(), ())
    disk.close()


def test_counters_and_faults_are_on_the_disk(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        device = shop.device()
        assert device.fault("collet_wear", 2.5).accepted
        begin(device, ASSEMBLY, maps_of(ASSEMBLY))
        _step(device)
        energy_kwh, now = device.energy_kwh, device.now
        again = shop.device(boot="boot-2")
        assert again.energy_kwh == energy_kwh > 0
        assert (again.now, again.e10_state) == (now, E10State.PRD)
