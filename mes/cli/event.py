"""`mes event follow`: what happens, as it happens, from wherever one was."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from mes.cli.database import open_known, times_of
from mes.cli.output import Json, print_line, say, told_time
from mes.cli.remote import server
from mes.events.looks import SubjectKind, look, wanted
from mes.events.outbox import head, place, read
from mes.history import CHANNEL
from mes.settings import Settings

app = typer.Typer(no_args_is_help=True)

POLL_S = 1.0
"""How long to wait where nobody wakes."""


@app.command()
def follow(
    *,
    after: Annotated[
        str | None, typer.Option(metavar="ID", help="The id that came last; 0-0 begins with the first event.")
    ] = None,
    kind: Annotated[SubjectKind | None, typer.Option(help="Only events about one of this kind.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only events about what has this name.")] = None,
    until_now: Annotated[bool, typer.Option("--until-now", help="End where all has been told.")] = False,
    as_json: Json = False,
) -> None:
    """A line for each event from now on, or after one that came: its id, plant time, verb, subjects and customer.

    Until Ctrl-C. With --json each line is an object. Over HTTP it goes on by itself where the connection was lost.

    Example: mes event follow --after 0-0 --kind lot --until-now
    """
    if there := server():
        events = there.follow("events", after=after, on=not until_now, kind=kind, subject=subject)
    else:
        events = _happened(after, kind, subject, on=not until_now)
    for number, told in events:
        if as_json:
            print_line({"id": number, **told})
        else:
            of = ", ".join(f"{one['kind']} {one['name']}".replace("_", " ") for one in told["subjects"])
            say(f"{number}  {told_time(told['at'])}  {told['verb'].replace('_', ' ')}  {of}  {told['customer'] or '–'}")


def _happened(
    after: str | None, kind: SubjectKind | None, subject: str | None, *, on: bool
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Events of the database with their ids."""
    with open_known(Settings()) as database, database.listening(CHANNEL) as wait:
        with database.reading() as session:
            times_of(session)
            cursor = head(session) if after is None else place(session, after)
        while True:
            with database.reading() as session:
                events = read(session, cursor)
            for event in events:
                if wanted(event, kind, subject):
                    yield str(event.cursor), look(event, centre=True).model_dump()
            if events:
                cursor = events[-1].cursor
            elif not on:
                return
            else:
                wait(POLL_S)
