"""Every command tells how to use it, and the page of reference says what the commands say."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from mes.cli import app

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "command-line.md"
MAKE_PAGE = ["-m", "typer", "mes.cli", "utils", "docs", "--name", "mes"]
NO_DATA = {"mes serve", "mes connect", "mes label"}
"""They print no data: two are processes, and labels are for printers."""


def commands(group: Any, name: str = "mes") -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        else:
            yield f"{name} {word}", command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_every_command_has_an_example_of_itself() -> None:
    without = [name for name, command in COMMANDS.items() if name not in command.help.partition("Example:")[2]]
    assert without == []


def test_every_command_that_prints_data_prints_json() -> None:
    options = {name: {word for p in command.params for word in p.opts} for name, command in COMMANDS.items()}
    assert {name for name, words in options.items() if "--json" not in words} == NO_DATA


def test_page_of_reference_is_what_the_commands_say() -> None:
    made = subprocess.run([sys.executable, *MAKE_PAGE], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert PAGE.read_text() == made, f"make it anew: python {' '.join(MAKE_PAGE)} > {PAGE.relative_to(ROOT)}"


def test_shell_completes_commands_and_states() -> None:
    def completed(line: str) -> list[str]:
        words = {"_MES_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        return CliRunner(env=words).invoke(app, [], prog_name="mes").stdout.split()

    assert completed("mes lot tra") == ["track-in", "track-out"]
    assert {"queued", "stocked"} <= set(completed("mes lot list --state "))
