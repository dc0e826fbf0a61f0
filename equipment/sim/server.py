"""One simulated equipment as an OPC UA server: it publishes a device and moves the device's clock."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from asyncua import Server, ua

from equipment.interface import nodes
from equipment.interface.nodes import Variable
from equipment.interface.pki import Application, UserHash
from equipment.interface.ua_messages import work_master_to_ua
from equipment.sim.device import Device
from equipment.sim.server_jobs import JobBoard
from equipment.sim.server_methods import MOST_RECORDS, Methods, link_methods
from equipment.sim.server_security import secure

TICK_S = 0.08
"""How often a running clock looks whether something has happened by itself, in wall seconds."""


class EquipmentServer:
    """Publishes one device on an address space that nobody else uses.

    What the device writes into its journal is published before the call that caused it returns.
    """

    def __init__(self, server: Server, device: Device, clock: Callable[[], datetime] | None) -> None:
        self._server = server
        self._device = device
        self._clock = clock
        self._index = 0
        self._shown: dict[Variable, object] = {}
        self._head = 0

    async def serve(
        self,
        url: str,
        application: Application,
        user: UserHash,
        trusted: Path,
        ready: Callable[[], None],
        stop: asyncio.Event,
    ) -> None:
        """Serve at ``url`` until ``stop`` is set; ``ready`` is called once clients may come. With a clock the device
        follows it, else it is stepped. An error of the device ends the serving."""
        self._server.set_endpoint(url)
        self._server.set_server_name(self._device.identity().equipment)
        await secure(self._server, application, user, trusted)
        self._index = await self._server.get_namespace_index(nodes.NAMESPACE)
        self._board = JobBoard(self._server, self._index, self._device)
        await self._board.open()
        methods = Methods(self._device, self._board, stepped=self._clock is None)
        link_methods(self._server, self._index, methods.table(), self._catch_up, self._publish)
        self._catch_up()
        await self._show_first()
        async with self._server, asyncio.TaskGroup() as tasks:
            following = tasks.create_task(self._follow_clock())
            ready()
            await stop.wait()
            following.cancel()

    async def _follow_clock(self) -> None:
        while self._clock is not None:
            event = self._device.next_event()
            if event is not None and event <= self._clock():
                self._catch_up()
                await self._publish()
            await asyncio.sleep(TICK_S)

    def _catch_up(self) -> None:
        """Move the device to the plant's time, as before every call: a job begins when it is started."""
        if self._clock is not None:
            self._device.advance(self._clock())

    async def _show_first(self) -> None:
        """What was before this start is known, and told in events no more."""
        identity, config = self._device.identity(), self._device.config
        for variable, value in (
            (nodes.NAME, identity.equipment), (nodes.EQUIPMENT_CLASS, identity.equipment_class),
            (nodes.JOURNAL_ID, identity.journal), (nodes.BOOT_ID, identity.boot),
            (nodes.MAX_JOB_ORDERS, config.places + int(config.numbers["waiting"])),
        ):  # fmt: skip
            await self._show(variable, value)
        while self._head < identity.head:
            batch = self._device.records(self._head, MOST_RECORDS)
            self._board.note(batch.records)
            self._head = batch.records[-1].sequence if batch.records else identity.head
        await self._publish()

    async def _publish(self) -> None:
        """Bring every variable up to date, and raise events for what is new in the journal."""
        head = self._device.identity().head
        new = self._device.records(self._head, head - self._head).records if head > self._head else ()
        self._head = head
        self._board.note(new)
        await self._board.publish()
        await self._board.raise_events(new)
        await self._show(nodes.E10_STATE, int(self._device.e10_state))
        await self._show(nodes.ENERGY_KWH, float(self._device.energy_kwh))
        await self._show_recipes()
        await self._show(nodes.HEAD, head)

    async def _show_recipes(self) -> None:
        held = self._device.recipes()
        if self._shown.get(nodes.WORK_MASTER) != held:
            self._shown[nodes.WORK_MASTER] = held
            masters = [work_master_to_ua(recipe) for recipe in held]
            await self._write(nodes.WORK_MASTER, ua.Variant(masters, ua.VariantType.ExtensionObject, is_array=True))

    async def _show(self, variable: Variable, value: object) -> None:
        if self._shown.get(variable) != value:
            self._shown[variable] = value
            await self._write(variable, ua.Variant(value, ua.VariantType[variable.type]))

    async def _write(self, variable: Variable, value: ua.Variant) -> None:
        await self._server.write_attribute_value(ua.NodeId(variable.path, self._index), ua.DataValue(value))
