"""Whoever is killed while jobs run, the line ends as if nothing had been; only a lost disk asks a person."""

import os
import random
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import select

from mes.cli.database import app_url
from mes.db import Database as Records
from mes.definitions.clock import plant_now
from mes.history import Act
from mes.lots.holds.hold import release_hold
from mes.lots.models import Hold
from mes.lots.work import run_course
from mes.people.roles import Role
from mes.settings import Settings
from tests.demo.conftest import SEED
from tests.demo.kills import AFTER, BEFORE, VICTIMS, Kill, Killer, mortal
from tests.demo.runs import Ended, over
from tests.demo.small_plant import STACKING, stacks_alone

BEGUN = """
select r.id, r.name, e.name from run r
join equipment e on e.id = r.equipment_id
where r.state = 'running' and e.name like 'tcb-%'
and not exists (select from received_record where run = r.name and kind = 'result') order by r.id limit 1
"""
HELD = "select id from hold where code = 'in_doubt' and released_at is null"


def test_ten_processes_die_while_jobs_run(disturbed: tuple[Ended, list[Kill]]) -> None:
    _, kills = disturbed
    assert len(kills) == len(VICTIMS) == 10
    assert all(kill.running for kill in kills)
    assert {"connector", "postgres", "web", BEFORE, AFTER} < {kill.victim for kill in kills}
    assert sum(kill.victim in kill.running for kill in kills) == 3


def test_the_same_seed_ends_with_the_counts_of_the_undisturbed_run_under_load(
    undisturbed: Ended, disturbed: tuple[Ended, list[Kill]]
) -> None:
    ended, kills = disturbed
    assert ended.code == 0, ended.complained
    assert ended.counts == undisturbed.counts, kills


def test_every_record_of_the_truth_is_applied_once(disturbed: tuple[Ended, list[Kill]]) -> None:
    ended, _ = disturbed
    assert ended.summary["conservation"]["truth"]["problems"] == []
    assert ended.problems() == []


# --- a disk that is lost ------------------------------------------------------------------------------------------


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A process does nothing until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def lose_disk(killer: Killer, folder: Path) -> tuple[int, str]:
    """Kill a bonder whose job has begun, so that it comes back without its disk: the run's id and name."""
    while True:
        killer.running.until(lambda: killer.database.rows(BEGUN) or None)
        with standing_still(killer.running.process.pid):  # no plant time passes
            begun = killer.database.rows(BEGUN)
            if not begun or _has_happened(folder, begun[0][1]):
                continue
            run_id, run, equipment = begun[0]
            for file in (folder / "disks").glob(f"{equipment}.sqlite*"):
                file.unlink()
            os.kill(killer.running.pids()[equipment], signal.SIGKILL)
            return int(run_id), str(run)


def _has_happened(folder: Path, run: str) -> bool:
    with closing(sqlite3.connect(f"file:{folder}/truth/world.sqlite?mode=ro", uri=True)) as world:
        return world.execute("select 1 from happened where job_order_id = ?", [run]).fetchone() is not None


def settle_doubt(folder: Path, url: str, run_id: int) -> None:
    """What a person does who found that nothing was done: abort the run, release the hold."""
    settings = Settings(data_dir=folder, database_url=url)
    with closing(Records(app_url(settings, url))) as database, database.transaction() as session:
        act = Act("line.engineer", plant_now(session), "looked at the stage: nothing was placed")
        run_course.abort(session, run_id, act.why, act)
        for held in session.scalars(select(Hold).where(Hold.code == "in_doubt", Hold.released_at.is_(None))).all():
            release_hold(session, held.lot_id, held.id, act.why, Role.ADMINISTRATOR, act)


def test_a_lost_disk_asks_a_person_and_nothing_is_double(folder: Path) -> None:
    plant, data = stacks_alone(folder / "stacks"), folder / "doubt"
    with mortal(plant, data, STACKING, SEED, random.Random(SEED)) as killer:
        run_id, run = lose_disk(killer, data)
        killer.running.until(lambda: killer.database.rows(HELD) or None)
        assert killer.database.rows("select id from run where state = 'in_doubt'") == [(run_id,)]
        settle_doubt(data, killer.database.url, run_id)
        ended = over(killer.running)
    assert ended.code == 0, ended.complained
    assert ended.summary["refusals"] == {"in_doubt": 1}
    assert ended.summary["conservation"]["equal"], ended.summary["conservation"]
    assert ended.problems() == []
    assert not _has_happened(data, run)
