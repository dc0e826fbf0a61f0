"""Each reason of the start gate is brought about over HTTP, cleared by whom it names, and by nobody who may not."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mes.equipment.condition import set_alarm
from mes.equipment.models import Equipment
from mes.lots.gate import start_gate
from mes.lots.gate.start_gate import CHECKS
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from tests.api.conftest import Api
from tests.api.gate import PROCESS_H, ROLES, WAIT_H, Ask, Gate, boatless, open_gate
from tests.shop import BEGIN, Floor
from tests.upkeep.test_maintenance import GOOD
from tests.web.conftest import PASSWORD

OPERATORS = {"line_engineer", "process_engineer"}
"""Who else may do what the operator does at equipment."""
FOUND = [{"check": check, "value": value} for check, value in GOOD.items()]
CERTIFICATE = {"user": "operator", "certification": "cells"}
CELL = {"equipment": "CELL-1"}
MAINTAINED = {"plan": "weekly", "found": FOUND}


@dataclass(frozen=True)
class Case:
    """How a reason comes about, and by what it goes: each command by whom the reason names."""

    made: Callable[[Gate], None]
    who: str
    cleared: Callable[[Gate], list[Ask]]
    also: frozenset[str] = frozenset()
    """Roles that may clear it besides, typed by hand; the administrator may do everything."""
    lot: str = "L"
    equipment: str = "CELL-1"
    restore: Callable[[Gate], None] = lambda gate: None


def asks(*given: tuple[str, str] | tuple[str, str, dict[str, Any]]) -> Callable[[Gate], None]:
    """Commands as (role, path, body)."""
    return lambda gate: gate.do(*(Ask(*one) for one in given))


def by(role: str, *given: tuple[str, dict[str, Any]]) -> Callable[[Gate], list[Ask]]:
    """Commands of one role."""
    return lambda gate: [Ask(role, path, body) for path, body in given]


def waited(hours: float, *given: tuple[str, str, dict[str, Any]]) -> Callable[[Gate], None]:
    """Commands, and then so many hours."""

    def make(gate: Gate) -> None:
        asks(*given)(gate)
        gate.wait(hours)

    return make


def box(gate: Gate, name: str, material: str = "tape", hours: float | None = None, amount: int = 500) -> None:
    """A container that was received, and lasts so long."""
    body = {"id": f"L-{name}", "material": material, "certificate": "C", "containers": [{"id": name, "amount": amount}]}
    ends = {} if hours is None else {"expires_at": gate.after(hours)}
    gate.do(Ask("line_engineer", "/material-lots", body | ends))


def mounted(name: str, hours: float, then: float = 0.0) -> Callable[[Gate], None]:
    """A container that lasts so long is mounted beside the others; and then some hours."""

    def make(gate: Gate) -> None:
        box(gate, name, hours=hours)
        gate.do(Ask("operator", f"/containers/{name}/mount", CELL))
        gate.wait(then)

    return make


def frozen(gate: Gate) -> None:
    """Flux is mounted that has not thawed, and other flux has."""
    for name, hours in (("F1", 1000), ("F2", 2000)):
        box(gate, name, "flux", hours)
    gate.do(Ask("line_engineer", "/containers/F2/thaw", {"out_of_order": True}))
    gate.wait(5)
    gate.do(
        Ask("operator", "/containers/F1/thaw"),
        Ask("line_engineer", "/containers/F1/mount", CELL | {"out_of_order": True}),
    )
    gate.lot("K", "coat")


def full(gate: Gate) -> None:
    """Two others are ordered on the cell, which has two places."""
    for name in ("O1", "O2"):
        gate.lot(name)
        gate.do(Ask("operator", f"/lots/{name}/track-in", CELL))


def late(gate: Gate) -> None:
    gate.lot("Q", "timed")
    gate.work("Q", "OVEN-1")
    gate.wait(WAIT_H + 1)


def wear(*lots: str) -> Callable[[Gate], None]:
    """So many wafers of twelve units are worked on with the collet."""

    def make(gate: Gate) -> None:
        for lot in lots:
            gate.lot(lot)
            gate.work(lot, "CELL-1")

    return make


def worn(gate: Gate) -> None:
    """The collet has done all it may, and is clean; another has come."""
    wear("A4")(gate)
    gate.do(Ask("operator", "/durables/C1/clean"))
    wear("A5")(gate)
    gate.do(Ask("line_engineer", "/durables", {"id": "C2", "kind": "collet"}))


def unsupplied(gate: Gate) -> None:
    """The only dies for a package are held."""
    gate.lot("P", "package")
    gate.lot("D", "die")
    gate.work("D", "CELL-1")
    gate.do(Ask("operator", "/lots/D/hold", {"code": "odd", "owner": "line_engineer"}))


def not_agreed(gate: Gate) -> None:
    """The only dies for a package are another customer's, and the agreement has ended."""
    with gate.floor.database.transaction() as session:
        session.execute(text("update supply_agreement set until = '2000-01-01'"))
    gate.lot("P0", "package")
    gate.do(Ask("line_engineer", "/lots", {"id": "E", "customer": "beta", "route": "die", "release": True}))
    gate.work("E", "CELL-1")


