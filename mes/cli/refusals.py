"""Exit codes of every command: 0 done, 1 refused with the reasons on standard error, 2 wrong use."""

from typing import Any

import structlog
import typer
from pydantic import ValidationError
from typer.core import TyperGroup

from mes.cli import logs
from mes.cli.output import refuse
from mes.errors import MesError
from mes.postgres import PostgresError
from mes.settings import PREFIX
from mes.units.formats.findings import MapRefused

REFUSED, WRONG_USE = 1, 2


class Refusing(TyperGroup):
    """The top of all commands: says what was refused instead of where in the program it was."""

    def invoke(self, ctx: Any) -> object:
        """Run the command. Bugs go through as they are. What is logged on the way is no part of what it prints."""
        structlog.configure(logger_factory=logs.standard_error)
        try:
            return super().invoke(ctx)
        except MesError as error:
            refuse(error.message, error.reasons)
        except ValidationError as error:
            if error.title != "Settings":
                raise
            for mistake in error.errors():
                refuse(f"{PREFIX}{str(mistake['loc'][0]).upper()} is {mistake['input']!r}: {mistake['msg']}.")
            raise typer.Exit(WRONG_USE) from None
        except (PostgresError, MapRefused, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            refuse(str(error))
        raise typer.Exit(REFUSED)
