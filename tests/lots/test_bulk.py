"""All lots that a filter finds are held, released or hurried at once, if they are those that were seen."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from mes.errors import Malformed, Refused
from mes.history import Act, History, Outbox
from mes.lots.holds.hold import hold
from mes.lots.looks import LotFilter, Worked
from mes.lots.many.bulk import change_priority_of_all, concerned, hold_all, release_all, to_change, to_hold, to_release
from mes.lots.models import Hold, Lot
from mes.lots.regrouping.split import split
from mes.people.roles import Role
from tests.lots.racers import Heat, Racers
from tests.shop import BEGIN, Floor
from tests.stockroom import furnish, supply

DIES = LotFilter(route="die")
DUST = ("dust", "grey all over", "process_engineer")


@pytest.fixture
def lots(floor: Floor) -> Floor:
    """Three lots of dies, one of them of another customer, and a board."""
    for name, customer in (("D1", "alpha"), ("D2", "alpha"), ("D3", "beta")):
        floor.arrive(name, "die", f"{name}.1", customer=customer)
    floor.arrive("B1", "board", "S1")
    return floor


def found(floor: Floor, which: Any) -> list[str]:
    with floor.database.reading() as session:
        return [row["lot"] for row in concerned(session, which)]


def test_what_the_list_shows_is_held_as_one_event(lots: Floor) -> None:
    assert found(lots, to_hold(DIES)) == ["D1", "D2", "D3"]
    lots.do(hold_all, DIES, 3, *DUST)
    assert {lot: [one.code for one in lots.holds(lot)] for lot in ("D1", "D2", "D3", "B1")} == {
        "D1": ["dust"], "D2": ["dust"], "D3": ["dust"], "B1": [],
    }  # fmt: skip
    with lots.database.reading() as session:
        rows = session.execute(select(History.event_id, History.subject).where(History.verb == "hold")).all()
        outbox = session.scalars(select(Outbox.body).where(Outbox.verb == "hold").order_by(Outbox.id)).all()
    assert (len({row.event_id for row in rows}), sorted(row.subject for row in rows)) == (1, ["D1", "D2", "D3"])
    assert [body["subjects"] for body in outbox] == [[["lot", "D1"], ["lot", "D2"]], [["lot", "D3"]]]
    assert lots.problems() == []


@pytest.mark.parametrize(
    ("wanted", "finds"),
    [
        (LotFilter(), ["D1", "D2", "D3", "B1"]),
        (LotFilter(customer="beta"), ["D3"]),
        (LotFilter(route="board@1"), ["B1"]),
        (LotFilter(route="board@2"), []),
        (LotFilter(operation="die/10", q="1"), ["D1"]),
        (LotFilter(held=True), []),
    ],
)
def test_the_filter_is_that_of_the_list(lots: Floor, wanted: LotFilter, finds: list[str]) -> None:
    assert found(lots, to_hold(wanted)) == finds


def test_what_ran_somewhere_by_something_or_with_it_is_found(floor: Floor) -> None:
    furnish(floor)
    floor.arrive("C1", "coat", "W1", "W2")
    supply(floor)
    began = BEGIN + timedelta(hours=floor.hours)
    floor.pass_through("CELL-1", "C1", "W1", "W2")
    floor.arrive("B1", "board", "S1", "S2")
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    ended = BEGIN + timedelta(hours=floor.hours)
    floor.do(split, floor.id_of(Lot, "B1"), ["S2"], None)
    floor.arrive("B2", "board", "S3")
    expected = {
        Worked(equipment="OVEN-1"): ["B1", "B1.1"],
        Worked(equipment="OVEN-1", since=ended + timedelta(hours=1)): [],
        Worked(equipment="OVEN-1", until=began): [],
        Worked(recipe="bond"): ["C1"],
        Worked(recipe="bond@2"): [],
        Worked(container="F1"): ["C1"],
        Worked(container="F1", equipment="OVEN-1"): [],
        Worked(since=began, until=ended): ["B1", "B1.1", "C1"],
        Worked(): ["B1", "B1.1", "B2", "C1"],
    }
    assert {one: sorted(found(floor, to_hold(LotFilter(worked=one)))) for one in expected} == expected


@pytest.mark.parametrize(("expected", "says"), [(2, "finds 3 lots now, not 2;"), (4, "finds 3 lots now, not 4;")])
def test_other_lots_than_were_seen_are_refused(lots: Floor, expected: int, says: str) -> None:
    for verb, given in ((hold_all, DUST), (change_priority_of_all, (2,))):
        with pytest.raises(Refused, match=says) as refused:
            lots.do(verb, DIES, expected, *given)
        assert [reason.code for reason in refused.value.reasons] == ["others_found"]
    assert lots.holds("D1") == []
    with pytest.raises(Refused, match="finds no lot now"):
        lots.do(hold_all, LotFilter(q="Z"), expected, *DUST)
    with pytest.raises(Malformed, match="one or more"):
        lots.do(hold_all, LotFilter(q="Z"), 0, *DUST)


def test_holds_of_a_code_are_released_together_by_their_owner(lots: Floor) -> None:
    lots.do(hold_all, DIES, 3, *DUST)
    lots.do(hold, lots.id_of(Lot, "D1"), "dust", "again", "process_engineer")
    lots.do(hold, lots.id_of(Lot, "D2"), "height", "low", "line_engineer")
    assert found(lots, to_release(LotFilter(), "dust")) == ["D1", "D2", "D3"]
    with pytest.raises(Refused, match="4 of the 4 holds are not yours") as refused:
        lots.do(release_all, LotFilter(), 3, "dust", "blown off", Role.LINE_ENGINEER)
    assert {(reason.code, reason.who) for reason in refused.value.reasons} == {("hold_of_another", "process_engineer")}
    lots.do(release_all, LotFilter(), 3, "dust", "blown off", Role.PROCESS_ENGINEER)
    assert [[one.code for one in lots.holds(lot)] for lot in ("D1", "D2", "D3")] == [[], ["height"], []]
    with lots.database.reading() as session:
        kept = session.scalars(select(Hold.release_comment).where(Hold.released_at.is_not(None))).all()
        of = select(func.count(History.event_id.distinct())).where(History.verb == "release_hold")
        assert (kept, session.scalar(of)) == (["blown off"] * 4, 1)
    assert lots.problems() == []


def test_a_release_that_was_asked_for_before_the_hold_came_ends_it_when_it_began(lots: Floor) -> None:
    lots.do(hold_all, DIES, 3, *DUST, act=Act("lee", BEGIN + timedelta(hours=9)))
    released = ("dust", "blown off", Role.PROCESS_ENGINEER)
    lots.do(release_all, DIES, 3, *released, act=Act("kim", BEGIN + timedelta(hours=8)))
    assert lots.problems() == []


def test_lots_on_the_line_with_another_priority_get_it(lots: Floor) -> None:
    lots.stock("D4", "die", "W4")
    lots.do(change_priority_of_all, LotFilter(customer="beta"), 1, 2)
    assert found(lots, to_change(DIES, 2)) == ["D1", "D2"]
    lots.do(change_priority_of_all, DIES, 2, 2)
    assert {lot: lots.lot(lot).priority for lot in ("D1", "D2", "D3", "D4")} == {"D1": 2, "D2": 2, "D3": 2, "D4": 5}
    with pytest.raises(Malformed):
        lots.do(change_priority_of_all, DIES, 2, 10)


def test_acts_on_the_same_lots_at_once_are_all_kept_and_none_is_in_the_others_way(floor: Floor) -> None:
    """Holds over filters that find the lots by other ways, and single holds of the same lots, sixteen at once."""
    for n in range(12):
        floor.arrive(f"D{n}", "die", f"W{n}", customer=("alpha", "beta")[n % 2])
    url = floor.database.url.render_as_string(hide_password=False)

    def heat(verb: str, *given: Any) -> Heat:
        act: Act = floor.act()
        return Heat(url, verb, (*given, act))

    ways = [(DIES, 12), (LotFilter(customer="beta"), 6), (LotFilter(operation="die/10"), 12), (LotFilter(q="D"), 12)]
    heats = [heat("hold_all", wanted, count, *DUST) for wanted, count in ways * 3]
    heats += [heat("hold", floor.id_of(Lot, f"D{n}"), *DUST) for n in (11, 0, 7, 3)]
    with Racers(len(heats)) as racers:
        outcomes = racers.race(heats)
    assert {outcome.error for outcome in outcomes} == {""}
    with floor.database.reading() as session:
        assert session.scalar(select(func.count(Hold.id))) == 3 * (12 + 6 + 12 + 12) + 4
    assert floor.problems() == []


def test_of_many_who_hold_what_is_not_held_one_does(floor: Floor) -> None:
    for n in range(4):
        floor.arrive(f"D{n}", "die", f"W{n}")
    url = floor.database.url.render_as_string(hide_password=False)
    heats = [Heat(url, "hold_all", (LotFilter(held=False), 4, *DUST, floor.act())) for _ in range(8)]
    with Racers(len(heats)) as racers:
        outcomes = racers.race(heats)
    assert sorted(outcome.error for outcome in outcomes) == [""] + ["Refused"] * 7
    assert [len(floor.holds(f"D{n}")) for n in range(4)] == [1] * 4
