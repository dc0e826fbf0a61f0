"""`mes lot`: find lots and act on them. Acts are recorded as the administrator's."""

import typer

from mes.cli import (
    lot_bulk,
    lot_changes,
    lot_holds,
    lot_looks,
    lot_queue_time,
    lot_regroup,
    lot_urgency,
    lot_verbs,
    lot_work,
)

app = typer.Typer(help="Find lots and act on them.", no_args_is_help=True)
for part in (
    lot_looks,
    lot_changes,
    lot_holds,
    lot_queue_time,
    lot_urgency,
    lot_regroup,
    lot_verbs,
    lot_work,
    lot_bulk,
):
    app.add_typer(part.app)
