"""What an equipment's server shows of its job orders: the list, the responses and the events."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from asyncua import Server, ua
from asyncua.server.event_generator import EventGenerator

from equipment.interface import nodes
from equipment.interface.messages import JobChange, JobOrder, Record, SubstrateResult
from equipment.interface.states import JobState
from equipment.interface.ua_messages import job_to_ua, order_to_ua, state_to_ua, structure
from equipment.sim.device import Device
from equipment.sim.server_nodes import EVENT_TYPE

EVENT_SEVERITY = 300


@dataclass(frozen=True)
class Course:
    """What the journal has told of a job order so far."""

    started_at: datetime | None = None
    ended_at: datetime | None = None
    results: int = 0
    last_record: int = 0

    def after(self, record: Record) -> "Course":
        """The course with one more record."""
        body, known = record.body, replace(self, last_record=record.sequence)
        if isinstance(body, SubstrateResult):
            return replace(known, results=self.results + 1)
        if not isinstance(body, JobChange):
            return known
        if body.state is JobState.RUNNING and self.started_at is None:
            return replace(known, started_at=record.happened_at)
        if body.state in (JobState.ENDED, JobState.ABORTED):
            return replace(known, ended_at=record.happened_at)
        return known


class JobBoard:
    """Job orders as the published types show them; brought up to date by `note` and `publish`."""

    def __init__(self, server: Server, index: int, device: Device) -> None:
        self._server = server
        self._device = device
        self._list = ua.NodeId(nodes.JOB_ORDER_LIST.path, index)
        self._control = ua.NodeId(nodes.JOB_CONTROL, index)
        self._event_type = ua.NodeId(EVENT_TYPE, index)
        self._events: EventGenerator | None = None
        self._shown: dict[str, tuple[JobOrder, JobState]] = {}
        self._courses: dict[str, Course] = {}

    async def open(self) -> None:
        """Prepare the events; they are raised at the Server object, where clients listen, with their source."""
        self._events = await self._server.get_event_generator(self._event_type, ua.ObjectIds.Server)
        self._events.event.SourceNode = self._control
        self._events.event.SourceName = nodes.JOB_CONTROL.rpartition(".")[2]
        self._events.event.Severity = EVENT_SEVERITY
        for name in ("JobOrder", "JobState", "JobResponse"):  # the library does not see that these are structures
            self._events.event.add_property(name, None, ua.VariantType.ExtensionObject)

    def note(self, records: Iterable[Record]) -> None:
        """Take the course of job orders from records."""
        for record in records:
            if record.job_order_id:
                self._courses[record.job_order_id] = self._courses.get(record.job_order_id, Course()).after(record)

    async def publish(self) -> None:
        """Bring JobOrderList up to date, and forget what the equipment no longer holds."""
        held: dict[str, tuple[JobOrder, JobState]] = {}
        for job in self._device.jobs():
            order = self._device.job_order(job.job_order_id)
            if order is not None:
                held[job.job_order_id] = (order, job.state)
        if held != self._shown:
            self._shown = held
            self._courses = {job: course for job, course in self._courses.items() if job in held}
            entries = [job_to_ua(order, state) for order, state in held.values()]
            value = ua.DataValue(ua.Variant(entries, ua.VariantType.ExtensionObject, is_array=True))
            await self._server.write_attribute_value(self._list, value)

    async def raise_events(self, records: Iterable[Record]) -> None:
        """One event for every change of a job order."""
        for record in records:
            if self._events is None or not isinstance(record.body, JobChange):
                continue
            order = self._device.job_order(record.job_order_id)
            event = self._events.event
            event.JobOrder = order_to_ua(order) if order else structure("ISA95JobOrderDataType")
            event.JobState = state_to_ua(record.body.state)
            event.JobResponse = self.response(record.job_order_id, record.body.state)
            event.Message = ua.LocalizedText(f"{record.job_order_id}: {record.body.state.name} {record.body.reason}")
            await self._events.trigger(time_attr=record.happened_at)

    def response(self, job_order_id: str, state: JobState) -> Any:
        """The standard part of a job's result; its numbers lead to the records in the journal."""
        course = self._courses.get(job_order_id, Course())
        numbers = {"LastRecord": course.last_record, "SubstrateResults": course.results}
        return structure(
            "ISA95JobResponseDataType", JobResponseID=f"{job_order_id}/response", JobOrderID=job_order_id,
            StartTime=course.started_at, EndTime=course.ended_at, JobState=state_to_ua(state),
            JobResponseData=[
                structure("ISA95ParameterDataType", ID=name, Value=ua.Variant(number, ua.VariantType.UInt64))
                for name, number in numbers.items()
            ],
        )  # fmt: skip

    def responses(self, wanted: JobState | None = None, job_order_id: str | None = None) -> list[Any]:
        """Responses of the job orders held: one by its id, or all in a state."""
        return [
            self.response(job.job_order_id, job.state) for job in self._device.jobs()
            if job_order_id in (None, job.job_order_id) and wanted in (None, job.state)
        ]  # fmt: skip
