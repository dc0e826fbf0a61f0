"""The plant that the database holds, in the shapes of its text."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from mes.definitions import models as definitions
from mes.dispatch.models import ReleaseRule
from mes.equipment.models import Equipment
from mes.people import models as people
from mes.plant import schema
from mes.plant.part import Part
from mes.plant.schema_maps import MapDeclaration, MapRule
from mes.plant.schema_materials import DurableKind, Material
from mes.plant.schema_products import Attach, Layout, Product, Recipe
from mes.plant.schema_supply import SupplyAgreement
from mes.plant.schema_upkeep import Certification, MaintenancePlan
from mes.recipes.models import RecipeVersion
from mes.recipes.states import RecipeState
from mes.routes.looks import alternatives
from mes.routes.models import Operation, QueueLimit, RouteVersion

HOUR_S = 3600.0
DURABLE_KIND = ("name", "title", "counts", "per", "most", "clean_every", "inspect_every")
LAYOUT = (
    "name",
    "substrate_kind",
    "rows",
    "columns",
    "pitch_x_um",
    "pitch_y_um",
    "holder",
    "block_rows",
    "block_columns",
)

P = TypeVar("P", bound=Part)


def stored(session: Session) -> schema.Plant:
    """What the database holds now: approved recipe versions, current route versions, everything else."""
    sites = _of(schema.Site, session.execute(_columns(definitions.Site, "name", "title", "time_zone", "ranking")))
    return schema.Plant(
        site=sites[0] if sites else None,
        areas=_of(schema.Area, session.execute(_columns(definitions.Area, "name", "title"))),
        customers=_of(schema.Customer, session.execute(_columns(people.Customer, "name", "title"))),
        people=_people(session),
        hold_codes=_of(
            schema.HoldCode,
            session.execute(_columns(definitions.HoldCode, "name", "title", "owner", "other_owners", "running_job")),
        ),
        bin_reasons=_of(
            schema.BinReason,
            session.execute(_columns(definitions.BinReason, "name", "title", "allows", "roles")),
        ),
        certifications=_certifications(session),
        classes=_classes(session),
        materials=_materials(session),
        durable_kinds=_of(DurableKind, session.execute(_columns(definitions.DurableKind, *DURABLE_KIND))),
        equipment=_equipment(session),
        maintenance_plans=_maintenance_plans(session),
        layouts=_of(
            Layout,
            session.execute(_columns(definitions.Layout, *LAYOUT)),
        ),
        products=_products(session),
        supply_agreements=_supply_agreements(session),
        map_rules=_map_rules(session),
        map_declarations=_map_declarations(session),
        recipes=_recipes(session),
        routes=tuple(_route(session, version) for version in _current(session)),
        release_rules=_of(
            schema.ReleaseRule,
            session.execute(
                select(ReleaseRule.name.label("route"), ReleaseRule.constant_wip).order_by(ReleaseRule.ordinal)
            ),
        ),
    )


def _columns(model: Any, *names: str) -> Any:
    order = (model.ordinal, model.id) if issubclass(model, definitions.Ordered) else (model.id,)
    return select(*(getattr(model, name) for name in names)).order_by(*order)


def _of(part: type[P], rows: Any) -> tuple[P, ...]:
    return tuple(part.model_validate(dict(row), strict=False) for row in rows.mappings())


def _supply_agreements(session: Session) -> tuple[SupplyAgreement, ...]:
    supplier, receiver = aliased(people.Customer), aliased(people.Customer)
    parties = (
        supplier.name.label("supplier"), receiver.name.label("receiver"), definitions.Product.name.label("product")
    )  # fmt: skip
    of = definitions.SupplyAgreement
    query = _columns(of, "name", "since", "until", "receiver_sees", "supplier_sees").add_columns(*parties)
    query = query.join(supplier, supplier.id == of.supplier_id).join(receiver, receiver.id == of.receiver_id)
    return _of(
        SupplyAgreement, session.execute(query.join(definitions.Product, definitions.Product.id == of.product_id))
    )


def _map_rules(session: Session) -> tuple[MapRule, ...]:
    of = definitions.MapRule
    query = _columns(of, "name", "operation", "stops", "holds", "hold_code")
    query = query.add_columns(people.Customer.name.label("customer"))
    return _of(MapRule, session.execute(query.outerjoin(people.Customer, people.Customer.id == of.for_customer_id)))


def _map_declarations(session: Session) -> tuple[MapDeclaration, ...]:
    query = _columns(definitions.MapDeclaration, "name", "title", "told_by", "text")
    return _of(MapDeclaration, session.execute(query))


def _people(session: Session) -> tuple[schema.Person, ...]:
    customer = people.Customer.name.label("customer")
    columns = (people.User.name, people.User.title, people.User.role, customer)
    query = select(*columns).outerjoin(people.Customer, people.Customer.id == people.User.belongs_to_id)
    return _of(schema.Person, session.execute(query.where(people.User.from_text).order_by(people.User.id)))


def _classes(session: Session) -> tuple[schema.EquipmentClass, ...]:
    of = definitions.EquipmentClass
    size = ("places", "most_substrates", "batch", "least_substrates")
    names = ("name", "title", "kind", *size, "ranking", "certification")
    rows = session.execute(_columns(of, *names, "most_wait_s")).mappings()
    return tuple(
        schema.EquipmentClass.model_validate(
            {name: row[name] for name in names}
            | {"most_wait_h": None if row["most_wait_s"] is None else hours(row["most_wait_s"])},
            strict=False,
        )
        for row in rows
    )


def _materials(session: Session) -> tuple[Material, ...]:
    names = ("name", "title", "unit", "thaw_s", "floor_life_s", "bake_s", "bakes", "certificate")
    found = session.execute(_columns(definitions.MaterialKind, *names)).mappings()
    return tuple(
        Material(
            thaw_h=_hours(row["thaw_s"]),
            floor_life_h=_hours(row["floor_life_s"]),
            bake_h=_hours(row["bake_s"]),
            **{name: row[name] for name in ("name", "title", "unit", "bakes", "certificate")},
        )
        for row in found
    )


def _certifications(session: Session) -> tuple[Certification, ...]:
    rows = session.execute(_columns(definitions.Certification, "name", "title", "trainer", "valid_s")).mappings()
    return tuple(
        Certification(valid_h=_hours(row["valid_s"]), **{name: row[name] for name in ("name", "title", "trainer")})
        for row in rows
    )


def _maintenance_plans(session: Session) -> tuple[MaintenancePlan, ...]:
    plan = definitions.MaintenancePlan
    names = ("name", "title", "every_runs", "every_units", "warning", "checks")
    query = _columns(plan, *names, "every_s").add_columns(definitions.EquipmentClass.name.label("class"))
    rows = session.execute(query.join(definitions.EquipmentClass, definitions.EquipmentClass.id == plan.class_id))
    return tuple(
        MaintenancePlan.model_validate(
            {name: row[name] for name in (*names, "class")} | {"every_h": _hours(row["every_s"])}, strict=False
        )
        for row in rows.mappings()
    )


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else hours(seconds)


def _equipment(session: Session) -> tuple[schema.Equipment, ...]:
    names = (definitions.EquipmentClass.name.label("class"), definitions.Area.name.label("area"))
    query = (
        select(Equipment.name, Equipment.title, *names)
        .join(definitions.EquipmentClass, definitions.EquipmentClass.id == Equipment.class_id)
        .join(definitions.Area, definitions.Area.id == Equipment.area_id)
        .order_by(Equipment.ordinal, Equipment.id)
    )
    return _of(schema.Equipment, session.execute(query))


def _products(session: Session) -> tuple[Product, ...]:
    names = {row.id: row.name for row in session.execute(select(definitions.Product.id, definitions.Product.name))}
    attach: dict[int, list[dict[str, Any]]] = {}
    places = definitions.AttachSite
    for place in session.scalars(select(places).order_by(places.site, places.level)):
        listed = attach.setdefault(place.product_id, [])
        listed.append(
            {key: getattr(place, key) for key in ("site", "level", "height_um")}
            | {"product": names[place.die_product_id], "dummy": names.get(place.dummy_product_id)}
        )
    product = definitions.Product
    query = (
        select(
            product.id,
            product.name,
            product.title,
            product.unit,
            product.moisture_level,
            product.reticle,
            product.most_height_um,
            definitions.Layout.name.label("layout"),
        )
        .join(definitions.Layout, definitions.Layout.id == product.layout_id)
        .order_by(product.id)
    )
    return tuple(
        Product(
            name=row.name,
            title=row.title,
            unit=row.unit,
            layout=row.layout,
            moisture_level=row.moisture_level,
            reticle=row.reticle,
            most_height_um=row.most_height_um,
            attach=[Attach(**place) for place in attach.get(row.id, [])],
        )
        for row in session.execute(query)
    )


def _recipes(session: Session) -> tuple[Recipe, ...]:
    version, of_class = RecipeVersion, definitions.EquipmentClass.name.label("class")
    query = (
        select(
            version.recipe.label("name"),
            version.version,
            of_class,
            version.approved_by,
            version.body,
            version.parameters,
        )
        .join(definitions.EquipmentClass, definitions.EquipmentClass.id == version.class_id)
        .where(version.state == RecipeState.APPROVED)
        .order_by(version.id)
    )
    return _of(Recipe, session.execute(query))


def _current(session: Session) -> Sequence[RouteVersion]:
    return session.scalars(select(RouteVersion).where(RouteVersion.current).order_by(RouteVersion.id)).all()


def _route(session: Session, version: RouteVersion) -> schema.Route:
    operations = session.execute(
        select(
            Operation,
            definitions.EquipmentClass.name.label("of_class"),
            RecipeVersion.name.label("recipe"),
            definitions.Layout.name.label("makes"),
            alternatives().label("alternatives"),
        )
        .join(definitions.EquipmentClass, definitions.EquipmentClass.id == Operation.class_id)
        .join(RecipeVersion, RecipeVersion.id == Operation.recipe_version_id)
        .outerjoin(definitions.Layout, definitions.Layout.id == Operation.makes_layout_id)
        .where(Operation.route_version_id == version.id)
        .order_by(Operation.number)
    ).all()
    number_of = {row.Operation.id: row.Operation.number for row in operations}
    product = session.get_one(definitions.Product, version.product_id)
    content = {
        "route": version.route,
        "version": version.version,
        "title": version.title,
        "product": product.name,
        "ends": version.ends,
        "operations": [_operation(row) for row in operations],
        "queue_limits": [
            {
                "from": number_of[limit.from_operation_id],
                "to": number_of[limit.to_operation_id],
                "most_h": None if limit.most_s is None else hours(limit.most_s),
                "warning_h": None if limit.warning_s is None else hours(limit.warning_s),
                "floor_life": limit.floor_life,
            }
            for limit in session.scalars(select(QueueLimit).where(QueueLimit.from_operation_id.in_(number_of)))
        ],
    }
    return schema.Route.model_validate(content, strict=False)


def _operation(row: Any) -> dict[str, Any]:
    operation: Operation = row.Operation
    return {
        "number": operation.number,
        "title": operation.title,
        "kind": operation.kind,
        "class": row.of_class,
        "recipe": row.recipe,
        "dummies": operation.dummies,
        "makes": row.makes,
        "process_h": None if operation.process_s is None else hours(operation.process_s),
        "retest": operation.retest,
        "rework": operation.rework,
        "sampling": operation.sampling,
        "alternatives": row.alternatives,
        "certification": operation.certification,
        "durables": operation.durables,
        "measures": operation.measures,
        "fills": [{"site": site, "level": level} for site, level in operation.fills],
        "bins": {code: bin_["name"] for code, bin_ in operation.bins.items()},
        "materials": [
            {key: use[key] for key in ("material", "amount", "per")} | {"needed_h": _hours(use["needed_s"])}
            for use in operation.materials
        ],
    }


def hours(seconds: float) -> float:
    """Seconds as hours; rounded where the text cannot have meant more digits."""
    return round(seconds / HOUR_S, 9)
