"""`mes lot`: find lots and act on them. Acts are recorded as the administrator's."""

from collections.abc import Collection, Mapping
from typing import ClassVar

import typer

from mes.cli.commands import Several


class LotCommand(Several):
    """`mes lot`: what it reads, what people do with lots, and a command for each verb of the table."""

    modules: ClassVar[Mapping[str, Collection[str]]] = {
        "lot_looks": ("list", "show", "hold-codes", "maps", "operations"),
        "lot_start_check": ("start-check",),
        "lot_changes": ("create", "release", "scrap", "pull-sample", "store"),
        "lot_holds": ("hold", "release-hold", "future-hold", "withdraw-future-hold"),
        "lot_queue_time": ("dispose-queue-time",),
        "lot_urgency": ("priority", "reserve", "lift-reservation"),
        "lot_regroup": ("split", "merge", "rework"),
        "lot_verbs": (),
        "lot_work": ("track-in", "track-out", "abort"),
        "lot_bulk": ("bulk",),
    }


app = typer.Typer(cls=LotCommand, no_args_is_help=True)
