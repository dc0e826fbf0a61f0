"""Figures of maps over HTTP: zones, stacked lots and products, bins before and after, bad neighbourhoods; own alone."""

from datetime import timedelta

import pytest
from sqlalchemy import event

from mes.lots.analysis.stack import of_lot
from mes.lots.models import Lot
from tests.api.conftest import Caller
from tests.api.test_lots import ok, problem
from tests.shop import BEGIN, Floor, mapped

INCOMING = {"layer": "bin:incoming"}


@pytest.fixture
def stacked(floor: Floor) -> Floor:
    """Three wafers in two lots of alpha, one of them without a map, and one of beta."""
    floor.arrive(
        "D1", "die", mapped("W1", [[9, 1, 1, 0], [9, 1, 9, 0], [1, 1, 1, 1]]), mapped("W2", [[9] * 4] * 3), "W4"
    )
    floor.arrive("D2", "die", mapped("W3", [[1, 9, 9, 9], [1, 9, 1, 9], [1, 9, 9, 9]]))
    floor.arrive("D3", "die", mapped("W5", [[1] * 4] * 3), customer="beta")
    return floor


def zones(told: dict[str, object]) -> dict[str, tuple[int, int]]:
    return {one["zone"]: (one["good"], one["tested"]) for one in told["zones"]}  # type: ignore[attr-defined]


def test_maps_are_laid_upon_each_other_by_lot_and_by_product(stacked: Floor, caller: Caller) -> None:
    alpha, yields = caller("alpha"), caller("yield_engineer")
    one = ok(alpha.get("/substrates/W1/map-analysis", params=INCOMING | {"shot": "2x3"}))
    assert (one["rows"], one["columns"], one["substrates"], one["good"], one["tested"]) == (3, 4, 1, 7, 10)
    assert zones(one) == {
        "edge": (6, 9), "middle": (0, 0), "centre": (1, 1),
        "upper_left": (1, 2), "upper_right": (1, 1), "lower_left": (3, 4), "lower_right": (2, 3),
        "0,0": (1, 2), "1,0": (1, 1), "0,1": (0, 2), "1,1": (1, 1), "0,2": (2, 2), "1,2": (2, 2),
    }  # fmt: skip
    lot = ok(alpha.get("/lots/D1/map-analysis", params=INCOMING))
    assert (lot["substrates"], lot["good"], lot["tested"]) == (2, 7, 22)
    assert ok(alpha.get("/lots/D1/map-analysis"))["substrates"] == 3  # of all it is known what became of their units
    of_all = ok(yields.get("/products/die/map-analysis", params=INCOMING))
    assert (of_all["substrates"], of_all["good"], of_all["tested"]) == (4, 23, 46)
    assert ok(alpha.get("/products/die/map-analysis", params=INCOMING))["substrates"] == 3
    later = {"from": (BEGIN + timedelta(hours=3)).isoformat(), "to": (BEGIN + timedelta(hours=4)).isoformat()}
    assert ok(alpha.get("/products/die/map-analysis", params=INCOMING | later))["good"] == 4
    wide = ok(alpha.get("/substrates/W1/map-analysis", params=INCOMING | {"edge_mm": 1}))
    assert zones(wide)["edge"] == (7, 10)


def test_bins_before_and_after_are_told_with_their_agreement(floor: Floor, caller: Caller) -> None:
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    for bins in ([[7, 7], [1, 1]], [[1, 2], [0, 0]]):
        run = floor.begin("CELL-1", "B1")
        floor.report(run, "S1", bins=bins)
        floor.end(run)
    both = {"before": "bin:board/20", "after": "dispositions"}
    told = ok(caller("alpha").get("/lots/B1/bin-migration", params=both))
    assert (told["units"], told["good_good"], told["bad_bad"], told["kappa"], told["phi"]) == (4, 3, 1, 1, 1)
    assert sum(one["units"] for one in told["bins"]) == 4


def test_layers_are_merged_by_rule(stacked: Floor, caller: Caller) -> None:
    asked = {"layer": ["bin:incoming", "dispositions"], "rule": "first"}
    told = ok(caller("alpha").get("/substrates/W1/merged-map", params=asked))
    assert (told["layers"], told["rule"], told["good"], told["tested"]) == (asked["layer"], "first", 7, 10)
    assert told["codes"] == [[9, 1, 1, None], [9, 1, 9, None], [1, 1, 1, 1]]
    problem(caller("alpha").get("/substrates/W1/merged-map", params=asked | {"rule": "any"}), 422, "malformed")


def test_good_units_in_bad_neighbourhoods_are_only_proposed(stacked: Floor, caller: Caller) -> None:
    alpha, before = caller("alpha"), stacked.are("W3")
    told = ok(alpha.get("/substrates/W3/bad-neighbours", params=INCOMING | {"least": 8}))
    assert (told["tested"], told["good"], told["units"]) == (12, 4, [{"x": 2, "y": 1}])
    near = INCOMING | {"least": 6.8, "by_distance": True}
    assert ok(alpha.get("/substrates/W3/bad-neighbours", params=near))["units"] == [{"x": 2, "y": 1}]
    assert stacked.are("W3") == before


def test_what_is_not_there_or_not_asked_rightly_is_refused(stacked: Floor, caller: Caller) -> None:
    alpha = caller("alpha")
    problem(alpha.get("/lots/D1/map-analysis", params={"layer": "bin:none"}), 404, "not_found")
    problem(alpha.get("/substrates/W4/map-analysis", params=INCOMING), 404, "not_found")
    problem(alpha.get("/products/cap/map-analysis", params=INCOMING), 404, "not_found")
    problem(alpha.get("/products/die/map-analysis"), 422, "malformed")
    for wrong in ({"shot": "0x2"}, {"shot": "5x1"}, {"shot": "two"}, {"edge_mm": "0"}):
        problem(alpha.get("/substrates/W1/map-analysis", params=INCOMING | wrong), 422, "malformed")
    for path in ("/lots/{}/map-analysis", "/lots/{}/bin-migration?before=bin:incoming&after=bin:incoming"):
        problem(alpha.get(path.format("D3"), params=None if "?" in path else INCOMING), 404, "not_found")
    problem(alpha.get("/substrates/W5/bad-neighbours", params=INCOMING), 404, "not_found")


def test_statements_do_not_grow_with_substrates(stacked: Floor) -> None:
    taken = []
    for lot, substrates in (("D2", 1), ("D1", 2)):
        told: list[str] = []
        with stacked.database.transaction() as session:
            of = stacked.id_of(Lot, lot)
            event.listen(session.connection(), "before_cursor_execute", lambda *args, told=told: told.append(args[2]))
            assert len(of_lot(session, of, "bin:incoming").passes) == substrates
        taken.append(len(told))
    assert taken[0] == taken[1] <= 4
