"""Migration: a lot goes over to another version of its route; what it has done counts on, and nothing is lost of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from mes.errors import Malformed, MesError, NotFound, Refused, WrongState
from mes.history import Act
from mes.lots.create import NewLot, create
from mes.lots.holds.future_hold import set_future_hold
from mes.lots.ladder import ladder
from mes.lots.looks import look
from mes.lots.models import Lot
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.lots.routing.migration import Migration, others, version_of
from mes.lots.verbs.migrate import MEANS, migrate
from mes.lots.work import run_course
from mes.lots.work.track_out import track_out
from mes.routes.models import Operation, QueueLimit, RouteVersion
from mes.units.arrival import Arrival
from tests.lots.test_split import told
from tests.shop import BEGIN, MOST_WAIT_H, Floor, _added


def version(
    floor: Floor, number: int, *steps: tuple[int, dict[str, Any]], limit_h: float | None = None, current: bool = True
) -> str:
    """Another version of the boards' route, of these operations, each like one that is there but for what is said."""
    name = f"board@{number}"
    with floor.database.transaction() as session:
        first = session.scalars(select(RouteVersion).where(RouteVersion.name == "board@1")).one()
        like = {o.number: o for o in session.scalars(select(Operation).where(Operation.route_version_id == first.id))}
        if current:
            session.execute(update(RouteVersion).where(RouteVersion.route == "board").values(current=False))
        same = {c: getattr(first, c) for c in ("route", "title", "product_id", "ends", "sha256", "released_at")}
        other = _added(session, RouteVersion(version=number, name=name, current=current, **same))
        made = {}
        for at, differs in steps:
            of = like.get(at, like[10])
            kept = {c.key: getattr(of, c.key) for c in Operation.__table__.columns if c.key != "id"}
            kept |= {"route_version_id": other.id, "number": at, "name": f"board/{at}", **differs}
            made[at] = _added(session, Operation(**kept))
        if limit_h is not None:
            of_limit = {"most_s": limit_h * 3600, "warning_s": 60.0}
            session.add(QueueLimit(from_operation_id=made[10].id, to_operation_id=made[20].id, **of_limit))
    return name


def goes(floor: Floor, lot: str, to: str, why: str = "version 2 dries") -> None:
    floor.do(migrate, floor.id_of(Lot, lot), to, act=Act("lee", BEGIN + timedelta(hours=floor.hours), why))
    assert floor.problems() == []


def refused(floor: Floor, error: type[MesError], lot: str, to: str, **said: Any) -> list[str]:
    """Why it is refused, which changes nothing: the codes of the reasons, or the sentence where there are none."""
    before = floor.everything()
    with pytest.raises(error) as raised:
        goes(floor, lot, to, **said)
    assert floor.everything() == before
    return [reason.code for reason in raised.value.reasons] or [raised.value.message]


def dry(floor: Floor, to: str, lot: str | None = None) -> list[Migration]:
    with floor.database.reading() as session:
        return others(session, version_of(session, to), None if lot is None else floor.id_of(Lot, lot))


def stands(floor: Floor, lot: str) -> dict[str, str | None]:
    with floor.database.reading() as session:
        row = look(session, floor.id_of(Lot, lot))
    return {m["substrate"]: m["operation"] for m in row["members"]}


@pytest.fixture
def boards(floor: Floor) -> Floor:
    """Two boards wait at the test of the first version."""
    floor.arrive("B1", "board", "S1", "S2")
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    return floor


def test_a_lot_goes_over_and_what_it_has_done_counts_on(boards: Floor) -> None:
    boards.do(rework, boards.id_of(Lot, "B1"), ["S1"], "residue")
    done = boards.pass_through("OVEN-1", "B1", "S1")
    to = version(boards, 2, (10, {}), (15, {"title": "Dry"}), (20, {}), limit_h=2.0)
    with boards.database.reading() as session:
        before = look(session, boards.id_of(Lot, "B1"))["queue_times"]
    (planned,) = dry(boards, to)
    assert [(s.substrate, s.stands, s.would_stand, s.reasons) for s in planned.substrates] == [
        ("S1", "board/20", "board/20", ()), ("S2", "board/20", "board/20", ()),
    ]  # fmt: skip
    goes(boards, "B1", to)
    assert stands(boards, "B1") == {"S1": "board/20", "S2": "board/20"}
    assert dry(boards, to) == []
    (entry,) = told(boards, "B1", "migrate")
    assert (entry["before"]["route"], entry["after"]["route"], entry["after"]["means"]) == ("board@1", to, MEANS)
    with boards.database.reading() as session:
        after = look(session, boards.id_of(Lot, "B1"))
        rungs = ladder(session, boards.id_of(Lot, "B1"))
    assert after["route"] == to
    assert [(r.operation, r.substrates_done, r.units_good) for r in rungs] == [
        ("board/10", 2, 8), ("board/15", 0, 0), ("board/20", 0, 0),
    ]  # fmt: skip
    shorter = timedelta(hours=MOST_WAIT_H - 2)
    assert [(c["since"], c["ends_at"] + shorter) for c in after["queue_times"]] == [
        (c["since"], c["ends_at"]) for c in before
    ]
    boards.do(rework, boards.id_of(Lot, "B1"), ["S1"], "residue")
    assert (stands(boards, "B1")["S1"], boards.member("S1").visit) == ("board/10", boards.work(done, "S1").visit + 1)
    boards.pass_through("OVEN-1", "B1", "S1")
    boards.pass_through("OVEN-1", "B1", "S1")
    assert stands(boards, "B1")["S1"] == "board/20"
    with pytest.raises(Refused) as limit:
        boards.do(rework, boards.id_of(Lot, "B1"), ["S1"], "residue")
    assert [reason.code for reason in limit.value.reasons] == ["rework_limit"]
    assert boards.problems() == []


