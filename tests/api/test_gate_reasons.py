"""Each reason of the start gate is brought about over HTTP, cleared by whom it names, and by nobody who may not."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mes.lots.gate import start_gate
from mes.lots.gate.start_gate import CHECKS
from tests.api.conftest import Api
from tests.api.gate import ROLES, Ask, Gate, open_gate
from tests.api.gate_cases import CASES, CELL, CERTIFICATE, FOUND, MAINTAINED, SIGNED, late
from tests.shop import Floor


def codes() -> Iterator[str]:
    """The codes of all reasons that the checks of the gate give, as they stand in the code."""
    checks = [*CHECKS, *(one for name, one in vars(start_gate).items() if name.startswith("against_"))]
    for file in sorted({inspect.getfile(check) for check in checks}):
        for node in ast.walk(ast.parse(Path(file).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason":
                yield ast.literal_eval(node.args[0])


def test_every_reason_of_the_gate_has_a_case() -> None:
    assert set(codes()) == CASES.keys()


@pytest.fixture
def gate(floor: Floor, api: Api) -> Iterator[Gate]:
    opened = open_gate(floor, api)
    yield opened
    opened.close()


def test_each_reason_is_cleared_by_whom_it_names_and_by_nobody_who_may_not(gate: Gate) -> None:
    for code, case in CASES.items():
        if case.lot == "L":
            assert gate.reasons("L") == [], f"before {code}"
        case.made(gate)
        told = [(code, case.who)]
        assert gate.reasons(case.lot, case.equipment) == told, code
        clearing = case.cleared(gate)
        for role in set(ROLES) - {case.who, *case.also}:
            answer = gate.send(clearing[0], role)
            assert answer.status_code in (403, 404, 409), f"{code}: {role} may {clearing[0].path}: {answer.text}"
        assert gate.reasons(case.lot, case.equipment) == told, f"{code} after others tried"
        gate.do(*clearing)
        assert gate.reasons(case.lot, case.equipment) == [], f"{code} when cleared"
        case.restore(gate)
    for code, status in (("alarm", 404), ("recipe_differs", 409)):  # nothing is left to clear
        assert gate.send(CASES[code].cleared(gate)[0]).status_code == status
    assert gate.floor.problems() == []


EIGHT: dict[str, tuple[str, list[tuple[str, dict[str, Any]]]]] = {
    "held": ("yield_engineer", [("/lots/Q/release-hold", {"hold": 1})]),
    "reserved": ("line_engineer", [("/lots/Q/lift-reservation", {})]),
    "equipment_down": ("line_engineer", [("/equipment/CELL-1/state", {"state": "SBY"})]),
    "maintenance_failed": ("line_engineer", [("/equipment/CELL-1/maintain", MAINTAINED)]),
    "not_certified": ("line_engineer", [("/certificates", CERTIFICATE)]),
    "queue_time_exceeded": ("process_engineer", [("/lots/Q/dispose-queue-time", SIGNED)]),
    "material_missing": ("operator", [("/containers/T1/mount", CELL)]),
    "durable_missing": ("operator", [("/durables/C1/mount", CELL)]),
}
"""In the order in which they are told, each with who clears it and how."""


def test_eight_reasons_at_once_go_one_by_one(gate: Gate) -> None:
    late(gate)
    gate.do(
        Ask("operator", "/lots/Q/hold", {"code": "odd", "owner": "yield_engineer"}),
        Ask("line_engineer", "/lots/Q/reserve", {"equipment": "CELL-2", "until": "2026-06-01T00:00:00Z"}),
        Ask("line_engineer", "/equipment/CELL-1/maintain",
            {"plan": "weekly", "found": [{"check": "force", "value": 60.0}, FOUND[1]]}),
        Ask("operator", "/equipment/CELL-1/state", {"state": "UDT"}),
        Ask("line_engineer", "/certificates/withdraw", CERTIFICATE),
        Ask("operator", "/containers/T1/return"),
        Ask("operator", "/durables/C1/dismount"),
    )  # fmt: skip
    left = {code: who for code, (who, _) in EIGHT.items()}
    refused = gate.send(Ask("operator", "/lots/Q/track-in", CELL))
    assert refused.status_code == 409
    assert [(one["code"], one["who"]) for one in refused.json()["reasons"]] == list(left.items())
    for code, (who, cleared) in EIGHT.items():
        gate.do(*(Ask(who, path, body) for path, body in cleared))
        del left[code]
        assert gate.reasons("Q") == list(left.items())
    gate.do(Ask("operator", "/lots/Q/track-in", CELL))
    assert gate.floor.problems() == []
