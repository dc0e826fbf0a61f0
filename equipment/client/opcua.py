"""Equipment over OPC UA, as the MES sees it."""

import asyncio
from datetime import datetime
from pathlib import Path

from equipment.client import EquipmentLost
from equipment.client.opcua_link import Address, Link
from equipment.interface import nodes
from equipment.interface.endpoints import read_endpoints
from equipment.interface.messages import (
    Answer,
    Identity,
    JobOnEquipment,
    JobOrder,
    PositionMap,
    RecipeHeld,
    Record,
    RecordBatch,
)
from equipment.interface.nodes import Method
from equipment.interface.pki import make_connector, make_credentials
from equipment.interface.states import ReturnStatus
from equipment.interface.ua_messages import job_from_ua, order_to_ua, positions_to_ua, recipe_from_ua
from equipment.interface.ua_records import record_from_ua


class OpcuaEquipment:
    """One equipment behind an OPC UA server: one session, and one subscription for whoever waits for news.

    ``connect`` after a loss builds everything anew. Implements `SteppedEquipment`; its last three methods work on
    simulators.
    """

    def __init__(
        self,
        name: str,
        url: str,
        server_certificate: Path,
        client_certificate: Path,
        client_key: Path,
        user: str,
        password: str,
    ) -> None:
        self.name = name
        self._address = Address(name, url, server_certificate, client_certificate, client_key, user, password)
        self._link: Link | None = None
        self._news = asyncio.Event()

    async def connect(self) -> Identity:
        if self._link is None or self._link.is_lost:
            await self.close()
            self._link = await Link.open(self._address, self._news.set)
        name, equipment_class, journal, boot, head = await self._open().read(
            nodes.NAME, nodes.EQUIPMENT_CLASS, nodes.JOURNAL_ID, nodes.BOOT_ID, nodes.HEAD
        )
        return Identity(name, equipment_class, journal, boot, int(head))

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def jobs(self) -> tuple[JobOnEquipment, ...]:
        (held,) = await self._open().read(nodes.JOB_ORDER_LIST)
        return tuple(job_from_ua(job) for job in held or ())

    async def records(self, after: int, most: int = 500) -> RecordBatch:
        """The equipment answers in pieces of bounded size; they are put together here."""
        records: list[Record] = []
        last = after
        while True:
            journal, boot, head, piece = await self._open().call(nodes.GET_RECORDS, "", last, most - len(records))
            records += [record_from_ua(journal, value) for value in piece or ()]
            last = records[-1].sequence if records else last
            if not piece or len(records) >= most or last >= head:
                return RecordBatch(journal, boot, int(head), tuple(records))

    async def acknowledge(self, journal: str, upto: int) -> None:
        await self._open().call(nodes.ACKNOWLEDGE, journal, upto)

    async def recipes(self) -> tuple[RecipeHeld, ...]:
        held = await self._open().call(nodes.LIST_RECIPES)
        return tuple(recipe_from_ua(recipe) for recipe in held or ())

    async def download_recipe(self, name: str, version: int, body: str, sha256: str) -> Answer:
        return await self._ask(nodes.DOWNLOAD_RECIPE, name, version, body, sha256)

    async def load_map(self, job_order_id: str, positions: PositionMap) -> Answer:
        return await self._ask(nodes.LOAD_MAP, *positions_to_ua(job_order_id, positions))

    async def store(self, order: JobOrder) -> Answer:
        return await self._job(nodes.STORE, order.job_order_id, order_to_ua(order))

    async def start(self, job_order_id: str) -> Answer:
        return await self._job(nodes.START, job_order_id, job_order_id)

    async def stop(self, job_order_id: str) -> Answer:
        return await self._job(nodes.STOP, job_order_id, job_order_id)

    async def pause(self, job_order_id: str) -> Answer:
        return await self._job(nodes.PAUSE, job_order_id, job_order_id)

    async def resume(self, job_order_id: str) -> Answer:
        return await self._job(nodes.RESUME, job_order_id, job_order_id)

    async def abort(self, job_order_id: str) -> Answer:
        return await self._job(nodes.ABORT, job_order_id, job_order_id)

    async def clear(self, job_order_id: str) -> Answer:
        return await self._job(nodes.CLEAR, job_order_id, job_order_id)

    async def cancel(self, job_order_id: str) -> Answer:
        return await self._job(nodes.CANCEL, job_order_id, job_order_id)

    async def news(self, timeout_s: float) -> bool:
        """A link that breaks is news too: the next call then raises."""
        await self._open().listen()
        try:
            await asyncio.wait_for(self._news.wait(), timeout_s)
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def next_event(self) -> datetime | None:
        waiting, at = await self._open().call(nodes.NEXT_EVENT)
        return at if waiting else None

    async def advance(self, to: datetime) -> None:
        """Refused, with a RuntimeError, where the simulator's clock runs by itself."""
        answer = await self._ask(nodes.ADVANCE, to)
        if not answer.accepted:
            raise RuntimeError(f"{self.name}: {answer.text}")

    async def fault(self, name: str, value: float) -> Answer:
        return await self._ask(nodes.FAULT, name, value)

    def _open(self) -> Link:
        if self._link is None or self._link.is_lost:
            raise EquipmentLost(f"{self.name} at {self._address.url} is not connected")
        return self._link

    async def _ask(self, method: Method, *arguments: object) -> Answer:
        status, text = await self._open().call(method, *arguments)
        return Answer(int(status), text or "")

    async def _job(self, method: Method, job_order_id: str, argument: object) -> Answer:
        """The published methods answer with bits; the sentence to a refusal is asked for."""
        status = int(await self._open().call(method, argument, []))
        if status & ReturnStatus.NO_ERROR:
            return Answer(status)
        return Answer(status, (await self._ask(nodes.LAST_REFUSAL, job_order_id)).text)


def open_line(data_dir: Path) -> dict[str, OpcuaEquipment]:
    """Every equipment of the line that serves from ``data_dir``, by name and not yet connected."""
    connector, credentials = make_connector(data_dir), make_credentials(data_dir)
    return {
        name: OpcuaEquipment(
            name,
            endpoint.url,
            Path(endpoint.certificate),
            connector.certificate,
            connector.key,
            credentials.user,
            credentials.password,
        )
        for name, endpoint in read_endpoints(data_dir).items()
    }
