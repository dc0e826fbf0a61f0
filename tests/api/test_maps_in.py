"""Map files over HTTP: what arrives becomes lots, all of them or none; and where their units went."""

import gzip

import numpy as np
import pytest

from mes.http.problem import LARGER
from mes.units.formats.e142_write import write_e142
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, Layout, MapFile, SubstrateMap
from mes.units.formats.unpack import declare
from tests.api.conftest import Caller
from tests.api.test_lots import ok, problem
from tests.shop import PLACED, Floor
from tests.units.plain_map import Plain, plain_maps

TO = {"customer": "alpha", "route": "die"}
XML = {"content-type": "application/xml"}


def file(substrate: str, lot: str | None = "IN-1", codes: int = 1) -> bytes:
    """A wafer map of the shop, as its supplier would send it."""
    bins = BinCodes(
        name="SortGrade", bin_type=BinType.DECIMAL, null_bin=0, codes=np.full((3, 4), codes, np.uint16),
        definitions=(BinDefinition(1, quality="Pass"), BinDefinition(9, quality="Fail")),
    )  # fmt: skip
    layout = Layout("dies", 4, 3, product="die", top_level=True)
    return write_e142(
        MapFile(
            layouts=(layout,), substrates=(SubstrateMap(substrate, "Wafer", "dies", 3, 4, lot=lot, overlays=(bins,)),)
        )
    )


def test_a_file_becomes_the_lot_that_it_names(floor: Floor, caller: Caller) -> None:
    line = caller("line_engineer")
    told = ok(line.post("/maps", params=TO | {"release": "true"}, content=file("W1"), headers=XML), 201)
    assert told == {"lots": [{"lot": "IN-1", "substrates": ["W1"]}], "warnings": []}
    assert ok(line.get("/lots/IN-1"))["state"] == "queued"
    assert [(m["substrate"], m["map"], m["kind"]) for m in ok(line.get("/lots/IN-1/maps"))] == [
        ("W1", "bin:incoming", "bins")
    ]
    assert ok(line.get("/substrates/W1/maps/bin:incoming"))["codes"] == [[1] * 4] * 3
    assert floor.problems() == []


TURNED = """<MapData><Layouts><Layout LayoutId="dies"><Dimension X="4" Y="3"/></Layout></Layouts>
<Substrates><Substrate SubstrateType="Wafer" SubstrateId="W1"><LotId>IN-1</LotId></Substrate></Substrates>
<SubstrateMaps><SubstrateMap SubstrateType="Wafer" SubstrateId="W1" LayoutSpecifier="dies" Orientation="90"
  OriginLocation="UpperLeft" AxisDirection="DownRight"><Overlay MapName="bins"><ReferenceDevices>
  <ReferenceDevice Name="corner"><Coordinates X="3" Y="4"/></ReferenceDevice></ReferenceDevices>
  <BinCodeMap BinType="HexaDecimal" NullBin="00"><BinDefinitions><BinDefinition BinCode="01" BinQuality="Pass"/>
  <BinDefinition BinCode="09" BinQuality="Fail"/></BinDefinitions><BinCode>000101</BinCode><BinCode>010109</BinCode>
  <BinCode>010101</BinCode><BinCode>010901</BinCode></BinCodeMap></Overlay></SubstrateMap></SubstrateMaps></MapData>"""


def test_a_turned_file_is_kept_in_our_frame_and_given_back_as_it_came(floor: Floor, caller: Caller) -> None:
    line, address = caller("line_engineer"), "/substrates/W1/maps/bin:incoming"
    came = ok(line.post("/maps", params=TO, content=TURNED.encode(), headers=XML), 201)
    assert [warning["code"] for warning in came["warnings"]] == ["counts-from-one"]
    assert ok(line.get(address))["codes"] == [[1, 9, 1, 1], [1, 1, 1, 9], [0, 1, 1, 1]]
    accept = {"accept": "application/xml"}
    straight = plain_maps(line.get(address, headers=accept).content, 2)["W1"]
    assert (straight.declared, straight.rows) == ({}, ["01090101", "01010109", "00010101"])
    again = line.get(address, params={"as_it_came": "true"}, headers=accept).content
    sent, from_zero = b'<Coordinates X="3" Y="4"/>', b'<Coordinates X="2" Y="3"/>'
    assert sent in again
    assert plain_maps(again.replace(sent, from_zero), 2) == {
        "W1": Plain(
            {"Orientation": "90", "OriginLocation": "UpperLeft", "AxisDirection": "DownRight"},
            ["000101", "010109", "010101", "010901"],
            straight.bins,
            references={(3, 0): "corner"},
        )
    }
    assert floor.problems() == []