def exchanged(gate: Gate) -> None:
    """The last of the tape gives way to flux."""
    gate.do(Ask("operator", "/containers/T1/return"))
    box(gate, "F9", "flux", 3000)
    gate.do(Ask("operator", "/containers/F9/thaw"))
    gate.wait(5)
    gate.do(Ask("operator", "/containers/F9/mount", CELL))


def little(gate: Gate) -> None:
    gate.do(Ask("operator", "/containers/T1/return"), Ask("line_engineer", "/containers/T2/scrap", {"amount": 20}))
    gate.do(Ask("operator", "/containers/T2/mount", CELL))


def shared(gate: Gate) -> None:
    """Another lot stands in the carrier of the lot; another carrier is there, and one that need not be cleaned."""
    for name, hours in (("FOUP-1", 100), ("FOUP-2", 100), ("BOX", None)):
        body = {"id": name, "kind": "foup", "slots": 5, "clean_every_h": hours}
        gate.do(Ask("line_engineer", "/carriers", body))
    gate.lot("M")
    gate.do(*(Ask("operator", "/carriers/FOUP-1/load", {"lot": lot}) for lot in ("L", "M")))


def masked(gate: Gate) -> None:
    """All that is to be sorted is masked."""
    gate.lot("S", "sorted")
    gate.work("S", "OVEN-1")
    body = {"code": "odd", "owner": "process_engineer", "mask": [{"substrate": "S.1"}]}
    gate.do(Ask("operator", "/lots/S/hold", body))


def suspected(gate: Gate) -> None:
    """The oven tells of an energy that cannot be."""
    gate.lot("U", "sorted")
    gate.floor.hours = int(gate.hours)
    run = gate.floor.begin("OVEN-1", "U")
    gate.floor.report(run, "U.1", energy_kwh=-1.0)
    gate.floor.end(run)
    gate.wait(gate.floor.hours + 1 - gate.hours)
    (hold,) = gate.floor.holds("U")
    gate.do(Ask("line_engineer", "/lots/U/release-hold", {"hold": hold.id}))


