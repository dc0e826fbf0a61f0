"""What applying a plant refuses: changes of what is never changed, and whatever lots on the line stand on."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Select, Table, func, or_, select
from sqlalchemy.orm import Session

from mes.db import Base
from mes.definitions.models import (
    Area,
    BinReason,
    Certification,
    DurableKind,
    EquipmentClass,
    HoldCode,
    Layout,
    MaintenancePlan,
    MapDeclaration,
    MapRule,
    MaterialKind,
    Product,
    Site,
    SupplyAgreement,
)
from mes.dispatch.models import ReleaseRule
from mes.equipment.certification.models import Certificate  # noqa: F401  every table that points at a plant's row must be known here
from mes.equipment.models import Equipment
from mes.errors import Reason
from mes.history import canonical
from mes.jobs.models import Journal  # noqa: F401  every table that points at a plant's row must be known here
from mes.lots.models import Lot, Mount
from mes.lots.states import ENDED
from mes.materials.models import Container, MaterialLot
from mes.people.models import Customer, User
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation, RouteVersion
from mes.routes.ways import WAYS
from mes.runs.models import Run
from mes.runs.states import OPEN
from mes.units.models import Substrate, Transfer

Content = dict[str, Any]

MODELS: dict[str, type[Any]] = {
    "site": Site,
    "area": Area,
    "customer": Customer,
    "person": User,
    "hold_code": HoldCode,
    "bin_reason": BinReason,
    "material": MaterialKind,
    "durable_kind": DurableKind,
    "certification": Certification,
    "class": EquipmentClass,
    "equipment": Equipment,
    "maintenance_plan": MaintenancePlan,
    "layout": Layout,
    "product": Product,
    "supply_agreement": SupplyAgreement,
    "map_rule": MapRule,
    "map_declaration": MapDeclaration,
    "recipe": RecipeVersion,
    "route": RouteVersion,
    "release_rule": ReleaseRule,
}
"""The table of each kind of thing; all have a unique name."""

FOLLOW = {"area", "equipment", "product", "attach_site", "maintenance_plan", "supply_agreement", "map_rule"}
"""Tables whose rows follow the text: where they point at a thing that goes, the same text points them elsewhere."""
GO_ALONG = {
    "equipment_state_interval",
    "alarm",
    "recipe_on_equipment",
    "sign_in",
    "api_key",
    "certificate",
    "maintenance",
}
"""Tables whose rows go with the thing they belong to."""
MOST_NAMED = 5


def route_hash(content: Content) -> str:
    """SHA-256 of a route version's canonical text, in hexadecimal."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def refusal(session: Session, kind: str, name: str, before: Content | None, after: Content | None) -> Reason | None:
    """Why the step from ``before`` to ``after`` cannot be taken now; None where it can."""
    if before is None or after is None:
        rule = _ADDED.get(kind) if after is not None else _REMOVED.get(kind, _used)
        return rule(session, kind, name, after or {}) if rule else None
    changed = {key for key in after if before.get(key) != after.get(key)}
    change = _CHANGED.get(kind)
    return change(session, name, changed) if change else None


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    return ", ".join(found[:MOST_NAMED]) + (f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else "")


def _raise_version(_: Session, name: str, changed: set[str]) -> Reason:
    said = f"{name} is in force and never changes, but its {', '.join(sorted(changed))} differ; raise the version."
    return Reason("raise_version", said, "process_engineer")


def _recipe_added(session: Session, _: str, name: str, __: Content) -> Reason | None:
    state = session.scalar(select(RecipeVersion.state).where(RecipeVersion.name == name))
    if state is None:
        return None
    return Reason("raise_version", f"Recipe {name} is {state} in the database; raise the version.", "process_engineer")


def _route_added(session: Session, _: str, name: str, after: Content) -> Reason | None:
    sha256 = session.scalar(select(RouteVersion.sha256).where(RouteVersion.name == name))
    if sha256 in (None, route_hash(after)):
        return None
    said = f"Route {name} was released before with other content; raise the version."
    return Reason("raise_version", said, "process_engineer")


def _recipe_removed(session: Session, _: str, name: str, __: Content) -> Reason | None:
    query = (
        select(Lot.name)
        .join(Operation, Operation.route_version_id == Lot.route_version_id)
        .join(WAYS, WAYS.c.operation_id == Operation.id)
        .join(RecipeVersion, RecipeVersion.id == WAYS.c.recipe_version_id)
        .where(RecipeVersion.name == name)
    )
    lots = _open_lots(session, query)
    if not lots:
        return None
    said = f"Recipe {name} is needed by lot {_listed(lots)} on the line; keep it in the text until they have passed."
    return Reason("in_use", said, "process_engineer")


def _open_lots(session: Session, query: Select[str]) -> list[str]:
    return list(session.scalars(query.where(Lot.state.not_in(ENDED)).distinct().order_by(Lot.name)))


def _layout_changed(session: Session, name: str, changed: set[str]) -> Reason | None:
    if not changed & {"rows", "columns", "substrate_kind", "block_rows", "block_columns"}:
        return None
    query = select(func.count(Substrate.id)).join(Layout, Layout.id == Substrate.layout_id).where(Layout.name == name)
    count = session.scalar(query)
    if not count:
        return None
    said = f"Layout {name} is the grid of {count} substrates; give the new grid another name."
    return Reason("in_use", said, "process_engineer")


