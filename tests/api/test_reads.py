"""Equipment, maps, units and reports over HTTP, and the description of all of it."""

import json

import numpy as np
import pytest

from mes.reports.catalog import REPORTS
from mes.reports.formats import FORMATS
from mes.units.formats.e142 import read_e142
from mes.units.formats.mapfile import BinCodes
from tests.api.conftest import Api, Caller
from tests.api.test_lots import ok, problem
from tests.shop import Floor, mapped

CODES = [[1, 1, 1, 1], [1, 2, 1, 1], [1, 1, 1, 1]]


def test_equipment_is_taken_down_and_given_back(caller: Caller) -> None:
    operator = caller("operator")
    names = [one["equipment"] for one in ok(operator.get("/equipment", params={"of_class": "cell"}))["items"]]
    assert names == ["CELL-1", "CELL-2"]
    down = ok(operator.post("/equipment/CELL-1/state", json={"state": "UDT", "why": "collet broke"}))
    assert (down["state"], down["states"][0]["reason"], down["states"][0]["ended_at"]) == ("UDT", "collet broke", None)
    assert [one["equipment"] for one in ok(operator.get("/equipment", params={"state": "UDT"}))["items"]] == ["CELL-1"]
    problem(operator.get("/equipment/CELL-9"), 404, "not_found")
    problem(operator.post("/equipment/CELL-1/state", json={"state": "BROKEN"}), 422, "malformed")
    problem(caller("alpha").get("/equipment/CELL-1"), 403, "not_allowed")


def test_a_map_is_given_as_bytes_as_json_and_as_a_file(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", mapped("W1", CODES))
    alpha, address = caller("alpha"), "/substrates/W1/maps/dispositions"
    told = ok(alpha.get(address))
    assert (told["rows"], told["columns"], sum(one["count"] for one in told["bins"])) == (3, 4, 12)
    packed = alpha.get(address, headers={"accept": "application/octet-stream"})
    shape = (int(packed.headers["map-rows"]), int(packed.headers["map-columns"]))
    assert np.frombuffer(packed.content, np.uint8).reshape(shape).tolist() == told["codes"]
    assert json.loads(packed.headers["map-palette"]) == told["bins"]
    file = read_e142(alpha.get(address, headers={"accept": "application/xml"}).content)
    assert [one.id for one in file.substrates] == ["W1"]
    problem(alpha.get("/substrates/W1/maps/nothing"), 404, "not_found")


def test_the_map_of_a_test_tells_units_that_passed_from_positions_without_one(floor: Floor, caller: Caller) -> None:
    floor.arrive("B1", "board", "S1")
    floor.pass_through("OVEN-1", "B1", "S1")
    run = floor.begin("CELL-1", "B1")
    floor.report(run, "S1", touched=[[0, 1], [1, 1]], bins=[[0, 1], [1, 2]])
    alpha, address = caller("alpha"), "/substrates/S1/maps/bin:board/20"
    told = ok(alpha.get(address))["bins"]
    assert [(one["code"], one["quality"], one["count"]) for one in told] == [
        (1, "Pass", 2),
        (2, "Fail", 1),
        (7, "Fail", 0),
    ]
    file = read_e142(alpha.get(address, headers={"accept": "application/xml"}).content)
    (bins, *_) = file.substrates[0].overlays
    assert isinstance(bins, BinCodes)
    assert (bins.null_bin, [one.code for one in bins.definitions if one.good]) == (0, [1])


def test_another_customers_substrate_answers_as_one_that_is_not_there(floor: Floor, caller: Caller) -> None:
    floor.arrive("SECRET", "die", "HIDDEN", customer="beta")
    alpha = caller("alpha")
    for path in ("/substrates/{}/maps/dispositions", "/substrates/{}/maps/dispositions?customer=beta",
                 "/units/{}/0/0/genealogy", "/units/{}/0/0/destinations?customer=beta"):  # fmt: skip
        there, absent = alpha.get(path.format("HIDDEN")), alpha.get(path.format("ABSENT"))
        assert there.status_code == 404
        assert there.text.replace("HIDDEN", "") == absent.text.replace("ABSENT", "")


def test_a_unit_is_followed_both_ways(floor: Floor, caller: Caller) -> None:
    floor.arrive("D1", "die", mapped("W1", CODES))
    down = ok(caller("alpha").get("/units/W1/1/2/genealogy"))
    assert (down["unit"]["substrate"], down["unit"]["contains"]) == ("W1", [])
    told = ok(caller("yield_engineer").get("/units/W1/1/2/genealogy"))["unit"]["readings"]
    assert [(one["layer"], one["value"], one["meaning"]) for one in told] == [("bin:incoming", 1, "Pass")]
    up = ok(caller("yield_engineer").get("/units/W1/1/2/destinations?customer=alpha"))
    assert up["positions"][0]["went"] == []
    problem(caller("yield_engineer").get("/units/W1/9/9/genealogy"), 422, "malformed")


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_answers_in_every_format(floor: Floor, caller: Caller, name: str) -> None:
    floor.arrive("D1", "die", "W1")
    for user in ("manager", "alpha"):
        told = ok(caller(user).get(f"/reports/{name}"))
        head = caller(user).get(f"/reports/{name}", params={"format": "csv"}).text.splitlines()[0]
        assert head.split(",") == [column["name"] for column in told["columns"]]
        for format in FORMATS.values():  # noqa: A001
            named = caller(user).get(f"/reports/{name}", params={"format": format.name})
            chosen = caller(user).get(f"/reports/{name}", headers={"accept": format.media_type})
            assert named.headers["content-type"] == chosen.headers["content-type"] == format.media_type
            assert len(named.content) == pytest.approx(len(chosen.content), abs=16)
    problem(caller("manager").get(f"/reports/{name}", params={"colour": "red"}), 422, "malformed")
    problem(caller("manager").get(f"/reports/{name}", params={"by": ""}), 422, "malformed")
    problem(caller("operator").get(f"/reports/{name}"), 403, "not_allowed")


def test_parameters_of_reports_are_described(caller: Caller) -> None:
    described = ok(caller("").get("/openapi.json"))["paths"]["/api/v1/reports/{name}"]["get"]["parameters"]
    asked = {one["name"]: one["schema"] for one in described if one["in"] == "query"}
    assert set(asked) == {"format", *(p.name for report in REPORTS.values() for p in report.parameters)}
    assert "last_week" in asked["period"]["enum"]
    assert {"equipment", "operation", "customer", "day"} <= set(asked["by"]["enum"])


def test_the_catalog_of_reports_is_told(caller: Caller) -> None:
    assert [one["report"] for one in ok(caller("manager").get("/reports"))] == list(REPORTS)
    problem(caller("manager").get("/reports/profit"), 404, "not_found")


def test_the_api_describes_itself_and_loads_nothing_from_elsewhere(api: Api, caller: Caller) -> None:
    described = ok(caller("").get("/openapi.json"))
    assert all(operation["description"] for methods in described["paths"].values() for operation in methods.values())
    page = caller("").get("/docs")
    assert page.status_code == 200
    for path in described["paths"]:
        assert path in page.text
    assert "//" not in page.text.replace("</", "").replace("/>", "")
