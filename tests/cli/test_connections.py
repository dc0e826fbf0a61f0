"""Connections that break, or lead to somebody else: a command takes effect once, and it is told what is not known."""

import gzip
import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from mes.history import History
from tests.api.conftest import Api
from tests.cli.conftest import As
from tests.shop import Floor


def _whole(connection: socket.socket) -> bytes:
    """One request, with its body."""
    came = b""
    while b"\r\n\r\n" not in came:
        came += connection.recv(65536)
    head, _, body = came.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head.replace(b"keep-alive", b"close") + b"\r\n\r\n" + body


@contextmanager
def between(answer: Callable[[bytes, int], bytes], tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Something that is asked instead of a server: gives it the request and how many came before, and tells what it
    says; nothing: the connection is cut."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        n = 0
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, suppress(ssl.SSLError):
                spoken = tls.wrap_socket(connection, server_side=True) if tls else connection
                with spoken:
                    spoken.sendall(answer(_whole(spoken), n))
            n += 1

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def passed_on(address: str, request: bytes) -> bytes:
    """What a server answers to a request."""
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_command_whose_answer_was_lost_takes_effect_once(
    floor: Floor, api: Api, over_http: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor.arrive("D1", "die", "W1")
    monkeypatch.setattr("mes.cli.remote.PAUSES_S", (0.0, 0.0, 0.0))
    answers = []

    def lose_the_first(request: bytes, n: int) -> bytes:
        answers.append(passed_on(api.address, request))
        return answers[-1] if n else b""

    with between(lose_the_first) as address:
        told = over_http("lot", "track-in", "D1", "--equipment", "CELL-1", "--json", address=address)
    assert json.loads(told.stdout)["lots"][0]["state"] == "ordered"
    assert [b"idempotency-replayed" in answer.lower() for answer in answers] == [False, True]
    with floor.database.reading() as session:
        done = select(History.verb).where(History.subject == "D1", History.verb == "track_in")
        assert len(session.scalars(done).all()) == 1
    with between(lambda *_: b"") as address:
        lost = over_http("lot", "abort", "D1", "--why", "odd", address=address, code=1)
        assert lost.stderr == (
            f"No answer came from {address}; whether it took effect is not known: look before you send it again.\n"
        )
        assert over_http("lot", "list", address=address, code=1).stderr == f"No answer came from {address}.\n"


def test_a_server_that_does_not_answer_in_time_is_told(over_http: As, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mes.cli.remote.ANSWER_S", 0.1)
    told = threading.Event()

    def hold_on(*_: object) -> bytes:
        told.wait(20)
        return b""

    with between(hold_on) as address:
        refused = over_http("lot", "abort", "D1", "--why", "odd", address=address, code=1)
        told.set()
    assert "whether it took effect is not known" in refused.stderr


def test_who_is_not_there_or_not_a_server_of_ours_is_told(over_http: As) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = f"http://127.0.0.1:{taken.getsockname()[1]}"
    assert over_http("lot", "list", address=free, code=1).stderr.startswith(f"There is no connection to {free}")
    for status in (b"200 OK", b"502 Bad Gateway", b"302 Found\r\nLocation: http://127.0.0.1:1/"):
        page = b"HTTP/1.1 " + status + b"\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
        with between(lambda *_, page=page: page) as address:
            assert "is not Interposer" in over_http("lot", "list", address=address, code=1).stderr


def answer(body: bytes, status: bytes = b"200 OK", head: bytes = b"") -> bytes:
    """A whole answer."""
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + head + length + body


def refusal(**parts: object) -> bytes:
    """An answer that refuses."""
    return answer(json.dumps({"code": "odd", "detail": "no", "reasons": []} | parts).encode(), b"409 Conflict")


STRANGE = {
    "a list": answer(b"[]"),
    "nothing": answer(b"null"),
    "an empty object": answer(b"{}"),
    "items that are no list": answer(b'{"items":5,"next":null}'),
    "items that are no rows": answer(b'{"items":[5],"next":null}'),
    "rows that lack what a lot has": answer(b'{"items":[{"lot":"a"}],"next":null}'),
    "what is not packed": answer(b"garbage", head=b"Content-Encoding: gzip\r\n"),
    "too deep": answer(b"[" * 200_000),
    "a refusal too deep": answer(b"[" * 200_000, b"409 Conflict"),
    "a refusal without texts": refusal(reasons=[{"code": 1, "message": 2, "who": 3}]),
    "the same page for ever": answer(b'{"items":[],"next":"a"}'),
    "a place that is no text": answer(b'{"items":[],"next":[]}'),
    "too much": answer(b" " * 2_000_000),
    "too much packed": answer(gzip.compress(b" " * 2_000_000), head=b"Content-Encoding: gzip\r\n"),
}


def test_whatever_a_stranger_answers_is_told_in_a_sentence(over_http: As, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mes.cli.remote.LARGEST", 1_000_000)
    for what, told in STRANGE.items():
        with between(lambda *_, told=told: told) as address:
            assert "is not Interposer" in over_http("lot", "list", address=address, code=1).stderr, what
    for data in (b"[]", b"5", b"{}", b"[" * 200_000, b" " * 2_000_000):
        stream = answer(b"id: 1-0\ndata: " + data + b"\n\n")
        with between(lambda *_, told=stream: told) as address:
            assert "is not Interposer" in over_http("event", "follow", address=address, code=1).stderr, data[:9]


def test_a_server_steers_no_terminal_and_its_answer_repeats_no_key(api: Api, over_http: As) -> None:
    key = api.keys["administrator"]
    evil = f"\x1b[2J\x1b]0;owned\x07\x9b1m{key}"
    lot = {"state": "s", "held": False, "operation": None, "substrates": 1, "units": 1, "due_at": None}
    listed = json.dumps({"items": [{"lot": evil, "customer": "c"} | lot], "next": None}).encode()
    reason = {"code": evil, "message": evil, "who": evil}
    for told, code in ((refusal(detail=evil, reasons=[reason]), 1), (answer(listed), 0)):
        with between(lambda *_, told=told: told) as address:
            done = over_http("lot", "list", address=address, code=code)
        assert "owned" in done.output
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", done.output)
        assert key not in done.output


def test_events_go_on_where_the_connection_was_lost(line: Floor, api: Api, over_http: As) -> None:
    words = ("event", "follow", "--after", "0-0", "--until-now")
    every = over_http(*words).stdout.splitlines()
    last = every[1].split()[0]
    assert over_http("event", "follow", "--after", last, "--until-now").stdout.splitlines() == every[2:]
    asked = []

    def cut_in_the_middle(request: bytes, n: int) -> bytes:
        """The first time the stream breaks off between the id of the third message and what it says."""
        if b"/events" in request:  # not the one for the clock, in whose zone the first event is told
            asked.append(re.findall(rb"(?i)last-event-id: (\S+)", request))
        answer = passed_on(api.address, request.replace(b"gzip", b"none"))
        return answer if n else answer[: answer.index(b"data: ", answer.index(b"id: " + last.encode()) + 40) - 1]

    with between(cut_in_the_middle) as address:
        assert over_http(*words, address=address).stdout.splitlines() == every
    assert asked == [[b"0-0"], [last.encode()]]


def _certificate(folder: Path) -> Path:
    """A file with a key and a certificate for 127.0.0.1 that nobody trusts yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "of the tests")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).add_extension(here, critical=False)
    now = datetime.now(UTC)
    signed = (
        builder.not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "certificate.pem"
    file.write_bytes(plain + signed.public_bytes(Encoding.PEM))
    return file


def test_https_is_spoken_with_whom_the_machine_trusts_alone(
    floor: Floor, api: Api, over_http: As, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    floor.arrive("D1", "die", "W1")
    certificate = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    came: list[bytes] = []

    def answer(request: bytes, _: int) -> bytes:
        came.append(request)
        return passed_on(api.address, request)

    with between(answer, context) as address:
        refused = over_http("lot", "list", address=address, code=1).stderr
        assert refused.startswith(f"There is no connection to {address}: ")
        assert "CERTIFICATE_VERIFY_FAILED" in refused
        assert came == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert "D1" in over_http("lot", "list", address=address).stdout
