"""The queue before the sign-in: bounded, so that nobody waits behind a flood of others."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from mes.errors import MesError
from mes.people.tries import network

PLACES, PLACES_OF_ONE = 40, 10
"""Sign-ins that a process has at work or waiting: of all addresses, and of one."""


class Crowded(MesError):
    """More people sign in at this moment than can be served soon."""

    status = 503
    retry_after_s = 5


class Queue:
    """Who signs in at a process. Asked by one thread alone."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, address: str) -> Iterator[None]:
        """A place until the block ends. Raises `Crowded` where all places, or those of one address, are taken."""
        caller = network(address)
        if self._taken[caller] >= PLACES_OF_ONE or self._taken.total() >= PLACES:
            raise Crowded("Too many people sign in at this moment; try again in a few seconds.")
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            self._taken = +self._taken
