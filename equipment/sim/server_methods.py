"""The methods of an equipment's server: each row of the table with what the device does for it."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from asyncua import Server, ua

from equipment.interface import nodes
from equipment.interface.messages import Answer, BadMessage, JobOrder
from equipment.interface.nodes import Field, Method
from equipment.interface.states import ReturnStatus
from equipment.interface.ua_messages import (
    order_from_ua,
    positions_from_ua,
    recipe_to_ua,
    state_from_ua,
    structure,
    variant,
)
from equipment.interface.ua_records import record_size_bytes, record_to_ua
from equipment.sim.device import Device
from equipment.sim.server_jobs import JobBoard

MOST_RECORDS = 500
MOST_ANSWER_BYTES = 4 * 1024 * 1024
MOST_REFUSALS = 1000
NEVER = datetime(1601, 1, 1, tzinfo=UTC)
"""The null time of OPC UA."""

Act = Callable[..., tuple[object, ...]]
logger = logging.getLogger(__name__)


class Methods:
    """What every method does. Refusals are answers; only wrong arguments and bugs make a call's status bad."""

    def __init__(self, device: Device, board: JobBoard, stepped: bool) -> None:  # noqa: FBT001
        self._device = device
        self._board = board
        self._stepped = stepped
        self._refusals: dict[str, Answer] = {}

    def table(self) -> dict[Method, Act]:
        """Every method that the equipment publishes, with what it does."""
        device = self._device
        return {
            nodes.STORE: lambda order, _: self._order(device.store, order),
            nodes.UPDATE: lambda order, _: self._order(device.update, order),
            nodes.STORE_AND_START: lambda order, _: self._order(self._store_and_start, order),
            nodes.START: self._by_id(device.start), nodes.REVOKE_START: self._by_id(device.revoke_start),
            nodes.STOP: self._by_id(device.stop), nodes.PAUSE: self._by_id(device.pause),
            nodes.RESUME: self._by_id(device.resume), nodes.ABORT: self._by_id(device.abort),
            nodes.CANCEL: self._by_id(device.cancel), nodes.CLEAR: self._by_id(device.clear),
            nodes.RESPONSE_BY_ID: self._response_by_id, nodes.RESPONSE_BY_STATE: self._responses_by_state,
            nodes.GET_RECORDS: self._get_records, nodes.ACKNOWLEDGE: self._acknowledge,
            nodes.LAST_REFUSAL: self._last_refusal, nodes.LIST_RECIPES: self._list_recipes,
            nodes.DOWNLOAD_RECIPE: lambda *recipe: _answered(device.download_recipe, *recipe),
            nodes.UPLOAD_RECIPE: self._upload_recipe,
            nodes.DELETE_RECIPE: lambda name, version: _answered(device.delete_recipe, name, version),
            nodes.LOAD_MAP: self._load_map, nodes.NEXT_EVENT: self._next_event, nodes.ADVANCE: self._advance,
            nodes.FAULT: lambda name, value: _answered(device.fault, name, value),
        }  # fmt: skip

    def _order(self, act: Callable[[JobOrder], Answer], value: Any) -> tuple[int]:
        job_order_id = str(value.JobOrderID or "")
        return self._remember(job_order_id, lambda: act(order_from_ua(value)))

    def _by_id(self, act: Callable[[str], Answer]) -> Act:
        return lambda job_order_id, _: self._remember(job_order_id, lambda: act(job_order_id))

    def _store_and_start(self, order: JobOrder) -> Answer:
        stored = self._device.store(order)
        return self._device.start(order.job_order_id) if stored.accepted else stored

    def _remember(self, job_order_id: str, ask: Callable[[], Answer]) -> tuple[int]:
        status, text = _answered(ask)
        self._refusals.pop(job_order_id, None)
        if not status & ReturnStatus.NO_ERROR:
            self._refusals[job_order_id] = Answer(status, text)
            if len(self._refusals) > MOST_REFUSALS:
                del self._refusals[next(iter(self._refusals))]
        return (status,)

    def _last_refusal(self, job_order_id: str) -> tuple[int, str]:
        refusal = self._refusals.get(job_order_id)
        if refusal is None:
            return int(ReturnStatus.NO_ERROR), ""
        return refusal.status, refusal.text

    def _response_by_id(self, job_order_id: str) -> tuple[object, ...]:
        found = self._board.responses(job_order_id=job_order_id)
        if not found:
            return structure("ISA95JobResponseDataType", JobOrderID=job_order_id), int(ReturnStatus.UNKNOWN_JOB)
        return found[0], int(ReturnStatus.NO_ERROR)

    def _responses_by_state(self, states: list[Any]) -> tuple[object, ...]:
        try:
            wanted = state_from_ua(states)
        except BadMessage:
            return [], int(ReturnStatus.INVALID_REQUEST)
        return self._board.responses(wanted), int(ReturnStatus.NO_ERROR)

    def _get_records(self, journal: str, after: int, most: int) -> tuple[object, ...]:
        batch = self._device.records(after, min(most, MOST_RECORDS))
        records: list[Any] = []
        size = 0
        for record in batch.records if journal in ("", batch.journal) else ():
            size += record_size_bytes(record)
            if records and size > MOST_ANSWER_BYTES:
                break
            records.append(record_to_ua(record))
        return batch.journal, batch.boot, batch.head, records

    def _acknowledge(self, journal: str, upto: int) -> tuple[int, str]:
        own = self._device.identity().journal
        if journal != own:
            return int(ReturnStatus.INVALID_REQUEST), f"The journal here is {own}, not {journal}; read it from 0."
        self._device.acknowledge(journal, upto)
        return int(ReturnStatus.NO_ERROR), ""

    def _list_recipes(self) -> tuple[object, ...]:
        return ([recipe_to_ua(recipe) for recipe in self._device.recipes()],)

    def _upload_recipe(self, name: str, version: int) -> tuple[object, ...]:
        body = self._device.upload_recipe(name, version)
        if body is None:
            return int(ReturnStatus.INVALID_REQUEST), f"Recipe {name}@{version} is not on the equipment.", ""
        return int(ReturnStatus.NO_ERROR), "", body

    def _load_map(self, job_order_id: str, *positions: Any) -> tuple[int, str]:
        return _answered(lambda: self._device.load_map(job_order_id, positions_from_ua(*positions)))

    def _next_event(self) -> tuple[object, ...]:
        at = self._device.next_event()
        return at is not None, at or NEVER

    def _advance(self, to: datetime) -> tuple[int, str]:
        if not self._stepped:
            return int(ReturnStatus.INVALID_STATUS), "The clock of this line runs by itself; it cannot be stepped."
        self._device.advance(to)
        return int(ReturnStatus.NO_ERROR), ""


