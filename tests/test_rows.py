"""Rows that changed alike are written as each would be alone: with the same values, and no other's."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from mes.db import Database
from mes.definitions.models import EquipmentClass, HoldCode
from mes.errors import Busy
from mes.lots.models import Lot, LotSubstrate
from tests.shop import Floor, code_of_holds

LISTS: dict[str, list[list[Any]]] = {
    "of one each": [["a"], ["b"]],
    "of two each": [["a", "b"], ["c", "d"]],
    "of different length": [["a"], ["b", "c"]],
    "empty": [[], []],
    "first empty": [[], ["a"]],
    "of lists": [[["a"]], [["b"]]],
    "of objects": [[{"a": 1}], [{"b": None}]],
}
NUMBERS = {
    "whole and broken": (1, 1.5),
    "broken and whole": (1.5, 1),
    "none and one": (None, 2.0),
    "none": (None, None),
}
OBJECTS: dict[str, tuple[Any, Any]] = {
    "none": (None, None),
    "none and one": (None, {"a": 1}),
    "with lists": ({"a": [1, 2]}, {"b": [[1]]}),
}


@pytest.fixture
def coded(floor: Floor) -> Floor:
    """Two codes of holds, each with another owner, and two lots of a substrate each."""
    with floor.database.transaction() as session:
        for place, name in enumerate(("c1", "c2")):
            code_of_holds(session, name, "operator", "manager", place=place)
    for name in ("A", "B"):
        floor.arrive(name, "board", f"{name}1")
    return floor


def test_lists_stay_with_their_rows(coded: Floor) -> None:
    for values in LISTS.values():
        _write(coded.database, HoldCode, "other_owners", values)
        with coded.database.reading() as session:
            assert session.scalars(select(HoldCode.other_owners).order_by(HoldCode.id)).all() == values


def test_numbers_whole_and_broken_go_together(coded: Floor) -> None:
    for values in NUMBERS.values():
        _write(coded.database, EquipmentClass, "most_wait_s", values)
        with coded.database.reading() as session:
            found = session.scalars(select(EquipmentClass.most_wait_s).order_by(EquipmentClass.id)).all()
        assert tuple(found) == values


def test_objects_are_stored_as_each_would_be_alone(coded: Floor) -> None:
    for values in OBJECTS.values():
        stored = []
        for together in (True, False):
            _write(coded.database, LotSubstrate, "next_visits", ({"z": 1}, {"z": 1}))
            _write(coded.database, LotSubstrate, "next_visits", values, together=together)
            with coded.database.reading() as session:
                query = text("select next_visits::text from lot_substrate order by substrate_id")
                stored.append(session.scalars(query).all())
        assert stored[0] == stored[1]


def test_bytes_that_were_not_read_are_written(coded: Floor) -> None:
    for values in ((b"\x00\x01", None), (b"", b'\\{},"')):
        _write(coded.database, LotSubstrate, "todo", values)
        with coded.database.reading() as session:
            assert tuple(session.scalars(select(LotSubstrate.todo).order_by(LotSubstrate.substrate_id))) == values


def test_versions_count_each_time(coded: Floor) -> None:
    with coded.database.transaction() as session:
        first, second = _rows(session, Lot)
        before = first.row_version
        for priority, which in ((3, (first, second)), (4, (first,)), (6, (first, second))):
            for lot in which:
                lot.priority = priority
            session.flush()
        assert (first.row_version, second.row_version) == (before + 3, before + 2)
    with coded.database.reading() as session:
        assert [(lot.priority, lot.row_version) for lot in _rows(session, Lot)] == [(6, before + 3), (6, before + 2)]


@pytest.mark.parametrize("count", [1, 2])
def test_rows_that_another_changed_meanwhile_are_not_written(coded: Floor, count: int) -> None:
    """As happens to whoever changes what is not under lock."""
    with pytest.raises(Busy, match="try again"), coded.database.transaction() as session:
        mine = _rows(session, Lot)[:count]
        _write(coded.database, Lot, "priority", [3, 4])
        for lot in mine:
            lot.priority = 9
    with coded.database.reading() as session:
        assert [lot.priority for lot in _rows(session, Lot)] == [3, 4]


def test_what_a_savepoint_took_back_is_written_again(coded: Floor) -> None:
    with coded.database.transaction() as session:
        for undone in (True, False):
            with session.begin_nested() as savepoint:
                for lot in _rows(session, Lot):
                    lot.priority = 3
                session.flush()
                if undone:
                    savepoint.rollback()
    with coded.database.reading() as session:
        assert [lot.priority for lot in _rows(session, Lot)] == [3, 3]


def test_what_the_server_works_out_and_what_goes_is_left_to_the_flush(coded: Floor) -> None:
    with coded.database.transaction() as session:
        gone, reckoned = _rows(session, HoldCode)
        gone.title = reckoned.title = "new"
        session.delete(gone)
        reckoned.title = func.upper("reckoned")
    with coded.database.reading() as session:
        assert session.scalars(select(HoldCode.title)).all() == ["RECKONED"]


def _rows(session: Session, model: type[Any]) -> Sequence[Any]:
    """The first two of a table, by the order in which they came."""
    return session.scalars(select(model).order_by(*model.__table__.primary_key.columns).limit(2)).all()


def _write(
    database: Database, model: type[Any], name: str, values: Sequence[Any], *, together: bool = True
) -> None:  # fmt: skip
    with database.transaction() as session:
        for row, value in zip(_rows(session, model), values, strict=True):
            setattr(row, name, value)
            if not together:
                session.flush()
