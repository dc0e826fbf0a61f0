"""A simulated equipment as one value: its disk, the world it works on, and a clock that others move.

It knows no network, no wall clock and no chance but keyed draws: the same calls at the same plant times give the
same records, in one process or in many, with or without kills in between.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from math import isfinite

from equipment.interface.codec import map_text, order_text, sha256_of
from equipment.interface.messages import (
    Answer,
    Identity,
    JobOnEquipment,
    JobOrder,
    PositionMap,
    RecipeHeld,
    RecordBatch,
)
from equipment.interface.states import E10State, JobState, ReturnStatus
from equipment.sim.config import DeviceConfig
from equipment.sim.disk import BEFORE_ALL, Disk, HeldJob
from equipment.sim.execution import BY_ORDER, Execution
from equipment.sim.orders import (
    ACCEPTED,
    against_content,
    against_map,
    against_place,
    against_start,
    answer,
    read_recipe_id,
    refused,
)
from equipment.sim.recipe import BadRecipe, RecipeValues
from equipment.sim.transitions import NOT_BEGUN, OPPOSITES, OVER, TRANSITIONS, Verb
from equipment.sim.world import World


class Device:
    """One equipment of a line. Methods return at once; work takes plant time, which `advance` moves.

    Every job method is idempotent by job order id: asked again for what it did, it accepts and does nothing. With a
    new disk it begins no job before it was told the time by `advance`.
    """

    def __init__(self, config: DeviceConfig, disk: Disk, world: World, seed: int, boot: str) -> None:
        self.config = config
        self.name = config.name
        self.boot = boot
        self.on_news: Callable[[], None] = lambda: None
        """Called after every transaction that added records."""
        self._disk = disk
        self._world = world
        self._execution = Execution(config, disk, world, seed)

    # What it is and holds

    @property
    def now(self) -> datetime:
        """Plant time up to which everything has happened."""
        return self._disk.machine.now

    @property
    def e10_state(self) -> E10State:
        return self._disk.machine.e10_state

    @property
    def energy_kwh(self) -> float:
        """Energy of all work since the disk was born; never reset."""
        return self._disk.machine.energy_kwh

    def identity(self) -> Identity:
        return Identity(self.name, self.config.equipment_class, self._disk.journal, self.boot, self._disk.machine.head)

    def jobs(self) -> tuple[JobOnEquipment, ...]:
        """The job orders it holds, in the order in which they were stored."""
        return tuple(JobOnEquipment(job.order.job_order_id, job.state) for job in self._disk.jobs())

    def job_order(self, job_order_id: str) -> JobOrder | None:
        """The order as it stands, after updates; None where it holds none of that id."""
        job = self._disk.job(job_order_id)
        return job.order if job else None

    def records(self, after: int, most: int) -> RecordBatch:
        """Records with sequences above ``after``, at most ``most``, oldest first."""
        head = self._disk.machine.head
        return RecordBatch(self._disk.journal, self.boot, head, self._disk.records(after, most))

    def acknowledge(self, journal: str, upto: int) -> None:
        """Forget the records up to ``upto``; nothing where ``journal`` is not the one on this disk."""
        if journal == self._disk.journal:
            with self._disk.change():
                self._disk.acknowledge(upto)

    # Recipes

    def recipes(self) -> tuple[RecipeHeld, ...]:
        return self._disk.recipes()

    def upload_recipe(self, name: str, version: int) -> str | None:
        """The body of a recipe it holds; None where it holds none."""
        return self._disk.recipe_body(name, version)

    def download_recipe(self, name: str, version: int, body: str, sha256: str) -> Answer:
        """Hold a recipe. Refuses a body that has another hash, cannot be read, or would replace one in use."""
        computed = sha256_of(body)
        if computed != sha256.lower():
            text = f"the body of {name}@{version} has hash {computed}, not {sha256}"
            return refused(ReturnStatus.INVALID_REQUEST, text)
        if self._disk.recipe_body(name, version) == body:
            return ACCEPTED
        try:
            RecipeValues(body)
        except BadRecipe as error:
            return refused(ReturnStatus.INVALID_REQUEST, str(error))
        if self._in_use(name, version):
            return refused(ReturnStatus.CANNOT_ACCEPT, f"{name}@{version} is in use; its body cannot change")
        with self._disk.change():
            self._disk.put_recipe(RecipeHeld(name, version, computed, self.now), body)
        return ACCEPTED

    def delete_recipe(self, name: str, version: int) -> Answer:
        """Forget a recipe. Refuses while a job order needs it."""
        if self._in_use(name, version):
            return refused(ReturnStatus.CANNOT_ACCEPT, f"{name}@{version} is in use")
        with self._disk.change():
            self._disk.delete_recipe(name, version)
        return ACCEPTED

    def _in_use(self, name: str, version: int) -> bool:
        open_jobs = [job for job in self._disk.jobs() if job.state not in OVER]
        return any(read_recipe_id(job.order.recipe) == (name, version) for job in open_jobs)

    # Job orders

    def store(self, order: JobOrder) -> Answer:
        """Hold a job order, not yet allowed to start. Refuses with every reason that speaks against it."""
        sha256 = sha256_of(order_text(order))
        held = self._disk.job(order.job_order_id)
        if held is not None and held.first_sha256 == sha256:
            return ACCEPTED
        if held is not None:
            text = f"job order {order.job_order_id} is held with another content; use Update"
            return refused(ReturnStatus.INVALID_REQUEST, text)
        gone = self._disk.forgotten(order.job_order_id)
        if gone is not None:
            text = f"job order {order.job_order_id} was here ({gone}); ids are unique for ever"
            return refused(ReturnStatus.INVALID_STATUS, text)
        refusals = against_content(self.config, self._disk, order) + against_place(self.config, self._disk)
        if not refusals:
            with self._change():
                self._disk.put_job(HeldJob(order, JobState.NOT_ALLOWED_TO_START, sha256))
        return answer(refusals)

    def update(self, order: JobOrder) -> Answer:
        """Replace the content of a job order that has not begun; maps loaded before stay."""
        held = self._disk.job(order.job_order_id)
        if held is not None and order_text(held.order) == order_text(order):
            return ACCEPTED
        refusals = against_content(self.config, self._disk, order)
        if held is not None and held.state is JobState.ALLOWED_TO_START:
            refusals += against_start(self._disk, self._world, order)
        if refusals and held is not None:
            return answer(refusals)
        return self._move(order.job_order_id, Verb.UPDATE, lambda job: self._disk.put_job(replace(job, order=order)))

    def load_map(self, job_order_id: str, positions: PositionMap) -> Answer:
        """Take the positions of one substrate of a stored job order, before Start."""
        job = self._disk.job(job_order_id)
        if job is None:
            return _unknown(job_order_id)
        held = self._disk.maps(job_order_id).get(positions.substrate)
        if held is not None and map_text(held) == map_text(positions):
            return ACCEPTED
        if job.state is not JobState.NOT_ALLOWED_TO_START:
            return _wrong_state(job, "LoadMap")
        refusals = against_map(job.order, positions)
        if not refusals:
            with self._change():
                self._disk.put_map(job_order_id, positions)
        return answer(refusals)

    def start(self, job_order_id: str) -> Answer:
        """Allow a job order to begin; it begins at `now` where there is a place. Refuses while a map is missing."""
        job = self._disk.job(job_order_id)
        if job is not None and job.state is JobState.NOT_ALLOWED_TO_START:
            refusals = against_start(self._disk, self._world, job.order)
            if refusals:
                return answer(refusals)
        return self._move(job_order_id, Verb.START, self._allow)

    def _allow(self, job: HeldJob) -> None:
        self._disk.put_job(replace(job, state=JobState.ALLOWED_TO_START))
        self._begin_allowed()

    def _begin_allowed(self) -> None:
        """Begin what may; nothing on a new disk that was not told the time yet."""
        if self.now > BEFORE_ALL:
            self._execution.begin_allowed(self.now)

    def revoke_start(self, job_order_id: str) -> Answer:
        """Take the permission to begin back, where it has not begun."""

        def revoke(job: HeldJob) -> None:
            self._disk.put_job(replace(job, state=JobState.NOT_ALLOWED_TO_START))

        return self._move(job_order_id, Verb.REVOKE_START, revoke)

    def pause(self, job_order_id: str) -> Answer:
        """Interrupt the work; its time stands still until Resume."""

        def pause(job: HeldJob) -> None:
            self._execution.enter(replace(job, paused_at=self.now), Verb.PAUSE, self.now)
            self._execution.settle_e10(self.now)

        return self._move(job_order_id, Verb.PAUSE, pause)

    def resume(self, job_order_id: str) -> Answer:
        """Go on with interrupted work; what was left of the substrate is still to be done."""

        def resume(job: HeldJob) -> None:
            assert job.ends_at is not None
            assert job.paused_at is not None
            ends_at = job.ends_at + (self.now - job.paused_at)
            self._execution.enter(replace(job, ends_at=ends_at, paused_at=None), Verb.RESUME, self.now)
            self._execution.settle_e10(self.now)

        return self._move(job_order_id, Verb.RESUME, resume)

    def stop(self, job_order_id: str) -> Answer:
        """End a job order after the substrate it works on; an interrupted one ends where it is."""

        def stop(job: HeldJob) -> None:
            if job.state is JobState.INTERRUPTED:
                self._execution.break_off(job, Verb.STOP, self.now, BY_ORDER)
            else:
                self._disk.put_job(replace(job, stopping=True))

        return self._move(job_order_id, Verb.STOP, stop)

    def abort(self, job_order_id: str) -> Answer:
        """Break a job order off now; what it did until now is in the journal."""

        def abort(job: HeldJob) -> None:
            self._execution.break_off(job, Verb.ABORT, self.now, "aborted: by order")

        return self._move(job_order_id, Verb.ABORT, abort)

    def cancel(self, job_order_id: str) -> Answer:
        """Forget a job order that has not begun."""
        return self._forget(job_order_id, "cancelled", NOT_BEGUN)

    def clear(self, job_order_id: str) -> Answer:
        """Forget a job order that ended or was aborted; its records stay until acknowledged."""
        return self._forget(job_order_id, "cleared", OVER)

    # Time and faults

    def next_event(self) -> datetime | None:
        """Plant time of the next thing that will happen by itself; None while nothing runs."""
        job = self._execution.next_to_end()
        return job.ends_at if job else None

    def advance(self, to: datetime) -> None:
        """Let everything up to and including ``to`` happen, in order. A time that has passed changes nothing."""
        while (job := self._execution.next_to_end()) is not None and job.ends_at is not None and job.ends_at <= to:
            with self._change():
                self._disk.put_machine(now=max(self.now, job.ends_at))
                self._execution.finish_part(job)
        if to > self.now:
            is_first = self.now == BEFORE_ALL
            with self._change():
                self._disk.put_machine(now=to)
                if is_first:
                    self._begin_allowed()

    def fault(self, name: str, value: float) -> Answer:
        """Switch a fault on (above 0: its dose) or off (0). Refuses names that this kind of physics does not have."""
        if not self.config.knows_fault(name):
            return refused(ReturnStatus.INVALID_REQUEST, f"{self.name} has no fault {name!r}")
        if not isfinite(value) or value < 0.0:
            return refused(ReturnStatus.INVALID_REQUEST, f"the dose of {name} must be 0 or more, not {value}")
        with self._change():
            faults = dict(self._disk.faults) | {name: float(value)}
            self._disk.put_machine(faults=tuple(sorted(faults.items())))
        return ACCEPTED

    # Common to all job methods

    def _move(self, job_order_id: str, verb: Verb, effect: Callable[[HeldJob], object]) -> Answer:
        """Let a verb take effect where the transition table allows it."""
        job = self._disk.job(job_order_id)
        if job is None:
            return _unknown(job_order_id)
        if (job.state, verb) not in TRANSITIONS:
            return ACCEPTED if verb in job.done else _wrong_state(job, verb)
        done = {*job.done, verb.value} - {OPPOSITES.get(verb, "")}
        with self._change():
            effect(replace(job, done=tuple(sorted(done))))
        return ACCEPTED

    def _forget(self, job_order_id: str, how: str, states: frozenset[JobState]) -> Answer:
        job = self._disk.job(job_order_id)
        if job is None:
            return ACCEPTED if self._disk.forgotten(job_order_id) == how else _unknown(job_order_id)
        if job.state not in states:
            return _wrong_state(job, how)
        with self._change():
            self._disk.forget_job(job_order_id, how)
            self._begin_allowed()
        return ACCEPTED

    @contextmanager
    def _change(self) -> Iterator[None]:
        head = self._disk.machine.head
        with self._disk.change():
            yield
        if self._disk.machine.head != head:
            self.on_news()


def _unknown(job_order_id: str) -> Answer:
    return refused(ReturnStatus.UNKNOWN_JOB, f"there is no job order {job_order_id}")


def _wrong_state(job: HeldJob, verb: str) -> Answer:
    text = f"job order {job.order.job_order_id} is {job.state.name}; {verb} is not possible now"
    return refused(ReturnStatus.INVALID_STATUS, text)
