"""Lots are released by the plant's rule: one as one leaves, and never more, however many ask."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from mes.dispatch.models import ReleaseRule
from mes.dispatch.release import WHY, release_by_rule
from mes.history import History, entry
from mes.lots.create import NewLot, create, release
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.lots.priority import change_priority
from mes.units.arrival import Arrival
from tests.shop import Floor


@pytest.fixture
def floor(floor: Floor) -> Floor:
    """The shop with a rule: two lots of dies."""
    with floor.database.transaction() as session:
        session.add(ReleaseRule(name="die", constant_wip=2))
    return floor


def created(floor: Floor, *names: str, route: str = "die") -> None:
    for name in names:
        floor.do(create, NewLot(name, "alpha", route, (Arrival(f"W of {name}"),)))


def released(floor: Floor) -> Sequence[str]:
    """What is released now."""
    with floor.database.transaction() as session:
        return release_by_rule(session, "connector")


def test_one_is_released_as_one_leaves(floor: Floor) -> None:
    created(floor, "D1", "D2", "D3", "D4")
    created(floor, "C1", route="cap")
    assert released(floor) == ["D1", "D2"]
    assert released(floor) == []
    floor.pass_through("CELL-1", "D1", "W of D1")
    assert (floor.lot("D1").state, floor.lot("D3").state) == ("stocked", "created")
    assert released(floor) == ["D3"]
    assert (floor.lot("D3").state, floor.member("W of D3").progress) == ("queued", "queued")
    assert (floor.lot("D4").state, floor.lot("C1").state) == ("created", "created")
    with floor.database.reading() as session:
        row = session.scalars(select(History).where(History.verb == "release").order_by(History.id.desc())).first()
        assert row is not None
        assert (row.actor, entry(row)["why"]) == ("connector", WHY)
    assert floor.problems() == []


def test_most_urgent_comes_first_and_a_held_one_not_at_all(floor: Floor) -> None:
    created(floor, "D1", "D2", "D3", "D4")
    floor.do(hold, floor.id_of(Lot, "D1"), "height", "bump height", "line_engineer")
    floor.do(change_priority, floor.id_of(Lot, "D4"), 1, None)
    assert sorted(released(floor)) == ["D2", "D4"]


def test_what_people_release_counts_and_is_not_stopped(floor: Floor) -> None:
    created(floor, "D1", "D2", "D3", "D4")
    for name in ("D2", "D3", "D4"):
        floor.do(release, floor.id_of(Lot, name))
    assert released(floor) == []
    floor.pass_through("CELL-1", "D2", "W of D2")
    assert released(floor) == []
    floor.pass_through("CELL-1", "D3", "W of D3")
    assert released(floor) == ["D1"]


def test_many_that_ask_at_once_keep_the_rule(floor: Floor) -> None:
    created(floor, *(f"D{n}" for n in range(1, 7)))
    together = Barrier(4)

    def ask(_: int) -> Sequence[str]:
        with floor.database.transaction() as session:
            session.scalar(select(func.count(Lot.id)))
            together.wait()
            return release_by_rule(session, "connector")

    with ThreadPoolExecutor(4) as racers:
        told = list(racers.map(ask, range(4)))
    assert sorted(map(list, told)) == [[], [], [], ["D1", "D2"]]
    with floor.database.reading() as session:
        assert session.scalar(select(func.count(Lot.id)).where(Lot.state == "queued")) == 2
    assert floor.problems() == []
