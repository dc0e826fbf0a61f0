"""Who is let in to an equipment, and what may be done there: each refusal is one change away from a way in."""

import asyncio
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asyncua import Client, ua
from asyncua.crypto import security_policies as policies
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from equipment.client import EquipmentLost
from equipment.client.opcua_link import Address, Link
from equipment.interface import nodes
from equipment.interface.pki import (
    CONNECTOR_URI,
    is_trusted,
    make_connector,
    make_credentials,
    make_server,
    read_user_hash,
    trusted_clients,
)
from tests.equipment.line_process import LineProcess

UNANSWERED_S = 1.0
"""The server leaves a channel that it does not speak unanswered; one that it does takes a twentieth of this."""
SIGN = ua.MessageSecurityMode.Sign
SIGN_AND_ENCRYPT = ua.MessageSecurityMode.SignAndEncrypt


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineProcess]:
    process = LineProcess.of_plant(tmp_path_factory.mktemp("plant"), "--stepped")
    yield process
    process.close()


@pytest.fixture
def rogue(tmp_path: Path) -> Any:
    """A certificate that says it is the connector's, made by someone else."""
    return make_connector(tmp_path)


@asynccontextmanager
async def entered(
    address: Address, policy: Any = policies.SecurityPolicyBasic256Sha256, mode: Any = SIGN_AND_ENCRYPT,
    shown: bytes | None = b"", uri: str = CONNECTOR_URI, timeout_s: float = 5.0,
) -> AsyncIterator[Client]:  # fmt: skip
    """A session as any OPC UA client would open it. ``shown``: the certificate that it claims in its session."""
    client = Client(address.url, timeout=timeout_s)
    client.application_uri = uri
    if policy is not None:
        await client.set_security(
            policy, address.client_certificate, address.client_key,
            server_certificate=str(address.server_certificate), mode=mode,
        )  # fmt: skip
    if address.user:
        client.set_user(address.user)
        client.set_password(address.password)
    create_session = client.uaclient.create_session

    async def claim(parameters: Any) -> Any:
        if shown != b"":
            parameters.ClientCertificate = shown
        return await create_session(parameters)

    client.uaclient.create_session = claim
    try:
        await client.connect()
        yield client
    finally:
        await client.disconnect()


def enter(address: Address, **how: Any) -> int:
    """The head of the journal, read over a session of its own."""

    async def read() -> int:
        async with entered(address, **how) as client:
            index = await client.get_namespace_index(nodes.NAMESPACE)
            return int(await client.get_node(ua.NodeId(nodes.HEAD.path, index)).read_value())

    return asyncio.run(read())


@pytest.mark.parametrize("policy", [policies.SecurityPolicyBasic256Sha256, policies.SecurityPolicyAes256Sha256RsaPss])
def test_connector_enters_by_both_policies(line: LineProcess, policy: Any) -> None:
    assert enter(line.address("bonder-1"), policy=policy) == 0


@pytest.mark.parametrize(
    ("policy", "mode"),
    [
        (None, None),
        (policies.SecurityPolicyBasic256Sha256, SIGN),
        (policies.SecurityPolicyAes256Sha256RsaPss, SIGN),
        (policies.SecurityPolicyAes128Sha256RsaOaep, SIGN_AND_ENCRYPT),
    ],
)
def test_weaker_channel_is_refused(line: LineProcess, policy: Any, mode: Any) -> None:
    with pytest.raises((ua.UaError, OSError, TimeoutError)):
        enter(line.address("bonder-1"), policy=policy, mode=mode, timeout_s=UNANSWERED_S)


@pytest.mark.parametrize(
    "change", [{"user": ""}, {"password": "wrong"}, {"user": "admin"}, {"user": "admin", "password": ""}]
)
def test_wrong_user_is_refused(line: LineProcess, change: dict[str, Any]) -> None:
    with pytest.raises(ua.UaError):
        enter(replace(line.address("bonder-1"), **change))


def test_untrusted_certificate_is_refused(line: LineProcess, rogue: Any) -> None:
    address = replace(line.address("bonder-1"), client_certificate=rogue.certificate, client_key=rogue.key)
    with pytest.raises(ua.UaError, match=r"(?i)untrusted"):
        enter(address)


