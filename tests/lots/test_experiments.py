"""Experiments: legs that vary recipe or set points, signed once; a run is of one leg, and each unit knows its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from mes.dispatch.what_next import choose
from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotAllowed, NotFound, Refused, StartRefused, WrongState
from mes.jobs.orders import order, words
from mes.lots.experiments.legs import key
from mes.lots.experiments.looks import experiments
from mes.lots.experiments.models import Experiment, ExperimentLeg, RunLeg
from mes.lots.experiments.plan import APPROVED_MEANS, NewExperiment, NewLeg, approve, close, draft
from mes.lots.experiments.states import TRANSITIONS
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.gate.start_gate import reasons
from mes.lots.looks import look
from mes.lots.models import Lot
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.split import split
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.recipes.models import RecipeVersion
from mes.reports.run import run as report
from mes.routes.models import Operation, OperationAlternative
from tests.shop import BEGIN, Floor, _added

ENGINEER = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)
USUAL, HOT = NewLeg("usual"), NewLeg("hot", parameters={"peak_temperature": 154.0})
HOT_S1 = NewLeg("hot", parameters={"peak_temperature": 154.0}, substrates=("S1",))


def drafted(floor: Floor, *legs: NewLeg, name: str = "E1", **said: Any) -> int:
    row: Experiment = floor.do(draft, NewExperiment(name, "hotter", "board/10", legs, **said))
    return row.id


def approved(floor: Floor, *legs: NewLeg, **said: Any) -> int:
    of = drafted(floor, *legs, **said)
    floor.do(approve, of, ENGINEER)
    return of


def refused(floor: Floor, error: type[MesError], *legs: NewLeg, **said: Any) -> list[str]:
    """Why it is not drafted, which leaves everything as it is."""
    before = floor.everything()
    with pytest.raises(error) as raised:
        drafted(floor, *legs, **said)
    assert floor.everything() == before
    return [reason.message for reason in raised.value.reasons] or [raised.value.message]


def ordered(floor: Floor, lot: str, *only: str) -> tuple[list[str], Mapping[str, float], str]:
    """Substrates, set points and recipe of the next order of a lot to the oven."""
    run = floor.do(order, floor.wanted("OVEN-1", lot, only=only))
    with floor.database.reading() as session:
        job, _ = words(session, run.id)
    floor.end(run.id)
    return [one.substrate for one in job.substrates], {p.name: p.value for p in job.parameters}, job.recipe


def seen(floor: Floor, name: str = "E1") -> list[tuple[Any, ...]]:
    """The legs: name, substrates named, how many ran, good, failed."""
    with floor.database.reading() as session:
        (row,) = experiments(session, name)
    return [(leg["leg"], leg["substrates"], leg["ran"], leg["good"], leg["failed"]) for leg in row["legs"]]


def codes(floor: Floor, lot: str) -> list[str]:
    with floor.database.reading() as session:
        ids = floor.id_of(Lot, lot), floor.id_of(Equipment, "OVEN-1")
        return [reason.code for reason in reasons(session, *ids, BEGIN + timedelta(hours=floor.hours))]


@pytest.fixture
def boards(floor: Floor) -> Floor:
    """Four boards wait for the oven."""
    floor.arrive("B1", "board", "S1", "S2", "S3", "S4")
    return floor


def test_a_run_is_of_one_leg_and_has_its_set_points(boards: Floor) -> None:
    approved(boards, USUAL, HOT_S1)
    with pytest.raises(StartRefused) as several:
        boards.order("OVEN-1", "B1", only=["S1", "S2"])
    assert [reason.code for reason in several.value.reasons] == ["several_legs"]
    assert ordered(boards, "B1") == (["S1"], {"peak_temperature": 154.0}, "bake@1")
    assert ordered(boards, "B1", "S2", "S3") == (["S2", "S3"], {"peak_temperature": 150.0}, "bake@1")
    with boards.database.reading() as session:
        at = BEGIN + timedelta(hours=boards.hours)
        start = choose(session, boards.id_of(Equipment, "OVEN-1"), at).start
    assert start is not None and [part.substrate_ids for part in start.parts] == [(boards.substrate("S1"),)]
    assert boards.problems() == []
    with boards.database.transaction() as session:
        legs = session.scalars(select(ExperimentLeg.id).order_by(ExperimentLeg.id)).all()
        session.execute(update(RunLeg).where(RunLeg.leg_id == legs[1]).values(leg_id=legs[0]))
    (problem,) = boards.problems()
    assert "S1 is named for leg hot of experiment E1, yet J-0000001 did it by leg usual." in problem.message


def test_each_substrate_and_unit_knows_its_leg_and_yield_is_told_by_it(boards: Floor) -> None:
    approved(boards, NewLeg("low", parameters={"peak_temperature": 146.0}), HOT, lots=("B1",))
    dealt = sorted(["S1", "S2", "S3", "S4"], key=lambda name: key("E1", name))
    low, hot = sorted(dealt[::2]), sorted(dealt[1::2])
    assert seen(boards) == [("low", low, 0, 0, 0), ("hot", hot, 0, 0, 0)]
    for some in (low, hot):
        run = boards.begin("OVEN-1", "B1", only=some)
        for name in some:
            boards.report(run, name)
        boards.end(run)
    boards.hours += 5
    boards.do(dispose_queue_time, boards.id_of(Lot, "B1"), [], None, ENGINEER)
    for some, bins in ((low, [[1, 2], [1, 1]]), (hot, [[1, 1], [1, 1]])):
        run = boards.begin("CELL-1", "B1", only=some)
        for name in some:
            boards.report(run, name, bins=bins)
        boards.end(run)
    assert seen(boards) == [("low", low, 2, 8, 0), ("hot", hot, 2, 8, 0)]
    with boards.database.reading() as session:
        legs = {m["substrate"]: m["leg"] for m in look(session, boards.id_of(Lot, "B1"))["members"]}
        rows = report(session, "yield", {"by": "leg"}).records()
    assert legs == dict.fromkeys(low, "E1/low") | dict.fromkeys(hot, "E1/hot")
    yields = {(row["operation"], row["by"]): (row["in"], row["good"]) for row in rows}
    assert (yields["board/20", "E1/low"], yields["board/20", "E1/hot"]) == ((8, 6), (8, 8))
    assert boards.problems() == []


def test_all_that_comes_is_in_it_by_its_name_until_it_is_closed(boards: Floor) -> None:
    of = approved(boards, USUAL, HOT)
    legs = [int.from_bytes(key("E1", name), "big") % 2 for name in ("S1", "S2", "S3", "S4")]
    first = [f"S{n}" for n, leg in enumerate(legs, 1) if leg == legs[0]]
    assert ordered(boards, "B1")[0] == first[:3]
    boards.do(close, of)
    assert ordered(boards, "B1")[0] == ["S1", "S2", "S3"]
    with pytest.raises(WrongState):
        boards.do(approve, of, ENGINEER)


def test_another_recipe_runs_for_its_leg_alone(boards: Floor) -> None:
    with boards.database.transaction() as session:
        bake = session.scalars(select(RecipeVersion).where(RecipeVersion.name == "bake@1")).one()
        same = ("recipe", "class_id", "body", "sha256", "parameters", "state", "approved_by", "approved_at")
        session.add(RecipeVersion(name="bake@2", version=2, **{name: getattr(bake, name) for name in same}))
    approved(boards, USUAL, NewLeg("new", "bake@2", substrates=("S2",)))
    assert (ordered(boards, "B1", "S2")[2], ordered(boards, "B1", "S1")[2]) == ("bake@2", "bake@1")
    boards.do(close, boards.id_of(Experiment, "E1"))
    approved(boards, HOT_S1, name="E2")
    with boards.database.transaction() as session:
        narrow = [{"name": "peak_temperature", "unit": "Cel", "target": 150, "low": 149, "high": 151}]
        bake = session.scalars(select(RecipeVersion).where(RecipeVersion.name == "bake@1")).one()
        other = {name: getattr(bake, name) for name in same} | {"parameters": narrow}
        cool = _added(session, RecipeVersion(name="bake@3", version=3, **other))
        baked = session.scalars(select(Operation).where(Operation.name == "board/10")).one()
        of = {"operation_id": baked.id, "class_id": baked.class_id, "recipe_version_id": cool.id}
        session.add(OperationAlternative(ordinal=1, **of))
        bake.state = "obsolete"
    assert codes(boards, "B1") == ["leg_parameter"]


def test_what_is_wrong_with_a_draft_is_told_all_at_once(boards: Floor) -> None:
    odd = NewLeg("odd", parameters={"peak_temperature": 160.0, "force": 3.0})
    assert refused(boards, Refused, odd, NewLeg("cell", "bond@1")) == [
        "Leg odd sets peak_temperature to 160; recipe bake@1 allows 145 to 155 Cel.",
        "Leg odd sets force, which recipe bake@1 does not have; it has peak_temperature.",
        "Leg cell takes recipe bond@1, whose class does not do board/10.",
    ]
    assert "at least one leg" in refused(boards, Malformed)[0]
    assert refused(boards, Malformed, USUAL, USUAL) == ["usual stands twice; name each leg and each substrate once."]
    assert "bake@9" in refused(boards, NotFound, NewLeg("a", "bake@9"))[0]
    assert "B9" in refused(boards, NotFound, USUAL, lots=("B9",))[0]
    boards.arrive("B1", "board", "T1", customer="beta")
    assert "name the customer" in refused(boards, Malformed, USUAL, lots=("B1",))[0]
    drafted(boards, USUAL)
    assert "choose another name" in refused(boards, Refused, USUAL)[0]


def test_only_a_process_engineer_approves_and_nothing_that_is_past_it_or_in_another(boards: Floor) -> None:
    boards.pass_through("OVEN-1", "B1", "S1", "S2", "S3")
    late = drafted(boards, HOT_S1, NewLeg("usual", substrates=("S4",)))
    line = Person("kim", "Kim", Role.LINE_ENGINEER, None)
    with pytest.raises(NotAllowed):
        boards.do(approve, late, line)
    with pytest.raises(Refused) as raised:
        boards.do(approve, late, ENGINEER)
    assert [reason.code for reason in raised.value.reasons] == ["operation_passed"]
    of = approved(boards, NewLeg("hot", parameters={"peak_temperature": 154.0}, substrates=("S4",)), name="E2")
    with boards.database.reading() as session:
        row = session.get_one(Experiment, of)
    assert (row.state, row.approved_by, row.every) == ("approved", "lee", False)
    other = drafted(boards, USUAL, name="E3")
    with pytest.raises(Refused) as raised:
        boards.do(approve, other, ENGINEER)
    assert [reason.code for reason in raised.value.reasons] == ["experiment_taken"]
    assert APPROVED_MEANS


def test_lots_of_different_legs_stay_apart(boards: Floor) -> None:
    lot = boards.id_of(Lot, "B1")
    other = boards.do(split, lot, ["S1"], None)
    third = boards.do(split, lot, ["S2"], None)
    approved(boards, HOT_S1)
    with pytest.raises(Refused) as raised:
        boards.do(merge, lot, other.id)
    assert "different legs" in raised.value.reasons[0].message
    boards.do(merge, lot, third.id)
    assert boards.problems() == []


def test_states_are_as_on_paper() -> None:
    paper = {("draft", "approve"): "approved", ("draft", "close"): "closed", ("approved", "close"): "closed"}
    assert {(str(a), str(v)): str(b) for (a, v), b in TRANSITIONS.table.items()} == paper
