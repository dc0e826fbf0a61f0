"""Penny Fab Two on the in-memory twin, and what its reports say once it is in steady state."""

import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from mes.cli.centre import BEGINS
from mes.lots.models import Lot
from mes.reports.run import run as report
from mes.schema import ROOT
from tests.demo.small_plant import edit
from tests.demo.twin import Twin

PENNY = ROOT / "deploy" / "plants" / "penny_fab_two"
RAW_H, BOTTLENECK = 20.0, 0.4
"""Work on one lot, and lots an hour that the slowest station passes."""

MIX = (("penny", 120), ("dime", 60), ("penny", 60), ("dime", 20), ("penny", 90), ("dime", 40))
"""Routes of the mixed line, and hours until its lots are due."""


@dataclass(frozen=True)
class Flow:
    """Lots an hour and mean hours from release to end, of lots that ended in a period."""

    throughput: float
    cycle_h: float


def best_case(wip: int) -> Flow:
    """What no line with constant work in process can beat: Factory Physics, chapter 7."""
    return Flow(min(wip / RAW_H, BOTTLENECK), max(RAW_H, wip / BOTTLENECK))


def penny_plant(folder: Path, wip: int, process_time: str = "fixed") -> Path:
    """Penny Fab Two with so many lots on the line."""

    def constant_wip(content: Any) -> None:
        content["release_rules"][0]["constant_wip"] = wip

    def times(content: Any) -> None:
        for its_class in content["classes"]:
            its_class["process_time"] = process_time

    shutil.copytree(PENNY, folder)
    edit(folder / "release.yaml", constant_wip)
    edit(folder / "equipment.yaml", times)
    return folder


def mixed_plant(folder: Path, ranking: list[str]) -> Path:
    """The stations with exponential times and two routes, fed at once with lots whose due dates are near and far."""

    def rank(content: Any) -> None:
        content["site"]["ranking"] = ranking

    def short(content: Any) -> None:
        content["route"], content["title"] = "dime", "Dime"
        content["operations"] = [o for o in content["operations"] if o["number"] in (10, 20, 40)]

    def feed(content: Any) -> None:
        (lot,) = content["lots"]
        content["lots"] = [lot | {"route": route, "due_h": due_h} for route, due_h in MIX]

    penny_plant(folder, 1, "exponential")
    (folder / "release.yaml").unlink()
    shutil.copy(folder / "routes" / "penny.yaml", folder / "routes" / "dime.yaml")
    edit(folder / "routes" / "dime.yaml", short)
    edit(folder / "site.yaml", rank)
    edit(folder / "demonstration.yaml", feed)
    return folder


def ends_h(twin: Twin) -> dict[str, float]:
    """When each lot ended, in hours after the begin."""
    with twin.database.reading() as session:
        lots = session.scalars(select(Lot)).all()
    return {lot.name: (lot.ended_at - BEGINS) / timedelta(hours=1) for lot in lots if lot.ended_at is not None}


def last_release_h(twin: Twin) -> float:
    """When the last lot was released: until then as many are on the line as the rule says."""
    with twin.database.reading() as session:
        last = session.scalar(select(func.max(Lot.released_at)))
    assert last is not None
    return float((last - BEGINS) / timedelta(hours=1))


def on_time(twin: Twin) -> float:
    """The share of lots that ended on or before their due date."""
    with twin.database.reading() as session:
        lots = session.scalars(select(Lot)).all()
    late = [lot for lot in lots if lot.ended_at is None or lot.due_at is None or lot.ended_at > lot.due_at]
    return 1 - len(late) / len(lots)


def flow(twin: Twin, warm_up_h: float, hours: float) -> Flow:
    """The figures of `mes report throughput` and `cycle_time` for so many hours after the line has warmed up."""
    begin = BEGINS + timedelta(hours=warm_up_h)
    period = {"from": begin, "to": begin + timedelta(hours=hours)}
    with twin.database.reading() as session:
        ended = sum(row["lots_ended"] or 0 for row in report(session, "throughput", period).records())
        (times,) = report(session, "cycle_time", period).records()
    return Flow(ended / hours, times["mean_h"])
