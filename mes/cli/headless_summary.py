"""The summary of a headless run: the figures of the reports, and whether every way of counting agrees."""

import time
from typing import Any

import typer
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import checks
from mes.cli.centre import Centre
from mes.cli.output import say, show, show_one
from mes.jobs.models import ReceivedRecord
from mes.jobs.states import RecordState
from mes.lots.models import Hold
from mes.reports import summary as figures


def summary(centre: Centre) -> dict[str, Any]:
    """All figures of a run from its beginning until now, the count of units in three ways among them."""
    with centre.database.reading() as session:
        told = {"seed": centre.seed, **figures.summary(session), "refusals": refusals(session)}
    told["conservation"] = checks.conservation(centre.owner_url, centre.truth)
    told["wall_s"] = round(time.monotonic() - centre.began, 1)
    return told


def refusals(session: Session) -> dict[str, int]:
    """What did not go by itself, by code: records turned away, and holds that the system placed."""
    rejected = select(func.count()).where(ReceivedRecord.state == RecordState.REJECTED)
    by_code = select(Hold.code, func.count()).group_by(Hold.code).order_by(Hold.code)
    counted = {"record_rejected": session.scalar(rejected) or 0}
    counted.update((code, count) for code, count in session.execute(by_code))
    return {code: count for code, count in counted.items() if count}


COUNTED = {"received": "arrived", "consumed": "placed", "lost": "lost"}
"""What units are counted as, by history and maps and by the simulators, who know nothing of what people decide."""


def show_summary(told: dict[str, Any]) -> None:
    """The summary for people."""
    show([_percent(operation) for operation in told["operations"]], as_json=False)
    single = {key: value for key, value in told.items() if key not in ("operations", "conservation")}
    show_one(single, as_json=False)
    conservation = told["conservation"]
    agree = "agree, lot by lot and site by site" if conservation["equal"] else "DO NOT AGREE"
    typer.echo(f"\nConservation: the units counted from history, from the maps and from the simulators' truth {agree}.")
    show(side_by_side(conservation), as_json=False)
    for problem in conservation["differences"]:
        say(f"  {problem}")
    for source in ("history", "maps", "truth"):
        for problem in conservation[source]["problems"]:
            say(f"  {source}: {problem}")


def side_by_side(conservation: dict[str, Any]) -> list[dict[str, Any]]:
    """What each of the three counted, a row for each account; None where the simulators cannot know."""
    history, maps, truth = (conservation[source]["totals"] for source in ("history", "maps", "truth"))
    return [
        {
            "units": account.replace("_", " "),
            "history": history.get(account, 0),
            "maps": maps.get(account, 0),
            "simulators": truth.get(COUNTED[account], 0) if account in COUNTED else None,
        }
        for account in sorted(history.keys() | maps.keys() | COUNTED.keys())
    ]


def _percent(operation: dict[str, Any]) -> dict[str, Any]:
    """An operation with its shares in percent, as in the report."""
    shares = ("yield", "first_pass")
    return {
        key: f"{100 * value:.2f} %" if key in shares and value is not None else value
        for key, value in operation.items()
    }
