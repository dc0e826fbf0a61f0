"""How each reason of the start gate comes about by what people and equipment say, and who clears it with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text

from equipment.interface.codec import sha256_of
from equipment.interface.messages import AlarmChange
from tests.api.gate import FIRM, NARROW, PROCESS_H, WAIT_H, Ask, Gate, boatless, other_version
from tests.shop import BAKE, SEAL
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


def too_hot(gate: Gate) -> None:
    """A leg is hotter than the recipe of another version of the route allows, to which the lot goes over."""
    gate.lot("X", "timed")
    hot = {"leg": "hot", "parameters": [{"name": "peak_temperature", "value": 154}], "substrates": ["X.1"]}
    plan = {"experiment": "E1", "title": "Hotter", "operation": "timed/10", "legs": [hot]}
    gate.do(
        Ask("process_engineer", "/experiments", plan),
        Ask("process_engineer", "/experiments/E1/approve", SIGNED),
    )
    other_version(gate, "timed", "narrow", BAKE, NARROW)
    gate.do(Ask("process_engineer", "/lots/X/migrate", SIGNED | {"to": "timed@2"}))


def retired(gate: Gate) -> None:
    """The recipe is out of use; another version of the route has another one."""
    other_version(gate, "full", "firm", FIRM)
    gate.do(Ask("process_engineer", "/recipes/full@1/retire"))


def another_body(gate: Gate) -> None:
    """The equipment holds another body under the recipe: it is told with the first order that is to be sent."""
    gate.cell.device.download_recipe("firm", 1, SEAL, sha256_of(SEAL))
    gate.lot("R")
    gate.order("R")


def the_approved_body(gate: Gate) -> list[Ask]:
    """It is put there at the equipment, and then compared anew."""
    gate.cell.device.download_recipe("firm", 1, FIRM, sha256_of(FIRM))
    return [Ask("process_engineer", "/recipes/firm@1/verify", CELL)]


def ordered(gate: Gate) -> None:
    """The equipment takes the order."""
    gate.order("L")
    assert gate.floor.lot("L").state == "ordered"


DOOR_OPEN = AlarmChange("DOOR", 800, "Door open", is_set=True)
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
    "wrong_class": Case(
        lambda gate: gate.lot("W", "timed"), "operator",
        by("operator", ("/lots/W/track-in", {"equipment": "OVEN-1"}), ("/lots/W/track-out", {"good": 12})),
        frozenset(OPERATORS), lot="W",
    ),
    "alarm": Case(
        lambda gate: gate.hear(DOOR_OPEN), "line_engineer",
        by("line_engineer", ("/equipment/CELL-1/clear-alarm", {"alarm": "DOOR"})),
        restore=lambda gate: gate.hear(DOOR_OPEN, replace(DOOR_OPEN, is_set=False)),
    ),
    "leg_parameter": Case(
        too_hot, "process_engineer", by("process_engineer", ("/experiments/E1/close", {})),
        frozenset({"yield_engineer"}), lot="X", equipment="OVEN-1",
    ),
    "recipe_not_approved": Case(
        retired, "process_engineer", by("process_engineer", ("/lots/L/migrate", SIGNED | {"to": "full@2"})),
    ),
    "recipe_differs": Case(another_body, "process_engineer", the_approved_body, restore=ordered),
}  # fmt: skip
"""In an order in which each leaves the shop as it was, but for the clock."""
