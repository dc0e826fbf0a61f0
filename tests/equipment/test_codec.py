"""Messages come back from their canonical text as they were; anything malformed is refused with its field."""

import json
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from equipment.interface.codec import (
    order_text,
    read_map,
    read_order,
    read_record,
    record_text,
    sha256_of,
)
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
    Record,
    SubstrateResult,
    Transfers,
)
from equipment.interface.states import E10State, JobState, Outcome


def same(one: Any, other: Any) -> bool:
    """Equal in type and content, arrays too; two NaN are equal."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if is_dataclass(one):
        return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(one == other or (one != one and other != other))


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
times = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
shapes = st.tuples(st.integers(1, 9), st.integers(1, 9))
parameters = st.lists(st.builds(Parameter, names, st.floats(), names), max_size=3).map(tuple)


@st.composite
def transfers(draw: st.DrawFn) -> Transfers:
    count = draw(st.integers(0, 20))
    columns = {name: draw(hnp.arrays(dtype, count)) for name, dtype in TRANSFER_COLUMNS.items()}
    columns["source"] %= 2
    columns["target"] %= 1
    return Transfers(("a", "b"), ("c",), **columns)


@st.composite
def measurements(draw: st.DrawFn) -> Measured:
    count = draw(st.integers(0, 20))
    x, y = draw(hnp.arrays(np.int16, count)), draw(hnp.arrays(np.int16, count))
    return Measured(draw(names), "um", x, y, draw(hnp.arrays(np.float64, count)))


@st.composite
def results(draw: st.DrawFn) -> SubstrateResult:
    shape = draw(shapes)
    return SubstrateResult(
        draw(names),
        draw(names),
        draw(st.integers(1, 9)),
        draw(st.sampled_from(Outcome)),
        draw(times),
        draw(times),
        draw(st.floats()),
        draw(hnp.arrays(np.bool_, shape)),
        draw(st.none() | hnp.arrays(np.uint8, shape)),
        draw(st.none() | transfers()),
        tuple(draw(st.lists(measurements(), max_size=2))),
        draw(parameters),
    )


bodies = st.one_of(
    st.builds(JobChange, st.sampled_from(JobState), names),
    st.builds(EquipmentChange, st.sampled_from(E10State), names),
    st.builds(AlarmChange, names, st.integers(1, 1000), names, st.booleans()),
    results(),
)
records = st.builds(Record, names, st.integers(1, 2**62), times, names, bodies)
orders = st.builds(
    JobOrder,
    names,
    names,
    names,
    names,
    parameters,
    st.lists(
        st.builds(JobSubstrate, names, names, st.integers(1, 9)),
        min_size=1,
        max_size=4,
        unique_by=lambda part: part.substrate,
    ).map(tuple),
    st.lists(st.builds(AttachSite, st.integers(0, 9), st.integers(0, 9), names), max_size=3).map(tuple),
    st.lists(st.tuples(names, names), max_size=3).map(tuple),
    st.lists(names, max_size=3).map(tuple),
    st.lists(st.builds(MaterialInUse, names, names, times), max_size=2).map(tuple),
)


@settings(max_examples=60, deadline=None)
@given(records)
def test_a_record_comes_back_equal(record: Record) -> None:
    text = record_text(record)
    back = read_record(text)
    assert same(back, record)
    assert record_text(back) == text
    assert json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text


@settings(max_examples=40, deadline=None)
@given(orders)
def test_an_order_comes_back_equal(order: JobOrder) -> None:
    assert same(read_order(order_text(order)), order)


def test_an_order_that_uses_up_nothing_says_nothing_of_material() -> None:
    order = JobOrder("J", "o", "r@1", "0", (), (JobSubstrate("L", "W", 1),))
    assert "materials" not in json.loads(order_text(order))
    said = {**json.loads(order_text(order)), "materials": []}
    assert read_order(json.dumps(said)) == order


def test_the_text_is_canonical() -> None:
    touched = np.array([[True, False, True]])
    result = SubstrateResult("L", "W", 1, Outcome.DONE, AT, AT, 1, touched)  # a whole number for a fraction
    text = record_text(Record("j", 1, AT, "J", result))
    assert text == record_text(read_record(text))
    assert '"energy_kwh":1.0' in text
    assert '"touched":{"base64":"oA==","dtype":"bool","shape":[1,3]}' in text
    assert '"happened_at":"2026-01-05T06:00:00.000000+00:00"' in text
    big_endian = replace(
        result, bins=None, measured=(Measured("m", "um", *(np.array([258], ">i2"),) * 2, np.array([1.0])),)
    )
    assert '"base64":"AgE="' in record_text(Record("j", 1, AT, "J", big_endian))
    assert sha256_of("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


AT = datetime(2026, 1, 5, 6, tzinfo=UTC)
GOOD = Record(
    "j",
    1,
    AT,
    "J",
    SubstrateResult(
        "L",
        "W",
        1,
        Outcome.DONE,
        AT,
        AT,
        0.5,
        np.ones((2, 3), bool),
        np.ones((2, 3), np.uint8),
    ),
)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("sequence",), "1", "Record.sequence"),
        (("sequence",), True, "Record.sequence"),
        (("sequence",), 1 << 70, "Record.sequence"),
        (("kind",), "other", "Record.kind"),
        (("kind",), None, "Record.kind"),
        (("kind",), "job", "Record.body"),
        (("journal",), "\ud800", "Record.journal"),
        (("journal",), "x" * 5000, "Record.journal"),
        (("happened_at",), "2026-01-05T06:00:00", "Record.happened_at"),
        (("happened_at",), "0001-01-01T00:00:00+23:00", "Record.happened_at"),
        (("extra",), 1, "Record.extra is not known"),
        (("body", "outcome"), "half", "Record.body.outcome"),
        (("body", "energy_kwh"), "much", "Record.body.energy_kwh"),
        (("body", "touched"), None, "Record.body.touched"),
        (("body", "touched", "dtype"), "uint8", "Record.body.touched.dtype"),
        (("body", "touched", "shape"), [2, 3, 1], "Record.body.touched.shape"),
        (("body", "touched", "shape"), [1_000_000_000, 1_000_000_000], "Record.body.touched.shape"),
        (("body", "touched", "shape"), [-2, -3], "Record.body.touched.shape"),
        (("body", "touched", "shape"), [6], "Record.body.touched has 1 dimensions"),
        (("body", "touched", "shape"), [3, 2], "one shape"),
        (("body", "touched", "base64"), "!!!!", "Record.body.touched.base64"),
        (("body", "touched", "base64"), "AAAA", "Record.body.touched.base64"),
        (("body", "bins", "base64"), "AAAA", "Record.body.bins.base64"),
        (("body", "measured"), {}, "Record.body.measured"),
        (("body", "parameters"), [1], r"Record.body.parameters\[0\]"),
    ],
)
def test_what_is_malformed_is_refused_with_its_field(path: tuple[str, ...], value: object, told: str) -> None:
    plain = json.loads(record_text(GOOD))
    spot = plain
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = value
    assert same(read_record(record_text(GOOD)), GOOD)  # its twin, one edit away, passes
    with pytest.raises(BadMessage, match=told):
        read_record(json.dumps(plain))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "NaN", '{"x": NaN}', "[" * 100_000])
def test_what_is_no_message_is_refused(text: str) -> None:
    for read in (read_record, read_order, read_map):
        with pytest.raises(BadMessage):
            read(text)
