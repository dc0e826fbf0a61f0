"""A lot's ladder counts as the yield report does, so that nobody holds two figures of one name against each other."""

from mes.lots.ladder import ladder
from mes.lots.models import Lot
from mes.reports.run import run
from tests.shop import Floor


def test_units_tested_again_went_in_once(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1", "S2")
    floor.pass_through("OVEN-1", "B1", "S1", "S2")
    for bins in ({"S1": [[7, 7], [1, 1]], "S2": [[1, 2], [1, 1]]}, {"S1": [[1, 2], [0, 0]]}):
        begun = floor.begin("CELL-1", "B1")
        for substrate, codes in bins.items():
            floor.report(begun, substrate, bins=codes)
        floor.end(begun)
    with floor.database.reading() as session:
        rungs = [(r.operation, r.units_in, r.units_good, r.units_failed, r.units_again, r.worked)
                 for r in ladder(session, floor.id_of(Lot, "B1"))]  # fmt: skip
        told = [(row["operation"], row["in"], row["good"], row["failed"])
                for row in run(session, "yield", {"by": "lot"}).records()]  # fmt: skip
    assert rungs == [("board/10", 8, 8, 0, 0, True), ("board/20", 8, 6, 2, 2, True)]
    assert [rung[:4] for rung in rungs] == told


def test_units_that_all_wait_for_another_pass_are_not_in_yet(floor: Floor) -> None:
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    begun = floor.begin("CELL-1", "B1")
    floor.report(begun, "S1", bins=[[7, 7], [7, 7]])
    with floor.database.reading() as session:
        rung = ladder(session, floor.id_of(Lot, "B1"))[1]
    assert (rung.units_in, rung.units_again, rung.worked) == (0, 4, True)