def test_what_speaks_against_it_is_told_all_at_once_before_and_then(boards: Floor) -> None:
    assert refused(boards, NotFound, "B1", "board@9") == ["There is no released route version board@9."]
    assert refused(boards, Refused, "B1", "board@1") == ["nothing_changes"]
    assert refused(boards, Refused, "B1", "die@1")[0] == "route_differs"
    assert refused(boards, Malformed, "B1", "board@1", why=" ") == ["Say why; it is kept in history."]
    built = version(boards, 2, (5, {"kind": "assemble", "fills": [[1, 1]]}), (10, {}), (30, {"title": "Test"}))
    boards.do(split, boards.id_of(Lot, "B1"), ["S2"], None)
    run = boards.order("CELL-1", "B1.1")
    boards.arrive("B2", "board", "S3")  # of the new version
    first = boards.do(lambda s, at: create(s, NewLot("B3", "alpha", "board", (Arrival("S4"),)), at))
    with boards.database.transaction() as session:
        old = session.scalars(select(RouteVersion.id).where(RouteVersion.name == "board@1")).one()
        session.execute(update(Lot).where(Lot.id == first.id).values(route_version_id=old))
    boards.do(set_future_hold, first.id, "board/20", "look", "first of all", "line_engineer")
    planned = {one.lot: one for one in dry(boards, built)}
    assert {lot: [r.code for r in one.reasons] for lot, one in planned.items()} == {
        "B1": ["operation_missing", "form_differs"],
        "B1.1": ["lot_state", "substrate_busy", "operation_missing", "form_differs"],
        "B3": ["operation_missing"],
    }
    assert refused(boards, Refused, "B1", built) == ["operation_missing", "form_differs"]
    assert refused(boards, WrongState, "B1.1", built)[0].startswith("Lot B1.1 is ordered; migrate")
    boards.report(run, "S2", bins=[[7, 7], [1, 1]])
    boards.end(run)
    same = version(boards, 3, (10, {}), (20, {}))
    assert refused(boards, Refused, "B1.1", same) == ["visit_begun"]
    assert [one.lot for one in dry(boards, same)] == ["B1", "B1.1", "B2", "B3"]
    assert [one.lot for one in dry(boards, same, "B2")] == ["B2"]


def test_a_lot_that_is_not_released_goes_over_with_its_future_holds(boards: Floor) -> None:
    lot = boards.do(lambda s, at: create(s, NewLot("B3", "alpha", "board", (Arrival("S4"),)), at))
    boards.do(set_future_hold, lot.id, "board/20", "look", "first of all", "line_engineer")
    to = version(boards, 2, (10, {}), (20, {}))
    goes(boards, "B3", to)
    with boards.database.reading() as session:
        row = look(session, lot.id)
    assert (row["route"], row["state"], row["future_holds"][0]["operation"]) == (to, "created", "board/20")


def test_what_was_reported_late_of_the_old_version_does_not_send_it_back_there(boards: Floor) -> None:
    """The report comes after its run was closed and the lot went over: what it concerns stays where it is by now."""
    run = boards.begin("CELL-1", "B1", only=["S1"])
    result = boards.result(run, "S1", bins=[[1, 1], [1, 2]])
    boards.do(run_course.abort, run, "stopped")
    goes(boards, "B1", version(boards, 2, (10, {}), (20, {}), (30, {"kind": "process", "bins": {}})))
    boards.do(track_out, run, result)
    assert stands(boards, "B1") == {"S1": "board/20", "S2": "board/20"}
    assert boards.problems() == []
