"""Writes differences between text and database, each kind in its own way, with history."""

from collections.abc import Callable, Collection
from datetime import date
from typing import Any, ClassVar

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from equipment.interface.codec import sha256_of
from mes.db import lock
from mes.definitions.models import (
    Area,
    AttachSite,
    Certification,
    EquipmentClass,
    Layout,
    MaintenancePlan,
    Product,
    Site,
)
from mes.equipment.maintenance.models import Maintenance
from mes.equipment.models import Alarm, Equipment, EquipmentStateInterval
from mes.equipment.states import EquipmentState
from mes.history import Act, Chained, Change, record
from mes.people.models import Customer
from mes.plant.diff import Difference
from mes.plant.order import misplaced
from mes.plant.refusals import MODELS
from mes.plant.route_rows import add_route
from mes.plant.schema import Plant
from mes.plant.stored import HOUR_S
from mes.recipes.approve import moved, signed
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.recipes.states import RecipeState, RecipeVerb
from mes.routes.models import RouteVersion

OWN_HISTORY = {"equipment", "recipe", "route"}
RELEASED_MEANS = "New lots take this version; its operations never change again."


class Writer:
    """One apply. Things are put in the order in which they build on one another, and removed in the reverse order."""

    def __init__(self, session: Session, act: Act) -> None:
        self.session = session
        self.act = act
        self.changes: dict[str, list[Change]] = {}
        self.attach: dict[int, list[dict[str, Any]]] = {}
        """Attach sites of put products by product id; written when all products are there."""

    def write(self, plant: Plant, differences: list[Difference]) -> None:
        """Put and remove what differs, and record it. The differences must be in the order of `diff`."""
        self._lock(differences, misplaced(self.session, plant)[Equipment])
        removed = [d for d in differences if d.verb == "remove"]
        for difference in removed:
            if difference.kind in {"recipe", "route"}:
                self._retire(difference)
        for difference in differences:
            if difference.verb != "remove":
                self._put[difference.kind](self, difference)
        self._attach([d.name for d in removed if d.kind == "product"])
        if plant.site is not None:
            self.session.execute(update(Area).values(site_id=self._id(Site, plant.site.name)))
        self._begin_plans()
        for difference in reversed(removed):
            if difference.kind not in {"recipe", "route"}:
                self._remove(difference)
        self._put_in_order(plant)
        self.session.flush()
        self._record_plant(differences)
        for verb, changes in self.changes.items():
            record(self.session, verb, self.act, changes)

    def _id(self, model: type[Any], name: str) -> int:
        return int(self.session.scalars(select(model.id).where(model.name == name)).one())

    def _row(self, model: type[Any], name: str) -> Any:
        """The row of that name; None where there is none."""
        return self.session.scalars(select(model).where(model.name == name)).one_or_none()

    def _lock(self, differences: list[Difference], moved_equipment: Collection[str]) -> None:
        """Lock every row that is written here and that verbs of the line change too, at once."""
        wanted = []
        for kind in ("recipe", "route", "certification", "equipment", "release_rule"):
            model: type[Any] = MODELS[kind]
            names = [d.name for d in differences if d.kind == kind]
            if model is Equipment:
                names += moved_equipment
            wanted.append((model, self.session.scalars(select(model.id).where(model.name.in_(names))).all()))
        lock(self.session, *wanted)

    def _put_in_order(self, plant: Plant) -> None:
        """Number what stands elsewhere than in the text."""
        for model, places in misplaced(self.session, plant).items():
            for name, place in places.items():
                self._row(model, name).ordinal = place

    def _record(self, verb: str, subject: Chained, before: dict[str, Any], after: dict[str, Any]) -> None:
        self.changes.setdefault(verb, []).append(Change(subject, before, after))

    def _plain(self, difference: Difference, **values: Any) -> Any:
        """Add or change a row of a kind whose text is its columns."""
        model = MODELS[difference.kind]
        row = self._row(model, difference.name) or model()
        for column, value in values.items():
            setattr(row, column, value)
        self.session.add(row)
        self.session.flush()
        return row

    def _put_columns(self, difference: Difference) -> None:
        self._plain(difference, **(difference.after or {}))

    def _put_class(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        most_wait_h = values.pop("most_wait_h")
        self._plain(difference, most_wait_s=None if most_wait_h is None else most_wait_h * HOUR_S, **values)

    def _put_certification(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        valid_h = values.pop("valid_h")
        self._plain(difference, valid_s=None if valid_h is None else valid_h * HOUR_S, **values)

    def _put_maintenance_plan(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        class_id, every_h = self._id(EquipmentClass, values.pop("class")), values.pop("every_h")
        every_s = None if every_h is None else every_h * HOUR_S
        self._plain(difference, class_id=class_id, every_s=every_s, **values)

    def _begin_plans(self) -> None:
        """Let plans of maintenance count from now on where none was in force for the equipment yet."""
        of_both = (Maintenance.equipment_id == Equipment.id, Maintenance.plan_id == MaintenancePlan.id)
        query = select(Equipment, MaintenancePlan.id).join(
            MaintenancePlan, MaintenancePlan.class_id == Equipment.class_id
        )
        missing = query.where(~select(Maintenance.id).where(*of_both).exists()).order_by(Equipment.id)
        self.session.add_all(
            Maintenance(
                equipment_id=equipment.id, plan_id=plan_id, happened_at=self.act.at, runs_done=equipment.runs_done,
                units_done=equipment.units_done, found=[], passed=True,
            )
            for equipment, plan_id in self.session.execute(missing)
        )  # fmt: skip

    def _put_area(self, difference: Difference) -> None:
        site_id = self.session.scalars(select(Site.id).order_by(Site.id.desc())).first()
        self._plain(difference, site_id=site_id, **(difference.after or {}))

    def _put_material(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        hours = {name: values.pop(f"{name}_h") for name in ("thaw", "floor_life", "bake")}
        seconds = {f"{name}_s": None if h is None else h * HOUR_S for name, h in hours.items()}
        self._plain(difference, **values, **seconds)

    def _put_person(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        customer = values.pop("customer")
        belongs_to_id = self._id(Customer, customer) if customer else None
        self._plain(difference, belongs_to_id=belongs_to_id, from_text=True, **values)

    def _put_product(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        attach, layout_id = values.pop("attach"), self._id(Layout, values.pop("layout"))
        row = self._plain(difference, layout_id=layout_id, **values)
        self.session.execute(delete(AttachSite).where(AttachSite.product_id == row.id))
        self.attach[row.id] = attach

    def _attach(self, removed: list[str]) -> None:
        """Write attach sites of put products, and take those of removed products away."""
        gone = select(Product.id).where(Product.name.in_(removed))
        self.session.execute(delete(AttachSite).where(AttachSite.product_id.in_(gone)))
        for product_id, places in self.attach.items():
            self.session.add_all(
                AttachSite(
                    product_id=product_id,
                    site=place["site"],
                    level=place["level"],
                    die_product_id=self._id(Product, place["product"]),
                    height_um=place["height_um"],
                    dummy_product_id=self._id(Product, place["dummy"]) if place["dummy"] else None,
                )
                for place in places
            )
        self.session.flush()

    def _put_equipment(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        class_id, area_id = self._id(EquipmentClass, values.pop("class")), self._id(Area, values.pop("area"))
        if difference.verb == "change":
            row = self._plain(difference, class_id=class_id, area_id=area_id, **values)
        else:
            state = {"state": EquipmentState.SBY.value, "state_since": self.act.at}
            row = self._plain(difference, class_id=class_id, area_id=area_id, **state, **values)
            began = {"state": EquipmentState.SBY.value, "began_at": self.act.at, "reason": "added to the plant"}
            self.session.add(EquipmentStateInterval(equipment_id=row.id, **began))
        self._record(difference.verb, row, difference.before or {}, difference.after or {})

    def _put_recipe(self, difference: Difference) -> None:
        after = difference.after or {}
        row = RecipeVersion(
            recipe=after["name"],
            version=after["version"],
            name=difference.name,
            class_id=self._id(EquipmentClass, after["class"]),
            body=after["body"],
            sha256=sha256_of(after["body"]),
            parameters=after["parameters"],
            state=RecipeState.DRAFT.value,
        )
        moved(row, RecipeVerb.SUBMIT)
        approval = signed(row, after["approved_by"], self.act.at)
        self.session.add(row)
        self.session.flush()
        self._record("approve", row, {}, after | approval.after)

    def _put_route(self, difference: Difference) -> None:
        after = difference.after or {}
        row = self._row(RouteVersion, difference.name)
        if row is None:
            row = add_route(self.session, difference.name, after, self.act.at)
        row.current = True
        self._record("release", row, {}, after | {"sha256": row.sha256, "means": RELEASED_MEANS})

    def _put_supply_agreement(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        supplier_id, receiver_id = (self._id(Customer, values.pop(key)) for key in ("supplier", "receiver"))
        product_id = self._id(Product, values.pop("product"))
        days = {
            key: None if (day := values.pop(key)) is None else date.fromisoformat(day) for key in ("since", "until")
        }
        self._plain(
            difference, supplier_id=supplier_id, receiver_id=receiver_id, product_id=product_id, **days, **values
        )

    def _put_map_rule(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        customer = values.pop("customer")
        self._plain(difference, for_customer_id=self._id(Customer, customer) if customer else None, **values)

    def _put_release_rule(self, difference: Difference) -> None:
        values = dict(difference.after or {})
        self._plain(difference, name=values.pop("route"), **values)

    def _retire(self, difference: Difference) -> None:
        row = self._row(MODELS[difference.kind], difference.name)
        if isinstance(row, RouteVersion):
            row.current = False
            self._record("retire", row, {"current": True}, {"current": False})
        else:
            retired = moved(row, RecipeVerb.RETIRE)
            self._record("retire", row, retired.before, retired.after)

    def _record_plant(self, differences: list[Difference]) -> None:
        """Things without a history of their own are told by the site's."""
        told = [d for d in differences if d.kind not in OWN_HISTORY]
        site = self.session.scalars(select(Site)).one()
        if told:
            before = {f"{d.kind} {d.name}": d.before for d in told if d.before is not None}
            after = {f"{d.kind} {d.name}": d.after for d in told if d.after is not None}
            self._record("apply", site, before, after)

    def _remove(self, difference: Difference) -> None:
        row = self._row(MODELS[difference.kind], difference.name)
        if isinstance(row, Site | Equipment | Certification):  # the last entry of its chain says that it is gone
            record(self.session, "remove", self.act, [Change(row, before=difference.before or {})])
        if isinstance(row, Equipment):
            for model in (EquipmentStateInterval, Alarm, RecipeOnEquipment, Maintenance):
                self.session.execute(delete(model).where(model.equipment_id == row.id))
        if isinstance(row, MaintenancePlan):  # the history of equipment keeps what was done by it
            self.session.execute(delete(Maintenance).where(Maintenance.plan_id == row.id))
        self.session.delete(row)
        self.session.flush()

    _put: ClassVar[dict[str, Callable[["Writer", Difference], None]]] = {
        "site": _put_columns,
        "area": _put_area,
        "customer": _put_columns,
        "person": _put_person,
        "hold_code": _put_columns,
        "bin_reason": _put_columns,
        "material": _put_material,
        "durable_kind": _put_columns,
        "certification": _put_certification,
        "class": _put_class,
        "equipment": _put_equipment,
        "maintenance_plan": _put_maintenance_plan,
        "layout": _put_columns,
        "product": _put_product,
        "supply_agreement": _put_supply_agreement,
        "map_rule": _put_map_rule,
        "map_declaration": _put_columns,
        "recipe": _put_recipe,
        "route": _put_route,
        "release_rule": _put_release_rule,
    }
