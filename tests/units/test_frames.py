"""Maps in every frame: four orientations, five origins, four directions, from above and from below.

One substrate, three wide and two high, with six units that differ: A B C over D E F.
"""

from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mes.units.formats.describe import describe
from mes.units.formats.e142 import read_e142
from mes.units.formats.e142_write import write_e142
from mes.units.formats.findings import MapRefused
from mes.units.formats.frame import DEFAULT, TURNS, Axis, Frame, Origin, Side
from mes.units.formats.mapfile import BinCodes, DeviceIds, Layout, MapFile, SubstrateMap, TransferList
from tests.units.plain_map import Plain, plain_maps

PICTURES = {
    ("TopSide", "0"): ["ABC", "DEF"],
    ("TopSide", "90"): ["DA", "EB", "FC"],
    ("TopSide", "180"): ["FED", "CBA"],
    ("TopSide", "270"): ["CF", "BE", "AD"],
    ("BottomSide", "0"): ["CBA", "FED"],
    ("BottomSide", "90"): ["FC", "EB", "DA"],
    ("BottomSide", "180"): ["DEF", "ABC"],
    ("BottomSide", "270"): ["AD", "BE", "CF"],
}
"""How the substrate is drawn; a quarter turn clockwise takes the left column to the top row."""

Table: TypeAlias = dict[str, tuple[str, str, str, str]]

COUNTED: Table = {
    # of pictures three wide and two high    | of pictures two wide and three high
    # x from left to right, y from top down  | x from left to right, y from top down
    "LowerLeft UpRight":    ("0 1 2",    "1 0",   "0 1",   "2 1 0"),
    "LowerLeft DownRight":  ("0 1 2",    "-1 0",  "0 1",   "-2 -1 0"),
    "LowerLeft UpLeft":     ("0 -1 -2",  "1 0",   "0 -1",  "2 1 0"),
    "LowerLeft DownLeft":   ("0 -1 -2",  "-1 0",  "0 -1",  "-2 -1 0"),
    "LowerRight UpRight":   ("-2 -1 0",  "1 0",   "-1 0",  "2 1 0"),
    "LowerRight DownRight": ("-2 -1 0",  "-1 0",  "-1 0",  "-2 -1 0"),
    "LowerRight UpLeft":    ("2 1 0",    "1 0",   "1 0",   "2 1 0"),
    "LowerRight DownLeft":  ("2 1 0",    "-1 0",  "1 0",   "-2 -1 0"),
    "UpperLeft UpRight":    ("0 1 2",    "0 -1",  "0 1",   "0 -1 -2"),
    "UpperLeft DownRight":  ("0 1 2",    "0 1",   "0 1",   "0 1 2"),
    "UpperLeft UpLeft":     ("0 -1 -2",  "0 -1",  "0 -1",  "0 -1 -2"),
    "UpperLeft DownLeft":   ("0 -1 -2",  "0 1",   "0 -1",  "0 1 2"),
    "UpperRight UpRight":   ("-2 -1 0",  "0 -1",  "-1 0",  "0 -1 -2"),
    "UpperRight DownRight": ("-2 -1 0",  "0 1",   "-1 0",  "0 1 2"),
    "UpperRight UpLeft":    ("2 1 0",    "0 -1",  "1 0",   "0 -1 -2"),
    "UpperRight DownLeft":  ("2 1 0",    "0 1",   "1 0",   "0 1 2"),
    "Center UpRight":       ("-1 0 1",   "0 -1",  "-1 0",  "1 0 -1"),
    "Center DownRight":     ("-1 0 1",   "-1 0",  "-1 0",  "-1 0 1"),
    "Center UpLeft":        ("1 0 -1",   "0 -1",  "0 -1",  "1 0 -1"),
    "Center DownLeft":      ("1 0 -1",   "-1 0",  "0 -1",  "-1 0 1"),
}  # fmt: skip

OURS = {"A": (0, 0), "B": (1, 0), "C": (2, 0), "D": (0, 1), "E": (1, 1), "F": (2, 1)}


FROM_ONE: Table = {"UpperLeft DownRight": ("1 2 3", "1 2", "1 2", "1 2 3")}
"""The same of files that count from 1."""


def counted(side: str, orientation: str, counting: str, table: Table = COUNTED) -> dict[str, tuple[int, int]]:
    """The coordinates of each unit, as the tables have them."""
    wide_x, wide_y, high_x, high_y = table[counting]
    xs, ys = (wide_x, wide_y) if orientation in ("0", "180") else (high_x, high_y)
    rows = zip(ys.split(), PICTURES[side, orientation], strict=True)
    return {unit: (int(x), int(y)) for y, row in rows for x, unit in zip(xs.split(), row, strict=True)}


