"""What a plant's text says of maps: every mistake in it is named where it stands."""

from pathlib import Path

import pytest

from tests.plant.mistakes import Mistake, find

MISTAKES = {
    "warning": Mistake(
        "maps.yaml",
        "holds: [bin-count",
        "holds: [bin-counts",
        "unknown_warning",
        "bin-counts",
        "did you mean bin-count?",
    ),
    "warning that stops and holds": Mistake(
        "maps.yaml", "holds: [bin-count", "holds: [record-cut", "warning_twice", "holds: [record-cut", "leave it out"
    ),
    "hold without a code": Mistake(
        "maps.yaml", "    hold_code: paperwork\n", "", "missing_key", "holds: [bin-count", "add hold_code:"
    ),
    "code of a hold": Mistake(
        "maps.yaml",
        "hold_code: paperwork",
        "hold_code: paper",
        "unknown_hold_code",
        "hold_code: paper",
        "did you mean paperwork?",
    ),
    "code of the system's holds": Mistake(
        "maps.yaml",
        "hold_code: paperwork",
        "hold_code: discrepancy",
        "code_of_the_system",
        "hold_code: discrepancy",
        "there is",
    ),
    "customer of a rule": Mistake(
        "maps.yaml", "customer: narae", "customer: narai", "unknown_customer", "narai", "did you mean narae?"
    ),
    "operation of a rule": Mistake(
        "maps.yaml",
        "customer: narae",
        "operation: hbm_core/11",
        "unknown_operation",
        "hbm_core/11",
        "did you mean hbm_core/10?",
    ),
    "two rules for all": Mistake(
        "maps.yaml", "    customer: narae\n", "", "same_rule", "first-look-at-narae", "keep one"
    ),
    "declaration": Mistake("maps.yaml", "form: table", "form: tables", "declaration", "text: |", "map-files.md"),
    "declarations alike": Mistake(
        "maps.yaml",
        "map_declarations:\n",
        "map_declarations:\n  - {name: other, title: T, told_by: HANBIT, text: "
        "'{form: picture, substrate: {line: W}, good: [1]}'}\n",
        "told_alike",
        "told_by: HANBIT WAFER SORT",
        "begin otherwise",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_in_what_is_said_of_maps_is_named_where_it_stands(mistake: Mistake, tmp_path: Path) -> None:
    find(mistake, tmp_path)