def link_methods(
    server: Server,
    index: int,
    table: dict[Method, Act],
    before: Callable[[], None],
    after: Callable[[], Awaitable[None]],
) -> None:
    """Let every method of the table be called, with what is done before and after each call."""
    for method, act in table.items():
        server.link_method(server.get_node(ua.NodeId(method.path, index)), _published(method, act, before, after))


def _published(
    method: Method, act: Act, before: Callable[[], None], after: Callable[[], Awaitable[None]]
) -> Callable[..., Awaitable[Any]]:
    async def call(parent: ua.NodeId, *inputs: ua.Variant) -> Any:  # noqa: ARG001
        if len(inputs) != len(method.takes):
            fault = (
                ua.StatusCodes.BadArgumentsMissing
                if len(inputs) < len(method.takes)
                else (ua.StatusCodes.BadTooManyArguments)
            )
            return ua.StatusCode(fault)
        if not all(_fits(field, value) for field, value in zip(method.takes, inputs, strict=True)):
            return ua.StatusCode(ua.StatusCodes.BadInvalidArgument)
        try:
            before()
            given = act(*(value.Value for value in inputs))
            await after()
        except Exception:
            logger.exception("method %s failed", method.path)
            raise
        return [variant(field, value) for field, value in zip(method.gives, given, strict=True)]

    return call


def _fits(field: Field, value: ua.Variant) -> bool:
    if field.array:
        return value.Value is None or isinstance(value.Value, list)
    known = getattr(ua.VariantType, field.type, None)
    if known is None:
        return type(value.Value).__name__ == field.type
    return value.VariantType is known and (value.Value is not None or known in _MAY_BE_NULL)


_MAY_BE_NULL = (ua.VariantType.String, ua.VariantType.ByteString)


def _answered(act: Callable[..., Answer], *arguments: object) -> tuple[int, str]:
    try:
        answer = act(*arguments)
    except BadMessage as error:
        return int(ReturnStatus.INVALID_REQUEST), str(error)
    return answer.status, answer.text
