"""What the documents promise: links lead somewhere, decisions are held by tests, and the tutorial runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
TUTORIALS = sorted((ROOT / "docs" / "tutorial").glob("*.md"))


def tokens(page: Path) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text()):
        yield token
        yield from token.children or ()


def links(page: Path) -> set[Path]:
    """Files of this repository that the page links to."""
    found = {str(t.attrs.get("href") or t.attrs.get("src") or "") for t in tokens(page)}
    return {(page.parent / link.split("#")[0]).resolve() for link in found if link and "://" not in link}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [str(target) for target in links(page) if not target.exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = {ROOT / "README.md"}
    while ahead:
        page = ahead.pop()
        reached.add(page)
        ahead |= {link for link in links(page) if link.suffix == ".md" and link not in reached}
    assert set(PAGES) - reached == set()


@pytest.mark.parametrize("record", DECISIONS, ids=lambda record: record.stem)
def test_decision_is_a_page_at_most_and_held_by_a_test(record: Path) -> None:
    told = record.read_text()
    assert len(told.splitlines()) <= 45
    held_by = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", told.partition("**Held by**")[2])
    assert held_by
    for file, function in held_by:
        source = (ROOT / file).read_text()
        assert f"def {function or 'test_'}" in source, f"{file}::{function}"


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda tutorial: tutorial.stem)
def test_tutorial_runs(tutorial: Path, data_dir: Path) -> None:
    """Every line `$ …` of its console blocks, one after the other, in a folder that has the plants."""
    (data_dir / "deploy").symlink_to(ROOT / "deploy")
    blocks = [t.content for t in tokens(tutorial) if t.type == "fence" and t.info == "console"]
    commands = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    assert commands
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command], cwd=data_dir, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), f"{command} says nothing"
