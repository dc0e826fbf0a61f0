"""The table of warnings: every code that readers use, with its meaning, and the same in the reference."""

import re
from pathlib import Path

from mes.units.formats.findings import MEANINGS

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `([a-z-]+)` \| (.+) \|$", re.MULTILINE)


def test_the_reference_lists_every_code_and_what_it_means() -> None:
    text = (ROOT / "docs/reference/map-files.md").read_text()
    table = text[text.index("## Warnings") :].partition("\n## ")[0]
    assert dict(ROW.findall(table)) == MEANINGS


def test_every_code_is_one_that_some_reader_finds() -> None:
    readers = "".join(
        path.read_text() for path in (ROOT / "mes/units/formats").glob("*.py") if "findings" not in path.name
    )
    assert [code for code in MEANINGS if f'"{code}"' not in readers] == ["more"]