def _product_changed(session: Session, name: str, changed: set[str]) -> Reason | None:
    if "attach" not in changed:
        return None
    query = select(Lot.name).join(Product, Product.id == Lot.product_id).where(Product.name == name)
    lots = _open_lots(session, query)
    if not lots:
        return None
    said = f"Lot {_listed(lots)} of product {name} is on the line; its attach sites change when they have passed."
    return Reason("in_use", said, "process_engineer")


def _material_changed(session: Session, name: str, changed: set[str]) -> Reason | None:
    if "unit" not in changed:
        return None
    query = select(func.count(Container.id)).join(MaterialLot, MaterialLot.id == Container.material_lot_id)
    count = session.scalar(
        query.join(MaterialKind, MaterialKind.id == MaterialLot.kind_id).where(MaterialKind.name == name)
    )
    if not count:
        return None
    said = f"The amounts in {count} containers are in the unit of {name}; give material in another unit another name."
    return Reason("in_use", said, "process_engineer")


def _material_removed(session: Session, kind: str, name: str, content: Content) -> Reason | None:
    uses = Operation.materials.contains([{"material": name}])
    query = select(Lot.name).join(Operation, Operation.route_version_id == Lot.route_version_id).where(uses)
    lots = _open_lots(session, query)
    if not lots:
        return _used(session, kind, name, content)
    said = f"Material {name} is needed by lot {_listed(lots)} on the line; keep it in the text until they have passed."
    return Reason("in_use", said, "process_engineer")


def _durable_kind_removed(session: Session, kind: str, name: str, content: Content) -> Reason | None:
    query = select(Lot.name).join(Operation, Operation.route_version_id == Lot.route_version_id)
    carries = Operation.makes_layout_id.in_(select(Layout.id).where(Layout.holder == name))
    lots = _open_lots(session, query.where(or_(Operation.durables.contains([name]), carries)))
    if not lots:
        return _used(session, kind, name, content)
    said = f"Durables {name} are needed by lot {_listed(lots)} on the line; keep them until they have passed."
    return Reason("in_use", said, "process_engineer")


def _certification_removed(session: Session, _: str, name: str, __: Content) -> Reason | None:
    query = select(Lot.name).join(Operation, Operation.route_version_id == Lot.route_version_id)
    lots = _open_lots(session, query.where(Operation.certification == name))
    if not lots:
        return None
    said = f"Certification {name} is needed by lot {_listed(lots)} on the line; keep it until they have passed."
    return Reason("in_use", said, "process_engineer")


def _equipment_changed(session: Session, name: str, changed: set[str]) -> Reason | None:
    if "class" not in changed:
        return None
    machine = select(Equipment.id).where(Equipment.name == name).scalar_subquery()
    runs = session.scalar(select(func.count(Run.id)).where(Run.equipment_id == machine, Run.state.in_(OPEN)))
    mounts = select(func.count(Mount.id)).where(Mount.equipment_id == machine, Mount.dismounted_at.is_(None))
    mounted = session.scalar(mounts)
    if not runs and not mounted:
        return None
    said = f"Equipment {name} has {runs} open runs and {mounted} mounted sources; change its class when it is empty."
    return Reason("in_use", said, "line_engineer")


def _used(session: Session, kind: str, name: str, _: Content) -> Reason | None:
    model = MODELS[kind]
    row_id = session.scalar(select(model.id).where(model.name == name))
    users = _pointing_at(session, model.__table__, row_id)
    if not users:
        return None
    said = f"{kind.replace('_', ' ').capitalize()} {name} is used by {_listed(users)}; put it back into the text."
    return Reason("in_use", said, "line_engineer")


def _pointing_at(session: Session, table: Table, row_id: Any) -> list[str]:
    """How many rows of which tables point at a row and would lose it."""
    found = []
    for other in Base.metadata.sorted_tables:
        if other.name in FOLLOW | GO_ALONG:
            continue
        columns = [key.parent for key in other.foreign_keys if key.column is table.columns["id"]]
        for column in columns:
            rows = select(func.count()).select_from(other).where(column == row_id)
            count = session.scalar(rows.where(~User.from_text) if other is User.__table__ else rows)
            if count:
                found.append(f"{count} {other.name.replace('_', ' ')}{'s' if count > 1 else ''}")
    return found


def _agreement_changed(session: Session, name: str, changed: set[str]) -> Reason | None:
    parties = sorted(changed & {"supplier", "receiver", "product"})
    if not parties:
        return None
    query = select(func.count(Transfer.id)).join(SupplyAgreement, SupplyAgreement.id == Transfer.agreement_id)
    if not session.scalar(query.where(SupplyAgreement.name == name)):
        return None
    said = f"Units were supplied by {name}; its {' and '.join(parties)} stay. Let it end, and agree under another name."
    return Reason("in_use", said, "line_engineer")


def _free(_: Session, __: str, ___: str, ____: Content) -> None:
    """A route that leaves the text only takes no new lots."""


_ADDED: dict[str, Callable[[Session, str, str, Content], Reason | None]] = {
    "recipe": _recipe_added,
    "route": _route_added,
}
_REMOVED: dict[str, Callable[[Session, str, str, Content], Reason | None]] = {
    "certification": _certification_removed,
    "material": _material_removed,
    "durable_kind": _durable_kind_removed,
    "recipe": _recipe_removed,
    "route": _free,
}
_CHANGED: dict[str, Callable[[Session, str, set[str]], Reason | None]] = {
    "recipe": _raise_version,
    "route": _raise_version,
    "layout": _layout_changed,
    "material": _material_changed,
    "product": _product_changed,
    "equipment": _equipment_changed,
    "supply_agreement": _agreement_changed,
}