def fixture(side: str, orientation: str, counting: str, table: Table = COUNTED) -> str:
    """A strip whose units came from a wafer in the same file: each from where it is itself, and drawn alike."""
    origin, axis = counting.split()
    at = counted(side, orientation, counting, table)
    rows = "".join(f"<BinCode>{row}</BinCode>" for row in PICTURES[side, orientation])
    codes = "".join(f'<BinDefinition BinCode="{unit}" BinCount="1" BinQuality="Pass"/>' for unit in OURS)
    ids = "".join(f'<Id X="{x}" Y="{y}">{unit}</Id>' for unit, (x, y) in at.items())
    moves = "".join(f'<T FX="{x}" FY="{y}" TX="{x}" TY="{y}"/>' for x, y in at.values())
    framed = (
        f'LayoutSpecifier="L" SubstrateSide="{side}" Orientation="{orientation}"'
        f' OriginLocation="{origin}" AxisDirection="{axis}"'
    )
    return (
        '<MapData xmlns="urn:semi-org:xsd.E142-1.V1005.SubstrateMap">'
        '<Layouts><Layout LayoutId="L"><Dimension X="3" Y="2"/></Layout></Layouts><SubstrateMaps>'
        f'<SubstrateMap SubstrateType="Strip" SubstrateId="S" {framed}>'
        f'<Overlay MapName="bins">{marked(at, "B")}'
        f'<BinCodeMap BinType="ASCII"><BinDefinitions>{codes}</BinDefinitions>{rows}</BinCodeMap></Overlay>'
        f'<Overlay MapName="ids"><DeviceIdMap>{ids}</DeviceIdMap></Overlay><Overlay MapName="moves">'
        f'<TransferMap FromSubstrateType="Wafer" FromSubstrateId="W">{moves}</TransferMap></Overlay></SubstrateMap>'
        f'<SubstrateMap SubstrateType="Wafer" SubstrateId="W" {framed}><Overlay MapName="marks">{marked(at, "F")}'
        "</Overlay></SubstrateMap></SubstrateMaps></MapData>"
    )


def marked(at: dict[str, tuple[int, int]], unit: str) -> str:
    x, y = at[unit]
    device = f'<ReferenceDevice Name="{unit}"><Coordinates X="{x}" Y="{y}"/></ReferenceDevice>'
    return f"<ReferenceDevices>{device}</ReferenceDevices>"


def told(mapfile: MapFile) -> list[dict[str, tuple[int, int]]]:
    """What was read of the strip, unit by unit: by bins, ids, targets and sources."""
    bins, ids, moves = mapfile.substrates[0].overlays
    assert isinstance(bins, BinCodes)
    assert isinstance(ids, DeviceIds)
    assert isinstance(moves, TransferList)
    by_bin = {chr(bins.codes[y, x]): (x, y) for y in range(2) for x in range(3)}
    by_id = dict(zip(ids.texts, zip(ids.x.tolist(), ids.y.tolist(), strict=True), strict=True))
    fx, fy = moves.source_xy((2, 3))
    targets = zip(moves.tx.tolist(), moves.ty.tolist(), strict=True)
    sources = zip(fx.tolist(), fy.tolist(), strict=True)
    return [by_bin, by_id, *(dict(zip(ids.texts, places, strict=True)) for places in (targets, sources))]


def assert_is_the_strip(plain: Plain) -> None:
    units = {at: unit for unit, at in OURS.items()}
    assert (plain.bins, plain.ids, plain.references) == (units, units, {(1, 0): "B"})
    assert {plain.ids[to]: at for to, at in plain.sources.items()} == plain.counted, "each came from where it is"


@pytest.mark.parametrize(("side", "orientation"), PICTURES)
def test_every_frame_is_read_into_ours_and_written_as_it_came(side: str, orientation: str) -> None:
    for counting in COUNTED:
        file = fixture(side, orientation, counting)
        mapfile = read_e142(file.encode())
        assert mapfile.discrepancies == (), counting
        assert told(mapfile) == [OURS] * 4, counting
        assert [(device.x, device.y) for device in mapfile.substrates[0].overlays[0].references] == [(1, 0)]
        again = plain_maps(write_e142(mapfile))["S"]
        assert_is_the_strip(again)
        assert (again.rows, again.counted) == (PICTURES[side, orientation], counted(side, orientation, counting))
        assert read_e142(write_e142(mapfile)) == mapfile
        straight = plain_maps(write_e142(mapfile.in_frame(DEFAULT)))["S"]
        assert_is_the_strip(straight)
        assert (straight.declared, straight.rows) == ({}, ["ABC", "DEF"])


