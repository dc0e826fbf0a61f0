"""What commands print: tables for people, JSON for machines, refusals on standard error."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from mes.errors import Reason

WIDE = 10_000
"""Columns of every output: lines stay unbroken, and names whole. A table is fitted to a terminal by `fit`."""
SENTENCE = 12
"""Columns into which a cell of several words may be folded, at words."""
GAP = 2
"""Columns between two columns of a table."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Why = Annotated[str, typer.Option(help="Why; kept in history.")]

COMMANDS = [code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"]
"""Characters by which a text could steer a terminal; whoever wrote it, it is shown, never obeyed."""
SHOWN = dict.fromkeys(COMMANDS, "\N{REPLACEMENT CHARACTER}")
ESCAPED = {code: f"\\u{code:04x}" for code in COMMANDS}


class _Console(Console):
    """Prints no control character of a text, neither of a cell nor of a leaf of a tree."""

    def render_str(self, text: str, **how: Any) -> Text:
        return super().render_str(text.translate(SHOWN), **how)


def console() -> Console:
    """Standard output as it is now."""
    return _Console(width=WIDE)


def say(text: str, *, err: bool = False) -> None:
    """A line for people, without control characters."""
    typer.echo(text.translate(SHOWN), err=err)


def print_table(table: Table) -> None:
    """Print a table, on a terminal as narrow as it gets with every name whole."""
    table.box, table.show_edge, table.pad_edge, table.padding = box.SIMPLE_HEAD, False, False, (0, 1, 0, 0)
    table.caption_justify = "left"
    if sys.stdout.isatty():
        fit(table, shutil.get_terminal_size().columns)
    console().print(table)


def fit(table: Table, room: int) -> None:
    """Fold sentences and heads of a table at words, the widest first, until it fits ``room`` or none is left.

    No word is ever cut: a table of many names stays wider than the terminal.
    """
    widths, least = zip(*(_widths(table, number) for number in range(len(table.columns))), strict=True)
    chosen = list(widths)
    excess = sum(chosen) + GAP * (len(chosen) - 1) - room
    while excess > 0 and (foldable := [n for n in range(len(chosen)) if chosen[n] > least[n]]):
        chosen[max(foldable, key=chosen.__getitem__)] -= 1
        excess -= 1
    for column, width in zip(table.columns, chosen, strict=True):
        column.width, column.no_wrap, column.overflow = width, False, "fold"


def _widths(table: Table, number: int) -> tuple[int, int]:
    """How wide a column is unfolded, and the least to which it may be folded."""
    column = table.columns[number]
    head = Text.from_markup(str(column.header)).plain
    cells = [Text.from_markup(str(cell).translate(SHOWN)).plain for cell in column.cells]
    cells = [line for cell in cells for line in cell.splitlines()]
    longest = max(map(len, cells), default=0)
    words = max((len(word) for cell in cells for word in cell.split()), default=0)
    kept = longest if longest <= SENTENCE else max(SENTENCE, words)
    return max(len(head), longest), max(kept, *map(len, head.split() or [""]))


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str = "Nothing.") -> None:
    """Rows of one shape: a list of objects, or a table with the keys as heads."""
    if as_json:
        print_json(list(rows))
    elif not rows:
        typer.echo(empty)
    else:
        table = Table(*(key.replace("_", " ") for key in rows[0]))
        for row in rows:
            table.add_row(*(_cell(value) for value in row.values()))
        print_table(table)


def show_one(thing: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing: an object, or a line for each of its parts; lists of objects as tables below."""
    if as_json:
        print_json(thing)
        return
    lists = {key: value for key, value in thing.items() if _is_table(value)}
    table = Table(show_header=False)
    for key, value in thing.items():
        if key not in lists:
            table.add_row(key.replace("_", " "), _cell(value))
    print_table(table)
    for key, value in lists.items():
        say(f"\n{key.replace('_', ' ')}")
        show(value, as_json=False)


def print_json(value: Any) -> None:
    """JSON, with times in ISO 8601."""
    typer.echo(json.dumps(value, default=_plain, indent=1, ensure_ascii=False).translate(ESCAPED))


def print_line(value: Any) -> None:
    """JSON in one line, at once."""
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False).translate(ESCAPED))


@contextmanager
def working(what: str, *, as_json: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error as long as work lasts, with the seconds it has taken; where there is a person to watch.

    Gives what to call with where the work is: words, how much is done, of how much. Nothing else is printed meanwhile.
    """
    if as_json or not sys.stderr.isatty():
        yield lambda words, done, total: None  # noqa: ARG005
        return
    # a moment of every start, for what few commands need
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TimeElapsedColumn())
    on_errors = Console(stderr=True)
    with Progress(*columns, console=on_errors, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(what, total=None)
        yield lambda words, done, total: bar.update(task, description=words or what, completed=done, total=total)


_ZONE: ContextVar[Callable[[], str]] = ContextVar("zone", default=lambda: "UTC")


@contextmanager
def of_no_plant() -> Iterator[None]:
    """One command that knows of no plant yet, so that its times are UTC."""
    token = _ZONE.set(lambda: "UTC")
    try:
        yield
    finally:
        _ZONE.reset(token)


def times_in(zone: Callable[[], str]) -> None:
    """From now on people read this command's times in a zone, which is asked for once there is a time to be read."""
    _ZONE.set(cache(zone))


def told_time(at: datetime) -> str:
    """A time for people: in the plant's zone, with its offset."""
    return at.astimezone(ZoneInfo(_ZONE.get()())).isoformat(" ", "seconds")


def refuse(message: str, reasons: Iterable[Reason] = ()) -> None:
    """A refusal on standard error: what is so, and each reason with who can clear it."""
    say(message, err=True)
    for reason in reasons:
        say(f"  - {reason.message} [{reason.code}; {reason.who.replace('_', ' ')}]", err=True)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return escape(", ".join(_text(item) for item in value))
    if isinstance(value, Mapping):
        return escape(", ".join(f"{key} {_text(item)}" for key, item in value.items()))
    return escape(_text(value))


def _text(value: Any) -> str:
    return told_time(value) if isinstance(value, datetime) else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return str(value.isoformat() if isinstance(value, date) else value)
