"""What must fit together in a route: order, equipment, recipes, attach sites, forms, bins and queue times."""

from collections.abc import Iterator

from equipment.interface.messages import PASS_BIN
from mes.definitions.models import BY_HAND
from mes.definitions.moisture import FLOOR_LIFE_H, UNLIMITED
from mes.plant.check_ways import recipe_of_class
from mes.plant.gather import Entry, Gathered
from mes.plant.problems import Problem, choice
from mes.plant.schema import Operation, Route
from mes.plant.schema_products import Product
from mes.routes.states import OperationKind

KIND_NEEDS = {
    OperationKind.ASSEMBLE: ("placement",),
    OperationKind.TRANSFER: ("handling", "removal"),
    OperationKind.TEST: ("test", "inspection", BY_HAND),
}
"""Kinds of equipment that can do what these operations do to the form."""


def route_problems(found: Gathered) -> Iterator[Problem]:
    """Every mistake of every route."""
    for entry in found.entries["route"]:
        route: Route = entry.part
        if found.lacks("product", route.product):
            message = f"there is no product {route.product}"
            hint = choice(route.product, found.known("product"))
            yield entry.problem(("product",), "unknown_product", message, hint)
        yield from _order(entry, route)
        for index, operation in enumerate(route.operations):
            yield from _names(found, entry, index, operation)
            yield from _form(found, entry, index, operation)
            yield from _judgement(entry, index, operation)
            yield from _measures(entry, index, operation)
            yield from _materials(found, entry, index, operation)
            yield from _rework(entry, index, route)
        yield from _sites(found, entry, route)
        yield from _queue_limits(found, entry, route)


def _order(entry: Entry, route: Route) -> Iterator[Problem]:
    before = 0
    for index, operation in enumerate(route.operations):
        if operation.number <= before:
            message = f"operation {operation.number} stands after {before}"
            yield entry.problem(("operations", index, "number"), "operation_order", message, "let the numbers grow")
        before = max(before, operation.number)


def _names(found: Gathered, entry: Entry, index: int, operation: Operation) -> Iterator[Problem]:
    yield from recipe_of_class(found, entry, ("operations", index), operation.equipment_class, operation.recipe)


def _form(found: Gathered, entry: Entry, index: int, operation: Operation) -> Iterator[Problem]:
    at, kind = ("operations", index), operation.kind
    used = found.named("class").get(operation.equipment_class)
    needed = KIND_NEEDS.get(kind)
    if used is not None and needed is not None and used.kind not in needed:
        fitting = [c.name for c in found.parts("class") if c.kind in needed]
        message = f"{kind} needs equipment of kind {' or '.join(needed)}, {used.name} is {used.kind}"
        yield entry.problem((*at, "class"), "class_kind", message, choice(used.name, fitting))
    if (kind is OperationKind.TRANSFER) != (operation.makes is not None):
        if operation.makes is None:
            yield entry.problem(at, "without_layout", "a transfer fills no layout", "add makes: with a layout")
        else:
            message = f"a {kind} operation makes no new substrates"
            yield entry.problem((*at, "makes"), "makes", message, "leave makes out, or let it be a transfer")
    elif operation.makes is not None and found.lacks("layout", operation.makes):
        message = f"there is no layout {operation.makes}"
        yield entry.problem((*at, "makes"), "unknown_layout", message, choice(operation.makes, found.known("layout")))
    if (kind is OperationKind.ASSEMBLE) != bool(operation.fills):
        message = "an assembly fills no site" if kind is OperationKind.ASSEMBLE else f"a {kind} operation fills no site"
        hint = "add fills: with site and level" if kind is OperationKind.ASSEMBLE else "leave fills out"
        yield entry.problem((*at, "fills"), "fills", message, hint)
    if operation.dummies and kind is not OperationKind.ASSEMBLE:
        message = f"a {kind} operation puts no dummies"
        yield entry.problem((*at, "dummies"), "dummies", message, "leave dummies out, or let it be an assembly")


