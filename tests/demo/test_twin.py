"""Full-size lots without a network: counted ends, and the same seed repeats every event."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from mes.cli.db_check import check
from mes.lots.models import Lot
from tests.demo.conftest import SEED, RunTwin
from tests.demo.small_plant import DEMONSTRATION, edit
from tests.demo.twin import Twin

OTHER_SEED = 8
SUBSTRATES = {"hbm_core": 5, "hbm_stack": 1, "top_die": 1}
"""Core dies for one wafer of stacks, and some compute dies beside them."""
HEADS = " union all ".join(
    f"select '{kind} ' || id, encode(history_hash, 'hex') from {kind}"
    for kind in ("lot", "substrate", "run", "equipment")
)
"""The end of every chain of history: equal only where every event before it is."""


@pytest.fixture
def run_line(in_memory: RunTwin, tmp_path: Path) -> Callable[[int], Twin]:
    """The demonstration centre when three lots have run to their end, by seed."""
    plant = tmp_path / "plant"
    shutil.copytree(DEMONSTRATION, plant)
    edit(plant / "demonstration.yaml", _three_lots)
    return lambda seed: in_memory(plant, len(SUBSTRATES), seed)


def _three_lots(content: Any) -> None:
    of = {lot["route"]: lot for lot in content["lots"]}
    content["lots"] = [of[route] | {"substrates": count} for route, count in SUBSTRATES.items()]


def heads(twin: Twin) -> dict[str, str]:
    with twin.database.reading() as session:
        return {row[0]: row[1] for row in session.execute(text(HEADS))}


def counted(twin: Twin) -> dict[str, Any]:
    """Every unit by history, by the maps and by the hidden truth; all three must agree."""
    found: dict[str, Any] = twin.summary()["conservation"]
    assert found["equal"], found
    assert found["history"]["totals"]["consumed"] == found["truth"]["totals"]["placed"]
    return found


def test_three_lots_end_counted_and_the_same_seed_repeats_every_event(run_line: Callable[[int], Twin]) -> None:
    line = run_line(SEED)
    with line.database.reading() as session:
        lots = {lot.name.rpartition("-")[0]: lot for lot in session.scalars(select(Lot))}
        records = set(session.scalars(text("select state from received_record")))
        orders = set(session.scalars(text("select state from sent_order")))
        in_doubt = session.scalar(text("select count(*) from hold where code = 'in_doubt'"))
    assert {route: lot.state for route, lot in lots.items()} == dict.fromkeys(SUBSTRATES, "stocked")
    assert lots["hbm_stack"].units > 200
    assert (records, orders, in_doubt) == ({"applied"}, {"closed"}, 0)
    assert check(line.owner_url).problems == []
    again, other = run_line(SEED), run_line(OTHER_SEED)
    assert heads(again) == heads(line)
    assert counted(again) == counted(line) != counted(other)
