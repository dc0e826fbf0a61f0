"""What a verb asks of the database does not grow with what it works on; the server itself counts.

As many statements for a thousand units as for ten, and for twenty-five substrates as for one.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, update
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from mes.definitions.models import EquipmentClass, Layout, Product
from mes.history import Act
from mes.lots.create import NewLot, create, release
from mes.lots.gate.dispose_queue_time import dispose_queue_time
from mes.lots.holds.future_hold import set_future_hold
from mes.lots.holds.hold import hold as hold_lot
from mes.lots.holds.masks import Units
from mes.lots.looks import LotFilter
from mes.lots.many.bulk import change_priority_of_all, hold_all, release_all
from mes.lots.models import Hold, Lot, LotSubstrate
from mes.lots.regrouping.merge import merge
from mes.lots.regrouping.rework import rework
from mes.lots.regrouping.split import split
from mes.lots.taking import pull_sample, scrap
from mes.lots.verbs.again import reopen
from mes.lots.verbs.correct import correct
from mes.lots.verbs.ends import destroy, terminate
from mes.lots.verbs.migrate import migrate
from mes.lots.verbs.owner import change_owner
from mes.lots.verbs.part import part
from mes.lots.verbs.reroute import move, skip
from mes.lots.verbs.suspects import dispose_suspects
from mes.lots.work.hand_work import Told, finish
from mes.lots.work.track_in import track_in
from mes.lots.work.track_out import track_out
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.postgres import EmbeddedPostgres
from mes.routes.models import Operation
from mes.runs.models import Run
from tests.databases import Counter
from tests.lots.test_migration import version
from tests.shop import PLACED, Floor, mapped

ROWS, COLUMNS = 25, 40
"""Of every layout here but the boat's."""
SIZES = ((1, 10), (1, 1000), (25, 10))
"""Substrates, and units on each."""
ENGINEER = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)


