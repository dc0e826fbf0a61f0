"""Messages as OPC UA structures and back: job orders, their states and responses, maps and recipes.

Job orders travel in the published structures of ISA-95 Job Control; the words that are ours inside them are the
constants below. The structures exist once `nodesets.learn_types` has run. What comes from the wire is checked:
every ``..._from_ua`` raises `BadMessage`, naming the field and what would be right.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from asyncua import ua
from numpy.typing import NDArray

from equipment.interface.messages import (
    AttachSite,
    BadMessage,
    JobOnEquipment,
    JobOrder,
    JobSubstrate,
    MaterialInUse,
    Parameter,
    PositionMap,
    RecipeHeld,
)
from equipment.interface.nodes import Field
from equipment.interface.states import JobState, MapRole

UCUM = "http://unitsofmeasure.org"
"""Namespace of the unit texts in EngineeringUnits."""
NO_UNIT_ID = -1
"""UnitId where a unit has no number (OPC 10000-8)."""

OPERATION = "Operation"
ATTACH_SITE = "AttachSite"
SITE = "Site"
LEVEL = "Level"
SHA256 = "sha256"
VISIT = "Visit"
CONSUMABLE = "consumable"
"""MaterialUse of what an order uses up; substrates have their role there."""
SINCE = "UsableSince"


def structure(name: str, **fields: object) -> Any:
    """A structure of a namespace by its name; fields that are not given have their type's default."""
    return getattr(ua, name)(**fields)


def variant(field: Field, value: object) -> ua.Variant:
    """The value as the table declares it; structures travel as extension objects."""
    kind = getattr(ua.VariantType, field.type, ua.VariantType.ExtensionObject)
    return ua.Variant(value, kind, is_array=field.array)


def as_variant(value: Any) -> ua.Variant:
    """A structure where a field takes any value."""
    return ua.Variant(value, ua.VariantType.ExtensionObject)


def unit_to_ua(unit: str) -> ua.EUInformation:
    """Engineering units for a UCUM text."""
    return ua.EUInformation(NamespaceUri=UCUM, UnitId=NO_UNIT_ID, DisplayName=ua.LocalizedText(unit))


def parameter_to_ua(parameter: Parameter) -> Any:
    """An ISA95ParameterDataType with a Double and its unit."""
    return structure(
        "ISA95ParameterDataType",
        ID=parameter.name,
        Value=ua.Variant(parameter.value, ua.VariantType.Double),
        EngineeringUnits=unit_to_ua(parameter.unit),
    )


def parameter_from_ua(value: Any) -> Parameter:
    """The inverse of `parameter_to_ua`; any numeric type is taken."""
    figure = _plain(value.Value)
    if isinstance(figure, bool) or not isinstance(figure, int | float):
        raise BadMessage(f"parameter {value.ID} is {figure!r}; a set point must be a number")
    return Parameter(_text(value.ID), float(figure), _text(value.EngineeringUnits.DisplayName.Text))


def order_to_ua(order: JobOrder) -> Any:
    """An ISA95JobOrderDataType: recipe as work master, set points as parameters, substrates as materials."""
    master = structure("ISA95WorkMasterDataType", ID=order.recipe, Parameters=[_word(SHA256, order.sha256)])
    words = [_word(OPERATION, order.operation)]
    words += [_word(ATTACH_SITE, s.product, _number(SITE, s.site), _number(LEVEL, s.level)) for s in order.sites]
    materials = [_material(MapRole.WORK, s.substrate, lot=s.lot, visit=s.visit) for s in order.substrates]
    materials += [_material(MapRole.SOURCE, substrate, product=product) for substrate, product in order.sources]
    materials += [_material(MapRole.LOAD, substrate) for substrate in order.loads]
    materials += [_consumable(used) for used in order.materials]
    return structure(
        "ISA95JobOrderDataType",
        JobOrderID=order.job_order_id,
        WorkMasterID=[master],
        JobOrderParameters=words + [parameter_to_ua(p) for p in order.parameters],
        MaterialRequirements=materials,
    )


