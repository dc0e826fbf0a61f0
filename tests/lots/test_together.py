"""Whatever people and equipment do to lots at the same moment, every unit is there afterwards, counted in every way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import undefer
from sqlalchemy.types import Integer

from mes import db
from mes.history import Delta
from mes.lots import ledger, progress
from mes.lots.gate import start_gate
from mes.lots.models import Lot
from mes.lots.regrouping import merge
from mes.postgres import EmbeddedPostgres
from tests.databases import copied, opened
from tests.lots.random_verbs import TABLE
from tests.lots.together import Together
from tests.shop import Floor

SHOPS, STEPS, VERBS = 21, 100, 10_000
"""Some five verbs a step; a benchmark goes on for a hundred thousand."""
MOST_SHOPS = 10
"""In one of which a planted fault must show."""


def test_whatever_is_done_at_once_loses_nothing(postgres: EmbeddedPostgres, furnished: str) -> None:
    accepted, refused = Counter[str](), Counter[str]()

    @settings(
        max_examples=SHOPS, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.randoms(use_true_random=True))
    def work(chance: Random) -> None:
        with copied(postgres, furnished) as url, opened(url) as database, Together(Floor(database), chance) as shop:
            for step in range(STEPS):
                assert shop.step() == [], f"after step {step}"
        accepted.update(shop.accepted)
        refused.update(shop.refused)

    work()
    assert (accepted + refused).keys() == {row.verb.__name__ for row in TABLE}
    assert (accepted + refused).total() >= VERBS
    assert accepted.keys() == (accepted + refused).keys()
    assert accepted.total() > 0.4 * (accepted + refused).total(), (accepted, refused)


def unlocked(model: Any) -> Any:
    """What reads rows as they are, and keeps nobody from changing them."""
    of_ids = model.id == any_(bindparam("ids", type_=ARRAY(Integer)))
    return (
        select(model).where(of_ids).order_by(model.id).options(undefer("*")).execution_options(populate_existing=True)
    )


def uncounted(_: Lot, form: int, changes: Mapping[str, int]) -> list[Delta]:
    """What tells neither the lot nor history of a posting."""
    return []


def untold(lot: Lot, _: int, changes: Mapping[str, int]) -> list[Delta]:
    """What tells the lot of a posting, and history nothing."""
    lot.units += changes.get("in_process", 0) + changes.get("completed", 0)
    return []


def nothing(*_: Any, **__: Any) -> tuple[()]:
    """What finds nothing and does nothing."""
    return ()


FAULTS: dict[str, tuple[Any, str, Any]] = {
    "rows are not locked": (db, "_for_update", unlocked),
    "a posting is told nobody": (ledger, "_counted", uncounted),
    "a posting is told the lot and not history": (ledger, "_counted", untold),
    "what was taken, worked or sent is not posted": (ledger, "moves", lambda _: {}),
    "a substrate goes over without its accounts": (ledger, "held", lambda _: Counter()),
    "a lot begins without a ledger": (ledger, "begin", nothing),
    "lots that differ are merged": (merge, "_against", nothing),
    "a lot is not settled": (progress, "settle", nothing),
    "what was worked on does not go on": (progress, "move_on", nothing),
    "the start gate lets everything through": (start_gate, "judge", nothing),
}
"""What is planted: where, in the place of which function, and what stands there."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(
    postgres: EmbeddedPostgres, furnished: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert any(_shows(fault, postgres, furnished, seed, monkeypatch) for seed in range(MOST_SHOPS))


def _shows(fault: str, postgres: EmbeddedPostgres, furnished: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether it is found in a shop of its own."""
    with (
        copied(postgres, furnished) as url,
        opened(url) as database,
        Together(Floor(database), Random(seed)) as shop,
        monkeypatch.context() as planted,
    ):
        planted.setattr(*FAULTS[fault])
        planted.setattr(db, "_FOR_UPDATE", {})
        return any(_finds(shop) for _ in range(STEPS))


def _finds(shop: Together) -> bool:
    """Whether a step shows that something is wrong: to the checks, to the database, or to the verb itself."""
    try:
        return bool(shop.step())
    except (DBAPIError, ArithmeticError, LookupError, ValueError):
        return True