@dataclass(frozen=True)
class Work:
    """What a verb is tried on: a lot's name, how many substrates it shall have, and how many units each."""

    floor: Floor
    lot: str
    count: int
    units: int

    @property
    def names(self) -> list[str]:
        """Of the substrates."""
        return [f"{self.lot}.{n}" for n in range(self.count)]

    def arrive(self, route: str, *names: str, lot: str = "") -> int:
        """A released lot of substrates with so many units; its id."""
        return self.floor.arrive(lot or self.lot, route, *(mapped(name, self.codes()) for name in names or self.names))

    def codes(self) -> list[list[int]]:
        """The map of a substrate with so many units."""
        codes: list[list[int]] = (np.arange(ROWS * COLUMNS) < self.units).astype(int).reshape(ROWS, COLUMNS).tolist()
        return codes

    def baked(self) -> int:
        """Boards that come from the oven."""
        lot = self.arrive("board")
        self.floor.do(worked, self.floor.begin("OVEN-1", self.lot), lot, Told())
        return lot

    def where(self) -> list[tuple[int, int]]:
        """All units of a substrate but the first."""
        return [(n % COLUMNS, n // COLUMNS) for n in range(1, self.units)]


def worked(session: Session, run_id: int, lot_id: int, told: Told, act: Act) -> Run:
    """A person has worked a run."""
    return finish(session, session.get_one(Run, run_id), lot_id, told, act)


Given = tuple[Callable[..., Any], *tuple[Any, ...]]
"""A verb and what it is given, but for the act."""


def _release(work: Work) -> Given:
    lot = work.floor.do(
        create, NewLot(work.lot, "alpha", "die", tuple(mapped(n, [[1] * COLUMNS] * ROWS) for n in work.names))
    )
    work.floor.do(set_future_hold, lot.id, "die/10", "height", "seen", None)
    return release, lot.id


def _hold_all(work: Work) -> Given:
    work.arrive("die")
    return hold_all, LotFilter(q=work.lot), 1, "dust", "grey all over", "process_engineer"


def _release_all(work: Work) -> Given:
    work.floor.do(*_hold_all(work))
    return release_all, LotFilter(q=work.lot), 1, "dust", "blown off", Role.PROCESS_ENGINEER


def _hurry_all(work: Work) -> Given:
    work.arrive("die")
    return change_priority_of_all, LotFilter(q=work.lot), 1, 2


def _split(work: Work) -> Given:
    return split, work.arrive("die", *work.names, f"{work.lot}.stays"), work.names, None


def _merge(work: Work) -> Given:
    into = work.arrive("die", f"{work.lot}.into", lot=f"{work.lot}-into")
    return merge, into, work.arrive("die")


def _scrap(work: Work) -> Given:
    return scrap, work.arrive("die"), work.names[0], None


def _sample(work: Work) -> Given:
    return pull_sample, work.arrive("die"), work.names[0], work.where()


def _track_in(work: Work) -> Given:
    work.arrive("die")
    return track_in, work.floor.wanted("CELL-1", work.lot)


def _process(work: Work) -> Given:
    work.arrive("die")
    run = work.floor.begin("CELL-1", work.lot)
    return track_out, run, work.floor.result(run, work.names[0])


def _mask(work: Work) -> Given:
    lot = work.arrive("die")
    units = [Units(name, at=work.where()) for name in work.names]
    return hold, lot, "dust", "grey", "process_engineer", units


def hold(
    session: Session, lot_id: int, code: str, comment: str, owner: str, units: Sequence[Units], act: Act
) -> Hold:  # fmt: skip
    return hold_lot(session, lot_id, code, comment, owner, act, units=units)


def _masked(work: Work) -> Given:
    """Units wait to be moved to boats, some of them masked by two holds."""
    lot = work.arrive("package", lot=f"{work.lot}-P")  # its boats have its name
    there = work.floor.id_of(Operation, "package/20")
    with work.floor.database.transaction() as session:  # as if dies had been placed
        session.execute(update(Lot).where(Lot.id == lot).values(operation_id=there))
        session.execute(update(LotSubstrate).where(LotSubstrate.lot_id == lot).values(operation_id=there))
    for units in ([Units(name, at=[(0, 0)]) for name in work.names], [Units(at=[(1, 0)], substrate=work.names[0])]):
        work.floor.do(hold, lot, "dust", "grey", "process_engineer", units)
    return track_in, work.floor.wanted("CELL-1", f"{work.lot}-P")


def _leave_masked(work: Work) -> Given:
    _masked(work)
    run = work.floor.begin("CELL-1", f"{work.lot}-P")
    places = enumerate(work.where()[1:3])
    moves = [(work.names[0], x, y, f"{work.lot}-P.01", n, 0, 0, 0, 0, PLACED) for n, (x, y) in places]
    touched = np.zeros((ROWS, COLUMNS), np.bool_)
    return track_out, run, work.floor.result(run, work.names[0], moves=moves, touched=touched)


def _split_masked(work: Work) -> Given:
    lot = work.arrive("die", *work.names, f"{work.lot}.stays")
    for units in ([Units()], [Units(name, at=work.where()) for name in work.names]):
        work.floor.do(hold, lot, "dust", "grey", "process_engineer", units)
    return split, lot, work.names, None


def _test(work: Work) -> Given:
    work.baked()
    run = work.floor.begin("CELL-1", work.lot)
    bins = np.where(work.floor.asked(run, work.names[0]), 1, 0)
    bins[0, 0] = 2
    return track_out, run, work.floor.result(run, work.names[0], bins=bins)


def _assemble(work: Work) -> Given:
    """One die in a package for each of its units."""
    work.floor.stock(f"{work.lot}-dies", "die", f"{work.lot}.dies")
    work.arrive("package")
    run = work.floor.begin("CELL-1", work.lot, sources=[f"{work.lot}.dies"])
    picks = [(f"{work.lot}.dies", x, y, work.names[0], x, y, 1, 1, 1, PLACED) for x, y in work.where() if x or y]
    return track_out, run, work.floor.result(run, work.names[0], moves=picks)


def _by_hand(work: Work) -> Given:
    lot = work.baked()
    run = work.floor.begin("CELL-1", work.lot)
    told = Told({name: {(0, 0): 2} for name in work.names})
    return worked, run, lot, told


def _rework(work: Work) -> Given:
    return rework, work.baked(), work.names, "residue"


def _queue_time(work: Work) -> Given:
    lot = work.baked()
    work.floor.hours += 5
    return dispose_queue_time, lot, [], None, ENGINEER


def _suspects(work: Work) -> Given:
    """Every unit is suspect: the oven told of an energy that cannot be."""
    lot = work.arrive("board")
    run = work.floor.begin("OVEN-1", work.lot)
    for name in work.names:
        work.floor.report(run, name, energy_kwh=-1.0)
    work.floor.end(run)
    return dispose_suspects, lot, None, None, "scrapped"


def _migrate(work: Work) -> Given:
    return migrate, work.baked(), version(work.floor, work.floor.hours + 2, (10, {}), (20, {}), current=False)


def _skip(work: Work) -> Given:
    return skip, work.arrive("board"), "board/10", []


def _move(work: Work) -> Given:
    return move, work.baked(), "board/10", []


def _terminate(work: Work) -> Given:
    return terminate, work.arrive("board"), "lost"


def _change_owner(work: Work) -> Given:
    return change_owner, work.arrive("board"), "beta", [], f"{work.lot}-sold"


def _part(work: Work) -> Given:
    """Wafers of one project."""
    with work.floor.database.transaction() as session:
        project = {"name": "a", "customer": "beta", "product": "die"}
        die = session.scalars(select(Product).where(Product.name == "die")).one()
        die.reticle = {"projects": [project], "rows": ["a"]}
    work.floor.stock(work.lot, "die", *(mapped(name, work.codes()) for name in work.names))
    return part, work.floor.lot(work.lot).id


def _reopen(work: Work) -> Given:
    verb, lot, left = _terminate(work)
    work.floor.do(verb, lot, left)
    return reopen, lot, "board/20"


def _destroy(work: Work) -> Given:
    return destroy, work.arrive("board"), "lee"


def _correct(work: Work) -> Given:
    _, lot, witness = _destroy(work)
    return correct, lot, work.floor.do(destroy, lot, witness).history_n


CASES = (
    _release, _hold_all, _release_all, _hurry_all, _split, _merge, _scrap, _sample, _track_in, _process, _test,
    _assemble, _rework, _queue_time, _suspects, _migrate, _skip, _move, _terminate, _reopen, _destroy, _correct,
    _change_owner, _part,
    _mask, _masked, _leave_masked, _split_masked,
)  # fmt: skip
EACH_BY_ITSELF = (_by_hand,)
"""Here a person reports on each substrate, and each report is an event of its own."""
MOST = 35
"""Statements of any of them, with those that begin and end the transaction."""


@pytest.fixture
def roomy(counter: Counter, floor: Floor) -> Floor:
    """The shop with substrates and equipment that take much, and each of its statements counted."""
    with floor.database.transaction() as session:
        session.execute(update(Layout).where(Layout.name != "boat").values(rows=ROWS, columns=COLUMNS))
        session.execute(update(EquipmentClass).values(most_substrates=max(count for count, _ in SIZES), places=99))
    return floor


@pytest.fixture
def counter(postgres: EmbeddedPostgres, owner_url: URL) -> Iterator[Counter]:
    with closing(Counter(postgres, owner_url)) as made:
        yield made


def test_statements_do_not_grow_with_units_and_substrates(roomy: Floor, counter: Counter) -> None:
    for case in (*CASES, *EACH_BY_ITSELF):
        took = []
        for count, units in (SIZES[0], *SIZES):  # once before: what is asked once per process
            verb, *given = case(Work(roomy, f"L{roomy.hours}", count, units))
            counter.restart()
            roomy.do(verb, *given)
            took.append(counter.statements())
        _, few, many_units, many_substrates = took
        assert 5 < few == many_units <= MOST, (case.__name__, took)
        if case in CASES:  # one less, where a lot of one substrate ends and one of many does not
            assert few - 1 <= many_substrates <= few, (case.__name__, took)
    assert roomy.problems() == []


def test_lots_that_a_filter_finds_take_as_many_statements_as_one(roomy: Floor, counter: Counter) -> None:
    took = []
    for count, its in ((1, "X"), (40, "Y")):
        for n in range(count):
            roomy.arrive(f"{its}{n}", "die", f"{its}{n}.1")
        wanted = LotFilter(q=its)
        for verb, *given in (
            (hold_all, wanted, count, "dust", "grey all over", "process_engineer"),
            (change_priority_of_all, wanted, count, 2),
            (release_all, wanted, count, "dust", "blown off", Role.PROCESS_ENGINEER),
        ):
            counter.restart()
            roomy.do(verb, *given)
            took.append(counter.statements())
    assert took[:3] == took[3:]
