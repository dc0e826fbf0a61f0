"""Every command tells how to use it, and the page of reference says what the commands say."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.cli
from typer.testing import CliRunner

from mes.cli import app, commands
from mes.cli.commands import NOUNS
from mes.cli.lot import LotCommand

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "command-line.md"
MAKE_PAGE = ["mes.cli", "utils", "docs", "--name", "mes"]
HEAVY = {"alembic", "asyncua", "fastapi", "httpx", "lxml", "numpy", "xlsxwriter"}
"""Packages that take long to import; a list of lots needs none of them."""
NO_DATA = {"mes serve", "mes connect", "mes label"}
"""They print no data: two are processes, and labels are for printers."""


def all_of(group: Any, name: str = "mes") -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from all_of(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


COMMANDS = dict(all_of(typer.main.get_command(app)))


def test_every_command_has_an_example_of_itself() -> None:
    without = [name for name, command in COMMANDS.items() if name not in command.help.partition("Example:")[2]]
    assert without == []


def test_help_says_of_each_command_what_it_says_itself_and_imports_none(monkeypatch: pytest.MonkeyPatch) -> None:
    top: Any = typer.main.get_command(app)
    assert {name: command.help.splitlines()[0] for name, command in top.commands.items()} == NOUNS
    monkeypatch.delattr(commands, "import_module")
    monkeypatch.setattr(commands, "_noun", None)
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["--help"], catch_exceptions=False).stdout
    assert all(f"{name} " in shown and says in shown for name, says in NOUNS.items())


def test_verbs_of_lots_stand_in_the_modules_that_are_said_to_have_them() -> None:
    for module, names in LotCommand.modules.items():
        own = commands._verbs(module)
        assert list(own) == list(names or own), module


def test_a_command_imports_what_it_needs_and_no_more() -> None:
    program = (
        "import sys; from mes.cli import app; app(['lot', 'list', '--help'], standalone_mode=False);"
        f"print('too many:', *sorted({HEAVY!r} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "too many:"


def test_every_command_that_prints_data_prints_json() -> None:
    options = {name: {word for p in command.params for word in p.opts} for name, command in COMMANDS.items()}
    assert {name for name, words in options.items() if "--json" not in words} == NO_DATA


def test_page_of_reference_is_what_the_commands_say() -> None:
    made = CliRunner().invoke(typer.cli.app, MAKE_PAGE, catch_exceptions=False).stdout
    assert PAGE.read_text() == made, f"make it anew: python -m typer {' '.join(MAKE_PAGE)} > {PAGE.relative_to(ROOT)}"


def test_shell_completes_commands_and_states() -> None:
    def completed(line: str) -> list[str]:
        words = {"_MES_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return CliRunner(env=words).invoke(app, [], prog_name="mes").stdout.split()

    assert completed("mes lot tra") == ["track-in", "track-out"]
    assert {"queued", "stocked"} <= set(completed("mes lot list --state "))
