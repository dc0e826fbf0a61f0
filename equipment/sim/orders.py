"""What speaks against a job order: everything that the equipment checks before it stores or starts one."""

from collections.abc import Iterable

from equipment.interface.codec import sha256_of
from equipment.interface.messages import Answer, JobOrder, PositionMap
from equipment.interface.states import MapRole, ReturnStatus
from equipment.sim.config import RECIPE_READS, DeviceConfig, Kind
from equipment.sim.disk import Disk
from equipment.sim.recipe import BadRecipe, RecipeValues
from equipment.sim.transitions import OVER
from equipment.sim.world import World

LOADING_KINDS = frozenset({Kind.HANDLING, Kind.REMOVAL})
"""Kinds that can move units over to loads."""
Refusal = tuple[ReturnStatus, str]
ACCEPTED = Answer(ReturnStatus.NO_ERROR)


def answer(refusals: Iterable[Refusal]) -> Answer:
    """All refusals in one answer; accepted where there is none."""
    told = list(refusals)
    if not told:
        return ACCEPTED
    status = 0
    for bit, _ in told:
        status |= bit
    return Answer(status, "; ".join(text for _, text in told))


def refused(bit: ReturnStatus, text: str) -> Answer:
    """An answer with one refusal."""
    return answer([(bit, text)])


def read_recipe_id(recipe: str) -> tuple[str, int] | None:
    """Name and version of ``name@version``; None where it is not of that form."""
    name, at, version = recipe.rpartition("@")
    return (name, int(version)) if at and name and version.isascii() and version.isdigit() else None


def recipe_of(disk: Disk, order: JobOrder) -> RecipeValues:
    """What the equipment runs for an order it has accepted: the body it holds, overlaid with the parameters."""
    recipe_id = read_recipe_id(order.recipe)
    body = disk.recipe_body(*recipe_id) if recipe_id else None
    return RecipeValues(body or "", order.parameters)


def against_content(config: DeviceConfig, disk: Disk, order: JobOrder) -> list[Refusal]:
    """Reasons why this equipment cannot work that order at all."""
    reasons = [*_against_recipe(config, disk, order), *_against_form(config, order)]
    if len(order.substrates) > config.most_substrates:
        reasons.append(f"{len(order.substrates)} substrates; {config.name} takes {config.most_substrates} at most")
    return [(ReturnStatus.INVALID_REQUEST, reason) for reason in reasons]


def against_place(config: DeviceConfig, disk: Disk) -> list[Refusal]:
    """The reason why no further job order can be stored now."""
    open_jobs = [job.order.job_order_id for job in disk.jobs() if job.state not in OVER]
    if len(open_jobs) < config.places + int(config.numbers["waiting"]):
        return []
    return [(ReturnStatus.CANNOT_ACCEPT, f"{config.name} has no place: it holds {', '.join(open_jobs)}")]


def against_start(disk: Disk, world: World, order: JobOrder) -> list[Refusal]:
    """Reasons why an order that is stored cannot start."""
    maps = disk.maps(order.job_order_id)
    missing = [name for name in roles_of(order) if name not in maps]
    reasons = [f"the map of {', '.join(missing)} is missing; load it before Start"] if missing else []
    for positions in maps.values():
        shape = world.shape(positions.substrate)
        if shape is not None and shape != positions.allowed.shape:
            reasons.append(f"the map of {positions.substrate} is {positions.allowed.shape}, the substrate {shape}")
    return [(ReturnStatus.INVALID_REQUEST, reason) for reason in reasons]


def against_map(order: JobOrder, positions: PositionMap) -> list[Refusal]:
    """The reason why a map does not belong to an order."""
    role = roles_of(order).get(positions.substrate)
    if role is positions.role and positions.allowed.ndim == 2:
        return []
    wanted = f"it names it as {role}" if role else "it does not name it"
    text = f"map of {positions.substrate} as {positions.role} is not for job order {order.job_order_id}: {wanted}"
    return [(ReturnStatus.INVALID_REQUEST, text)]


def roles_of(order: JobOrder) -> dict[str, MapRole]:
    """Every substrate that an order names, and what it is in it."""
    return (
        {part.substrate: MapRole.WORK for part in order.substrates}
        | {source: MapRole.SOURCE for source, _ in order.sources}
        | dict.fromkeys(order.loads, MapRole.LOAD)
    )


def _against_recipe(config: DeviceConfig, disk: Disk, order: JobOrder) -> list[str]:
    recipe_id = read_recipe_id(order.recipe)
    body = disk.recipe_body(*recipe_id) if recipe_id else None
    if body is None:
        return [f"recipe {order.recipe} is not on {config.name}; download it"]
    if sha256_of(body) != order.sha256:
        return [f"recipe {order.recipe} on {config.name} has hash {sha256_of(body)}, the order {order.sha256}"]
    try:
        RecipeValues(body, order.parameters).check(RECIPE_READS[config.kind])
    except BadRecipe as error:
        return [str(error)]
    return []


def _against_form(config: DeviceConfig, order: JobOrder) -> list[str]:
    reasons = []
    if (order.sites or order.sources) and config.kind is not Kind.PLACEMENT:
        reasons.append(f"{config.name} places nothing; the order names sites or sources")
    if order.loads and config.kind not in LOADING_KINDS:
        reasons.append(f"{config.name} fills no loads; the order names {', '.join(order.loads)}")
    held = {product for _, product in order.sources}
    without = sorted({site.product for site in order.sites} - held)
    if without:
        reasons.append(f"no source holds {', '.join(without)}")
    if len({(site.site, site.level) for site in order.sites}) != len(order.sites):
        reasons.append("a site stands twice at one level")
    if len(roles_of(order)) != len(order.substrates) + len(order.sources) + len(order.loads):
        reasons.append("a substrate is named in two roles")
    return reasons