def _judgement(entry: Entry, index: int, operation: Operation) -> Iterator[Problem]:
    at = ("operations", index)
    judges = operation.kind in (OperationKind.TEST, OperationKind.ASSEMBLE)
    if judges and PASS_BIN not in operation.bins:
        message = f"the bins of operation {operation.number} have no code {PASS_BIN} for good units"
        yield entry.problem((*at, "bins"), "bins", message, f"add {PASS_BIN}: good")
    if operation.bins and not judges:
        message = f"a {operation.kind} operation judges nothing"
        yield entry.problem((*at, "bins"), "bins", message, "leave bins out, or let it be a test")
    if operation.retest is None:
        return
    if operation.kind is not OperationKind.TEST:
        message = f"a {operation.kind} operation tests nothing again"
        yield entry.problem((*at, "retest"), "retest", message, "leave retest out, or let it be a test")
    if operation.retest.effective != "last" and not operation.retest.whole:
        message = f"only failed units are tested again: the {operation.retest.effective} pass is the last"
        yield entry.problem((*at, "retest", "effective"), "retest", message, "add whole: true, or leave effective out")
    for n, code in enumerate(operation.retest.bins):
        if code == PASS_BIN or code not in operation.bins:
            failing = ", ".join(str(c) for c in operation.bins if c != PASS_BIN)
            message = f"bin {code} cannot be tested again"
            hint = f"name a failing bin of the operation: {failing or 'it has none'}"
            yield entry.problem((*at, "retest", "bins", n), "retest", message, hint)


def _measures(entry: Entry, index: int, operation: Operation) -> Iterator[Problem]:
    seen: set[str] = set()
    for n, measure in enumerate(operation.measures):
        at = ("operations", index, "measures", n)
        if measure.name in seen:
            yield entry.problem((*at, "name"), "duplicate_measure", f"{measure.name} stands twice", "keep one")
        seen.add(measure.name)
        if measure.low is not None and measure.high is not None and measure.low > measure.high:
            message = f"no {measure.name} is from {measure.low:g} to {measure.high:g}"
            yield entry.problem((*at, "low"), "measure_limits", message, "write a low that is not above high")
        if measure.bin is None:
            continue
        if measure.low is None and measure.high is None:
            message = f"nothing is beyond a limit of {measure.name}: it has none"
            yield entry.problem((*at, "bin"), "measure_limits", message, "add low:, high: or both, or leave bin out")
        if measure.bin == PASS_BIN or measure.bin not in operation.bins or operation.kind is not OperationKind.TEST:
            message = f"bin {measure.bin} of {measure.name} is no failure that operation {operation.number} judges"
            yield entry.problem((*at, "bin"), "measure_bin", message, "name a failing bin of a test, or leave bin out")


def _materials(found: Gathered, entry: Entry, index: int, operation: Operation) -> Iterator[Problem]:
    seen: set[str] = set()
    used = found.named("class").get(operation.equipment_class)
    if operation.materials and used is not None and used.batch:
        message = f"a {used.name} takes several lots at once, and what each of them would use is not told apart"
        hint = "leave materials out, or let an operation on equipment for one lot use them"
        yield entry.problem(("operations", index, "materials"), "material_batch", message, hint)
    for n, use in enumerate(operation.materials):
        at = ("operations", index, "materials", n, "material")
        if found.lacks("material", use.material):
            message = f"there is no material {use.material}"
            yield entry.problem(at, "unknown_material", message, choice(use.material, found.known("material")))
        if use.material in seen:
            yield entry.problem(at, "duplicate_material", f"{use.material} stands twice", "add the amounts up")
        seen.add(use.material)


GONE_THROUGH_AGAIN = (OperationKind.PROCESS, OperationKind.TEST)
"""Kinds of operations that a substrate can go through again: the others move units for good."""


def _rework(entry: Entry, index: int, route: Route) -> Iterator[Problem]:
    operation, at = route.operations[index], ("operations", index, "rework")
    if operation.rework is None:
        return
    first = operation.rework.back_to
    before = [one for one in route.operations[:index] if one.number >= first]
    if first not in [one.number for one in before]:
        message = f"what waits at {operation.number} cannot go back to {first}"
        known = ", ".join(str(one.number) for one in route.operations[:index]) or "none: it is the first"
        yield entry.problem((*at, "back_to"), "rework", message, f"name one of {known}")
    for one in before:
        if one.kind not in GONE_THROUGH_AGAIN:
            message = f"nothing goes through operation {one.number} again: {one.kind} moves units for good"
            yield entry.problem((*at, "back_to"), "rework", message, "go back to an operation behind it")


def _sites(found: Gathered, entry: Entry, route: Route) -> Iterator[Problem]:
    product = found.named("product").get(route.product)
    if product is None:
        return
    specified = {(place.site, place.level) for place in product.attach}
    filled: set[tuple[int, int]] = set()
    for index, operation in enumerate(route.operations):
        if operation.dummies:
            yield from _dummies(entry, index, operation, product, filled)
            continue
        for n, place in enumerate(operation.fills):
            at, here = ("operations", index, "fills", n), (place.site, place.level)
            if here not in specified:
                listed = ", ".join(f"{site}/{level}" for site, level in sorted(specified)) or "none"
                message = f"{route.product} has nothing at site {place.site} level {place.level}"
                yield entry.problem(at, "unknown_site", message, f"its sites and levels are {listed}")
            elif here in filled:
                message = f"site {place.site} level {place.level} is filled already"
                yield entry.problem(at, "duplicate_site", message, "fill it once")
            filled.add(here)
    for site, level in sorted(specified - filled):
        message = f"no operation fills site {site} level {level} of {route.product}"
        yield entry.problem(("operations",), "site_unfilled", message, "add it to the fills of an assembly")


