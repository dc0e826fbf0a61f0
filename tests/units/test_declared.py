"""Plain text with a declaration: tables and pictures with their frames typed by hand; and CSV as it is written."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from mes.cli import app
from mes.units.formats.csv_write import write_csv
from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, Layout, MapFile, SubstrateMap
from mes.units.formats.unpack import declare
from tests.units.test_e142 import STRIP
from tests.units.test_stdf import wafer

TABLE = """Sorter 9 of March
Lot;L-3
Wafer;X;Y;Bin;Remark
W-7;10;-2;1;first
W-7;11;-2;1;
W-7;9;-1;42;"a; b"
W-7;10;-1;1;
W-7;12;-1;7;last
"""
TABLE_SAYS = """
form: table
delimiter: ;
substrate: {column: Wafer}
lot: {line: "Lot;"}
x: X
y: Y
bin: Bin
origin: LowerLeft
axis: UpRight
good: [1, 7]
"""
N = 0xFFFF
TABLE_FRAME = [[42, 1, N, 7], [N, 1, 1, N]]

PICTURE = """WAFER_ID = W-7
LOT_ID: L-3
MAP
 .11.
21A1
...2
END
11
"""
PICTURE_SAYS = """
form: picture
width: 1
codes: ascii
substrate: {line: WAFER_ID}
lot: {line: LOT_ID}
after: MAP
until: END
good: ["1"]
empty: [".", " "]
"""


def read(text: str, says: str) -> MapFile:
    return read_any(declare(text.encode(), says.encode()))


def bins(mapfile: MapFile) -> BinCodes:
    overlay = mapfile.substrates[0].overlays[0]
    assert isinstance(overlay, BinCodes)
    return overlay


def edited(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def test_a_table_is_read_into_our_frame() -> None:
    mapfile = read(TABLE, TABLE_SAYS)
    (wafer,) = mapfile.substrates
    assert (mapfile.format, mapfile.discrepancies) == ("text", ())
    assert (wafer.id, wafer.lot, wafer.type) == ("W-7", "L-3", "Wafer")
    assert bins(mapfile).codes.tolist() == TABLE_FRAME
    assert [(d.code, d.quality) for d in bins(mapfile).definitions] == [(1, "Pass"), (7, "Pass"), (42, "Fail")]


def test_a_picture_is_read_into_our_frame() -> None:
    mapfile = read(PICTURE, PICTURE_SAYS)
    (wafer,) = mapfile.substrates
    assert (wafer.id, wafer.lot, [d.code for d in mapfile.discrepancies]) == ("W-7", "L-3", ["row-length"])
    assert ["".join(map(chr, row)) for row in bins(mapfile).codes.tolist()] == ["..11.", "21A1.", "...2."]
    assert [(chr(d.code), d.good) for d in bins(mapfile).definitions] == [("1", True), ("2", False), ("A", False)]


@pytest.mark.parametrize(
    ("says", "frame"),
    [
        ("axis: DownRight\norigin: UpperLeft", TABLE_FRAME[::-1]),
        ("axis: UpLeft\norigin: LowerRight", [row[::-1] for row in TABLE_FRAME]),
        ("axis: UpRight\norigin: LowerLeft\norientation: 90", [[7, N], [N, 1], [1, 1], [42, N]]),
        ("axis: UpRight\norigin: LowerLeft\nside: BottomSide", [row[::-1] for row in TABLE_FRAME]),
    ],
)
def test_origin_axis_and_turn_of_a_table_are_declared(says: str, frame: list[list[int]]) -> None:
    declared = TABLE_SAYS.replace("origin: LowerLeft\naxis: UpRight", says)
    assert bins(read(TABLE, declared)).codes.tolist() == frame


def test_columns_have_numbers_where_a_table_has_no_head_and_delimiters_vary() -> None:
    says = TABLE_SAYS.replace("{column: Wafer}", "{column: 1}").replace("x: X", "x: 2").replace("y: Y", "y: 3")
    says = says.replace("bin: Bin", "bin: 4\nafter: Wafer")
    assert bins(read(TABLE, says)).codes.tolist() == TABLE_FRAME
    for delimiter, character in (("tab", "\t"), ("blank", "   "), ("'|'", "|")):
        text = TABLE.replace('"a; b"', "").replace(";", character)
        declared = says.replace("delimiter: ;", f"delimiter: {delimiter}").replace("Lot;", "Lot")
        assert bins(read(text, declared)).codes.tolist() == TABLE_FRAME


def test_a_declared_size_says_what_is_outside_and_the_last_row_of_a_position_counts() -> None:
    says = TABLE_SAYS + "first: 0\ncolumns: 12\nrows: 2"
    shifted = TABLE.replace(";-2;", ";0;").replace(";-1;", ";1;") + "W-7;9;1;5;\n"
    mapfile = read(shifted, says)
    assert bins(mapfile).codes[:, 9:].tolist() == [[5, 1, N], [N, 1, 1]]
    told = [(d.code, d.place) for d in mapfile.discrepancies]
    assert told == [("position-outside", "line 8"), ("position-twice", "the table")]


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("W-7;9;-1", "W-7;nine;-1", "not-a-number", "line 6"),
        ("W-7;9;-1", "W-7;1e3;-1", "not-a-number", "line 6"),
        ("W-7;9;-1;42", "W-7;9;-1;4x", "not-a-number", "line 6"),
        ("W-7;9;-1;42", "W-7;9;-1;65535", "not-a-number", "line 6"),
        ('W-7;9;-1;42;"a; b"', "W-7;9", "table-broken", "line 6"),
        ("W-7;9", "W-8;9", "declared-missing", "column Wafer"),
        ("W-7;9", "W-7;99999999", "too-many-positions", "the table"),
        ("Lot;L-3\n", "", "declared-missing", "the file"),
        ("X;Y;Bin", "X;Y;Code", "declared-missing", "the file"),
    ],
)
def test_a_table_that_is_broken_is_refused_with_its_line(old: str, new: str, code: str, place: str) -> None:
    with pytest.raises(MapRefused) as caught:
        read(edited(TABLE, old, new), TABLE_SAYS)
    assert (caught.value.code, caught.value.place) == (code, place)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("good: [1, 7]", ""),
        ("form: table", "form: list"),
        ("x: X\n", ""),
        ("axis: UpRight", "axis: Sideways"),
        ("good: [1, 7]", "good: [1, 7]\ncolour: red"),
        ("good: [1, 7]", "good: &a [1, 7]\nempty: *a"),
        ("good: [1, 7]", "good: [1, 7"),
        ("good: [1, 7]", "good: " + "[" * 3000),
        ("good: [1, 7]", "columns: 4\ngood: [1]"),
        ("delimiter: ;", "delimiter: ;;"),
        ("{column: Wafer}", "{column: Wafer, line: Lot}"),
        ("good: [1, 7]", "good: [1]\nfirst: 2"),
    ],
)
def test_a_wrong_declaration_is_refused_by_its_own_name(old: str, new: str) -> None:
    with pytest.raises(MapRefused) as caught:
        read(TABLE, edited(TABLE_SAYS, old, new))
    assert (caught.value.code, caught.value.place) == ("declaration", "declaration.yaml")


def test_text_without_a_declaration_is_refused() -> None:
    with pytest.raises(MapRefused) as caught:
        read_any(TABLE.encode())
    assert caught.value.code == "format-unknown"


CSV_SAYS = """
form: table
substrate: {column: substrate}
x: x
y: y
bin: bin
codes: hexadecimal
origin: UpperLeft
axis: DownRight
first: 0
columns: 5
rows: 4
good: ["0001"]
"""


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([N, 1, 2, 0xABC]), min_size=20, max_size=20).filter(lambda codes: set(codes) != {N}))
def test_csv_as_it_is_written_is_read_again(codes: list[int]) -> None:
    drawn = np.array(codes, np.uint16).reshape(4, 5)
    good = BinDefinition(1, quality="Pass")
    overlay = BinCodes(name="Sort", bin_type=BinType.INTEGER2, null_bin=N, codes=drawn, definitions=(good,))
    layout = Layout("Dies", 5, 4)
    written = write_csv(MapFile((layout,), (SubstrateMap('W"7, a', "Wafer", "Dies", 4, 5, overlays=(overlay,)),)))
    again = read(written.decode(), CSV_SAYS)
    assert (again.substrates[0].id, bins(again).codes.tolist()) == ('W"7, a', drawn.tolist())


def test_convert_writes_csv_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    source, says, target = tmp_path / "w.txt", tmp_path / "d.yaml", tmp_path / "w.csv"
    source.write_text(TABLE)
    says.write_text(TABLE_SAYS)
    convert = ["map", "convert", str(source), str(target), "--declaration", str(says), "--json"]
    told = CliRunner().invoke(app, [*convert, "--format", "csv"])
    assert (told.exit_code, yaml.safe_load(told.stdout)["left_out"]) == (0, [])
    assert target.read_text().splitlines() == [
        "substrate,lot,map,x,y,bin,quality",
        "W-7,L-3,Bins,0,0,002A,Fail", "W-7,L-3,Bins,1,0,0001,Pass", "W-7,L-3,Bins,3,0,0007,Pass",
        "W-7,L-3,Bins,1,1,0001,Pass", "W-7,L-3,Bins,2,1,0001,Pass",
    ]  # fmt: skip
    assert CliRunner().invoke(app, convert).exit_code == 0
    assert bins(read_any(target.read_bytes())).codes.tolist() == TABLE_FRAME
    assert CliRunner().invoke(app, [*convert, "--format", "csv", "--as-it-came"]).exit_code == 2
    source.write_text(STRIP)
    told = CliRunner().invoke(app, ["map", "convert", str(source), str(target), "--format", "csv", "--json"])
    assert yaml.safe_load(told.stdout)["left_out"] == [
        "2 device ids", "4 transfers", "1 reference devices", "1 descriptions of bins", "1 layouts with sizes",
        "1 layouts with a product", "1 substrates with a carrier, slot or supplier", "1 versions of maps",
    ]  # fmt: skip
    source.write_bytes(b"".join(wafer()))
    told = CliRunner().invoke(app, ["map", "convert", str(source), str(target), "--json"])
    assert yaml.safe_load(told.stdout)["left_out"] == ["tests, measurements, and parts that were tested again later"]
