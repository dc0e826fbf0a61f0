"""What applying a plant would change, thing by thing, and what of it would be refused."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy.orm import Session

from mes.errors import Reason
from mes.plant.refusals import refusal
from mes.plant.schema import Plant
from mes.plant.stored import stored

_SIGNS = {"add": "+", "change": "~", "remove": "-"}
_GONE = {
    "recipe": " (becomes obsolete)",
    "route": " (no new lots)",
    "certification": " (and its certificates)",
    "hold_code": " (no new holds)",
    "bin_reason": " (no new edits)",
    "release_rule": " (people release)",
    "supply_agreement": " (nothing more is supplied)",
    "map_rule": " (its warnings are judged by other rules)",
    "map_declaration": " (nothing more is read by it)",
}


@dataclass(frozen=True)
class Difference:
    """One thing that the text and the database say differently.

    ``before`` is what the database holds, ``after`` what the text says; each is None where there is nothing.
    ``refusal`` says why it cannot be applied now.
    """

    kind: str
    name: str
    verb: Literal["add", "change", "remove"]
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    refusal: Reason | None = None

    @property
    def changed(self) -> dict[str, tuple[Any, Any]]:
        """Key -> (before, after) of what differs in a changed thing."""
        before, after = self.before or {}, self.after or {}
        return {key: (before.get(key), after.get(key)) for key in after if before.get(key) != after.get(key)}

    def __str__(self) -> str:
        text = f"{_SIGNS[self.verb]} {self.kind} {self.name}"
        if self.verb == "remove":
            text += _GONE.get(self.kind, "")
        if self.verb == "change":
            changed = (f"{key} {_short(old)} -> {_short(new)}" for key, (old, new) in self.changed.items())
            text += ": " + ", ".join(changed)
        return text + (f"\n  refused: {self.refusal.message}" if self.refusal else "")


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def diff(session: Session, plant: Plant) -> list[Difference]:
    """Every difference between the text and the database, what others build on first. Changes nothing."""
    held, wanted = stored(session).kinds(), plant.kinds()
    found = []
    for kind, things in wanted.items():
        before = {key: part.content() for key, part in held[kind].items()}
        after = {key: part.content() for key, part in things.items()}
        found += [
            _difference(session, kind, key, before.get(key), after.get(key))
            for key in sorted({*before, *after})
            if before.get(key) != after.get(key)
        ]
    return found


def _difference(
    session: Session, kind: str, name: str, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> Difference:
    verb: Literal["add", "change", "remove"]
    verb = "add" if before is None else "remove" if after is None else "change"
    return Difference(kind, name, verb, before, after, refusal(session, kind, name, before, after))
