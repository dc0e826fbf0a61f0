"""A plant's equipment becomes devices; what cannot be simulated is refused by name."""

from itertools import count
from pathlib import Path

import pytest
import yaml

from equipment.sim.config import RECIPE_READS, Kind
from equipment.sim.line import BadLine, build_line, read_line
from equipment.sim.recipe import RecipeValues

GOOD = """
classes:
  - {name: tcb, kind: placement, places: 1, most_substrates: 4, simulation: {heads: 2, place_s: 1.6}}
  - {name: oven, kind: thermal, places: 2, most_substrates: 25}
equipment:
  - {name: tcb-1, class: tcb, area: bond}
  - {name: tcb-2, class: tcb, area: bond, simulation: {place_s: 3, heads: 4}, faults: {stop_in_job: 2, collet_wear: 1}}
  - {name: oven-1, class: oven, area: cure}
"""


def _written(folder: Path, text: str) -> Path:
    (folder / "equipment.yaml").write_text(text)
    return folder


def test_what_an_equipment_says_goes_before_its_class(tmp_path: Path) -> None:
    first, second, oven = read_line(_written(tmp_path, GOOD))
    assert (first.kind, first.heads, first.numbers["place_s"], dict(first.faults)) == (Kind.PLACEMENT, 2, 1.6, {})
    assert (second.heads, second.numbers["place_s"]) == (4, 3.0)
    assert second.faults == {"stop_in_job": 2.0, "collet_wear": 1.0}
    assert (oven.equipment_class, oven.places, oven.most_substrates, oven.heads) == ("oven", 2, 25, 1)
    assert oven.numbers["profile_s"] == 360.0


def test_what_people_work_is_not_simulated(tmp_path: Path) -> None:
    bench = GOOD.replace("kind: thermal", "kind: by_hand")
    assert bench != GOOD
    assert [config.name for config in read_line(_written(tmp_path, bench))] == ["tcb-1", "tcb-2"]


def test_the_demonstration_centre_can_be_simulated() -> None:
    line = read_line(Path("deploy/plants/demonstration_centre"))
    assert {config.kind for config in line} == set(Kind)
    assert any("stop_in_job" in config.faults for config in line)


def test_the_demonstration_centres_recipes_can_be_run() -> None:
    plant = Path("deploy/plants/demonstration_centre")
    kinds = {config.equipment_class: config.kind for config in read_line(plant)}
    recipes = [r for file in sorted(plant.glob("recipes/*.yaml")) for r in yaml.safe_load(file.read_text())["recipes"]]
    run = [recipe for recipe in recipes if recipe["class"] in kinds]
    assert [recipe["name"] for recipe in recipes if recipe not in run] == ["visual_inspection"]
    for recipe in run:
        RecipeValues(recipe["body"]).check(RECIPE_READS[kinds[recipe["class"]]])


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("kind: placement", "kind: magic", "tcb-1: 'magic' is not a valid Kind"),
        ("place_s: 1.6", "place_h: 1.6", "placement has no figure place_h"),
        ("collet_wear: 1", "contact_wear: 1", "tcb-2: placement has no figure contact_wear"),
        ("heads: 2", "heads: 0", "heads must be 1 or more"),
        ("class: oven,", "class: stove,", "oven-1 is of class stove"),
        ("places: 1, ", "", "lacks 'places'"),
        ("equipment:", "equipments:", "lacks 'equipment'"),
        ("classes:", "classes: [", "equipment.yaml"),
    ],
)
def test_a_line_that_cannot_be_simulated_is_refused(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    assert len(read_line(_written(tmp_path, GOOD))) == 3
    with pytest.raises(BadLine, match=told):
        read_line(_written(tmp_path, GOOD.replace(right, wrong, 1)))


def test_a_line_is_built_on_disks_that_are_found_again(tmp_path: Path) -> None:
    ids = map(str, count(1))
    configs = read_line(_written(tmp_path, GOOD))
    lines = [build_line(configs, tmp_path / "disks", tmp_path / "truth", 7, lambda: next(ids)) for _ in range(2)]
    assert list(lines[0]) == ["tcb-1", "tcb-2", "oven-1"]
    for name, device in lines[0].items():
        first, again = device.identity(), lines[1][name].identity()
        assert first.journal == again.journal
        assert first.boot != again.boot
