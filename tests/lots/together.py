"""Verbs on lots at random, two to eight of them at once through connections of their own, and what became of each."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Barrier
from typing import Any, Self

from checks import connected, snapshot
from mes.cli.db_check import checked
from mes.errors import Busy, MesError
from mes.history import Act
from mes.lots.models import Lot
from tests.lots.random_shop import Shop, vary
from tests.lots.random_verbs import TABLE, Lots, Row
from tests.shop import Floor

MOST = 8
"""Verbs at once."""
TRIES = 20
"""Rows that are looked at for one for which there is something."""
PATIENCE_S = 60.0
STRAY = 0.08
"""How often a verb meets a lot in any state, whether that is usual or not."""


@dataclass(frozen=True)
class Call:
    """A verb, and with what; the act comes last."""

    verb: Callable[..., Any]
    given: tuple[Any, ...]

    def __str__(self) -> str:
        return self.verb.__name__


class Together:
    """A shop in which everybody does something at once. The same chance chooses the same verbs of the same shop."""

    def __init__(self, floor: Floor, chance: random.Random) -> None:
        self.floor, self.chance = floor, chance
        self.accepted, self.refused = Counter[str](), Counter[str]()
        self._open = ExitStack()

    def __enter__(self) -> Self:
        vary(self.floor, self.chance)
        self.shop = Shop(self.floor, self.chance)
        url = self.floor.database.url.render_as_string(hide_password=False)
        self._checks = self._open.enter_context(connected(url))
        self._people = self._open.enter_context(ThreadPoolExecutor(MOST))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def step(self) -> list[str]:
        """Two to eight verbs at once; what the checks of the database find afterwards, and where the database refused.

        A rule that refuses is no fault; what stands in the way of another by a deadlock is. Raises what is no refusal.
        """
        self.shop.look()
        wanted = [self._choose() for _ in range(self.chance.randint(2, MOST))]
        calls = [(call, self.floor.act()) for call in wanted if call is not None]
        together, stuck = Barrier(max(1, len(calls))), []
        for name, error in self._people.map(lambda one: self._do(together, *one), calls):
            (self.accepted if error is None else self.refused)[name] += 1
            if isinstance(error, Busy) and error.__cause__ is not None:
                stuck.append(f"{name}: {error.__cause__}")
        return stuck + self.problems()

    def problems(self) -> list[str]:
        """What the checks of the database find."""
        with snapshot(self._checks):
            return [f"{problem.check}: {problem.message}" for problem in checked(self._checks).problems]

    def _do(self, together: Barrier, call: Call, act: Act) -> tuple[str, MesError | None]:
        together.wait(PATIENCE_S)
        try:
            with self.floor.database.transaction() as session:
                call.verb(session, *call.given, act)
        except MesError as error:
            return str(call), error
        return str(call), None

    def _choose(self) -> Call | None:
        """A verb for which there is something, and with what; in a shop without work there may be none."""
        for row in self.chance.choices(TABLE, [one.often for one in TABLE], k=TRIES):
            found = self._subjects(row)
            given = row.given(self.shop, self.chance.choice(found)) if found else None
            if given is not None:
                return Call(row.verb, given)
        return None

    def _subjects(self, row: Row) -> Sequence[Any]:
        """What the verb may be done to."""
        lots: Sequence[Lot] = self.shop.seen.lots
        return lots if isinstance(row.on, Lots) and self.chance.random() < STRAY else row.on(self.shop.seen)
