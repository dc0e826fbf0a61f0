"""The reference data of the benches is what the product itself would have written, and traces read it right."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, event, select
from sqlalchemy.engine import URL

from bench.reference import SMALL, Reference, build
from bench.reference.answers import moves_down, moves_up
from bench.reference.moves import PLACED, Moves, Wafer
from bench.reference.plain import OUTCOME, Plain
from equipment.interface.messages import Transfers
from mes.cli.db_check import check
from mes.db import Database, Session, lock
from mes.genealogy import trace_unit, trace_up
from mes.history import Act
from mes.postgres import EmbeddedPostgres
from mes.units.models import Occupancy, Substrate, Transfer
from mes.units.placement import apply_transfers
from mes.units.positions import opened
from mes.units.states import Disposition
from tests.databases import copied, superuser
from tests.databases import opened as opened_at

Report = tuple[int, datetime, Moves]


class Built:
    """36 modules, with the moves that made them by report."""

    def __init__(self, postgres: EmbeddedPostgres, database: Database, url: URL) -> None:
        self.database, self.url = database, url
        self.reports: list[Report] = []
        with superuser(postgres, str(url.database)) as owner:
            self.plain = Plain(owner)
            self.reference: Reference = build(database, owner, 36, lots=SMALL, seen=self._seen)
            self.plain.finish()

    def _seen(self, run: int, at: datetime, moves: Moves, wafers: dict[int, Wafer]) -> None:
        self.reports.append((run, at, moves))
        self.plain.seen(run, at, moves, wafers)


@pytest.fixture(scope="module")
def built(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[Built]:
    with copied(postgres, str(migrated.database)) as url, opened_at(url) as database:
        found = Built(postgres, database, url)
        with superuser(postgres, str(url.database)) as found.plain.connection:
            yield found


def test_nothing_in_it_contradicts_itself(built: Built) -> None:
    assert check(built.url.render_as_string(hide_password=False)).problems == []
    assert len(built.reference.modules) >= 30


def test_transfers_are_those_that_the_product_writes(built: Built) -> None:
    levels = {}
    for report in built.reports:
        levels[int(report[2].level.max()), int(report[2].site.max())] = report
    assert sorted(levels) == [(0, 0), (1, 9), (12, 1)]
    for report in levels.values():
        with built.database.transaction() as session:
            kept = _rows(session, report)
            _take_back(session, report)
            _apply(session, report)
            assert _rows(session, report) == kept
            session.rollback()


def _rows(session: Session, report: Report) -> list[Any]:
    """Transfers of a report without their numbers, and substrates and occupancy as they are."""
    run, _, moves = report
    ids = np.unique(np.concatenate([moves.source, moves.target])).tolist()
    columns = [c for c in Transfer.__table__.c if c.name != "id"]
    told = (
        select(*columns)
        .where(Transfer.run_id == run, Transfer.target_id.in_(np.unique(moves.target).tolist()))
        .order_by(Transfer.id),
        select(Substrate.id, Substrate.dispositions).where(Substrate.id.in_(ids)).order_by(Substrate.id),
        select(Occupancy.__table__).where(Occupancy.substrate_id.in_(ids)).order_by("substrate_id", "site", "level"),
    )
    return [session.execute(query).all() for query in told]


def _take_back(session: Session, report: Report) -> None:
    """As it was before the report, as far as it changed anything."""
    run, _, moves = report
    targets = np.unique(moves.target).tolist()
    session.execute(delete(Transfer).where(Transfer.run_id == run, Transfer.target_id.in_(targets)))
    session.execute(delete(Occupancy).where(Occupancy.substrate_id.in_(targets)))
    for substrate in lock(session, (Substrate, np.unique(moves.source).tolist())).all(Substrate):
        at = np.frombuffer(substrate.dispositions, np.uint8).copy()
        at[moves.from_at[moves.source == substrate.id]] = Disposition.COMPLETED
        substrate.dispositions = at.tobytes()
    session.flush()


def _apply(session: Session, report: Report) -> None:
    run, at, moves = report
    sources, targets = (np.unique(ids).tolist() for ids in (moves.source, moves.target))
    rows = lock(session, (Substrate, [*sources, *targets])).all(Substrate)
    positions = opened(session, rows)
    columns = {row.id: positions[row.id].shape[1] for row in rows}
    wide = [np.array([columns[i] for i in ids.tolist()]) for ids in (moves.source, moves.target)]
    told = Transfers(
        tuple(map(str, sources)), tuple(map(str, targets)),
        np.searchsorted(sources, moves.source).astype(np.uint16),
        (moves.from_at % wide[0]).astype(np.int16), (moves.from_at // wide[0]).astype(np.int16),
        np.searchsorted(targets, moves.target).astype(np.uint16),
        (moves.to_at % wide[1]).astype(np.int16), (moves.to_at // wide[1]).astype(np.int16),
        *(getattr(moves, name).astype(np.uint8) for name in ("site", "level", "head", "outcome")),
    )  # fmt: skip
    ids = {str(row.id): row.id for row in rows}
    assert apply_transfers(session, run, told, ids, positions, None, Act("bench", at)).broken == {}
    for one in positions.values():
        one.save()
    session.flush()


def test_traces_say_what_a_row_for_each_move_says(built: Built) -> None:
    core = built.reference.cores[0]
    with built.database.reading() as session:
        for boat, x, y in built.reference.modules[::9].tolist():
            trace = trace_unit(session, boat, x, y)
            assert len([*trace.unit.dies()]) == 106  # the interposer is one of them
            assert moves_down(trace) == sorted(built.plain.down(boat, x, y))
        told = moves_up(trace_up(session, core))
    assert told == sorted({one for one in built.plain.up(core) if one[OUTCOME] == PLACED})
    assert len(told) > 400


def test_trace_tells_who_ordered_each_run_with_which_parameters(built: Built) -> None:
    with built.database.reading() as session:
        trace = trace_unit(session, *built.reference.modules[-1].tolist())
    (diced,) = trace.unit.contains
    stack = diced.unit.contains[1].unit
    done = {ran.run: ran for ran in trace.runs}
    assert [done[name].operation for name in stack.runs][:4] == [f"hbm_stack/{n}" for n in (10, 60, 70, 90)]
    (bond, *_) = (held.move.work for held in stack.contains if held.move.work)
    bonded = done[bond.run]
    assert bonded.by.startswith("operator-")
    assert bonded.approved_by == "process.engineer"
    force = {one.name: one for one in bonded.parameters}["bond_force"]
    assert (force.unit, force.low, force.high) == ("N", 50, 300)
    assert force.target == {None: 100, "vary-hbm_stack/70/leg-1": 90, "vary-hbm_stack/70/leg-2": 110}[bonded.leg]
    assert [sent.partner for sent in trace.unit.shipments] == ["Board house 3"]
    times = [ran.started_at for ran in trace.runs if ran.started_at]
    assert times == sorted(times)


def test_a_trace_takes_as_many_statements_for_a_module_as_for_a_die(built: Built) -> None:
    counted: list[str] = []
    with built.database.reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *args: counted.append(args[2]))
        trace_unit(session, built.reference.cores[0], 0, 0)
        of_a_die = len(counted)
        trace_unit(session, *built.reference.modules[0].tolist())
    assert len(counted) == 2 * of_a_die + 3  # for three more forms