FRAMES = st.builds(
    Frame, st.sampled_from(Side), st.sampled_from(TURNS), st.sampled_from(Origin), st.sampled_from(Axis),
    st.sampled_from((0, 1)),
)  # fmt: skip
FROM_ZERO = FRAMES.map(lambda frame: replace(frame, first=0))
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 9))
PLACES = st.integers(-(10**8), 10**8)


@given(FRAMES, SHAPES, PLACES, PLACES)
def test_there_and_back_is_where_it_was(frame: Frame, shape: tuple[int, int], x: int, y: int) -> None:
    assert frame.to_ours(*frame.to_file(x, y, shape), shape) == (x, y)
    assert frame.to_file(*frame.to_ours(x, y, shape), shape) == (x, y)


@given(FRAMES, SHAPES)
def test_a_picture_and_its_coordinates_are_of_the_same_units(frame: Frame, shape: tuple[int, int]) -> None:
    ours = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
    picture = frame.picture(ours)
    assert picture.shape == frame.drawn(shape)
    assert frame.drawn(frame.drawn(shape)) == shape
    assert frame.ours(picture).tolist() == ours.tolist()
    by_picture = replace(frame, side=Side.TOP, orientation=0)
    down, across = np.indices(picture.shape, np.int32)
    x, y = frame.to_ours(*by_picture.to_file(across, down, picture.shape), shape)
    assert ours[y, x].tolist() == picture.tolist()


STRAIGHT = ("TopSide", "0", "UpperLeft DownRight")


