"""State machines as tables: (state, verb) -> state, and one sentence when a pair is not in the table."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from mes.errors import WrongState

S = TypeVar("S", bound=StrEnum)
V = TypeVar("V", bound=StrEnum)


class Transitions(Generic[S, V]):
    """A table of allowed pairs. The only way to change a state."""

    def __init__(self, table: Mapping[tuple[S, V], S]) -> None:
        self.table = dict(table)

    def after(self, subject: str, state: S, verb: V) -> S:
        """The state after ``verb``. Raises `WrongState` naming the states that allow it."""
        entered = self.table.get((state, verb))
        if entered is None:
            allowed = ", ".join(sorted(s for s, v in self.table if v == verb))
            raise WrongState(f"{subject} is {state}; {verb.replace('_', ' ')} needs it to be {allowed}.")
        return entered

    def allows(self, state: S, verb: V) -> bool:
        """Whether the pair stands in the table."""
        return (state, verb) in self.table
