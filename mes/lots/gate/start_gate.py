"""Every reason why a lot may not start on an equipment, each with a sentence and who can clear it.

It reads what the MES knows; the network is not asked. Track-in refuses while there is one reason.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from mes.equipment.states import ABLE
from mes.errors import Reason
from mes.lots.experiments.legs import against_leg
from mes.lots.gate.carrier_gate import against_carriers
from mes.lots.gate.durable_gate import against_durables
from mes.lots.gate.material_gate import against_material
from mes.lots.gate.person_gate import against_person
from mes.lots.gate.start_gate_facts import Facts, by_product
from mes.lots.gate.start_gate_look import look
from mes.lots.gate.supply import sources
from mes.lots.gate.upkeep_gate import against_upkeep
from mes.lots.gate.withheld import against_moving
from mes.lots.states import TRANSITIONS, LotState, LotVerb
from mes.recipes.states import RecipeState
from mes.routes.states import OperationKind


def reasons(session: Session, lot_id: int, equipment_id: int, at: datetime, by: str | None = None) -> list[Reason]:
    """All reasons, at plant time ``at``, against starting the lot on the equipment; ``by`` whom, if by a person.

    Of a lot that waits at several operations that is at the first for such equipment.
    """
    line = look(session, [lot_id], [equipment_id], at, by)
    stock = by_product(sources(session, line.needed(), at))
    return judge(line.of(line.starting(lot_id, equipment_id), equipment_id, stock))


def judge(facts: Facts) -> list[Reason]:
    """The reasons that follow from the facts, in a fixed order."""
    return [reason for check in CHECKS for reason in check(facts)]


def _state(facts: Facts) -> Iterator[Reason]:
    if not TRANSITIONS.allows(LotState(facts.lot.state), LotVerb.TRACK_IN):
        yield Reason(
            "lot_state",
            f"Lot {facts.lot.name} is {facts.lot.state}; only a lot that is queued, ordered or running can track in.",
        )
    elif not facts.members:
        yield Reason("nothing_waits", f"No substrate of lot {facts.lot.name} waits; all are on equipment.", "operator")


def _holds(facts: Facts) -> Iterator[Reason]:
    for hold in facts.holds:
        if hold.masked:
            continue
        message = f"Lot {facts.lot.name} is held ({hold.code}: {hold.comment}); release the hold, then track in."
        yield Reason("held", message, hold.owner_role)


def _withheld(facts: Facts) -> Iterator[Reason]:
    some = [facts.withheld[m.substrate_id] for m in facts.members if m.substrate_id in facts.withheld]
    yield from against_moving(facts.lot, facts.holds, some)


def _reserved(facts: Facts) -> Iterator[Reason]:
    one, lot = facts.reserved_for, facts.lot
    if one is None or one.id == facts.equipment.id or one.class_id != facts.equipment.class_id:
        return
    until = lot.reserved_until or facts.at
    yield Reason(
        "reserved",
        f"Lot {lot.name} is reserved for {one.name} by {lot.reserved_by} for {_hours(until - facts.at):.1f} h more;"
        " start it there, or lift the reservation.",
        "line_engineer",
    )


def _class(facts: Facts) -> Iterator[Reason]:
    if facts.operation is not None and not facts.serves:
        classes = " or ".join(dict.fromkeys(way.equipment_class.name for way in facts.ways))
        yield Reason(
            "wrong_class",
            f"Operation {facts.operation.name} needs equipment of class {classes};"
            f" {facts.equipment.name} is of class {facts.equipment.equipment_class.name}.",
            "operator",
        )


def _able(facts: Facts) -> Iterator[Reason]:
    equipment = facts.equipment
    if equipment.state not in ABLE:
        yield Reason("equipment_down", f"{equipment.name} is {equipment.state}; bring it to standby first.")
    for alarm in facts.alarms:
        yield Reason("alarm", f"{equipment.name} has alarm {alarm.code} ({alarm.text}); clear it first.")
    if facts.open_runs >= equipment.equipment_class.places:
        yield Reason(
            "places_full",
            f"{equipment.name} has {facts.open_runs} open runs on {equipment.equipment_class.places} places;"
            " wait until one ends.",
            "operator",
        )


def _recipe(facts: Facts) -> Iterator[Reason]:
    recipe = facts.recipe
    if recipe is None:
        return
    if recipe.state != RecipeState.APPROVED:
        message = f"Recipe {recipe.name} is {recipe.state}; it must be approved."
        yield Reason("recipe_not_approved", message, "process_engineer")
    if facts.held_sha256 is not None and facts.held_sha256 != recipe.sha256:
        message = (
            f"{facts.equipment.name} holds another body under {recipe.name}; put the approved one there, then verify."
        )
        yield Reason("recipe_differs", message, "process_engineer")


def _leg(facts: Facts) -> Iterator[Reason]:
    if facts.leg is not None and facts.recipe is not None:
        yield from against_leg(facts.leg.name, facts.leg.parameters, facts.recipe)


def _queue_times(facts: Facts) -> Iterator[Reason]:
    for late in facts.overdue:
        waited_h, most_h = (_hours(at - late.since) for at in (facts.at, late.ends_at or facts.at))
        said = f"Substrate {late.substrate} has waited {waited_h:.1f} h since {late.from_operation}; the limit is"
        if late.moisture_level is not None:
            said = f"Packages on substrate {late.substrate} have lain open for {waited_h:.1f} h since"
            said += f" {late.from_operation}; bake them again: floor life at moisture level {late.moisture_level} is"
        yield Reason("queue_time_exceeded", f"{said} {most_h:.1f} h.", "process_engineer")


def _hours(span: timedelta) -> float:
    return span.total_seconds() / 3600


def _supply(facts: Facts) -> Iterator[Reason]:
    operation = facts.operation
    if operation is None or operation.kind != OperationKind.ASSEMBLE:
        return
    for product_id, product in sorted({(n.product_id, n.product) for n in facts.needs}):
        if any(source.units for source in facts.stock.get(product_id, ())):
            continue
        if any(source.units for source in facts.not_agreed.get(product_id, ())):
            message = (
                f"Units of {product} are free, but other customers', and no supply agreement lets the owner of lot"
                f" {facts.lot.name} have them; stock own ones, or have the plant's text agree."
            )
            yield Reason("not_agreed", message, "line_engineer")
        else:
            message = f"No unit of {product} is free; stock a lot of it or wait until a mounted source is free."
            yield Reason("source_missing", message, "line_engineer")


CHECKS: tuple[Callable[[Facts], Iterator[Reason]], ...] = (
    _state,
    _holds,
    _withheld,
    _reserved,
    _class,
    _able,
    against_upkeep,
    against_person,
    _recipe,
    _leg,
    _queue_times,
    _supply,
    against_material,
    against_durables,
    against_carriers,
)
"""The checks of the gate, in the order in which a person reads their reasons."""
