"""A layer reads back as it was at every version, however its changes were stored."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sqlalchemy import select

from mes.errors import NotFound
from mes.units.layers import read_layer, write_layer, write_texts
from mes.units.models import Layer, Substrate
from tests.shop import BEGIN, Floor

SHAPE = (3, 4)
ON_A_DATABASE = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
VALUES = {
    "u1": arrays(np.uint8, SHAPE),
    "u2": arrays(np.uint16, SHAPE),
    "f8": arrays(np.float64, SHAPE, elements=st.floats(allow_nan=False)),
}


@pytest.mark.parametrize("encoding", VALUES)
@ON_A_DATABASE
@given(st.data())
def test_every_version_reads_back(floor: Floor, encoding: str, data: st.DataObject) -> None:
    if "W1" not in floor.substrates():
        floor.arrive("D1", "die", "W1")
    mask = st.none() | arrays(np.bool_, SHAPE)
    versions = data.draw(st.lists(st.tuples(VALUES[encoding], mask), min_size=1, max_size=5))
    expected: list[NDArray[Any]] = []
    with floor.database.transaction() as session:
        wafer = session.scalars(select(Substrate).where(Substrate.name == "W1")).one()
        for values, where in versions:
            before = expected[-1] if expected else np.zeros(SHAPE, values.dtype)
            expected.append(values if where is None else np.where(where, values, before))
            layer = write_layer(session, wafer, "bin", values, at=BEGIN, source="a test", palette={}, where=where)
            assert (layer.encoding, layer.version) == (encoding, len(expected))
        session.flush()
        session.expire_all()
        for version, wanted in enumerate(expected, 1):
            read, row = read_layer(session, wafer.id, "bin", SHAPE, version)
            assert read.dtype == wanted.dtype and np.array_equal(read, wanted) and row.version == version
        assert np.array_equal(read_layer(session, wafer.id, "bin", SHAPE)[0], expected[-1])
        session.rollback()


def test_change_costs_only_what_it_changes(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    where = np.zeros(SHAPE, np.bool_)
    where[2, 3] = True
    with floor.database.transaction() as session:
        wafer = session.scalars(select(Substrate).where(Substrate.name == "W1")).one()
        for part in (None, where):
            write_layer(session, wafer, "bin", np.ones(SHAPE, np.uint16), at=BEGIN, source="", palette={}, where=part)
        session.flush()
        rows = session.scalars(select(Layer).order_by(Layer.version)).all()
        assert [(len(row.positions or b""), len(row.body)) for row in rows] == [(0, 24), (4, 2)]


def test_layers_of_other_substrates_and_names_stay_apart(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1", "W2")
    with floor.database.transaction() as session:
        wafers = session.scalars(select(Substrate).order_by(Substrate.name)).all()
        for n, (wafer, name) in enumerate([(w, name) for w in wafers for name in ("bin", "height")], 1):
            write_layer(session, wafer, name, np.full(SHAPE, n, np.uint8), at=BEGIN, source="", palette={})
        session.flush()
        assert read_layer(session, wafers[1].id, "bin", SHAPE)[0].tolist() == np.full(SHAPE, 3).tolist()
        with pytest.raises(NotFound, match="no layer width"):
            read_layer(session, wafers[0].id, "width", SHAPE)


def test_device_ids_are_kept_as_text(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    texts = [None, "Größe-1", *["x"] * 10]
    with floor.database.transaction() as session:
        wafer = session.scalars(select(Substrate).where(Substrate.name == "W1")).one()
        write_texts(session, wafer, "id:serial", texts, at=BEGIN, source="a file")
        session.flush()
        row = session.scalars(select(Layer)).one()
        assert row.body.decode() == '[null,"Größe-1"' + ',"x"' * 10 + "]"