def order_from_ua(value: Any) -> JobOrder:
    """The inverse of `order_to_ua`. Parameters with engineering units are set points, the others our words."""
    job_order_id = _text(value.JobOrderID)
    masters = value.WorkMasterID or []
    if not job_order_id or len(masters) != 1:
        raise BadMessage(f"job order {job_order_id!r} names {len(masters)} work masters; it needs an id and one recipe")
    parameters = value.JobOrderParameters or []
    words = [p for p in parameters if p.EngineeringUnits is None]
    return JobOrder(
        job_order_id=job_order_id,
        operation=_word_named(OPERATION, words),
        recipe=_text(masters[0].ID),
        sha256=_word_named(SHA256, masters[0].Parameters or []),
        parameters=tuple(parameter_from_ua(p) for p in parameters if p.EngineeringUnits is not None),
        sites=tuple(_site_from_ua(p) for p in words if p.ID == ATTACH_SITE),
        **_materials_from_ua(value.MaterialRequirements or []),
    )


def state_to_ua(state: JobState) -> list[Any]:
    """The list of one state that stands for a job order's state; it has no sub-states."""
    text = "".join(part.capitalize() for part in state.name.split("_"))
    return [
        structure(
            "ISA95StateDataType",
            BrowsePath=ua.RelativePath(),
            StateText=ua.LocalizedText(text),
            StateNumber=int(state),
        )
    ]


def state_from_ua(states: Sequence[Any] | None) -> JobState:
    """The job order state of a list of states, the outermost first."""
    try:
        return JobState(int((states or [])[0].StateNumber))
    except (AttributeError, IndexError, ValueError) as error:
        raise BadMessage(f"{states!r} holds no job order state; the first StateNumber must be 1 to 6") from error


def job_to_ua(order: JobOrder, state: JobState) -> Any:
    """A job order with its state, as JobOrderList holds it."""
    return structure("ISA95JobOrderAndStateDataType", JobOrder=order_to_ua(order), State=state_to_ua(state))


def job_from_ua(value: Any) -> JobOnEquipment:
    """Which job order an entry of JobOrderList is, and its state."""
    return JobOnEquipment(_text(value.JobOrder.JobOrderID), state_from_ua(value.State))


def positions_to_ua(job_order_id: str, positions: PositionMap) -> tuple[object, ...]:
    """The arguments of LoadMap."""
    rows, columns = positions.allowed.shape
    allowed = positions.allowed.astype(np.uint8).tobytes()
    return job_order_id, positions.substrate, positions.role.value, rows, columns, allowed


def positions_from_ua(substrate: str, role: str, rows: int, columns: int, allowed: bytes) -> PositionMap:
    """The position map that LoadMap was called with; any byte but 0 allows its position."""
    if role not in set(MapRole):
        raise BadMessage(f"role {role!r} of substrate {substrate}; it must be one of {', '.join(MapRole)}")
    return PositionMap(_text(substrate), MapRole(role), grid(allowed, rows, columns, "Allowed").astype(np.bool_))


def grid(values: bytes | None, rows: int, columns: int, name: str) -> NDArray[np.uint8]:
    """One byte a position, row by row from the top left, as an array of rows by columns."""
    if len(values or b"") != rows * columns:
        raise BadMessage(f"{name} has {len(values or b'')} bytes; {rows} rows of {columns} need {rows * columns}")
    return np.frombuffer(values or b"", np.uint8).reshape(rows, columns).copy()


def recipe_to_ua(recipe: RecipeHeld) -> Any:
    """A RecipeDataType."""
    return structure(
        "RecipeDataType",
        Name=recipe.name,
        Version=recipe.version,
        Sha256=recipe.sha256,
        Since=recipe.since,
    )


def recipe_from_ua(value: Any) -> RecipeHeld:
    """The inverse of `recipe_to_ua`."""
    return RecipeHeld(_text(value.Name), int(value.Version), _text(value.Sha256), value.Since)


