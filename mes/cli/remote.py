"""The server that is asked instead of the database, where MES_ADDRESS or --address names one.

A command is sent with an Idempotency-Key, and again with the same where the connection is lost: it takes effect once.
What the server refuses is raised as the rule's own refusal would be. No proxy of the environment is used, and no
redirection followed: the key goes to the address that was named and nowhere else.
"""

import ipaddress
import json
import re
import ssl
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from contextvars import ContextVar
from dataclasses import astuple
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

from mes.cli.output import times_in
from mes.errors import Away, Malformed, MesError, Reason, Refused
from mes.settings import Settings

if TYPE_CHECKING:
    import httpx

Row = dict[str, Any]
Query = Mapping[str, Any]
NOTHING: Query = {}

CONNECT_S, ANSWER_S = 5.0, 60.0
"""A server breaks off what takes longer than 30 s, unless it is set to more."""
PAUSES_S = (0.0, 0.5, 2.0)
"""Before each try; all but the first follow a lost connection."""
SILENCE_S, AGAIN_S = 25.0, 1.0
"""A stream of events that says nothing for longer is broken, and asked for again after a moment."""
PAGE = 500
"""Rows asked for at once; no page has more."""
LARGEST = 256 * 1024 * 1024
"""Bytes of an answer, unpacked, and of a message in a stream."""
OURS, REQUEST_ID, BLANK = "x-", "x-request-id", b"(the key)"
KEY = re.compile(r"mes_[A-Za-z0-9_-]+")
TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For an address without TLS: to read all that the system trusts takes longer than an answer."""
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@contextmanager
def asked(address: str | None, key: str | None) -> Iterator[None]:
    """One command with these options, which count before the settings; in the end its connection is closed."""
    with ExitStack() as opened:
        token = _COMMAND.set((address, key, opened))
        try:
            yield
        finally:
            _COMMAND.reset(token)


_COMMAND: ContextVar[tuple[str | None, str | None, ExitStack]] = ContextVar("command")


def server() -> "Server | None":
    """The server that this command asks; None where it works on the database.

    Raises `Refused` where no key is set, or it would go readable over the network; `Malformed`: no address, no key.
    """
    given_address, given_key, opened = _COMMAND.get((None, None, ExitStack()))
    settings = Settings()
    address, key = given_address or settings.address, given_key or settings.api_key
    if not address:
        if given_key:
            raise Malformed("A key acts over HTTP; name the server with --address or MES_ADDRESS.")
        return None
    if not key:
        raise Refused(
            f"No key says who acts at {address}; set MES_API_KEY. The administrator makes one: mes key create."
        )
    if not KEY.fullmatch(key):
        raise Malformed("That is no key of Interposer: they begin with mes_, and mes key create prints them whole.")
    _refuse_readable(address, allowed=settings.plain_http)
    # this brings the HTTP client in, for which no command on the database should wait
    import httpx

    client = httpx.Client(
        base_url=f"{address.rstrip('/')}/api/v1", headers={"Authorization": f"Bearer {key}"}, trust_env=False,
        timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
        verify=TRUSTS_NOBODY if urlsplit(address).scheme == "http" else ssl.create_default_context(),
    )  # fmt: skip
    there = Server(address, opened.enter_context(client))
    times_in(there.time_zone)
    return there


def refuse_address(settings: Settings) -> None:
    """Raise `Refused` where a server is named to a command that works on the database only."""
    address = _COMMAND.get((None, None, ExitStack()))[0] or settings.address
    if address:
        raise Refused(
            f"This works on the database, not over HTTP; run it where the database is, without MES_ADDRESS ({address})."
        )


def _refuse_readable(address: str, *, allowed: bool) -> None:
    parts = urlsplit(address)
    host = parts.hostname
    if parts.scheme not in {"http", "https"} or not host or parts.username or parts.query or parts.fragment:
        raise Malformed("MES_ADDRESS is no address of a server; write it as https://mes.example.com or with a port.")
    if parts.scheme == "http" and not allowed and not _is_loopback(host):
        raise Refused(
            f"Over http the key could be read on the way to {host}; write https, or set MES_PLAIN_HTTP=true"
            " where nobody can listen."
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Server:
    """Asks one server. Every call raises `Away` where no answer of Interposer comes, and what it refuses as it told it.

    What comes is not trusted: its size is bounded, a part that lacks is missed, and the key is not repeated.
    """

    def __init__(self, address: str, client: "httpx.Client") -> None:
        self.address = address
        self._client = client
        self._key = client.headers["Authorization"].removeprefix("Bearer ")

    def get(self, *path: object, **query: object) -> Row:
        """What stands at a path, with its times as times."""
        return self._one(self.sent("GET", path, query).content)

    def time_zone(self) -> str:
        """The zone in which people of the plant read times; UTC where the server does not tell of one that is known."""
        try:
            return ZoneInfo(self.get("clock")["time_zone"]).key
        except (MesError, ValueError, TypeError, LookupError, OSError):
            return "UTC"

    def entries(self, *path: object, **query: object) -> list[Row]:
        """The list that stands at a path, whole."""
        return self._list(self.read(self.sent("GET", path, query).content))

    def rows(self, *path: object, most: int | None = None, **query: object) -> list[Row]:
        """The rows of a list, all or at most so many, page by page."""
        found: list[Row] = []
        after: str | None = None
        seen: set[str] = set()
        while most is None or len(found) < most:
            limit = PAGE if most is None else min(PAGE, most - len(found))
            page = self.get(*path, limit=limit, after=after, **query)
            found += self._list(page["items"])
            after = page["next"]
            if after is None:
                break
            if not isinstance(after, str) or after in seen:
                raise self._stranger()
            seen.add(after)
        return found

    def fetch(self, *path: object, accept: str = "*/*", query: Query = NOTHING) -> bytes:
        """What stands at a path as it was written."""
        return self.sent("GET", path, query, headers={"Accept": accept}).content

    def post(self, *path: object, body: Mapping[str, object] = NOTHING, **query: object) -> Row:
        """Send a command, and what it is told after it."""
        given = {name: value for name, value in body.items() if value is not None}
        headers = {"Content-Type": "application/json"}
        return self._one(self.sent("POST", path, query, content=json.dumps(given), headers=headers).content)

    def upload(self, *path: object, files: list[tuple[str, bytes]], **query: object) -> Row:
        """Send files, and what the server made of them."""
        parts = [("file", (name, content)) for name, content in files]
        return self._one(self.sent("POST", path, query, files=parts).content)

    def follow(self, *path: object, after: str | None, on: bool, **query: object) -> Iterator[tuple[str, Row]]:
        """The messages of a stream of events with their ids, from the one after on.

        Connected again where the stream ends or breaks; without ``on`` it ends where all has been told.
        """
        import httpx

        given: Row = {name: value for name, value in {**query, "follow": on}.items() if value is not None}
        silence = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        reached = False
        while True:
            headers = {} if after is None else {"Last-Event-ID": after}
            try:
                with self._client.stream("GET", _place(path), params=given, headers=headers, timeout=silence) as stream:
                    if not stream.is_success:
                        raise self._refusal(self._whole(stream))
                    reached = True
                    for number, data in _messages(self._lines(stream.iter_bytes())):
                        after = number
                        if data:
                            yield number, self._one(data)
                if not on:
                    return
            except httpx.DecodingError:
                raise self._stranger() from None
            except httpx.TransportError as error:
                if not reached:
                    raise self._unreached(error) from error
            time.sleep(AGAIN_S)

    def sent(self, method: str, path: tuple[object, ...], query: Query, **what: Any) -> "httpx.Response":
        """The answer to a request, sent again where the connection was lost; a command takes effect once."""
        import httpx

        given = {name: value for name, value in query.items() if value is not None}
        # made once: whatever is sent again is the same to the byte, the boundaries between files too
        request = self._client.build_request(method, _place(path), params=given, **what)
        if method == "POST":
            request.headers["Idempotency-Key"] = uuid.uuid4().hex
        reached = False
        for pause_s in PAUSES_S:
            time.sleep(pause_s)
            try:
                answer = self._whole(self._client.send(request, stream=True))
            except httpx.DecodingError:
                raise self._stranger() from None
            except httpx.TimeoutException as error:
                reached |= not isinstance(error, httpx.ConnectTimeout)
                break
            except httpx.TransportError as error:
                if isinstance(error, httpx.ConnectError) and not reached:
                    raise self._unreached(error) from error
                reached = True
            else:
                if not answer.is_success:
                    raise self._refusal(answer)
                return answer
        raise Away(self._lost(method)) if reached else self._unreached("it took too long")

    def lacks(self, what: str, instead: str) -> Refused:
        """The refusal of what no path of the API gives, with what to do instead."""
        return Refused(f"{what} not over HTTP yet, and MES_ADDRESS names {self.address}; {instead}")

    def _unreached(self, why: object) -> Away:
        return Away(self._blank(f"There is no connection to {self.address}: {why}."))

    def _lost(self, method: str) -> str:
        unknown = "; whether it took effect is not known: look before you send it again" if method == "POST" else ""
        return f"No answer came from {self.address}{unknown}."

    def _whole(self, answer: "httpx.Response") -> "httpx.Response":
        """The answer with all of its body, unpacked and without the key."""
        import httpx

        content = bytearray()
        with closing(answer):
            for part in answer.iter_bytes():
                content += part
                if len(content) > LARGEST:
                    raise self._stranger()
        told = {name: value for name, value in answer.headers.items() if name.startswith(OURS)}
        return httpx.Response(
            answer.status_code, headers=told, content=bytes(content).replace(self._key.encode(), BLANK)
        )

    def _lines(self, parts: Iterator[bytes]) -> Iterator[str]:
        begun = b""
        for part in parts:
            *whole, begun = (begun + part).split(b"\n")
            if len(begun) > LARGEST:
                raise self._stranger()
            yield from (self._blank(line.removesuffix(b"\r").decode(errors="replace")) for line in whole)

    def _blank(self, text: str) -> str:
        return text.replace(self._key, BLANK.decode())

    def read(self, content: bytes, hook: Callable[[Row], Row] | None = None) -> Any:
        """What an answer says in JSON; each of its objects misses what it lacks."""
        told = _with_times if hook is None else hook
        try:
            return json.loads(content, object_hook=lambda row: Told(self._stranger, told(row)))
        except (ValueError, RecursionError):
            raise self._stranger() from None

    def _one(self, content: bytes) -> Row:
        told = self.read(content)
        if not isinstance(told, dict):
            raise self._stranger()
        return told

    def _list(self, told: object) -> list[Row]:
        if not isinstance(told, list) or not all(isinstance(row, dict) for row in told):
            raise self._stranger()
        return told

    def _refusal(self, answer: "httpx.Response") -> MesError:
        """What the server refused, in its own words; the reason that only repeats them is left out, as on the spot."""
        try:
            told = json.loads(answer.content)
            reasons = [Reason(r["code"], r["message"], r["who"]) for r in told["reasons"]]
            code, detail = told["code"], told["detail"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return self._stranger(f" ({answer.status_code})")
        if not all(isinstance(text, str) for text in (code, detail, *(text for r in reasons for text in astuple(r)))):
            return self._stranger(f" ({answer.status_code})")
        if [(reason.code, reason.message) for reason in reasons] == [(code, detail)]:
            reasons = []
        if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            detail += f" The request was {answer.headers.get(REQUEST_ID, 'not named')}."
        return MesError(self._blank(detail), *reasons)

    def _stranger(self, more: str = "") -> MesError:
        return Away(
            f"What answers at {self.address} is not Interposer, or stands in front of it{more}; look at it there."
        )


class Told(Row):
    """An object of an answer. A part that it lacks tells that what answered is no server of ours."""

    def __init__(self, stranger: Callable[[], MesError], row: Row) -> None:
        super().__init__(row)
        self._stranger = stranger

    def __missing__(self, name: str) -> Any:
        raise self._stranger()


def _place(path: tuple[object, ...]) -> str:
    return "/".join(quote(str(step), safe="") for step in path)


def _messages(lines: Iterator[str]) -> Iterator[tuple[str, bytes]]:
    """Whole messages of a stream, each with its id: what breaks off in the middle of one comes again after the last."""
    number, data = "", b""
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            number = value
        elif name == "data":
            data = value.encode()
        elif not line and number:
            yield number, data
            number, data = "", b""


def _with_times(row: Row) -> Row:
    return {name: _time(value) for name, value in row.items()}


def _time(value: object) -> object:
    return datetime.fromisoformat(value) if isinstance(value, str) and TIME.fullmatch(value) else value
