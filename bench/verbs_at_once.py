"""Verbs on lots at random, two to eight of them at once, up to a hundred thousand: after each step every unit is there.

Each round has a shop of its own and another seed; the checks of the database count after every step.
"""

from collections import Counter

from bench.database import empty
from bench.measure import Figure, Report, Size
from tests.lots.together import Together
from tests.shop import build_floor

VERBS = {Size.QUICK: 200, Size.USUAL: 2_000, Size.LONG: 100_000}
STEPS = 100
"""Of a round: the checks read all that there is."""


def run(size: Size) -> Report:
    """How many steps left something that contradicts itself, and how many verbs were accepted."""
    accepted, refused, steps, seeds = Counter[str](), Counter[str](), 0, 0
    found: list[str] = []
    while (accepted + refused).total() < VERBS[size]:
        seeds += 1
        with empty() as bench:
            shop = Together(build_floor(bench.database), seeds)
            for step in range(STEPS):
                found += [f"seed {seeds}, step {step}: {problem}" for problem in shop.step()]
            steps += STEPS
            accepted, refused = accepted + shop.accepted, refused + shop.refused
    verbs = (accepted + refused).total()
    more: dict[str, float | int | str] = {"verbs": verbs, "steps": steps, "seeds": seeds}
    done: dict[str, float | int | str] = dict(sorted(accepted.items()))
    return Report(
        (
            Figure("contradictions after verbs at once", len(found), "", budget=0, more=more),
            Figure("refused of the verbs", 100 * refused.total() / verbs, "%", budget=60, more=done),
        ),
        notes=tuple(found),
    )