SIGNED = {"signer": "process_engineer", "password": PASSWORD}
SOLD = {"signer": "line_engineer", "password": PASSWORD, "to": "alpha", "into": "E2"}
CASES: dict[str, Case] = {
    "lot_state": Case(
        asks(("line_engineer", "/lots", {"id": "N", "customer": "alpha", "route": "full"})), "line_engineer",
        by("line_engineer", ("/lots/N/release", {})), lot="N",
    ),
    "nothing_waits": Case(
        asks(("operator", "/lots/L/track-in", CELL)), "operator", by("operator", ("/lots/L/abort", {})),
        frozenset(OPERATORS),
    ),
    "held": Case(
        asks(("operator", "/lots/L/hold", {"code": "odd", "owner": "process_engineer"})), "process_engineer",
        by("process_engineer", ("/lots/L/release-hold", {"hold": 1})),
    ),
    "masked": Case(
        masked, "process_engineer", by("process_engineer", ("/lots/S/release-hold", {"hold": 2})), lot="S",
    ),
    "suspect": Case(
        suspected, "process_engineer",
        by("process_engineer", ("/lots/U/dispose-suspects", SIGNED | {"verdict": "cleared"})), lot="U",
    ),
    "reserved": Case(
        asks(("line_engineer", "/lots/L/reserve", {"equipment": "CELL-2", "until": "2026-06-01T00:00:00Z"})),
        "line_engineer", by("line_engineer", ("/lots/L/lift-reservation", {})),
    ),
    "equipment_down": Case(
        asks(("operator", "/equipment/CELL-1/state", {"state": "UDT"})), "line_engineer",
        by("line_engineer", ("/equipment/CELL-1/state", {"state": "SBY"})),
        frozenset({"operator", "process_engineer", "equipment"}),
    ),
    "places_full": Case(
        full, "operator", by("operator", ("/lots/O1/abort", {})), frozenset(OPERATORS),
        restore=asks(("operator", "/lots/O2/abort")),
    ),
    "maintenance_failed": Case(
        asks(("line_engineer", "/equipment/CELL-1/maintain",
              {"plan": "weekly", "found": [{"check": "force", "value": 60.0}, FOUND[1]]})),
        "line_engineer", by("line_engineer", ("/equipment/CELL-1/maintain", MAINTAINED)),
    ),
    "not_certified": Case(
        asks(("line_engineer", "/certificates/withdraw", CERTIFICATE)), "line_engineer",
        by("line_engineer", ("/certificates", CERTIFICATE)),
    ),
    "certificate_expired": Case(
        lambda gate: waited(
            2, ("line_engineer", "/certificates", CERTIFICATE | {"expires_at": gate.after(1)})
        )(gate), "line_engineer", by("line_engineer", ("/certificates", CERTIFICATE)),
    ),
    "queue_time_exceeded": Case(
        late, "process_engineer", by("process_engineer", ("/lots/Q/dispose-queue-time", SIGNED)), lot="Q",
    ),
    "not_agreed": Case(
        not_agreed, "line_engineer", by("line_engineer", ("/lots/E/change-owner", SOLD)), frozenset({"manager"}),
        lot="P0",
        restore=asks(("line_engineer", "/lots/E2/return-to-owner")),
    ),
    "source_missing": Case(
        unsupplied, "line_engineer", by("line_engineer", ("/lots/D/release-hold", {"hold": 4})), lot="P",
    ),
    "material_missing": Case(
        asks(("operator", "/containers/T1/return")), "operator", by("operator", ("/containers/T1/mount", CELL)),
        frozenset(OPERATORS),
    ),
    "material_expired": Case(
        mounted("T3", 1, then=2), "operator", by("operator", ("/containers/T3/return", {})), frozenset(OPERATORS),
    ),
    "floor_life_short": Case(
        mounted("T4", PROCESS_H - 1), "operator", by("operator", ("/containers/T4/return", {})), frozenset(OPERATORS),
        restore=asks(("line_engineer", "/containers/T4/scrap")),
    ),
    "material_short": Case(
        little, "operator", by("operator", ("/containers/T1/mount", CELL)), frozenset(OPERATORS),
        restore=asks(("operator", "/containers/T2/return")),
    ),
    "material_not_thawed": Case(
        frozen, "operator", by("operator", ("/containers/F1/return", {}), ("/containers/F2/mount", CELL)),
        frozenset(OPERATORS), lot="K",
        restore=asks(("line_engineer", "/containers/F1/scrap"), ("line_engineer", "/containers/F2/scrap")),
    ),
    "material_wrong": Case(
        exchanged, "operator", by("operator", ("/containers/T1/mount", CELL)), frozenset(OPERATORS),
        restore=asks(("operator", "/containers/F9/return")),
    ),
    "durable_missing": Case(
        asks(("operator", "/durables/C1/dismount")), "operator", by("operator", ("/durables/C1/mount", CELL)),
        frozenset(OPERATORS),
    ),
    "durable_unclean": Case(
        wear("A1", "A2"), "operator", by("operator", ("/durables/C1/clean", {})), frozenset(OPERATORS),
    ),
    "durable_uninspected": Case(
        wear("A3"), "line_engineer", by("line_engineer", ("/durables/C1/inspect", {"fit": True})),
    ),
    "durable_worn": Case(
        worn, "operator", by("operator", ("/durables/C1/dismount", {}), ("/durables/C2/mount", CELL)),
        frozenset(OPERATORS),
    ),
    "holder_missing": Case(
        boatless, "line_engineer", by("line_engineer", ("/durables", {"id": "B1", "kind": "boat"})), lot="H",
    ),
    "carrier_differs": Case(
        shared, "operator", by("operator", ("/carriers/FOUP-2/load", {"lot": "L"})), frozenset(OPERATORS),
    ),
    "carrier_unclean": Case(
        waited(200), "operator", by("operator", ("/carriers/BOX/load", {"lot": "L"})), frozenset(OPERATORS),
    ),
    "maintenance_due": Case(
        waited(5001), "line_engineer", by("line_engineer", ("/equipment/CELL-1/maintain", MAINTAINED)),
    ),
}  # fmt: skip
"""In an order in which each leaves the shop as it was, but for the clock."""

