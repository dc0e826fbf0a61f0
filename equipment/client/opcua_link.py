"""One secured OPC UA connection to an equipment: calls and reads by our table, and a sign when its journal grows.

A link is used until it breaks and then thrown away; whoever wants to go on opens a new one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyAes256Sha256RsaPss
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_der_x509_certificate

from equipment.client import EquipmentLost
from equipment.interface import nodes
from equipment.interface.nodes import Method, Variable
from equipment.interface.nodesets import learn_types
from equipment.interface.pki import CONNECTOR_URI
from equipment.interface.ua_messages import variant

TIMEOUT_S = 15.0
WATCHDOG_S = 10.0
"""Reads the server's state this often; a call that takes longer than that would look like a lost link."""
CLOSE_TIMEOUT_S = 3.0
PUBLISHING_MS = 250.0
SESSION_TIMEOUT_MS = 60_000

_learned: set[tuple[str, ...]] = set()
"""Namespace arrays whose types this process knows: a line of equal servers is learned once."""
_learning: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


@dataclass(frozen=True)
class Address:
    """Where an equipment is and how it is entered; files are DER certificates and a PEM key."""

    name: str
    url: str
    server_certificate: Path
    client_certificate: Path
    client_key: Path
    user: str
    password: str


class Link:
    """An open connection. Every method raises `EquipmentLost` when it is gone."""

    def __init__(self, address: Address, client: Client, on_head: Callable[[], None]) -> None:
        self._address = address
        self._client = client
        self._on_head = on_head
        self._namespace = 0
        self._listening: asyncio.Future[None] | None = None
        self.is_lost = False

    @classmethod
    async def open(cls, address: Address, on_head: Callable[[], None]) -> "Link":
        """Connect, encrypted and signed, to exactly the pinned certificate; call ``on_head`` when the link breaks.

        Raises `EquipmentLost` where the equipment is away or refuses.
        """
        logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # it logs every broken call with its stack
        client = Client(address.url, timeout=TIMEOUT_S, watchdog_intervall=WATCHDOG_S)
        link = cls(address, client, on_head)
        with link._lost_where_broken():
            try:
                await link._connect()
                await link._prepare()
            except BaseException:
                await link.close()
                raise
        return link

    async def call(self, method: Method, *arguments: object) -> Any:
        """What the method gives: one value alone, several as a tuple."""
        inputs = [variant(field, value) for field, value in zip(method.takes, arguments, strict=True)]
        request = ua.CallMethodRequest(
            ObjectId=self._node(method.path.rpartition(".")[0]), MethodId=self._node(method.path), InputArguments=inputs
        )
        with self._lost_where_broken():
            result = (await self._client.uaclient.session.call([request]))[0]
            result.StatusCode.check()
        values = tuple(output.Value for output in result.OutputArguments or [])
        return values[0] if len(values) == 1 else values

    async def read(self, *variables: Variable) -> tuple[Any, ...]:
        """Values of the variables, read at once."""
        with self._lost_where_broken():
            read = await self._client.read_values([self._client.get_node(self._node(v.path)) for v in variables])
        return tuple(read)

    async def listen(self) -> None:
        """From the first call on, call ``on_head`` once and whenever the journal has grown."""
        if self._listening is None:
            self._listening = asyncio.ensure_future(self._subscribe())
        await asyncio.shield(self._listening)

    async def close(self) -> None:
        """Close the session and the connection. Never raises."""
        self.is_lost = True
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._client.disconnect(), CLOSE_TIMEOUT_S)
        with contextlib.suppress(Exception):
            self._client.disconnect_socket()

    def datachange_notification(self, node: object, value: object, notification: object) -> None:  # noqa: ARG002
        """Called by the library when the head of the journal has changed."""
        self._on_head()

    async def _connect(self) -> None:
        address, client = self._address, self._client
        client.application_uri = CONNECTOR_URI
        client.session_timeout = SESSION_TIMEOUT_MS
        client.connection_lost_callback = self._mark_lost
        client.set_user(address.user)
        client.set_password(address.password)
        client.security_policy = SecurityPolicyAes256Sha256RsaPss(
            load_der_x509_certificate(address.server_certificate.read_bytes()),
            load_der_x509_certificate(address.client_certificate.read_bytes()),
            _private_key(address.client_key.read_bytes()),
            ua.MessageSecurityMode.SignAndEncrypt,
        )
        client.uaclient.set_security(client.security_policy)
        await client.connect()

    async def _prepare(self) -> None:
        namespaces = await self._client.get_namespace_array()
        if nodes.NAMESPACE not in namespaces:
            raise ua.UaError(f"it does not publish {nodes.NAMESPACE}")
        self._namespace = namespaces.index(nodes.NAMESPACE)
        shared = tuple(namespaces[2:])  # the second is the application's own
        async with _learning.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if shared not in _learned:
                await learn_types(self._client)
                _learned.add(shared)

    async def _subscribe(self) -> None:
        with self._lost_where_broken():
            subscription = await self._client.create_subscription(PUBLISHING_MS, self)
            await subscription.subscribe_data_change(self._client.get_node(self._node(nodes.HEAD.path)))

    def _node(self, path: str) -> ua.NodeId:
        return ua.NodeId(path, self._namespace)

    async def _mark_lost(self, error: Exception) -> None:  # noqa: ARG002
        self.is_lost = True
        self._on_head()

    @contextlib.contextmanager
    def _lost_where_broken(self) -> Iterator[None]:
        try:
            yield
        except (OSError, TimeoutError, ua.UaError) as error:
            self.is_lost = True
            reason = str(error) or type(error).__name__
            raise EquipmentLost(f"{self._address.name} at {self._address.url} does not answer: {reason}") from error


@lru_cache(maxsize=4)
def _private_key(pem: bytes) -> PrivateKeyTypes:
    """The key in a PEM file. To check it takes as long as to open a link, and a line is entered with one key."""
    return load_pem_private_key(pem, None)
