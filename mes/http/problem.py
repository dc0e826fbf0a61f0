"""What a caller is told of an error (RFC 9457)."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mes.errors import Away, Malformed, MesError, Reason, Refused

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of a request's body: reading JSON of that size holds the server up for a second at most."""
LARGER = {"/api/v1/maps": 32 * 1024 * 1024}
"""The same by address: files, which are read beside the other requests; a map of 60,000 positions has 10 MB at most."""
STRANGERS_LIMIT = 64 * 1024
"""The same for whoever has not signed in and has no key."""

BODY_S = 120.0
"""Seconds in which a request's body must have come."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Problem:
    """What a caller is told of an error (RFC 9457), as JSON or on a page."""

    title: str
    status: int
    detail: str
    code: str
    reasons: tuple[Reason, ...] = ()
    retry_after_s: int | None = None

    def headers(self) -> dict[str, str]:
        """Headers that belong to it."""
        return {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}

    def response(self) -> Response:
        """As ``application/problem+json``."""
        body = {"type": "about:blank", **asdict(self)}
        del body["retry_after_s"]  # stands in the header
        return JSONResponse(body, self.status, self.headers(), media_type="application/problem+json")


FRAMEWORKS = {
    404: ("not_found", "There is nothing at this address, or nothing that you may see; begin at the first page."),
    405: ("method_not_allowed", "This address does not take that method."),
    408: ("too_slow", f"The body did not come within {BODY_S:.0f} s; send it again, or less at once."),
    413: (
        "too_large",
        "The body is larger than this address takes; sign in, or send less at once.",
    ),
}
"""What the framework refuses before any rule is asked: the stable code and the sentence."""

Page = Callable[[Request, Problem], Response]
"""Shows a problem to a person who looks at a page."""


def problem(error: Exception) -> Problem:
    """What a caller is told of any error: a refusal in its own words, a bug without its inside."""
    match error:
        case MesError():
            told = _problem(error.status, error.message, error.code, error.reasons or _only(error))
            return replace(told, retry_after_s=error.retry_after_s)
        case RequestValidationError():
            return problem(Malformed("The request cannot be read; see the reasons.", *_malformed(error)))
        case PoolTimeout():
            return problem(Away("All connections to the database are busy; try again in a moment."))
        case _ if isinstance(status := getattr(error, "status_code", None), int):  # of the framework itself
            code, sentence = FRAMEWORKS.get(status, ("bad_request", str(getattr(error, "detail", ""))))
            return _problem(status, sentence, code)
    log.error("request_failed", exc_info=error)
    return _problem(500, "Something in Interposer is wrong, not in what you asked; the log tells what.", "fault")


def _only(error: MesError) -> tuple[Reason, ...]:
    """The one reason of a refusal that has no list of them."""
    return (Reason(error.code, error.message),) if isinstance(error, Refused) else ()


def _problem(status: int, detail: str, code: str, reasons: tuple[Reason, ...] = ()) -> Problem:
    return Problem(HTTPStatus(status).phrase, status, detail, code, reasons)


def _malformed(error: RequestValidationError) -> Iterator[Reason]:
    for wrong in error.errors():
        where = ".".join(str(step) for step in wrong["loc"])
        yield Reason(str(wrong["type"]), f"{where}: {wrong['msg']}", "caller")


Tell = Callable[[Request, Exception], Response]


def teller(page: Page) -> Tell:
    """Tells every error: on a page to a browser that wants one, else as JSON."""

    def tell(request: Request, error: Exception) -> Response:
        told = problem(error)
        accepted = request.headers.get("accept", "")
        # A stream of events asks for both, and can show neither a page nor a redirection.
        if "text/html" in accepted and "text/event-stream" not in accepted:
            return page(request, told)
        return told.response()

    return tell
