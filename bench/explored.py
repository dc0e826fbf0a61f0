"""The API as schemathesis asks it, for ten minutes if asked to: no fault, no answer outside its description.

Each round has a shop of its own and another seed; what is found is printed with a request that shows it again.
"""

import logging
import time
from collections import Counter

import structlog

from bench.database import empty
from bench.measure import Figure, Report, Size
from tests.api.conftest import Api, everybody
from tests.api.exploring import Explored, explore, furnish
from tests.shop import build_floor
from tests.web.conftest import serving

LONG_S = 600.0
EXAMPLES = {Size.QUICK: 2, Size.USUAL: 10, Size.LONG: 40}
"""Of each operation, with right and with wrong input."""


def run(size: Size) -> Report:
    """Rounds until the time is up; one, if it is not a long run."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    began, seeds = time.monotonic(), 0
    statuses, wrong, unsound, reached = Counter[int](), dict[str, str](), 0, set[str]()
    while seeds == 0 or (size is Size.LONG and time.monotonic() - began < LONG_S):
        seeds += 1
        found, problems = _round(EXAMPLES[size], seeds)
        statuses += found.statuses
        wrong |= found.wrong
        reached |= found.reached
        unsound += problems
    told: dict[str, float | int | str] = {str(status): count for status, count in sorted(statuses.items())}
    more = {"requests": statuses.total(), "seeds": seeds, "operations done": len(reached), **told}
    figures = (
        Figure("answers outside the description, and faults", len(wrong), "", budget=0, more=more),
        Figure("problems in the database after", unsound, "", budget=0),
    )
    return Report(figures, notes=tuple(f"{where}: {what}" for where, what in wrong.items()))


def _round(examples: int, seed: int) -> tuple[Explored, int]:
    """What came of a round, and how many problems the checks of the database find after it."""
    with empty() as bench:
        floor = build_floor(bench.database)
        keys, names = everybody(bench.database), furnish(floor)
        with serving(bench.database) as site:
            api = Api(site.address, keys)
            with api.as_user("administrator") as client:
                described = client.get("/openapi.json").json()
            found = explore(described, names, api.address, keys["administrator"], examples=examples, start=seed)
        return found, len(floor.problems())
