"""Tables for people: no name is ever cut, however narrow the terminal."""

import re
from datetime import UTC, datetime

import pytest
from rich.table import Table

from mes.cli.output import fit, of_no_plant, show, times_in, working

NAMES = ["chip_on_wafer-01", "module/120", "2026-11-02T00:00:00Z"]
TITLE = "Bond compute die and stacks on the wafer"


def printed(capsys: pytest.CaptureFixture[str], columns: int, rows: list[dict[str, str]]) -> list[str]:
    """What `show` prints on a terminal of so many columns."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", str(columns))
        patched.setattr("sys.stdout.isatty", lambda: True)
        show(rows, as_json=False)
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()


@pytest.mark.parametrize("columns", [20, 60, 80, 100, 160])
def test_no_name_is_cut_at_any_width(capsys: pytest.CaptureFixture[str], columns: int) -> None:
    keys = ("lot", "operation", "happened at (plant time)")
    row = {**dict(zip(keys, NAMES, strict=True)), "title": TITLE, "cycle time": "3.5"}
    lines = printed(capsys, columns, [row] * 3)
    for word in [*NAMES, *" ".join(row).split(), *TITLE.split()]:
        assert any(word in line for line in lines), word
    if columns >= 80:
        assert max(len(line.rstrip()) for line in lines) <= columns


def test_sentences_stay_on_a_line_where_there_is_room(capsys: pytest.CaptureFixture[str]) -> None:
    assert TITLE in "".join(printed(capsys, 60, [{"lot": "L-1", "title": TITLE}]))


def test_only_what_can_be_folded_is() -> None:
    table = Table("name", "sentence")
    table.add_row("a" * 40, "some words that go on and on")
    fit(table, 10)
    assert [column.width for column in table.columns] == [40, 12]


def test_times_for_people_name_their_zone(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 11, 2, 7, 30, tzinfo=UTC)
    asked: list[int] = []

    def seoul() -> str:
        asked.append(1)
        return "Asia/Seoul"

    with of_no_plant():
        show([{"at": at}], as_json=False)
        times_in(seoul)
        assert asked == []
        show([{"at": at, "those": [at], "of": {"it": at}}], as_json=False)
        show([{"at": at}], as_json=True)
    printed = capsys.readouterr().out
    assert printed.count("2026-11-02 07:30:00+00:00") == 1
    assert printed.count("2026-11-02 16:30:00+09:00") == 3
    assert printed.count('"2026-11-02T07:30:00+00:00"') == asked[0] == len(asked)


@pytest.mark.parametrize(("watched", "as_json"), [(True, False), (True, True), (False, False)])
def test_a_bar_is_for_a_person_at_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, watched: bool, as_json: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: watched)
    with working("Counting", as_json=as_json) as at:
        at("[3] of 4 sheep", 3, 4)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert ("[3] of 4 sheep" in printed.err) is (watched and not as_json)