def test_several_files_come_as_a_form_all_or_none(floor: Floor, caller: Caller) -> None:
    line, before = caller("line_engineer"), floor.everything()
    good = [("file", (f"W{n}.xml", file(f"W{n}"), "application/xml")) for n in (1, 2)]
    broken = ("file", ("W3.xml", file("W3")[:-20], "application/xml"))
    told = problem(line.post("/maps", params=TO, files=[*good, broken]), 422, "map_unreadable")
    assert (told["detail"].partition(":")[0], told["reasons"][0]["code"]) == ("W3.xml", "xml-broken")
    assert floor.everything() == before
    came = ok(line.post("/maps", params=TO, files=good), 201)
    assert came["lots"] == [{"lot": "IN-1", "substrates": ["W1", "W2"]}]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"content": b"", "headers": XML}, 422, "map_unreadable"),
        ({"content": file("W1", lot=None), "headers": XML}, 422, "malformed"),
        ({"content": file("W1") + b" " * LARGER["/api/v1/maps"], "headers": XML}, 413, "too_large"),
        ({"data": {"file": "no file"}, "files": {"file": ("", b"")}}, 422, "malformed"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "bad_request"),
    ],
)
def test_what_is_no_map_of_a_lot_is_refused(floor: Floor, caller: Caller, sent: dict, status: int, code: str) -> None:  # type: ignore[type-arg]
    before = floor.everything()
    problem(caller("line_engineer").post("/maps", params=TO, **sent), status, code)
    assert floor.everything() == before


def test_where_the_units_of_a_lot_went_is_told_in_numbers(floor: Floor, caller: Caller) -> None:
    floor.stock("CORE", "die", "S1")
    floor.arrive("PKG", "package", "P1")
    run = floor.begin("CELL-1", "PKG", sources=["S1"])
    moves = [("S1", n, 0, "P1", n % 2, n // 2, site, 1, 1, PLACED) for n, site in ((0, 1), (1, 1))]
    floor.report(run, "P1", moves=moves)
    told = ok(caller("yield_engineer").get("/lots/CORE/genealogy"))
    assert (told["units"], told["missing"]) == (2, [])
    assert [(to["lot"], to["units"], to["end_there"]) for to in told["reached"]] == [("PKG", 2, 2)]
    assert ok(caller("alpha").get("/lots/CORE/genealogy"))["units"] == 2
    problem(caller("beta").get("/lots/CORE/genealogy"), 404, "not_found")


def test_every_format_comes_in_packed_or_with_its_declaration(floor: Floor, caller: Caller) -> None:
    sinf = "LOT:IN-1\nWAFER:W1\nFNLOC:180\nROWCT:3\nCOLCT:4\n" + "RowData:01 01 02 __\n" * 3
    table = "wafer,x,y,bin\n" + "".join(f"W2,{n % 4},{n // 4},{n % 3}\n" for n in range(12))
    says = "form: table\nsubstrate: {column: wafer}\nlot: IN-1\nx: x\ny: y\nbin: bin\ngood: [1, 2]\n"
    sent = [gzip.compress(sinf.encode()), declare(table.encode(), f"{says}origin: UpperLeft\naxis: DownRight".encode())]
    files = [("file", (f"{n}", content)) for n, content in enumerate(sent)]
    line = caller("line_engineer")
    told = ok(line.post("/maps", params=TO, files=files), 201)
    assert told == {"lots": [{"lot": "IN-1", "substrates": ["W1", "W2"]}], "warnings": []}
    assert ok(line.get("/substrates/W1/maps/bin:incoming"))["codes"] == [[1, 1, 2, 0xFFFF]] * 3
    assert ok(line.get("/substrates/W2/maps/bin:incoming"))["codes"] == [[0, 1, 2, 0], [1, 2, 0, 1], [2, 0, 1, 2]]
    assert floor.problems() == []
