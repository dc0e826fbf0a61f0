"""The next thing to start on any equipment, and what it costs to know it: as much for many lots as for few."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from mes.definitions.models import AttachSite, Product
from mes.dispatch.what_next import choose, next_start
from mes.equipment.models import Equipment
from mes.lots.create import NewLot, create, release
from mes.lots.models import Lot
from mes.lots.work.track_in import track_in
from mes.routes.models import Operation, QueueLimit
from mes.units.arrival import Arrival
from mes.units.models import Substrate
from mes.units.states import Disposition
from tests.shop import BEGIN, Floor, mapped

TWO_DIES = [[1, 1, 9, 9], [9, 9, 9, 9], [9, 9, 9, 9]]
"""Too few for the four positions of two sites of a package."""


@pytest.fixture
def connected(floor: Floor) -> Floor:
    """The shop with all its equipment connected."""
    with floor.database.transaction() as session:
        session.execute(update(Equipment).values(connected=True))
    return floor


def following(floor: Floor, after: str | None = None) -> tuple[str, list[str]] | None:
    """The next equipment and the lots that it should start, by name."""
    after_id = None if after is None else floor.id_of(Equipment, after)
    with floor.database.reading() as session:
        found = next_start(session, BEGIN + timedelta(hours=floor.hours), after_id)
        if found is None:
            return None
        lots = [session.get_one(Lot, part.lot_id).name for part in found[1].parts]
        return session.get_one(Equipment, found[0]).name, lots


def test_equipment_comes_in_the_order_of_names_and_each_once(connected: Floor) -> None:
    connected.arrive("B1", "board", "S1")
    for lot, wafer in (("D1", "W1"), ("D2", "W2")):
        connected.arrive(lot, "die", wafer)
    assert following(connected) == ("CELL-1", ["D1"])
    connected.order("CELL-1", "D1")
    assert following(connected, "CELL-1") == ("CELL-2", ["D2"])
    connected.order("CELL-2", "D2")
    assert following(connected, "CELL-2") == ("OVEN-1", ["B1"])
    assert following(connected, "OVEN-1") is None


def test_equipment_that_is_full_or_not_connected_is_left_out(connected: Floor) -> None:
    connected.arrive("B1", "board", "S1")
    connected.arrive("D1", "die", "W1", "W2", "W3")
    for wafer in ("W1", "W2"):
        connected.order("CELL-1", "D1", only=[wafer])
    assert following(connected) == ("CELL-2", ["D1"])
    with connected.database.transaction() as session:
        session.execute(update(Equipment).where(Equipment.name != "OVEN-1").values(connected=False))
    assert following(connected) == ("OVEN-1", ["B1"])


def many(floor: Floor, first: int, end: int) -> None:
    """Lots that wait: of boards for an oven, of packages for more dies than there are, of boards that go into those."""
    with floor.database.transaction() as session:
        for n in range(first, end):
            for route in ("board", "package"):
                lot = create(session, NewLot(f"{route}-{n}", "alpha", route, (Arrival(f"{route}-{n}/1"),)), floor.act())
                release(session, lot.id, floor.act())


def statements_of_a_look(floor: Floor) -> int:
    """Statements that it takes to find that nothing can start."""
    told: list[str] = []
    with floor.database.reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *args: told.append(args[2]))
        assert next_start(session, BEGIN + timedelta(hours=floor.hours)) is None
    return len(told)


def must_be_assembled_soon(floor: Floor) -> None:
    """Boards carry two dies too, and after the oven they may not wait long for those."""
    with floor.database.transaction() as session:
        ids = {row.name: row.id for row in session.execute(select(Product.name, Product.id))}
        for site in (1, 2):
            session.add(AttachSite(product_id=ids["board"], site=site, level=1, die_product_id=ids["die"]))
        operations = {row.name: row.id for row in session.execute(select(Operation.name, Operation.id))}
        limit = {"most_s": 3600.0, "warning_s": 60.0}
        oven, assembly = operations["board/10"], operations["package/10"]
        session.add(QueueLimit(from_operation_id=oven, to_operation_id=assembly, **limit))


def test_clock_is_not_started_that_would_run_out_while_sources_are_missing(floor: Floor) -> None:
    must_be_assembled_soon(floor)
    floor.arrive("B1", "board", "S1")
    oven = floor.id_of(Equipment, "OVEN-1")
    for lot, arrival, may_start in (("D1", mapped("W1", TWO_DIES), False), ("D2", "W2", True)):
        floor.stock(lot, "die", arrival)
        with floor.database.reading() as session:
            choice = choose(session, oven, BEGIN + timedelta(hours=floor.hours))
        assert (choice.start is not None) == may_start
        reasons = [(reason.code, reason.message) for lot in choice.excluded for reason in lot.reasons]
        short = "package/10 must follow in time, and too few units of die are free for it yet; stock more."
        assert reasons == ([] if may_start else [("source_short_ahead", short)])


def test_a_look_at_a_hundred_waiting_lots_takes_as_many_statements_as_at_ten(connected: Floor) -> None:
    must_be_assembled_soon(connected)
    connected.stock("D1", "die", mapped("W1", TWO_DIES))
    many(connected, 0, 5)
    few = statements_of_a_look(connected)
    many(connected, 5, 50)
    assert statements_of_a_look(connected) == few <= 20


def test_track_in_of_an_assembly_reads_the_die_bank_once(connected: Floor) -> None:
    connected.stock("D1", "die", "W1")
    connected.arrive("P1", "package", "I1")
    wanted = connected.wanted("CELL-1", "P1", sources=["W1"])
    told: list[str] = []
    with connected.database.transaction() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *args: told.append(args[2]))
        track_in(session, wanted, connected.act())
    assert sum(Substrate.dispositions.key in one and "mount" in one for one in told if one.startswith("SELECT")) == 1


def test_lot_of_which_every_unit_is_suspect_keeps_no_other_waiting(connected: Floor) -> None:
    """Its hold was released before its units were disposed of; nothing can be placed on it, and the run says so."""
    connected.stock("D1", "die", "W1")
    connected.stock("D2", "die", "W2")
    connected.arrive("P1", "package", "I1")
    with connected.database.transaction() as session:
        suspect = {"dispositions": bytes([Disposition.SUSPECT]) * 4}
        session.execute(update(Substrate).where(Substrate.name == "I1").values(suspect))
    connected.arrive("P2", "package", "I2")
    for lot in ("P1", "P2"):
        with connected.database.reading() as session:
            found = next_start(session, BEGIN + timedelta(hours=connected.hours))
        assert found is not None
        run = connected.do(track_in, found[1])
        assert [lot.name for lot in (connected.lot("P1"), connected.lot("P2")) if lot.state == "ordered"][-1] == lot
    assert connected.reserved(run.id, "W2").all()
    assert connected.problems() == []