BY_OTHERS = {
    "wrong_class": "operator",  # by going to other equipment
    "alarm": "line_engineer",  # at the equipment, which reports that it has gone
    "recipe_differs": "process_engineer",  # by downloading: the equipment reports what it holds
    "leg_parameter": "process_engineer",  # by closing the experiment, whose plan is signed
    "recipe_not_approved": "process_engineer",  # by another version of the route: one that is retired stays so
}
"""Reasons that no command over HTTP clears, and whom they name."""


def codes() -> Iterator[str]:
    """The codes of all reasons that the checks of the gate give, as they stand in the code."""
    checks = [*CHECKS, *(one for name, one in vars(start_gate).items() if name.startswith("against_"))]
    for file in sorted({inspect.getfile(check) for check in checks}):
        for node in ast.walk(ast.parse(Path(file).read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason":
                yield ast.literal_eval(node.args[0])


def test_every_reason_of_the_gate_is_typed_here() -> None:
    assert set(codes()) == CASES.keys() | BY_OTHERS.keys()


@pytest.fixture
def gate(floor: Floor, api: Api) -> Iterator[Gate]:
    opened = open_gate(floor, api)
    yield opened
    opened.close()


def those_that_no_command_clears(gate: Gate) -> None:
    """They name who sees to them."""
    cell, shown = gate.floor.id_of(Equipment, "CELL-1"), ("alarm", "recipe_differs", "recipe_not_approved")
    gate.floor.do(set_alarm, cell, "DOOR", 800, "Door open")
    gate.do(Ask("process_engineer", "/recipes/full@1/retire"))
    recipe = gate.floor.id_of(RecipeVersion, "full@1")
    with gate.floor.database.transaction() as session:  # as the connector notes what the equipment says
        session.add(RecipeOnEquipment(equipment_id=cell, recipe_version_id=recipe, sha256="0", verified_at=BEGIN))
    assert dict(gate.reasons("L")) == {code: who for code, who in BY_OTHERS.items() if code in shown}
    assert gate.reasons("L", "OVEN-1")[0] == ("wrong_class", BY_OTHERS["wrong_class"])


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
    those_that_no_command_clears(gate)
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
