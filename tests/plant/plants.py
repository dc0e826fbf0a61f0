"""Copies of the demonstration centre, to be edited by tests."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from mes.history import Act

DEMONSTRATION = Path(__file__).parents[2] / "deploy/plants/demonstration_centre"
ACT = Act("administrator", datetime(2026, 1, 5, 6, 0, tzinfo=UTC), "a test")
LATER = Act("administrator", datetime(2026, 1, 6, 6, 0, tzinfo=UTC), "a test")


def copied(to: Path) -> Path:
    """A copy of the demonstration centre."""
    return Path(shutil.copytree(DEMONSTRATION, to / "plant"))


def edit(plant: Path, file: str, old: str, new: str) -> None:
    """Replace the first ``old`` in a file, which must be there, by ``new``."""
    text = (plant / file).read_text()
    assert old in text, f"{file} has no {old!r}"
    (plant / file).write_text(text.replace(old, new, 1))


SHUTTLE = """
products:
  - name: shuttle
    title: Dies of two customers
    unit: die
    layout: top_die_wafer
    reticle:
      projects:
        - {name: a, customer: narae, product: top_die}
        - {name: b, customer: hanbit, product: top_die}
      rows: [ab, b.]
"""
"""A product of multi-project wafers beside those of the demonstration."""
