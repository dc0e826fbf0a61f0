"""Every mistake of a plant's text at once: shape, names that nothing answers to, and what does not fit together."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import available_timezones

from mes.lots.holds.hold_codes import MEANINGS, OWNERS
from mes.lots.verbs.table import VERBS
from mes.people.permissions import ALLOWED
from mes.people.roles import Role
from mes.plant.check_demonstration import DEMONSTRATED, demonstration_problems
from mes.plant.check_dispatch import dispatch_problems
from mes.plant.check_maps import map_problems
from mes.plant.check_projects import project_problems
from mes.plant.check_recipes import recipe_problems
from mes.plant.check_routes import route_problems
from mes.plant.check_supply import supply_problems
from mes.plant.check_upkeep import upkeep_problems
from mes.plant.check_ways import way_problems
from mes.plant.gather import Entry, Gathered, gather, unknown
from mes.plant.problems import PlantProblems, Problem, choice
from mes.plant.read import At
from mes.plant.schema import Plant
from mes.plant.schema_demonstration import Demonstration


def check(folder: Path) -> list[Problem]:
    """Every mistake in the YAML files below ``folder``, by file and line; none means that it can be applied."""
    return _problems(gather(folder))


def load(folder: Path) -> Plant:
    """The plant in ``folder``. Raises `PlantProblems` with every mistake."""
    found = gather(folder)
    problems = _problems(found)
    if problems:
        raise PlantProblems(problems)
    return Plant(
        site=found.parts("site")[0],
        areas=tuple(found.parts("area")),
        customers=tuple(found.parts("customer")),
        people=tuple(found.parts("person")),
        hold_codes=tuple(found.parts("hold_code")),
        bin_reasons=tuple(found.parts("bin_reason")),
        materials=tuple(found.parts("material")),
        durable_kinds=tuple(found.parts("durable_kind")),
        certifications=tuple(found.parts("certification")),
        classes=tuple(found.parts("class")),
        equipment=tuple(found.parts("equipment")),
        maintenance_plans=tuple(found.parts("maintenance_plan")),
        layouts=tuple(found.parts("layout")),
        products=tuple(found.parts("product")),
        supply_agreements=tuple(found.parts("supply_agreement")),
        map_rules=tuple(found.parts("map_rule")),
        map_declarations=tuple(found.parts("map_declaration")),
        recipes=tuple(found.parts("recipe")),
        routes=tuple(found.parts("route")),
        release_rules=tuple(found.parts("release_rule")),
    )


def read_demonstration(folder: Path) -> Demonstration:
    """The lots to feed and the acts of people. Raises `PlantProblems`, also where there is no demonstration.yaml."""
    found = gather(folder)
    problems = _problems(found)
    if not problems and not found.entries["lot"]:
        problems = [Problem("demonstration.yaml", 1, "missing_file", "there is no demonstration.yaml", "write it")]
    if problems:
        raise PlantProblems(problems)
    return Demonstration(
        lots=found.parts("lot"), by_hand=found.parts("lot_by_hand"), materials=found.parts("kept"),
        taught=found.parts("taught"), care=found.parts("care"),
        holders=found.parts("kept_holders"), people=found.parts("act"),
        releases=found.parts("hold_release"), signatures=found.parts("queue_signature"), reviews=found.parts("review"),
        verdicts=found.parts("suspect_verdict"), experiments=found.parts("experiment"), ships=found.parts("ship"),
    )  # fmt: skip


def _problems(found: Gathered) -> list[Problem]:
    rules = (
        _duplicates,
        _sites,
        _people,
        _hold_codes,
        _bin_reasons,
        _equipment,
        _layouts,
        _products,
        _product_rings,
        project_problems,
        supply_problems,
        map_problems,
        recipe_problems,
        route_problems,
        way_problems,
        dispatch_problems,
        upkeep_problems,
        _unserved,
        demonstration_problems,
    )
    return sorted({*found.problems, *(problem for rule in rules for problem in rule(found))})


def _duplicates(found: Gathered) -> Iterator[Problem]:
    for kind, entries in found.entries.items():
        first: dict[str, Entry] = {}
        for entry in entries:
            key = entry.part.route if kind == "route" else entry.part.key
            if kind in DEMONSTRATED:
                continue
            if key in first:
                before = first[key]
                hint = f"it stands already in {before.document.file}:{before.document.line(before.at)}; rename one"
                at = "route" if kind == "release_rule" else "name"
                yield entry.problem((at,), "duplicate_name", f"the {kind} {key} stands twice", hint)
            first.setdefault(key, entry)


def _sites(found: Gathered) -> Iterator[Problem]:
    for entry in found.entries["site"]:
        zone = entry.part.time_zone
        if zone not in available_timezones():
            message = f"there is no time zone {zone}"
            yield entry.problem(("time_zone",), "unknown_time_zone", message, choice(zone, available_timezones()))


def _people(found: Gathered) -> Iterator[Problem]:
    for entry in found.entries["person"]:
        person = entry.part
        if person.customer is not None:
            yield from unknown(found, entry, ("customer",), "customer", person.customer)
        if person.role == Role.CUSTOMER and person.customer is None:
            message = f"{person.name} has the role customer and belongs to none"
            yield entry.problem(("role",), "missing_key", message, "add customer:")
        if person.role != Role.CUSTOMER and person.customer is not None:
            message = f"{person.name} belongs to {person.customer} and has the role {person.role}"
            hint = "give the role customer, or leave the customer out"
            yield entry.problem(("customer",), "customer_role", message, hint)


def _hold_codes(found: Gathered) -> Iterator[Problem]:
    for entry in found.entries["hold_code"]:
        code = entry.part
        if code.name in MEANINGS:
            message = f"{code.name} is set by the system itself and stands in no text"
            yield entry.problem(("name",), "code_of_the_system", message, "choose another name")
        for at, role in (
            (("owner",), code.owner),
            *((("other_owners", n), o) for n, o in enumerate(code.other_owners)),
        ):
            if role not in OWNERS:
                message = f"nobody of role {role} releases holds"
                yield entry.problem(at, "owner_role", message, choice(role, OWNERS))


def _bin_reasons(found: Gathered) -> Iterator[Problem]:
    may = {verb.name: verb.signers or ALLOWED[verb.permission] for verb in VERBS}
    for entry in found.entries["bin_reason"]:
        for n, role in enumerate(entry.part.roles):
            if role not in may[entry.part.allows]:
                message = f"nobody of role {role} does {entry.part.allows} units"
                yield entry.problem(("roles", n), "reason_role", message, choice(role, sorted(may[entry.part.allows])))


def _equipment(found: Gathered) -> Iterator[Problem]:
    for entry in found.entries["equipment"]:
        yield from unknown(found, entry, ("class",), "class", entry.part.equipment_class)
        yield from unknown(found, entry, ("area",), "area", entry.part.area)


def _layouts(found: Gathered) -> Iterator[Problem]:
    for entry in found.entries["layout"]:
        layout = entry.part
        for key, of_block, of_all in (
            ("block_rows", layout.block_rows, layout.rows), ("block_columns", layout.block_columns, layout.columns)
        ):  # fmt: skip
            if of_block is not None and of_all % of_block:
                message = f"blocks of {of_block} do not fill {of_all} {key.removeprefix('block_')}"
                yield entry.problem((key,), "blocks", message, f"write a number by which {of_all} can be divided")
        if (layout.block_rows is None) != (layout.block_columns is None):
            message = f"the blocks of {layout.name} have rows or columns, and not both"
            yield entry.problem(("name",), "blocks", message, "write block_rows: and block_columns:, or neither")


def _products(found: Gathered) -> Iterator[Problem]:
    for entry in found.entries["product"]:
        yield from _heights(entry)
        yield from unknown(found, entry, ("layout",), "layout", entry.part.layout)
        seen: set[tuple[int, int]] = set()
        for index, place in enumerate(entry.part.attach):
            at = ("attach", index)
            yield from unknown(found, entry, (*at, "product"), "product", place.product)
            if place.dummy is not None:
                yield from unknown(found, entry, (*at, "dummy"), "product", place.dummy)
            if (place.site, place.level) in seen:
                message = f"site {place.site} level {place.level} stands twice"
                yield entry.problem(at, "duplicate_site", message, "keep one")
            seen.add((place.site, place.level))


def _heights(entry: Entry) -> Iterator[Problem]:
    """Where a product has a limit, every level at its sites has a height, and those of a site do not exceed it."""
    most_um = entry.part.most_height_um
    if most_um is None:
        return
    heights_um: dict[int, float] = {}
    for index, place in enumerate(entry.part.attach):
        if place.height_um is None:
            message = f"site {place.site} level {place.level} has no height, and {entry.part.name} has a limit"
            yield entry.problem(("attach", index), "height", message, "add height_um:, or leave most_height_um out")
        heights_um[place.site] = heights_um.get(place.site, 0.0) + (place.height_um or 0.0)
    for site, height_um in heights_um.items():
        if height_um > most_um:
            message = f"what is attached at site {site} is {height_um:g} um high"
            yield entry.problem(("most_height_um",), "height", message, f"at most {most_um:g} um fit: take away levels")


def _product_rings(found: Gathered) -> Iterator[Problem]:
    inside = {
        part.name: {name for place in part.attach for name in (place.product, place.dummy) if name is not None}
        for part in found.parts("product")
    }
    for entry in found.entries["product"]:
        name = entry.part.name
        reached, todo = set[str](), set(inside.get(name, ()))
        while todo:
            one = todo.pop()
            reached.add(one)
            todo |= inside.get(one, set()) - reached
        if name in reached:
            message = f"{name} would contain itself"
            yield entry.problem(("attach",), "product_ring", message, "attach only products that are made before it")


def _unserved(found: Gathered) -> Iterator[Problem]:
    served = {part.equipment_class for part in found.parts("equipment")}
    if found.broken["equipment"] or "equipment" in found.lost:
        return  # one of them may serve it
    for entry in found.entries["route"]:
        for index, operation in enumerate(entry.part.operations):
            for n, (name, _) in enumerate(operation.ways):
                if name in found.named("class") and name not in served:
                    message = f"no equipment is of class {name}"
                    at: At = ("operations", index, *(("alternatives", n - 1) if n else ()), "class")
                    yield entry.problem(at, "no_equipment", message, "add one to equipment.yaml, or take another class")
