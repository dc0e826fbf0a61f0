"""Certificates, trust folders and the connector's user: made on first start, kept afterwards, never committed.

Under ``data-dir/pki``: ``servers/NAME.der`` of each equipment and ``client/connector.der``, each with its key beside
it as ``.pem``; ``trusted_clients`` with the certificates that equipment lets in, ``trusted_servers`` with those that
the connector accepts; ``user.json`` with the connector's log-in and ``user.hash`` with what the equipment compares.
Validity is true UTC, whatever the plant clock says.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONNECTOR_URI = "urn:interposer:connector"
VALID = timedelta(days=3650)
RENEW_BEFORE_END = timedelta(days=30)
KEY_BITS = 2048
USER = "mes"
PASSWORD_BYTES = 24


@dataclass(frozen=True)
class Application:
    """An application instance: its URI, its certificate (DER) and its private key (PEM, readable by its owner)."""

    uri: str
    certificate: Path
    key: Path


@dataclass(frozen=True)
class Credentials:
    """A user name and its password."""

    user: str
    password: str


def equipment_uri(name: str) -> str:
    """Application URI of an equipment."""
    return f"urn:interposer:equipment:{name}"


def pki_folder(data_dir: Path) -> Path:
    """Where certificates, trust folders and credentials are."""
    return data_dir / "pki"


def trusted_clients(data_dir: Path) -> Path:
    """Folder of the certificates that equipment lets in, read at every connection."""
    return pki_folder(data_dir) / "trusted_clients"


def make_server(data_dir: Path, name: str) -> Application:
    """The equipment's certificate and key, made where missing or about to end, trusted by the connector."""
    folder = pki_folder(data_dir)
    stem = folder / "servers" / name
    return _application(stem, equipment_uri(name), ExtendedKeyUsageOID.SERVER_AUTH, folder / "trusted_servers")


def make_connector(data_dir: Path) -> Application:
    """The connector's certificate and key, made where missing or about to end, trusted by the equipment."""
    stem = pki_folder(data_dir) / "client" / "connector"
    return _application(stem, CONNECTOR_URI, ExtendedKeyUsageOID.CLIENT_AUTH, trusted_clients(data_dir))


def make_credentials(data_dir: Path) -> Credentials:
    """The connector's log-in, with a random password made on first start; the equipment gets only its hash."""
    plain, hashed = _credential_files(data_dir)
    if not (plain.is_file() and hashed.is_file()):
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        _write_private(plain, json.dumps({"user": USER, "password": password}).encode())
        salt = secrets.token_bytes(16)
        _write_private(
            hashed, json.dumps({"user": USER, "salt": salt.hex(), "digest": _hash(password, salt).hex()}).encode()
        )
    stored = json.loads(plain.read_bytes())
    return Credentials(stored["user"], stored["password"])


@dataclass(frozen=True)
class UserHash:
    """What an equipment knows of the user that may call it."""

    user: str
    salt: bytes
    digest: bytes

    def matches(self, user: str, password: str) -> bool:
        """Whether name and password are right, in a time that does not tell which of them is wrong."""
        same_password = hmac.compare_digest(_hash(password, self.salt), self.digest)
        return hmac.compare_digest(user.encode(), self.user.encode()) and same_password


def read_user_hash(data_dir: Path) -> UserHash:
    """The hash that `make_credentials` left for the equipment."""
    stored = json.loads(_credential_files(data_dir)[1].read_bytes())
    return UserHash(stored["user"], bytes.fromhex(stored["salt"]), bytes.fromhex(stored["digest"]))


def is_trusted(certificate: bytes, folder: Path) -> bool:
    """Whether exactly this DER certificate lies in the folder; issuing another one does not make that trusted."""
    return any(hmac.compare_digest(path.read_bytes(), certificate) for path in sorted(folder.glob("*.der")))


def _credential_files(data_dir: Path) -> tuple[Path, Path]:
    folder = pki_folder(data_dir)
    return folder / "user.json", folder / "user.hash"


def _hash(password: str, salt: bytes) -> bytes:
    """A quick hash is enough: nobody can try out a password of 192 random bits."""
    return hashlib.sha256(salt + password.encode()).digest()


def _application(stem: Path, uri: str, usage: x509.ObjectIdentifier, trusted_in: Path) -> Application:
    """Trust is given once, when the certificate is made: a person who takes it away is not overruled."""
    made = Application(uri, stem.with_name(f"{stem.name}.der"), stem.with_name(f"{stem.name}.pem"))
    if not _is_usable(made):
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        certificate = _self_signed(key, uri, usage).public_bytes(Encoding.DER)
        _write_private(made.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        _write_private(trusted_in / made.certificate.name, certificate)
        _write_private(made.certificate, certificate)
    return made


def _is_usable(application: Application) -> bool:
    if not (application.key.is_file() and application.certificate.is_file()):
        return False
    certificate = x509.load_der_x509_certificate(application.certificate.read_bytes())
    return certificate.not_valid_after_utc > datetime.now(UTC) + RENEW_BEFORE_END


def _self_signed(key: rsa.RSAPrivateKey, uri: str, usage: x509.ObjectIdentifier) -> x509.Certificate:
    """An application instance certificate with the extensions that OPC 10000-6 asks for."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, uri.rpartition(":")[2]),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Interposer"),
        ]
    )
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(uri),
        x509.DNSName("localhost"),
        x509.IPAddress(IPv4Address("127.0.0.1")),
    ]
    use = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    start = datetime.now(UTC) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + VALID)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(use, critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    fresh.replace(path)
