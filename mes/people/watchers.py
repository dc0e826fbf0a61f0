"""Who follows what moves, and whether each still may: asked for all of them together, in one question."""

from collections.abc import Callable
from threading import Lock

from sqlalchemy.exc import TimeoutError as PoolTimeout

from mes.db import Database
from mes.errors import Away
from mes.people.keys import holders
from mes.people.sign_in import Person, all_signed_in

FRESH_S = 10.0
"""How long an answer counts."""

FORGOTTEN_S = 120.0
"""After which one who has not asked follows nothing any more."""


class Watchers:
    """Those who follow something in one process, each by the SHA-256 of the token or key with which it began."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds that never go back."""
        self._clock = clock
        self._database = database
        self._lock = Lock()
        self._asked_at: dict[bytes, float] = {}
        self._allowed: dict[bytes, Person] = {}
        self._looked_at = float("-inf")

    def still(self, credential: bytes, person: Person) -> Callable[[], bool]:
        """Says whenever called whether who began as ``person`` still is that: signed in, of the same role and customer.

        The answer is at most `FRESH_S` old, or older only while the database is away.
        """
        self._asked_at[credential] = self._clock()

        def same() -> bool:
            with self._lock:
                now = self._asked_at[credential] = self._clock()
                if now - self._looked_at >= FRESH_S or credential not in self._allowed:
                    try:
                        self._look(now)
                    except (Away, PoolTimeout):  # nothing is told of a database that is away
                        return True
                return self._allowed.get(credential) == person

        return same

    def _look(self, now: float) -> None:
        for who in [who for who, at in self._asked_at.copy().items() if now - at > FORGOTTEN_S]:
            del self._asked_at[who]
        following = self._asked_at.copy()
        with self._database.reading() as session:
            self._allowed = {**all_signed_in(session, following), **holders(session, following)}
        self._looked_at = now