@pytest.mark.parametrize("shows_another", [True, False], ids=["shows a trusted one", "shows none"])
def test_untrusted_channel_is_refused_whatever_certificate_its_session_shows(
    line: LineProcess, rogue: Any, *, shows_another: bool
) -> None:
    address = line.address("bonder-1")
    shown = address.client_certificate.read_bytes() if shows_another else None
    with pytest.raises(ua.UaError):
        enter(replace(address, client_certificate=rogue.certificate, client_key=rogue.key), shown=shown)
    assert enter(address, shown=address.client_certificate.read_bytes()) == 0


def test_certificate_of_another_application_is_refused(line: LineProcess) -> None:
    with pytest.raises(ua.UaError, match=r"(?i)uri"):
        enter(line.address("bonder-1"), uri="urn:someone:else")


def test_client_enters_only_the_equipment_whose_certificate_it_holds(
    line: LineProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("equipment.client.opcua_link.TIMEOUT_S", UNANSWERED_S)

    async def scenario() -> None:
        wrong = replace(line.address("bonder-1"), server_certificate=line.address("oven-1").server_certificate)
        with pytest.raises(EquipmentLost, match="bonder-1"):
            await Link.open(wrong, lambda: None)

    asyncio.run(scenario())


def test_trust_that_is_taken_away_ends_at_the_next_log_in(line: LineProcess) -> None:
    trusted = trusted_clients(line.data_dir) / "connector.der"
    aside = trusted.rename(trusted.with_suffix(".aside"))
    with pytest.raises(ua.UaError):
        enter(line.address("bonder-1"))
    assert not trusted.exists()  # asking for the connector's certificate again does not make it trusted again
    aside.rename(trusted)
    assert enter(line.address("bonder-1")) == 0


def test_nobody_writes_and_nobody_changes_the_address_space(line: LineProcess) -> None:
    async def scenario() -> None:
        async with entered(line.address("bonder-1")) as client:
            index = await client.get_namespace_index(nodes.NAMESPACE)
            for variable in (nodes.E10_STATE, nodes.JOB_ORDER_LIST):
                node = client.get_node(ua.NodeId(variable.path, index))
                before = await node.read_value()
                with pytest.raises(ua.UaStatusCodeError, match=r"(?i)denied"):
                    await node.write_value(await node.read_data_value())
                assert await node.read_value() == before
            with pytest.raises(ua.UaStatusCodeError, match=r"(?i)denied"):
                await client.nodes.objects.add_object(index, "Stray")

    asyncio.run(scenario())


def test_keys_and_credentials_are_their_owners_alone(line: LineProcess) -> None:
    secret = [*line.data_dir.glob("pki/*/*.pem"), *line.data_dir.glob("pki/user.*")]
    assert len(secret) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in secret} == {0o600}


def test_certificates_and_credentials_are_made_once(tmp_path: Path) -> None:
    first = {path: path.read_bytes() for path in _made(tmp_path)}
    assert {path: path.read_bytes() for path in _made(tmp_path)} == first
    assert len(first) == 8


def _made(data_dir: Path) -> list[Path]:
    make_connector(data_dir)
    make_server(data_dir, "oven-1")
    make_credentials(data_dir)
    return [path for path in data_dir.rglob("*") if path.is_file()]


def test_certificate_names_its_application_and_its_use(tmp_path: Path) -> None:
    made = make_server(tmp_path, "oven-1")
    certificate = x509.load_der_x509_certificate(made.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:interposer:equipment:oven-1"]
    assert ExtendedKeyUsageOID.SERVER_AUTH in (
        certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    )
    assert is_trusted(made.certificate.read_bytes(), tmp_path / "pki" / "trusted_servers")
    assert not is_trusted(made.certificate.read_bytes() + b"x", tmp_path / "pki" / "trusted_servers")


def test_password_is_known_to_the_equipment_only_by_its_hash(tmp_path: Path) -> None:
    credentials = make_credentials(tmp_path)
    assert credentials.password not in (tmp_path / "pki" / "user.hash").read_text()
    known = read_user_hash(tmp_path)
    assert known.matches(credentials.user, credentials.password)
    assert not known.matches("admin", credentials.password)
    assert not known.matches(credentials.user, credentials.password + "x")
