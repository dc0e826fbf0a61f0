"""`mes serve` behind the proxy of deploy/: HTTP/2 and TLS, events as they come, callers by their own address."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from mes.db import Database
from mes.history import CHANNEL
from mes.schema import ROOT
from tests.reports.line import Line
from tests.web.conftest import PASSWORD, people, serving

CONF = ROOT / "deploy" / "proxy" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
FORGED = "203.0.113.9"
OTHER = "127.0.0.4"
"""Who signs in with the right password."""
PATIENCE_S = 30


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mes_serve(database: Database, **settings: str) -> Iterator[int]:
    """The real `mes serve`; its port."""
    port = free_port()
    address = {"MES_DATABASE_URL": database.url.render_as_string(hide_password=False), "MES_PORT": str(port)}
    env = {**os.environ, "PYTHONPATH": str(ROOT), **address, **settings}
    call = [sys.executable, "-m", "mes.cli", "serve"]
    with subprocess.Popen(call, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if "running on" in line:
                break
        else:
            pytest.fail("".join(said))
        try:
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_S)


@dataclass
class Proxy:
    """A running nginx, and curl that speaks to it."""

    port: int
    plain: int

    def curl(self, *words: str, source: str = "127.0.0.1") -> str:
        done = subprocess.run(self.call(*words, source=source), capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(self, *words: str, source: str = "127.0.0.1") -> list[str]:
        *options, path = words
        return ["curl", "-sSk", "--interface", source, *options, f"https://127.0.0.1:{self.port}{path}"]

    def sign_in(self, password: str = PASSWORD, source: str = OTHER) -> str:
        """The head of the answer to a form of ours, sent with a forged address."""
        origin, forged = f"Origin: https://127.0.0.1:{self.port}", f"X-Forwarded-For: {FORGED}"
        form = ("-d", f"name=operator&password={password}")
        return self.curl("-i", "-H", origin, "-H", forged, *form, "/sign-in", source=source)


def certificate(folder: Path) -> None:
    """A certificate of our own, as the configuration names it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mes.example")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    folder.joinpath("fullchain.pem").write_bytes(
        made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    folder.joinpath("privkey.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))


@pytest.fixture(scope="module")
def proxy(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """nginx with the configuration of deploy/, but for its ports and paths, before the one `mes serve` of a line."""
    if NGINX is None:
        pytest.skip("NO NGINX: the configuration of the proxy was not tested.")
    with module_database.transaction() as session:
        Line(session)
        people(session)
    tmp_path = tmp_path_factory.mktemp("proxy")
    certificate(tmp_path)
    with mes_serve(module_database) as behind:
        proxy = Proxy(free_port(), free_port())
        site = CONF.read_text()
        for ours, here in {
            "listen 443": f"listen 127.0.0.1:{proxy.port}",
            "listen 80;": f"listen 127.0.0.1:{proxy.plain};",
            "127.0.0.1:8000": f"127.0.0.1:{behind}",
            "/etc/interposer/tls": str(tmp_path),
        }.items():
            assert site.count(ours) >= 1
            site = site.replace(ours, here)
        (tmp_path / "site.conf").write_text(site)
        places = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.geteuid() == 0 else ""
        http = f"access_log off; {places} include {tmp_path}/site.conf;"
        (tmp_path / "nginx.conf").write_text(
            f"{user} daemon off; pid {tmp_path}/pid; worker_processes 1; events {{}} http {{ {http} }}"
        )
        words = [NGINX, "-e", str(tmp_path / "error.log"), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
        with subprocess.Popen(words) as nginx:
            try:
                proxy.curl("--retry", "50", "--retry-connrefused", "--retry-delay", "1", "/health/live")
                yield proxy
            finally:
                nginx.terminate()


def test_the_proxy_speaks_http_2_over_tls_and_passes_events_as_they_come(
    proxy: Proxy, module_database: Database, tmp_path: Path
) -> None:
    head, _, _ = proxy.sign_in().partition("\r\n\r\n")
    assert head.startswith("HTTP/2 303")
    assert "; Secure" in head and "strict-transport-security: max-age" in head
    moved = httpx.get(f"http://127.0.0.1:{proxy.plain}/lots?a=b", headers={"host": "mes.example"})
    assert (moved.status_code, moved.headers["location"]) == (301, "https://mes.example/lots?a=b")
    jar = str(tmp_path / "cookies")
    form = ("-d", f"name=operator&password={PASSWORD}", "-H", f"Origin: https://127.0.0.1:{proxy.port}")
    proxy.curl("-c", jar, *form, "/sign-in", source=OTHER)
    follow = proxy.call("-N", "-v", "--http2", "-b", jar, "-H", "Accept: text/event-stream", "/board/stream")
    with subprocess.Popen(follow, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None and reader.stderr is not None
        lines = iter(reader.stdout.readline, "")
        assert next(lines).startswith("data: <hx-partial")
        while next(lines).strip():  # to the end of the page as it was
            pass
        with module_database.transaction() as session:
            session.execute(text("update equipment set state = 'UDT' where name = 'OV-2'"))
            session.execute(text(f"notify {CHANNEL}"))
        assert any("UDT" in line for line in lines)  # while the stream is open
        reader.terminate()
        assert "HTTP/2 200" in reader.stderr.read()


def test_callers_behind_the_proxy_keep_their_address_and_their_request_id(
    proxy: Proxy, module_database: Database
) -> None:
    for source in ("127.0.0.2", "127.0.0.3"):
        assert "HTTP/2 401" in proxy.sign_in("guess", source)
    with module_database.reading() as session:
        addresses = set(session.scalars(text("select address from sign_in_try")))
    assert addresses - {OTHER} == {"127.0.0.2", "127.0.0.3"}
    assert "x-request-id: mine-7" in proxy.curl("-i", "-H", "X-Request-ID: mine-7", "/health/live")
    made = proxy.curl("-i", "-H", "X-Request-ID: not well formed", "/health/live").lower()
    assert "x-request-id: " in made and "not well formed" not in made


def test_only_the_proxies_that_are_named_are_believed(database: Database, line: Line) -> None:
    form = {"name": "operator", "password": PASSWORD}
    told = {"x-forwarded-proto": "https", "x-forwarded-for": FORGED}

    def cookie(address: str) -> str:
        own = {"sec-fetch-site": "same-origin", **told}
        answer = httpx.post(f"{address}/sign-in", data=form, headers=own, timeout=PATIENCE_S)
        return str(answer.headers["set-cookie"])

    with mes_serve(database, MES_TRUSTED_PROXIES="192.0.2.0/24") as port:
        assert "Secure" not in cookie(f"http://127.0.0.1:{port}")
    with serving(database, forwarded_allow_ips="192.0.2.0/24,127.0.0.0/8") as site:
        assert "Secure" in cookie(site.address)
    with database.reading() as session:
        assert set(session.scalars(text("select address from sign_in_try"))) == {"127.0.0.1", FORGED}
