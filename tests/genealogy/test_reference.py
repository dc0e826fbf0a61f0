"""The reference data of the benches is what the product itself would have written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, select
from sqlalchemy.engine import URL

from bench.reference import SMALL, Reference, build
from bench.reference.moves import Moves, Wafer
from equipment.interface.messages import Transfers
from mes.cli.db_check import check
from mes.db import Database, Session, lock
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
            self.reference: Reference = build(database, owner, 36, lots=SMALL, seen=self._seen)

    def _seen(self, run: int, at: datetime, moves: Moves, _: dict[int, Wafer]) -> None:
        self.reports.append((run, at, moves))


@pytest.fixture(scope="module")
def built(postgres: EmbeddedPostgres, migrated: URL) -> Iterator[Built]:
    with copied(postgres, str(migrated.database)) as url, opened_at(url) as database:
        yield Built(postgres, database, url)


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
