"""A mistake in the demonstration centre, and that it is named."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mes.plant import PlantProblems, check, load
from tests.plant.plants import copied, edit


@dataclass(frozen=True)
class Mistake:
    """One edit away from the demonstration centre. ``at`` stands on the line that is named."""

    file: str
    old: str
    new: str
    code: str
    at: str
    says: str


def find(mistake: Mistake, tmp_path: Path) -> None:
    """Make it in a copy of the demonstration centre: it is named at its line, and nothing can be loaded."""
    plant = copied(tmp_path)
    edit(plant, mistake.file, mistake.old, mistake.new)
    lines = (plant / mistake.file).read_text().splitlines()
    problems = check(plant)
    named = [p for p in problems if (p.file, p.code) == (mistake.file, mistake.code)]
    assert named, [str(p) for p in problems]
    assert any(mistake.at in lines[p.line - 1] for p in named), [str(p) for p in named]
    assert any(mistake.says in p.hint for p in named), [str(p) for p in named]
    with pytest.raises(PlantProblems) as refused:
        load(plant)
    assert refused.value.status == 422
    assert len(refused.value.reasons) == len(problems)