def work_master_to_ua(recipe: RecipeHeld) -> Any:
    """A recipe as job orders name it: an ISA95WorkMasterDataType with its hash as a parameter."""
    return structure(
        "ISA95WorkMasterDataType",
        ID=f"{recipe.name}@{recipe.version}",
        Parameters=[_word(SHA256, recipe.sha256)],
    )


def _word(name: str, text: str, *parts: Any) -> Any:
    return structure(
        "ISA95ParameterDataType",
        ID=name,
        Value=ua.Variant(text, ua.VariantType.String),
        Subparameters=list(parts) or None,
    )


def _number(name: str, value: int) -> Any:
    return structure("ISA95ParameterDataType", ID=name, Value=ua.Variant(value, ua.VariantType.UInt32))


def _material(role: MapRole, substrate: str, lot: str = "", product: str = "", visit: int = 0) -> Any:
    visits = [structure("ISA95PropertyDataType", ID=VISIT, Value=ua.Variant(visit, ua.VariantType.UInt32))]
    return structure(
        "ISA95MaterialDataType",
        MaterialDefinitionID=product or None,
        MaterialLotID=lot or None,
        MaterialSublotID=substrate,
        MaterialUse=role.value,
        Quantity="1",
        Properties=visits if visit else None,
    )


def _consumable(used: MaterialInUse) -> Any:
    since = structure("ISA95PropertyDataType", ID=SINCE, Value=ua.Variant(used.since, ua.VariantType.DateTime))
    return structure(
        "ISA95MaterialDataType",
        MaterialDefinitionID=used.material,
        MaterialLotID=used.container,
        MaterialUse=CONSUMABLE,
        Properties=[since],
    )


def _materials_from_ua(materials: Iterable[Any]) -> dict[str, Any]:
    by_role: dict[str, list[Any]] = {use: [] for use in (*MapRole, CONSUMABLE)}
    for material in materials:
        if material.MaterialUse not in by_role:
            raise BadMessage(
                f"MaterialUse {material.MaterialUse!r} of {material.MaterialSublotID}; "
                f"it must be one of {', '.join(by_role)}"
            )
        by_role[material.MaterialUse].append(material)
    return {
        "substrates": tuple(
            JobSubstrate(_text(m.MaterialLotID), _text(m.MaterialSublotID), _count(VISIT, m.Properties))
            for m in by_role[MapRole.WORK]
        ),
        "sources": tuple((_text(m.MaterialSublotID), _text(m.MaterialDefinitionID)) for m in by_role[MapRole.SOURCE]),
        "loads": tuple(_text(m.MaterialSublotID) for m in by_role[MapRole.LOAD]),
        "materials": tuple(
            MaterialInUse(_text(m.MaterialLotID), _text(m.MaterialDefinitionID), _since(m.Properties))
            for m in by_role[CONSUMABLE]
        ),
    }


def _site_from_ua(value: Any) -> AttachSite:
    return AttachSite(_count(SITE, value.Subparameters), _count(LEVEL, value.Subparameters), _text(_plain(value.Value)))


def _word_named(name: str, values: Iterable[Any]) -> str:
    for value in values:
        if str(value.ID) == name:
            return _text(_plain(value.Value))
    raise BadMessage(f"the job order has no parameter {name!r}; it must say one")


def _count(name: str, values: Iterable[Any] | None) -> int:
    for value in values or []:
        number = _plain(value.Value)
        if str(value.ID) == name and isinstance(number, int):
            return number
    raise BadMessage(f"the whole number {name!r} is missing")


def _since(values: Iterable[Any] | None) -> datetime:
    for value in values or []:
        at = _plain(value.Value)
        if str(value.ID) == SINCE and isinstance(at, datetime):
            return at if at.tzinfo else at.replace(tzinfo=UTC)
    raise BadMessage(f"a {CONSUMABLE} has no {SINCE}; it must say since when it may be used")


def _plain(value: Any) -> Any:
    return value.Value if isinstance(value, ua.Variant) else value


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadMessage(f"{value!r} stands where a text belongs")
    return str(value)
