"""What must fit together in a demonstration: lots and acts speak of what the plant has; people work their own lots."""

from collections.abc import Iterator

from mes.definitions.models import BY_HAND
from mes.plant.gather import Entry, Gathered, unknown
from mes.plant.problems import Problem, choice

LOTS = ("lot", "lot_by_hand")
ACTS = ("act", "hold_release", "queue_signature", "suspect_verdict", "experiment", "review", "ship")
AT_OPERATIONS = ("act", "experiment", "review")
NAMED = {
    "kept": {"material": "material", "who": "person", "keeper": "person"},
    "taught": {"certification": "certification", "trainer": "person"},
    "care": {"plan": "maintenance_plan", "who": "person"},
    "kept_holders": {"kind": "durable_kind", "who": "person", "keeper": "person"},
}
"""Of what people of the demonstration see to: what each key names."""
DEMONSTRATED = {*LOTS, *ACTS, *NAMED} - {"experiment"}
"""Kinds of things of which several of the same name may stand in a demonstration."""


def demonstration_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake of a demonstration."""
    yield from _routes(found)
    for kind in LOTS:
        for entry in found.entries[kind]:
            yield from unknown(found, entry, ("customer",), "customer", entry.part.customer)
            yield from _shipment(found, entry)
    for kind, keys in NAMED.items():
        for entry in found.entries[kind]:
            for key, what in keys.items():
                yield from unknown(found, entry, (key,), what, getattr(entry.part, key))
    for entry in found.entries["taught"]:
        for index, name in enumerate(entry.part.people):
            yield from unknown(found, entry, ("people", index), "person", name)
    for kind in ACTS:
        for entry in found.entries[kind]:
            yield from unknown(found, entry, ("who",), "person", entry.part.who)
    yield from _by_hand(found)
    yield from _legs(found)


def _routes(found: Gathered) -> Iterator[Problem]:
    routes = {part.route: part for part in found.parts("route")}
    known = found.broken["route"] | set(routes)
    for kind in (*LOTS, *ACTS):
        for entry in found.entries[kind]:
            if "route" not in found.lost and entry.part.route not in known:
                message = f"there is no route {entry.part.route}"
                yield entry.problem(("route",), "unknown_route", message, choice(entry.part.route, known))
    for kind in AT_OPERATIONS:
        for entry in found.entries[kind]:
            act = entry.part
            route = routes.get(act.route)
            if route is not None and act.operation not in {o.number for o in route.operations}:
                message = f"{act.route} has no operation {act.operation}"
                listed = ", ".join(str(o.number) for o in route.operations)
                yield entry.problem(("operation",), "unknown_operation", message, f"it has {listed}")


def _shipment(found: Gathered, entry: Entry) -> Iterator[Problem]:
    lot = entry.part
    for index, sent in enumerate(lot.materials):
        yield from unknown(found, entry, ("materials", index, "material"), "material", sent.material)
    for key in ("materials", "missing"):
        if getattr(lot, key) and lot.sender is None:
            message = f"{key} says of a shipment what it holds, and nobody sends one"
            yield entry.problem((key,), "without_sender", message, "add sender: with the site it comes from")
    if lot.missing >= lot.substrates:
        message = f"{lot.missing} of {lot.substrates} substrates are missing, and nothing comes"
        yield entry.problem(("missing",), "nothing_comes", message, "let at least one substrate come")


def _legs(found: Gathered) -> Iterator[Problem]:
    """Legs of an experiment set what the recipe of its operation has, within its limits."""
    recipes = found.named("recipe")
    of_operation = {(r.route, o.number): o.recipe for r in found.parts("route") for o in r.operations}
    for entry in found.entries["experiment"]:
        recipe = recipes.get(of_operation.get((entry.part.route, entry.part.operation), ""))
        if recipe is None:
            continue
        limits = {one.name: one for one in recipe.parameters}
        for index, leg in enumerate(entry.part.legs):
            for name, value in leg.parameters.items():
                at = ("legs", index, "parameters", name)
                if name not in limits:
                    message = f"recipe {recipe.key} has no parameter {name}"
                    yield entry.problem(at, "unknown_parameter", message, choice(name, limits))
                elif not limits[name].low <= value <= limits[name].high:
                    message = f"{value:g} leaves the limits of {name} in recipe {recipe.key}"
                    hint = f"write {limits[name].low:g} to {limits[name].high:g} {limits[name].unit}"
                    yield entry.problem(at, "out_of_limits", message, hint)


def _by_hand(found: Gathered) -> Iterator[Problem]:
    """The line's lots end without a person, and those that stand by hand are touched by people alone."""
    kinds = {part.name: part.kind for part in found.parts("class")}
    routes = {part.route: part for part in found.parts("route")}
    for kind, by_hand in (("lot", False), ("lot_by_hand", True)):
        for entry in found.entries[kind]:
            operations = routes[entry.part.route].operations if entry.part.route in routes else ()
            known = [o for o in operations if o.equipment_class in kinds]
            wrong = [o.number for o in known if (kinds[o.equipment_class] == BY_HAND) is not by_hand]
            if wrong:
                who = "equipment works" if by_hand else "people work"
                message = f"{who} operation {wrong[0]} of {entry.part.route}"
                hint = "list lots that people work from end to end below by_hand:, all others below lots:"
                yield entry.problem(("route",), "by_hand", message, hint)