def _dummies(
    entry: Entry, index: int, operation: Operation, product: Product, filled: set[tuple[int, int]]
) -> Iterator[Problem]:
    """Dummies are for sites that have one and that nothing has filled yet: what is bad is empty there."""
    have = {(place.site, place.level) for place in product.attach if place.dummy is not None}
    for n, place in enumerate(operation.fills):
        at, here = ("operations", index, "fills", n), (place.site, place.level)
        if here not in have:
            message = f"{product.name} has no dummy for site {place.site} level {place.level}"
            yield entry.problem(at, "dummies", message, "name one in the attach specification")
        if here in filled:
            message = f"site {place.site} level {place.level} is filled before"
            yield entry.problem(at, "dummies", message, "put dummies there before anything is attached")
    for key in ("materials", "durables"):
        if getattr(operation, key):
            message = f"dummies are no units, and {key} are counted by units"
            yield entry.problem(("operations", index, key), "dummies", message, f"leave {key} out")


def _queue_limits(found: Gathered, entry: Entry, route: Route) -> Iterator[Problem]:
    numbers = [operation.number for operation in route.operations]
    listed = ", ".join(str(number) for number in numbers)
    seen: set[tuple[int, int]] = set()
    for index, limit in enumerate(route.queue_limits):
        at = ("queue_limits", index)
        ends = {"from": limit.from_operation, "to": limit.to_operation}
        missing = {key: number for key, number in ends.items() if number not in numbers}
        for key, number in missing.items():
            message = f"{route.route} has no operation {number}"
            yield entry.problem((*at, key), "unknown_operation", message, f"it has {listed}")
        if not missing and limit.to_operation <= limit.from_operation:
            message = f"operation {limit.to_operation} does not come after {limit.from_operation}"
            yield entry.problem((*at, "to"), "queue_order", message, "name a later operation")
        yield from _hours(found, entry, index, route)
        if limit.warning_h is not None and limit.most_h is not None and limit.warning_h > limit.most_h:
            message = f"the warning comes after {limit.warning_h:g} h, the limit is {limit.most_h:g} h"
            yield entry.problem((*at, "warning_h"), "queue_warning", message, "warn before the limit")
        pair = (limit.from_operation, limit.to_operation)
        if pair in seen:
            yield entry.problem(at, "duplicate_limit", f"the limit {pair[0]} to {pair[1]} stands twice", "keep one")
        seen.add(pair)


def _hours(found: Gathered, entry: Entry, index: int, route: Route) -> Iterator[Problem]:
    """A limit says its hours, or lasts as long as the moisture level of the product allows."""
    limit, at = route.queue_limits[index], ("queue_limits", index)
    if not limit.floor_life:
        if limit.most_h is None or limit.warning_h is None:
            message, hint = "a limit says most_h and warning_h", "add them, or floor_life: true"
            yield entry.problem(at, "queue_hours", message, hint)
        return
    product = found.named("product").get(route.product)
    level = None if product is None else product.moisture_level
    if level is None or level == UNLIMITED:
        message = f"the floor life of {route.product} has no end: its moisture level is {level or 'not said'}"
        yield entry.problem((*at, "floor_life"), "floor_life", message, "say the product's moisture_level, 2 to 6")
        return
    life_h = FLOOR_LIFE_H[level]
    if life_h is None and limit.most_h is None:
        message = f"level {level} lasts as long as the label says"
        yield entry.problem((*at, "floor_life"), "floor_life", message, "say it as most_h")
    if life_h is not None and limit.most_h is not None and limit.most_h > life_h:
        message = f"level {level} allows {life_h:g} h"
        yield entry.problem((*at, "most_h"), "floor_life", message, "shorten it, or leave most_h out")
    last_h = min(hours for hours in (life_h, limit.most_h, 1e9) if hours is not None)
    if limit.warning_h is not None and limit.most_h is None and limit.warning_h > last_h:
        message = f"the warning comes after {limit.warning_h:g} h, the limit is {last_h:g} h"
        yield entry.problem((*at, "warning_h"), "queue_warning", message, "warn before the limit")
