"""Verbs on lots at random, two to eight of them at once, up to a hundred thousand: after each step every unit is there.

Each round has a shop of its own and another seed; the checks of the database count after every step.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from sqlalchemy.engine import make_url

from bench.measure import Figure, Meter, Report, Size
from mes.postgres import EmbeddedPostgres
from mes.schema import init
from tests.databases import APP_PASSWORD, copied, copy, opened, quick_folder
from tests.lots.random_verbs import TABLE
from tests.lots.together import Together
from tests.shop import Floor, build_floor

VERBS = {Size.QUICK: 200, Size.USUAL: 2_000, Size.LONG: 100_000}
LEAST = {Size.QUICK: 0, Size.USUAL: 1, Size.LONG: 100}
"""How often each verb is to be accepted."""
STEPS = 100
"""Of a round: the checks read all that there is."""
SHOP = "template_shop"
HASTE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


def run(size: Size) -> Report:
    """How many steps left something that contradicts itself, and how often each verb was accepted and refused."""
    accepted, refused, steps, seeds, cpu_s = Counter[str](), Counter[str](), 0, 0, 0.0
    found: list[str] = []
    with _server() as server:
        while (accepted + refused).total() < VERBS[size]:
            seeds += 1
            with (
                copied(server, SHOP) as url,
                opened(url) as database,
                Together(Floor(database), Random(seeds)) as shop,
                Meter(server.pid).measuring() as spent,
            ):
                for step in range(STEPS):
                    found += [f"seed {seeds}, step {step}: {problem}" for problem in shop.step()]
            accepted, refused = accepted + shop.accepted, refused + shop.refused
            steps, cpu_s = steps + STEPS, cpu_s + spent.cpu_s
    verbs = (accepted + refused).total()
    more: dict[str, float | int | str] = {"verbs": verbs, "steps": steps, "seeds": seeds}
    names = sorted({row.verb.__name__ for row in TABLE}, key=lambda name: (accepted[name], name))
    each: dict[str, float | int | str] = {name: f"{accepted[name]} of {(accepted + refused)[name]}" for name in names}
    rare = [name for name in names if accepted[name] < LEAST[size]]
    return Report(
        (
            Figure("contradictions after verbs at once", len(found), "", budget=0, more=more),
            Figure("refused of the verbs", 100 * refused.total() / verbs, "%", budget=60, more=each),
            Figure(f"verbs accepted less than {LEAST[size]} times", len(rare), "", budget=0),
            Figure("CPU for a verb and its part of the checks", 1000 * cpu_s / verbs, "ms"),
        ),
        notes=tuple(found),
    )


@contextmanager
def _server() -> Iterator[EmbeddedPostgres]:
    """A server whose data die with it, with a shop to be copied."""
    with quick_folder() as folder, EmbeddedPostgres.start(folder, HASTE) as server:
        copy(server, "template0", SHOP)
        url = make_url(server.url).set(database=SHOP)
        init(url.render_as_string(hide_password=False), APP_PASSWORD)
        with opened(url) as database:
            build_floor(database)
        yield server
