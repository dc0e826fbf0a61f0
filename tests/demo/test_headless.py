"""A headless run over OPC UA: what happens in it, that all of it adds up, and that the same seed gives the same."""

from typing import Any

import psycopg

from tests.demo.runs import Ended
from tests.demo.small_plant import LOTS
from tests.demo.twin import Twin

ENDS = {"completed", "scrapped", "consumed", "stocked", "in_transit"}


def count(records: psycopg.Connection, query: str) -> int:
    """The one number that a query gives."""
    (number,) = records.execute(query).fetchone() or (0,)
    return int(number)


def test_it_ends_by_itself_with_every_lot_at_an_end(undisturbed: Ended) -> None:
    assert (undisturbed.code, undisturbed.complained) == (0, "")
    assert set(undisturbed.summary["lots"]) <= ENDS
    assert sum(undisturbed.summary["lots"].values()) == LOTS
    assert undisturbed.summary["units"]["good"] > 0


def test_three_counts_of_the_units_agree(undisturbed: Ended) -> None:
    conservation = undisturbed.summary["conservation"]
    assert conservation["equal"], conservation
    assert conservation["history"]["totals"] == conservation["maps"]["totals"]
    assert [conservation[by]["problems"] for by in ("history", "maps", "truth")] == [[], [], []]
    assert conservation["truth"]["totals"]["placed"] > 0


def test_nothing_contradicts_itself(undisturbed: Ended) -> None:
    assert undisturbed.problems() == []


def test_three_bonders_share_a_lot(records: psycopg.Connection) -> None:
    assert count(records, """
        select max(bonders) from (
            select count(distinct r.equipment_id) as bonders
            from run_substrate w join run r on r.id = w.run_id join equipment e on e.id = r.equipment_id
            join equipment_class c on c.id = e.class_id
            where c.name = 'tcb_bonder' and w.work in ('done', 'partial') group by w.lot_id, r.operation_id
        ) shared""") == 3  # fmt: skip


def test_an_oven_takes_several_lots_at_once(records: psycopg.Connection) -> None:
    assert count(records, """
        select max(lots) from (
            select count(distinct w.lot_id) as lots
            from run_substrate w join run r on r.id = w.run_id join equipment e on e.id = r.equipment_id
            join equipment_class c on c.id = e.class_id
            where c.name = 'oven' and w.work = 'done' group by r.id
        ) loads""") >= 2  # fmt: skip


def test_two_lots_take_dies_from_one_wafer(records: psycopg.Connection) -> None:
    assert count(records, """
        select max(lots) from (
            select count(distinct w.lot_id) as lots
            from transfer t join run r on r.id = t.run_id join operation o on o.id = r.operation_id
            join run_substrate w on w.run_id = r.id and w.substrate_id = t.target_id
            where o.kind = 'assemble' group by t.source_id
        ) takers""") >= 2  # fmt: skip


def test_a_job_stops_half_way_and_its_rest_is_done_later(records: psycopg.Connection) -> None:
    half = records.execute("""
        select w.substrate_id, w.lot_id, r.operation_id, r.ended_at, r.reason
        from run_substrate w join run r on r.id = w.run_id where w.work = 'partial'""").fetchall()
    assert len(half) == 1
    substrate, lot, operation, at, reason = half[0]
    assert reason.startswith("stopped: tcb-2 failed in")
    later = records.execute(
        "select count(*) from run_substrate w join run r on r.id = w.run_id where w.work = 'done'"
        " and w.substrate_id = %s and w.lot_id = %s and r.operation_id = %s and r.started_at >= %s",
        [substrate, lot, operation, at],
    ).fetchone()
    assert later == (1,)


def test_units_without_contact_are_tested_again(records: psycopg.Connection) -> None:
    assert (
        count(
            records,
            """
        select count(*) from run_substrate first join run_substrate again using (lot_id, substrate_id, form)
        where first.units_again > 0 and again.visit = first.visit + 1 and again.units_in = first.units_again""",
        )
        >= 1
    )


def test_a_unit_is_pulled_as_a_sample(undisturbed: Ended, records: psycopg.Connection) -> None:
    assert undisturbed.summary["units"]["sampled"] == 1
    assert count(records, "select count(*) from history where verb = 'pull_sample' and subject_kind = 'lot'") == 1


def test_flux_is_kept_ready_and_used_up(undisturbed: Ended, records: psycopg.Connection) -> None:
    of_bonding = (
        "join run r on r.id = run_id join operation o on o.id = r.operation_id where o.name = 'chip_on_wafer/40'"
    )
    used = count(records, f"select sum(amount) from consumption {of_bonding}")
    assert used == 5 * count(records, f"select sum(units_in) from run_substrate {of_bonding}") > 0
    people = "select count(distinct actor) from history where verb in ('mount', 'scrap_container')"
    people += " and subject like 'flux%'"
    assert count(records, people) == 2
    assert not [code for code in undisturbed.summary["refusals"] if code.startswith("material")]


def test_an_experiment_runs_by_its_legs(records: psycopg.Connection) -> None:
    runs = records.execute("""
        select l.name, o.name, count(*) from run_leg g join experiment_leg l on l.id = g.leg_id
        join run r on r.id = g.run_id join operation o on o.id = r.operation_id group by 1, 2""").fetchall()
    assert {(leg, operation) for leg, operation, _ in runs} == {("usual", "top_die/20"), ("longer", "top_die/20")}


def test_people_sign_over_http(undisturbed: Ended, records: psycopg.Connection) -> None:
    signed = records.execute("""
        select distinct verb, actor from history where verb in ('dispose_queue_time', 'dispose_suspects')
        or (verb = 'approve' and subject_kind = 'experiment')""").fetchall()
    assert {verb for verb, _ in signed} == {"approve", "dispose_queue_time", "dispose_suspects"}
    log = (undisturbed.folder / "web.log").read_text()
    for verb, actor in signed:
        (line, *_) = [line for line in log.splitlines() if f"/{verb.replace('_', '-')}" in line]
        assert actor in line and "200" in line


def test_what_is_left_over_is_stored_and_counted(undisturbed: Ended, records: psycopg.Connection) -> None:
    left = count(records, "select count(*) from lot where state = 'stocked' and units > 0")
    assert left >= 1
    assert count(records, "select sum(units) from lot where state = 'stocked'") > 0


def test_the_twin_without_a_network_gives_the_same(undisturbed: Ended, twin: Twin) -> None:
    told = twin.summary()
    assert {key: told[key] for key in undisturbed.counts if key != "seed"} == _without_seed(undisturbed.counts)


def _without_seed(told: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if key != "seed"}
