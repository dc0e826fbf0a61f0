"""Limits of floor life last as long as the moisture level of the product allows."""

from pathlib import Path

from sqlalchemy import select

from mes.db import Database
from mes.plant import check, export
from mes.routes.limits import LIMITS
from tests.plant.plants import copied, edit
from tests.plant.test_apply import put


def test_floor_life_follows_the_moisture_level_of_the_product(database: Database, tmp_path: Path) -> None:
    plant = copied(tmp_path)
    edit(plant, "routes/module.yaml", "most_h: 36, warning_h: 24", "floor_life: true, most_h: 100")
    edit(plant, "products/accelerator.yaml", "    unit: package\n", "    unit: package\n    moisture_level: '5'\n")
    assert [problem.message for problem in check(plant)] == ["level 5 allows 48 h"]
    edit(plant, "products/accelerator.yaml", "moisture_level: '5'", "moisture_level: '6'")
    edit(plant, "routes/module.yaml", ", most_h: 100", "")
    assert [problem.hint for problem in check(plant)] == ["say it as most_h"]
    edit(plant, "products/accelerator.yaml", "moisture_level: '6'", "moisture_level: '4'")
    edit(plant, "routes/module.yaml", "floor_life: true", "floor_life: true, warning_h: 73")
    assert [problem.code for problem in check(plant)] == ["queue_warning"]
    edit(plant, "routes/module.yaml", "warning_h: 73", "warning_h: 60, most_h: 70")
    assert put(database, plant)
    with database.reading() as session:
        (hours,) = session.execute(select(LIMITS.c.most_s, LIMITS.c.warning_s).where(LIMITS.c.moisture_level == "4"))
        export(session, tmp_path / "again")
    assert hours == (70 * 3600, 60 * 3600)
    assert put(database, tmp_path / "again") == []
