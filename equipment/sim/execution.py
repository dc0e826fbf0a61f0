"""How job orders are worked: substrate by substrate, or all at once where the kind of physics is a batch.

Every function changes the disk inside the transaction of its caller, and the world before that: what the world has
noted is repeated from there when the device was killed before its disk had noted it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from equipment.interface.messages import EquipmentChange, JobChange, SubstrateResult
from equipment.interface.states import E10State, JobState, Outcome
from equipment.sim.config import STOP_IN_JOB, DeviceConfig, ProcessTime
from equipment.sim.disk import Disk, HeldJob
from equipment.sim.orders import recipe_of
from equipment.sim.processes import BATCH_KINDS, PROCESS_OF, Effect, Task
from equipment.sim.transitions import TRANSITIONS, Verb
from equipment.sim.world import Happened, Truths, World

BY_ORDER = "stopped: by order"
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Execution:
    """Works the job orders on a disk with the physics of one equipment."""

    config: DeviceConfig
    disk: Disk
    world: World
    seed: int

    @property
    def is_batch(self) -> bool:
        return self.config.kind in BATCH_KINDS

    @property
    def faults(self) -> Mapping[str, float]:
        """Faults from the plant file, and over them what was switched since."""
        return dict(self.config.faults) | dict(self.disk.faults)

    def next_to_end(self) -> HeldJob | None:
        """The running job order whose substrate ends first."""
        running = [job for job in self.disk.jobs() if job.state is JobState.RUNNING]
        return min(running, key=lambda job: _known(job.ends_at), default=None)

    def begin_allowed(self, at: datetime) -> None:
        """Begin what is allowed to start, in the order of storing, as long as there are places."""
        for job in self.disk.jobs():
            occupied = [j for j in self.disk.jobs() if j.state in (JobState.RUNNING, JobState.INTERRUPTED)]
            if job.state is JobState.ALLOWED_TO_START and len(occupied) < self.config.places:
                self._begin(job, at)
        self.settle_e10(at)

    def _begin(self, job: HeldJob, at: datetime) -> None:
        begun = self.disk.machine.jobs_begun + 1
        self.disk.put_machine(jobs_begun=begun)
        self.world.see(self.disk.maps(job.order.job_order_id).values())
        stop_part = len(job.order.substrates) // 2 if self.faults.get(STOP_IN_JOB) == begun else None
        self._begin_part(self.enter(replace(job, stop_part=stop_part), Verb.BEGIN, at), at)

    def enter(self, job: HeldJob, verb: Verb, at: datetime, reason: str = "") -> HeldJob:
        """Move a job order by the transition table and tell of it in the journal."""
        state, _ = TRANSITIONS[job.state, verb]
        moved = replace(job, state=state)
        self.disk.put_job(moved)
        self.disk.append(at, job.order.job_order_id, JobChange(state, reason))
        return moved

    def settle_e10(self, at: datetime) -> None:
        """Productive while a job order runs, standby otherwise."""
        running = any(job.state is JobState.RUNNING for job in self.disk.jobs())
        state = E10State.PRD if running else E10State.SBY
        if state is not self.disk.machine.e10_state:
            self.disk.put_machine(e10_state=state)
            self.disk.append(at, "", EquipmentChange(state))

    def _begin_part(self, job: HeldJob, at: datetime) -> None:
        """Plan the next substrate: a rehearsal on copies tells how long it takes."""
        most = None
        if job.stop_part is not None and self.is_batch:
            most = 0
        elif job.stop_part == job.part:
            part = job.order.substrates[job.part]
            most = int(np.count_nonzero(self.disk.maps(job.order.job_order_id)[part.substrate].allowed)) // 2
        planned = replace(job, started_at=at, most=most)
        work_s = self._rehearse(planned).work_s
        if self.config.process_time is ProcessTime.EXPONENTIAL:
            work_s *= self._task(planned, None).exponential("process_time")
        work = timedelta(milliseconds=max(1, round(work_s * 1000)))
        self.disk.put_job(replace(planned, ends_at=at + work, work_s=work.total_seconds()))

    def finish_part(self, job: HeldJob) -> None:
        """The substrate it works on has come to its planned end: report it and go on."""
        at = _known(job.ends_at)
        self._report(job, at, job.work_s)
        left = len(job.order.substrates) - job.part - 1
        breaks_off = job.most is not None or job.stopping
        if left and self.is_batch:
            self.disk.put_job(replace(job, part=job.part + 1))
        elif left and not breaks_off:
            self._begin_part(replace(job, part=job.part + 1), at)
        elif job.most is not None:
            part = job.order.substrates[job.part]
            self.enter(job, Verb.STOP, at, f"stopped: {self.config.name} failed in {part.substrate}")
        elif left:
            self.enter(job, Verb.STOP, at, BY_ORDER)
        else:
            self.enter(job, Verb.COMPLETE, at)
        self.begin_allowed(at)

    def break_off(self, job: HeldJob, verb: Verb, at: datetime, reason: str) -> None:
        """Leave a job order now. The substrate it works on is reported with the positions done so far."""
        if job.started_at is not None:
            left_s = max(0.0, (_known(job.ends_at) - (job.paused_at or at)).total_seconds())
            share = 1.0 - left_s / job.work_s
            last = len(job.order.substrates) if self.is_batch else job.part + 1
            for index in range(job.part, last):
                part = replace(job, part=index, most=self._done_by(job, index, share))
                self._report(part, at, job.work_s * share)
        self.enter(job, verb, at, reason)
        self.begin_allowed(at)

    def _done_by(self, job: HeldJob, index: int, share: float) -> int:
        """Positions done after that share of the time."""
        substrate = job.order.substrates[index].substrate
        planned = int(np.count_nonzero(self.disk.maps(job.order.job_order_id)[substrate].allowed))
        return int((planned if job.most is None else job.most) * share)

    def _report(self, job: HeldJob, at: datetime, spent_s: float) -> None:
        happened = self.world.once(
            self.config.name,
            job.order,
            job.order.substrates[job.part],
            self._substrates(job),
            lambda truths: self._work(job, truths, at, spent_s),
        )
        machine = self.disk.machine
        self.disk.put_machine(
            energy_kwh=machine.energy_kwh + happened.result.energy_kwh,
            wear=tuple(sorted(happened.wear.items())),
        )
        self.disk.append(happened.result.ended_at, job.order.job_order_id, happened.result)

    def _work(self, job: HeldJob, truths: Truths, at: datetime, spent_s: float) -> Happened:
        part = job.order.substrates[job.part]
        task = self._task(job, at)
        effect = PROCESS_OF[self.config.kind](task, truths)
        shares = len(job.order.substrates) if self.is_batch else 1
        done = bool((effect.touched == task.allowed).all())
        result = SubstrateResult(
            lot=part.lot,
            substrate=part.substrate,
            visit=part.visit,
            outcome=Outcome.DONE if done else Outcome.PARTIAL,
            started_at=_known(job.started_at),
            ended_at=at,
            energy_kwh=round(task.figures["power_kw"] * spent_s / SECONDS_PER_HOUR / shares, 6),
            touched=effect.touched,
            bins=effect.bins,
            transfers=effect.transfers,
            measured=effect.measured,
            parameters=effect.parameters,
        )
        return Happened(result, effect.wear, effect.changed)

    def _rehearse(self, job: HeldJob) -> Effect:
        return PROCESS_OF[self.config.kind](self._task(job, None), self.world.read(self._substrates(job)))

    def _task(self, job: HeldJob, ended_at: datetime | None) -> Task:
        figures = dict(self.config.numbers)
        for name, dose in self.faults.items():
            if name in figures:
                figures[name] += dose
        return Task(
            order=job.order,
            part=job.order.substrates[job.part],
            maps=self.disk.maps(job.order.job_order_id),
            recipe=recipe_of(self.disk, job.order),
            figures=figures,
            wear=self.disk.wear,
            heads=self.config.heads,
            started_at=_known(job.started_at),
            ended_at=ended_at,
            seed=self.seed,
            most=job.most,
        )

    @staticmethod
    def _substrates(job: HeldJob) -> list[str]:
        """Every substrate that the work on the current one can change."""
        sources = [source for source, _ in job.order.sources]
        return [job.order.substrates[job.part].substrate, *sources, *job.order.loads]


def _known(time: datetime | None) -> datetime:
    """A time that a running job order always has."""
    assert time is not None
    return time