def edited(text: str, *edits: tuple[str, str]) -> MapFile:
    """The file with texts exchanged."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return read_e142(text.encode())


@pytest.mark.parametrize(
    ("standard", "given_as", "read"),
    [
        ('OriginLocation="UpperLeft"', 'OriginLocation="UPPER_LEFT"', "UpperLeft"),
        ('OriginLocation="UpperLeft"', 'OriginLocation="toUpperLeft"', "UpperLeft"),
        ('OriginLocation="UpperLeft"', 'OriginLocation="Top Left"', "UpperLeft"),
        ('AxisDirection="DownRight"', 'AxisDirection="right-down"', "DownRight"),
        ('Orientation="0"', 'Orientation="360"', "0"),
        ('Orientation="0"', 'Orientation="-0.0 deg"', "0"),
        ('SubstrateSide="TopSide"', 'SubstrateSide="topside"', "TopSide"),
        ('SubstrateSide="TopSide"', 'SubstrateSide="Front"', "TopSide"),
    ],
)
def test_a_spelling_of_its_own_is_read_and_named(standard: str, given_as: str, read: str) -> None:
    mapfile = edited(fixture(*STRAIGHT), (standard, given_as))
    assert told(mapfile) == [OURS] * 4
    assert {finding.code for finding in mapfile.discrepancies} == {"frame-spelling"}
    assert mapfile.discrepancies[0].message.endswith(f"it was read as {read}.")


def test_a_quarter_turn_to_the_left_is_270_degrees() -> None:
    mapfile = edited(fixture("TopSide", "270", "Center UpRight"), ('Orientation="270"', 'Orientation="-90"'))
    assert told(mapfile) == [OURS] * 4


def test_coordinates_that_prove_to_count_from_1_are_shifted() -> None:
    mapfile = edited(fixture(*STRAIGHT, FROM_ONE))
    assert [(f.code, f.place) for f in mapfile.discrepancies] == [
        ("counts-from-one", "Strip S"),
        ("counts-from-one", "Wafer W"),
    ]
    assert told(mapfile) == [OURS] * 4
    assert str(mapfile.substrates[0].frame).endswith("counted from 1")
    again = write_e142(mapfile)
    assert b'<Id X="3" Y="2">F</Id>' in again, "as it came"
    assert read_e142(again) == mapfile
    assert_is_the_strip(plain_maps(write_e142(mapfile.in_frame(DEFAULT)))["S"])


def test_a_reference_device_on_nothing_that_would_be_on_a_unit_from_1_is_named() -> None:
    on_e = [('<Coordinates X="1" Y="0"/>', '<Coordinates X="1" Y="1"/>'), ('"ASCII"', '"ASCII" NullBin="."')]
    without_e = ("DEF", "D.F"), ('<BinDefinition BinCode="E" BinCount="1" BinQuality="Pass"/>', "")
    without_a = ("ABC", ".BC"), ('<BinDefinition BinCode="A" BinCount="1" BinQuality="Pass"/>', "")
    (finding,) = edited(fixture(*STRAIGHT), *on_e, *without_e).discrepancies
    assert (finding.code, finding.place) == ("reference-empty", "Strip S")
    assert edited(fixture(*STRAIGHT), *on_e, *without_e, *without_a).discrepancies == ()
    assert edited(fixture(*STRAIGHT), *on_e).discrepancies == ()


def test_a_single_coordinate_that_says_otherwise_leaves_all_counting_from_0() -> None:
    mapfile = edited(fixture(*STRAIGHT, FROM_ONE), ('Id X="1" Y="1"', 'Id X="0" Y="1"'))
    found = {(finding.code, finding.place) for finding in mapfile.discrepancies}
    assert {("id-outside", "Strip S, overlay ids"), ("target-outside", "Strip S, overlay moves")} <= found
    assert ("counts-from-one", "Strip S") not in found
    assert [one.frame.first for one in mapfile.substrates] == [0, 1]


def test_counting_from_1_is_not_written_where_nothing_would_prove_it() -> None:
    read = edited(fixture(*STRAIGHT, FROM_ONE))
    moves = replace(read.substrates[0].overlays[2], references=())
    bare = replace(read, substrates=(replace(read.substrates[0], overlays=(moves,)), read.substrates[1]))
    with pytest.raises(MapRefused) as refused:
        write_e142(bare)
    assert refused.value.code == "counts-from-one"
    assert write_e142(bare.in_frame(DEFAULT))


def test_what_is_outside_is_told_in_the_coordinates_of_the_file() -> None:
    text = fixture("BottomSide", "90", "UpperRight DownLeft")
    mapfile = edited(text, ('<Id X="0" Y="2">A', '<Id X="0" Y="7">A'))
    (finding,) = mapfile.discrepancies
    assert (finding.code, finding.message) == ("id-outside", "1 device ids are outside 3 x 2: X 0, Y 7.")


def test_the_size_of_a_turned_picture_without_layout_is_that_before_the_turn() -> None:
    strip = fixture("TopSide", "90", "LowerLeft UpRight").partition('<SubstrateMap SubstrateType="Wafer"')[0]
    mapfile = edited(strip + "</SubstrateMaps></MapData>", ('LayoutSpecifier="L"', ""))
    assert (mapfile.substrates[0].rows, mapfile.substrates[0].columns) == (2, 3)
    assert told(mapfile)[:3] == [OURS] * 3


def test_the_conversion_is_told_in_words() -> None:
    (strip, wafer) = describe(edited(fixture("BottomSide", "90", "Center DownLeft")))["substrates"]
    assert strip["conversion"] == (
        "picture seen from below and turned by 90 degrees; origin center, axis down and left"
    )
    assert strip["frame"] == {
        "side": "BottomSide", "orientation": 90, "origin": "Center", "axis": "DownLeft", "first": 0,
    }  # fmt: skip
    assert wafer["conversion"] == strip["conversion"]
    plain = SubstrateMap("W", "Wafer", "L", 2, 3)
    assert str(plain.frame) == "picture as it is; origin lower left, axis up and right"


@given(FROM_ZERO, FROM_ZERO, FROM_ZERO, SHAPES)
def test_sources_follow_the_frame_of_their_own_map(
    strip: Frame, wafer: Frame, other: Frame, shape: tuple[int, int]
) -> None:
    y, x = np.indices(shape, np.int32).reshape(2, -1)
    fx, fy = wafer.to_file(x[::-1], y[::-1], shape)
    moves = TransferList(name="m", from_substrate="W", from_type="Wafer", from_frame=wafer, fx=fx, fy=fy, tx=x, ty=y)
    grid = Layout("L", shape[1], shape[0])
    substrates = (
        SubstrateMap("S", "Strip", "L", *shape, overlays=(moves,), frame=strip),
        SubstrateMap("W", "Wafer", "L", *shape, frame=wafer),
    )
    mapfile = MapFile((grid,), substrates)
    assert read_e142(write_e142(mapfile)) == mapfile
    moved = read_e142(write_e142(mapfile.in_frame(other)))
    (read,) = moved.substrates[0].overlays
    assert isinstance(read, TransferList)
    assert (moved.substrates[0].frame, read.from_frame) == (other, other)
    assert [xy.tolist() for xy in read.source_xy(shape)] == [x[::-1].tolist(), y[::-1].tolist()]
    assert moved.in_frame(wafer).in_frame(other) == moved
