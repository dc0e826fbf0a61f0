"""Of many who do the same thing at once, one takes effect and the others are told why not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from equipment.interface.messages import Identity, Record, RecordBatch
from mes.equipment.models import Equipment
from mes.history import History
from mes.jobs import results
from mes.jobs.models import ReceivedRecord
from mes.lots.create import NewLot, create
from mes.lots.holds.future_hold import set_future_hold
from mes.lots.holds.masks import Units
from mes.lots.models import Lot, QueueDisposition, RunSource
from mes.lots.taking import scrap
from mes.lots.verbs.ends import terminate
from mes.lots.work.track_in import track_in
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.units.arrival import Arrival
from tests.lots.racers import Heat, Outcome, Racers, mask
from tests.shop import BEGIN, Floor, fill_packages

MANY = 16


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    """Sixteen processes that wait for each other."""
    with Racers(MANY) as racers:
        yield racers


def heat(floor: Floor, verb: str, *given: Any, careless: bool = False) -> Heat:
    url = floor.database.url.render_as_string(hide_password=False)
    return Heat(url, verb, (*given, floor.act()), careless)


def refusals_beside_one_effect(outcomes: list[Outcome]) -> list[Outcome]:
    """Exactly one took effect; what the others were told."""
    losers = [outcome for outcome in outcomes if outcome.error]
    assert len(losers) == len(outcomes) - 1, Counter(outcomes)
    return losers


def events(floor: Floor, verb: str) -> int:
    """How often a verb stands in history."""
    with floor.database.reading() as session:
        return len(set(session.scalars(select(History.event_id).where(History.verb == verb))))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["D1"] * MANY, "There is already a lot D1; choose another name."),
        ([f"D{n}" for n in range(MANY)], "Some substrates have already arrived; each arrives once."),
    ],
    ids=["one lot", "one substrate"],
)
def test_what_many_create_at_once_is_created_once(floor: Floor, racers: Racers, names: list[str], told: str) -> None:
    wanted = [NewLot(name, "alpha", "die", (Arrival("W1"),)) for name in names]
    outcomes = racers.race([heat(floor, "create", one) for one in wanted])
    assert {(lost.error, lost.message) for lost in refusals_beside_one_effect(outcomes)} == {("Refused", told)}
    assert events(floor, "create") == 1
    assert floor.problems() == []


def test_lots_of_a_product_that_are_created_at_once_are_numbered_one_after_the_other(
    floor: Floor, racers: Racers
) -> None:
    """Samples are drawn by that number."""
    wanted = [NewLot(f"D{n}", "alpha", "die", (Arrival(f"W{n}"),)) for n in range(MANY)]
    racers.race([heat(floor, "create", one) for one in wanted])
    with floor.database.reading() as session:
        assert sorted(session.scalars(select(Lot.of_product))) == [*range(1, MANY + 1)]


def test_of_sixteen_identical_track_ins_one_starts(floor: Floor, racers: Racers) -> None:
    floor.arrive("D1", "die", "W1", "W2")
    outcomes = racers.race([heat(floor, "track_in", floor.wanted("CELL-1", "D1"))] * MANY)
    refused = Outcome("StartRefused", "Lot D1 cannot start on CELL-1.", ("nothing_waits",))
    assert refusals_beside_one_effect(outcomes) == [refused] * (MANY - 1)
    assert (events(floor, "track_in"), floor.lot("D1").state) == (1, "ordered")
    assert floor.problems() == []


def test_places_are_not_given_twice(floor: Floor, racers: Racers) -> None:
    """Sixteen lots, two cells with two places each: four start."""
    for n in range(MANY):
        floor.arrive(f"D{n}", "die", f"W{n}")
    heats = [heat(floor, "track_in", floor.wanted(f"CELL-{n % 2 + 1}", f"D{n}")) for n in range(MANY)]
    outcomes = racers.race(heats)
    assert Counter((o.error, o.codes) for o in outcomes) == {("", ()): 4, ("StartRefused", ("places_full",)): 12}
    assert floor.problems() == []


def test_of_sixteen_identical_track_outs_one_counts(floor: Floor, racers: Racers) -> None:
    floor.arrive("D1", "die", "W1")
    run = floor.begin("CELL-1", "D1")
    outcomes = racers.race([heat(floor, "track_out", run, floor.result(run, "W1"))] * MANY)
    told = "Substrate W1 was already reported for this run as done."
    assert refusals_beside_one_effect(outcomes) == [Outcome("Unidentified", told)] * (MANY - 1)
    assert (events(floor, "track_out"), floor.work(run, "W1").units_good) == (1, 12)
    floor.end(run)
    assert floor.problems() == []


def test_of_sixteen_people_who_report_a_run_one_ends_it(floor: Floor, racers: Racers) -> None:
    lot = floor.arrive("D1", "die", "W1")
    run = floor.begin("CELL-1", "D1")
    outcomes = racers.race([heat(floor, "finish_by_hand", run, lot)] * MANY)
    told = refusals_beside_one_effect(outcomes)
    assert {outcome.error for outcome in told} <= {"Unidentified", "WrongState"}
    assert all(outcome.message for outcome in told)
    assert (events(floor, "track_out"), events(floor, "end"), floor.lot("D1").state) == (1, 1, "stocked")
    assert floor.problems() == []


def test_of_sixteen_identical_splits_one_has_effect(floor: Floor, racers: Racers) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2", "W3")
    outcomes = racers.race([heat(floor, "split", lot, ("W2",), None)] * MANY)
    refused = Outcome("Refused", "Lot D1 cannot be split so.", ("substrate_gone",))
    assert refusals_beside_one_effect(outcomes) == [refused] * (MANY - 1)
    assert (events(floor, "split"), floor.lot("D1.1").substrates) == (1, 1)
    assert floor.problems() == []


def test_a_split_races_with_the_track_in_of_the_same_substrate(floor: Floor, racers: Racers) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2")
    start = heat(floor, "track_in", floor.wanted("CELL-1", "D1", only=["W2"]))
    outcomes = racers.race([heat(floor, "split", lot, ("W2",), None), start] * (MANY // 2))
    refusals_beside_one_effect(outcomes)
    why = {outcome.codes for outcome in outcomes if outcome.error}
    assert {code for codes in why for code in codes} <= {"substrate_gone", "substrate_not_waiting", "nothing_waits"}
    assert {o.error for o in outcomes} <= {"", "Refused", "WrongState", "StartRefused"}
    assert events(floor, "split") + events(floor, "track_in") == 1
    assert floor.problems() == []


def test_a_split_races_with_track_outs_of_the_same_lot(floor: Floor, racers: Racers) -> None:
    """Equipment reports as it happened; the split comes before, between or after, and units are all there."""
    lot = floor.arrive("B1", "board", *(f"S{n}" for n in range(3)))
    run = floor.begin("OVEN-1", "B1")
    late = [floor.result(run, f"S{n}") for n in range(3)]
    floor.end(run)
    reports = [heat(floor, "track_out", run, result) for result in late]
    splits = [heat(floor, "split", lot, (f"S{n % 3}",), None) for n in range(MANY - len(reports))]
    outcomes = racers.race(reports + splits)
    assert {outcome.error for outcome in outcomes[:3]} <= {"", "Busy"}
    assert {outcome.error for outcome in outcomes[3:]} <= {"", "Refused"}
    assert events(floor, "split") == 2
    assert floor.problems() == []


def test_of_sixteen_identical_merges_one_has_effect(floor: Floor, racers: Racers) -> None:
    one, other = (floor.arrive(f"D{n}", "die", f"W{n}") for n in range(2))
    outcomes = racers.race([heat(floor, "merge", one, other)] * MANY)
    told = {(lost.error, lost.codes[0]) for lost in refusals_beside_one_effect(outcomes)}
    assert (told, floor.lot("D0").substrates) == ({("Refused", "lot_state")}, 2)
    assert floor.problems() == []


def test_of_merges_that_cross_one_wins_and_none_stands_in_the_others_way(floor: Floor, racers: Racers) -> None:
    lots = [floor.arrive(f"D{n}", "die", f"W{n}") for n in range(2)]
    outcomes = racers.race([heat(floor, "merge", lots[n % 2], lots[1 - n % 2]) for n in range(MANY)])
    assert {lost.error for lost in refusals_beside_one_effect(outcomes)} == {"Refused"}
    assert {floor.lot("D0").state, floor.lot("D1").state} == {"queued", "terminated"}
    assert floor.problems() == []


def test_a_merge_races_with_a_track_in_and_a_split(floor: Floor, racers: Racers) -> None:
    one, other = floor.arrive("D1", "die", "W1"), floor.arrive("D2", "die", "W2", "W3")
    heats = [
        heat(floor, "merge", one, other), heat(floor, "split", other, ("W3",), None),
        heat(floor, "track_in", floor.wanted("CELL-1", "D2", only=["W2"])), heat(floor, "merge", other, one),
    ]  # fmt: skip
    outcomes = racers.race(heats * (MANY // 4))
    assert {outcome.error for outcome in outcomes} <= {"", "Refused", "WrongState", "StartRefused"}
    assert events(floor, "merge") + events(floor, "track_in") + events(floor, "split") >= 1
    assert floor.problems() == []


def test_a_change_of_owner_races_with_track_ins_of_the_lot_and_of_what_it_serves(floor: Floor, racers: Racers) -> None:
    floor.stock("D1", "die", "W1")
    package, dies = floor.arrive("P1", "package", "I1"), floor.id_of(Lot, "D1")
    heats = [
        heat(floor, "change_owner", dies, "beta", (), None), heat(floor, "change_owner", package, "beta", (), "P2"),
        heat(floor, "track_in", floor.wanted("CELL-1", "P1", sources=["W1"])),
    ]  # fmt: skip
    outcomes = racers.race([heats[n % 3] for n in range(MANY)])
    assert {outcome.error for outcome in outcomes} <= {"", "Refused", "StartRefused", "Malformed"}
    assert events(floor, "change_owner") + events(floor, "track_in") >= 1
    assert floor.problems() == []


def test_of_sixteen_who_withdraw_a_future_hold_one_does_and_of_two_who_bring_the_lot_one_holds_it(
    floor: Floor, racers: Racers
) -> None:
    """The lot is held once, whichever of its substrates gets there first."""
    lot = floor.arrive("B1", "board", "S1", "S2")
    for _ in range(2):
        floor.do(set_future_hold, lot, "board/20", "height", "seen", "line_engineer")
    given = (lot, 1, "seen elsewhere", Role.LINE_ENGINEER)
    outcomes = racers.race([heat(floor, "withdraw_future_hold", *given)] * MANY)
    told = refusals_beside_one_effect(outcomes)
    assert {lost.message for lost in told} == {"Future hold 1 of lot B1 was withdrawn by tester."}
    run = floor.begin("OVEN-1", "B1")
    reports = [heat(floor, "track_out", run, floor.result(run, f"S{1 + n % 2}")) for n in range(MANY)]
    outcomes = racers.race(reports)
    assert sum(not outcome.error for outcome in outcomes) == 2
    assert (len(floor.holds("B1")), floor.lot("B1").future_holds, events(floor, "hold")) == (1, 0, 1)
    floor.end(run)
    assert floor.problems() == []


def test_of_sixteen_who_sign_for_what_waited_too_long_one_does(floor: Floor, racers: Racers) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2")
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    floor.hours += 9
    signer = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)
    outcomes = racers.race([heat(floor, "dispose_queue_time", lot, (), None, signer)] * MANY)
    assert {lost.codes for lost in refusals_beside_one_effect(outcomes)} == {("nothing_exceeded",)}
    with floor.database.reading() as session:
        assert len(session.scalars(select(QueueDisposition)).all()) == 2
    assert floor.problems() == []


def test_of_sixteen_who_clear_what_is_suspect_one_does(floor: Floor, racers: Racers) -> None:
    lot = floor.arrive("B1", "board", "S1")
    floor.report(floor.begin("OVEN-1", "B1"), "S1", energy_kwh=-1.0)
    outcomes = racers.race([heat(floor, "dispose_suspects", lot, None, None, "cleared")] * MANY)
    assert {lost.codes for lost in refusals_beside_one_effect(outcomes)} == {("nothing_suspect",)}
    assert (events(floor, "dispose_suspects"), floor.are("S1")) == (1, [[2, 2], [2, 2]])
    assert floor.problems() == []


def test_of_sixteen_who_take_a_mistake_back_or_reopen_one_does(floor: Floor, racers: Racers) -> None:
    lot = floor.arrive("B1", "board", "S1")
    record = floor.do(scrap, lot, "S1", [(0, 0)]).history_n
    outcomes = racers.race([heat(floor, "correct", lot, record)] * MANY)
    assert {lost.codes for lost in refusals_beside_one_effect(outcomes)} == {("taken_back",)}
    floor.do(terminate, lot, "lost")
    outcomes = racers.race([heat(floor, "reopen", lot, None)] * MANY)
    assert {lost.error for lost in refusals_beside_one_effect(outcomes)} == {"WrongState"}
    assert (events(floor, "correct"), events(floor, "reopen"), floor.are("S1")) == (1, 1, [[2, 2], [2, 2]])
    assert floor.problems() == []


def test_a_mask_that_is_set_or_released_races_with_the_order_to_pick(floor: Floor, racers: Racers) -> None:
    """Whoever comes first: an order names no unit that was masked before it, and the one that is freed or not."""
    floor.stock("D1", "die", "W1")
    floor.arrive("P1", "package", "I1")
    lot = floor.id_of(Lot, "D1")
    floor.do(mask, lot, Units("W1", at=[(0, 0)]))
    first = floor.holds("D1")[0].id
    heats = [
        heat(floor, "order", floor.wanted("CELL-1", "P1", sources=["W1"])),
        heat(floor, "mask", lot, Units("W1", at=[(1, 0)])),
        heat(floor, "release_hold", lot, first, "blown off", Role.LINE_ENGINEER),
        heat(floor, "mask", lot, Units("W1", at=[(2, 0)])),
    ]
    outcomes = racers.race(heats * (MANY // 4))
    assert [sum(not o.error for o in outcomes[n::4]) for n in range(4)] == [1, 4, 1, 4]
    with floor.database.reading() as session:
        run = session.scalars(select(RunSource.run_id)).one()
        query = select(History.event_id, History.verb, History.body).where(History.verb.in_(("hold", "track_in")))
        entries = session.execute(query).all()
    ordered = max(number for number, verb, _ in entries if verb == "track_in")
    holds = [json.loads(body)["after"] for number, verb, body in entries if verb == "hold" and number < ordered]
    before = {told["positions"]["W1"][0][0] for told in holds}
    free = floor.reserved(run, "W1")[0].tolist()
    assert {x for x in (1, 2, 3) if not free[x]} == before - {0}
    assert floor.problems() == []


def test_of_sixteen_who_send_a_substrate_back_one_does(floor: Floor, racers: Racers) -> None:
    lot = floor.arrive("B1", "board", "S1", "S2")
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    outcomes = racers.race([heat(floor, "rework", lot, ("S1",), "residue")] * MANY)
    assert {lost.codes for lost in refusals_beside_one_effect(outcomes)} == {("no_rework",)}
    assert (events(floor, "rework"), floor.member("S1").visit, floor.member("S1").reworks) == (1, 2, 1)
    assert floor.problems() == []


def received(floor: Floor, run: int, substrate: str) -> results.Pending:
    """The result of a substrate as a record that was stored."""
    body = floor.result(run, substrate)
    record = Record("j", 1, body.ended_at, floor.run(run).name, body)
    identity = Identity("CELL-1", "cell", "j", "b", 1)
    with floor.database.transaction() as session:
        journal = results.meet(session, floor.id_of(Equipment, "CELL-1"), identity, BEGIN)
        results.receive(session, journal.id, RecordBatch("j", "b", 1, (record,)))
        (waiting,) = results.pending(session)
    return waiting


def test_of_sixteen_who_apply_a_record_one_does(floor: Floor, racers: Racers) -> None:
    floor.arrive("D1", "die", "W1")
    run = floor.begin("CELL-1", "D1")
    waiting = received(floor, run, "W1")
    outcomes = racers.race([heat(floor, "apply_record", waiting)] * MANY)
    told = f"Record {waiting.record_id} has taken effect already."
    assert refusals_beside_one_effect(outcomes) == [Outcome("AlreadyApplied", told)] * (MANY - 1)
    assert events(floor, "track_out") == 1
    with floor.database.reading() as session:
        assert session.scalars(select(ReceivedRecord.state)).all() == ["applied"]
    floor.end(run)
    assert floor.problems() == []


def test_two_runs_never_reserve_one_die(floor: Floor, racers: Racers) -> None:
    """Four lots want the same two wafers, in either order, on both cells."""
    floor.stock("D1", "die", "W1", "W2")
    for n in range(4):
        floor.arrive(f"P{n}", "package", f"I{n}")
    heats = []
    for n in range(MANY):
        sources = [("W1", "W2"), ("W2", "W1"), ("W1",), ("W2",)][n // 4]
        wanted = floor.wanted(f"CELL-{n % 2 + 1}", f"P{n % 4}", sources=sources)
        heats.append(heat(floor, "order", wanted))
    outcomes = racers.race(heats)
    assert 1 <= sum(not outcome.error for outcome in outcomes) <= 2
    losers = [outcome for outcome in outcomes if outcome.error]
    assert {o.error for o in losers} == {"StartRefused"}
    why = {"source_missing", "source_in_use", "source_empty", "nothing_waits", "places_full"}
    assert all(outcome.codes and why.issuperset(outcome.codes) for outcome in losers)
    with floor.database.reading() as session:
        given = session.scalars(select(RunSource.substrate_id)).all()
    assert len(given) == len(set(given)) >= 1
    assert floor.problems() == []


def test_two_reports_that_took_the_same_dies_both_count_and_one_of_them_is_in_doubt(
    floor: Floor, racers: Racers
) -> None:  # fmt: skip
    """The second run was given the wafer when the first had ended, which is told of only now."""
    floor.stock("D1", "die", "W1")
    reports = []
    for n in (1, 2):
        floor.arrive(f"P{n}", "package", f"I{n}")
        run = floor.begin("CELL-1", f"P{n}", sources=["W1"])
        reports.append((run, floor.result(run, f"I{n}", moves=fill_packages("W1", f"I{n}"))))
        if n == 1:
            floor.end(run)
    outcomes = racers.race([heat(floor, "track_out", *reports[n % 2]) for n in range(MANY)])
    assert Counter(outcome.error for outcome in outcomes) == {"": 2, "Unidentified": MANY - 2}
    assert sum(row.count(6) for row in floor.are("W1")) == 8
    assert "pick_absent" in "".join(hold.comment for n in (1, 2) for hold in floor.holds(f"P{n}"))
    assert floor.problems() == []


def test_other_lots_proceed_while_one_is_locked(floor: Floor, racers: Racers) -> None:
    floor.arrive("D1", "die", "W1")
    for n in range(MANY):
        floor.do(create, NewLot(f"E{n}", "alpha", "die", (Arrival(f"V{n}"),)))
    slow, lots = floor.wanted("CELL-1", "D1"), [floor.id_of(Lot, f"E{n}") for n in range(MANY)]
    heats = [heat(floor, "release", lot) for lot in lots]
    with floor.database.transaction() as session:
        track_in(session, slow, floor.act())
        assert racers.race(heats) == [Outcome()] * MANY
    assert floor.lot("D1").state == "ordered"
    assert {floor.lot(f"E{n}").state for n in range(MANY)} == {"queued"}
    assert floor.problems() == []


@pytest.mark.parametrize("careless", [False, True])
def test_race_finds_a_lock_that_trusts_what_was_read_before(floor: Floor, racers: Racers, *, careless: bool) -> None:
    """Sound, fifteen are told that the lot is released. With the fault they believe it is not, and go on to write.

    The chain of history and the version of the row are more fences, so that even then one effect remains; but fifteen
    people would see an error of the system instead of a reason, and the check of this race fails.
    """
    lot = floor.do(create, NewLot("D1", "alpha", "die", (Arrival("W1"),)))
    told = refusals_beside_one_effect(racers.race([heat(floor, "release", lot.id, careless=careless)] * MANY))
    refused = Outcome("WrongState", "Lot D1 is queued; release needs it to be created.")
    sound = told == [refused] * (MANY - 1)
    assert sound is not careless
    assert {outcome.error for outcome in told} == ({"IntegrityError"} if careless else {"WrongState"})
    assert events(floor, "release") == 1
    assert floor.problems() == []


def test_of_sixteen_who_give_units_the_same_id_one_does(floor: Floor, racers: Racers) -> None:
    lots = [floor.arrive(f"D{n}", "die", f"W{n}") for n in range(MANY)]
    outcomes = racers.race([heat(floor, "renumber", lot, f"W{n}", [(0, 0)], ["A0"]) for n, lot in enumerate(lots)])
    assert {lost.codes for lost in refusals_beside_one_effect(outcomes)} == {("device_id_known",)}
    assert floor.problems() == []
