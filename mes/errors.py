"""Refusals and errors. The class is the stable code, its base the HTTP status; each is raised beside its rule.

A sentence says what is so and what to do. A refusal carries all its reasons at once.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One reason of a refusal: a stable code, a sentence, and the role that can clear it."""

    code: str
    message: str
    who: str = "line_engineer"


class MesError(Exception):
    """Base of everything that a caller is told. ``code`` is the class name in snake case."""

    status = 500
    retry_after_s: int | None = None
    """Seconds after which another try makes sense, where that is known."""

    def __init__(self, message: str, *reasons: Reason) -> None:
        super().__init__(message)
        self.message = message
        self.reasons = reasons

    @property
    def code(self) -> str:
        name = type(self).__name__
        return "".join(("_" + c.lower()) if c.isupper() and i else c.lower() for i, c in enumerate(name))


class Malformed(MesError):
    """The input contradicts itself or cannot be read; the text says what would be right."""

    status = 422


class Refused(MesError):
    """A rule does not allow it now."""

    status = 409


class NotFound(MesError):
    """There is no such thing, or none that the caller may see: the two answer alike."""

    status = 404


class NotSignedIn(MesError):
    """The caller is not known."""

    status = 401


class NotAllowed(MesError):
    """The caller is known and may not do this."""

    status = 403


class Busy(MesError):
    """Another transaction holds what this one needs; try again."""

    status = 409


class Stale(MesError):
    """The thing has changed since the caller looked at it."""

    status = 412


class Away(MesError):
    """The database does not answer; try again later."""

    status = 503
    retry_after_s = 5


class TookTooLong(MesError):
    """The database worked on it for longer than one request may; nothing was changed."""

    status = 503
    retry_after_s = 5


class StartRefused(Refused):
    """A lot may not start on an equipment; ``reasons`` lists every one."""


class WrongState(Refused):
    """The subject's state does not allow the verb."""
