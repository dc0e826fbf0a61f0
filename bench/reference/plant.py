"""The demonstration centre with stacks of twelve, eight of them in each module, and more bonders and customers."""

from dataclasses import replace

from bench.database import PLANT_DIR
from mes.plant import Plant, load
from mes.plant.schema import Equipment, Route
from mes.plant.schema_materials import DurableKind, MaterialUse
from mes.plant.schema_products import Attach, Recipe
from mes.plant.schema_supply import SupplyAgreement

LEVELS, STACKS, BONDERS = 12, 8, 12
MAKERS, OWNERS = ("hanbit", "seorak"), ("narae", "dasan")
"""Who makes memory, and whose the modules are."""
FLUX_MG, COLLET = 5, "collet"
"""Flux for each unit that is bonded, and the tool that bonds it."""

_STACK = tuple((1, level) for level in range(1, LEVELS + 1))
_MODULE = tuple((site, 1) for site in range(1, STACKS + 2))


def reference_plant() -> Plant:
    """One large die and eight stacks of twelve to a module: 105 placements."""
    plant = load(PLANT_DIR)
    centre = plant.customers[0]
    more = tuple(centre.model_copy(update={"name": name, "title": name.title()}) for name in ("seorak", "dasan"))
    changed = replace(
        plant,
        customers=plant.customers + more,
        equipment=plant.equipment + _bonders(plant),
        durable_kinds=(*plant.durable_kinds, _collet()),
        recipes=plant.recipes + _second_versions(plant),
        supply_agreements=tuple(_agreement(maker, owner) for maker in MAKERS for owner in OWNERS),
    )
    return _with_sites(changed)


def _bonders(plant: Plant) -> tuple[Equipment, ...]:
    one = next(e for e in plant.equipment if e.name == "tcb-1")
    numbers = range(4, BONDERS + 1)
    return tuple(one.model_copy(update={"name": f"tcb-{n}", "title": f"Bonder {n}"}) for n in numbers)


def _collet() -> DurableKind:
    return DurableKind(name=COLLET, title="Bond collet", counts="placements", per="unit", most=10**8)


def _second_versions(plant: Plant) -> tuple[Recipe, ...]:
    """A second version of both recipes of the bonders, two kelvin hotter."""
    found = []
    for recipe in plant.recipes:
        if recipe.equipment_class == "tcb_bonder":
            body = recipe.body.replace("head_temperature = 280", "head_temperature = 282")
            found.append(recipe.model_copy(update={"version": 2, "body": body}))
    return tuple(found)


def _agreement(maker: str, owner: str) -> SupplyAgreement:
    return SupplyAgreement(name=f"{maker}-for-{owner}", supplier=maker, receiver=owner, product="hbm_stack")


def _with_sites(plant: Plant) -> Plant:
    attach = {
        "hbm_stack": [Attach(site=s, level=n, product="hbm_core") for s, n in _STACK],
        "chip_on_wafer": [
            Attach(site=s, level=n, product="top_die" if s == 1 else "hbm_stack") for s, n in _MODULE
        ],
    }  # fmt: skip
    products = tuple(p.model_copy(update={"attach": attach[p.name]}) if p.name in attach else p for p in plant.products)
    return replace(plant, products=products, routes=tuple(_with_fills(route) for route in plant.routes))


def _with_fills(route: Route) -> Route:
    """Stacks are twelve high and stay on their wafer; bonders use flux and collets."""
    fills = {"hbm_stack": _STACK, "chip_on_wafer": _MODULE}.get(route.route)
    if fills is None:
        return route
    operations = [o for o in route.operations if (route.route, o.number) != ("hbm_stack", 100)]
    for i, operation in enumerate(operations):
        if operation.kind == "assemble":
            site_level = type(operation.fills[0])
            told = {
                "fills": [site_level(site=s, level=n) for s, n in fills],
                "materials": [MaterialUse(material="flux", amount=FLUX_MG, needed_h=2)],
                "durables": [COLLET],
            }
            operations[i] = operation.model_copy(update=told)
    return route.model_copy(update={"operations": operations})
