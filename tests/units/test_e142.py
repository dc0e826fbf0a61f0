"""Substrate maps in E142: what is written is read back, files of the field are read, contradictions are named."""

from dataclasses import replace
from time import process_time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mes.units.formats.describe import describe
from mes.units.formats.e142 import read_e142
from mes.units.formats.e142_codes import fits
from mes.units.formats.e142_write import write_e142
from mes.units.formats.findings import MapRefused
from mes.units.formats.frame import TURNS, Axis, Frame, Origin, Side
from mes.units.formats.mapfile import (
    BinCodes,
    BinDefinition,
    BinType,
    DeviceIds,
    Layout,
    MapFile,
    Overlay,
    ReferenceDevice,
    SubstrateMap,
    TransferList,
)

STRIP = """<?xml version="1.0" encoding="utf-8"?>
<MapData xmlns="urn:semi-org:xsd.E142-1.V1005.SubstrateMap">
  <Layouts>
    <Layout LayoutId="Strip" DefaultUnits="mm" TopLevel="true">
      <Dimension X="1" Y="1"/>
      <ProductId>BGA-7</ProductId>
      <ChildLayouts><ChildLayout LayoutId="Chip"/></ChildLayouts>
    </Layout>
    <Layout LayoutId="Chip" DefaultUnits="mm">
      <Dimension X="3" Y="2"/>
      <DeviceSize X="7.5" Y="11.2"/>
      <StepSize X="8.55" Y=""/>
    </Layout>
  </Layouts>
  <Substrates>
    <Substrate SubstrateType="Strip" SubstrateId="S-1">
      <LotId>L-9</LotId>
      <CarrierId/>
      <SlotNumber>4</SlotNumber>
      <GoodDevices>4</GoodDevices>
    </Substrate>
  </Substrates>
  <SubstrateMaps>
    <SubstrateMap SubstrateType="Strip" SubstrateId="S-1" LayoutSpecifier="Strip/Chip">
      <Overlay MapName="Bins" MapVersion="2">
        <ReferenceDevices>
          <ReferenceDevice Name="first"><Coordinates X="0" Y="0"/><Position X="1.5" Y="2" Units="mm"/></ReferenceDevice>
        </ReferenceDevices>
        <BinCodeMap BinType="Integer2" NullBin="FFFF">
          <BinDefinitions>
            <BinDefinition BinCode="0001" BinCount="3" BinQuality="Pass" BinDescription="Good" Pick="true"/>
            <BinDefinition BinCode="00A2" BinCount="1" BinQuality="GOOD"/>
            <BinDefinition BinCode="000F" BinCount="1" BinQuality="Fail" Pick="false"/>
          </BinDefinitions>
          <BinCode>00010001FFFF</BinCode>
          <BinCode>00a2000F0001</BinCode>
        </BinCodeMap>
      </Overlay>
      <Overlay MapName="Ids">
        <DeviceIdMap><Id X="0" Y="1">upper left</Id><Id X="2" Y="0">lower right</Id></DeviceIdMap>
      </Overlay>
      <Overlay MapName="Placed">
        <TransferMap FromSubstrateType="Wafer" FromSubstrateId="W.05" FromLayoutSpecifier="">
          <T FX="14" FY="43" TX="0" TY="1"/>
          <T FX="15" FY="43" TX="1" TY="1"/>
          <T FX="16" FY="43" TX="0" TY="0"/>
          <T FX="17" FY="43" TX="2" TY="0"/>
        </TransferMap>
      </Overlay>
    </SubstrateMap>
  </SubstrateMaps>
</MapData>
"""


def edited(*edits: tuple[str, str]) -> bytes:
    """The strip with each first text exchanged for the second; each must stand there exactly once."""
    text = STRIP
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.encode()


def test_reads_everything_of_a_nested_strip_into_our_frame() -> None:
    mapfile = read_e142(STRIP.encode())
    strip, (bins, ids, placed) = mapfile.substrates[0], mapfile.substrates[0].overlays

    assert mapfile.discrepancies == ()
    assert (strip.id, strip.type, strip.rows, strip.columns) == ("S-1", "Strip", 2, 3)
    assert (strip.lot, strip.carrier, strip.slot, strip.good_devices) == ("L-9", None, 4, 4)
    assert mapfile.layout_path(strip.layout)[0].product == "BGA-7"
    assert mapfile.layout_path(strip.layout)[1].device_size_um == (7500.0, 11200.0)
    assert mapfile.layout_path(strip.layout)[1].pitch_um is None

    assert isinstance(bins, BinCodes)
    assert bins.codes.tolist() == [[0x1, 0x1, 0xFFFF], [0xA2, 0xF, 0x1]], "the first row is the top one"
    assert (bins.version, bins.null_bin, [d.pick for d in bins.definitions]) == ("2", 0xFFFF, [True, None, False])
    assert bins.references == (ReferenceDevice(0, 1, "first", (1500.0, 2000.0)),)

    assert isinstance(ids, DeviceIds)
    assert dict(zip(zip(ids.x.tolist(), ids.y.tolist(), strict=True), ids.texts, strict=True)) == {
        (0, 0): "upper left",
        (2, 1): "lower right",
    }
    assert isinstance(placed, TransferList)
    assert (placed.from_substrate, placed.from_type, placed.from_layout) == ("W.05", "Wafer", None)
    assert [placed.tx.tolist(), placed.ty.tolist()] == [[0, 1, 0, 2], [0, 0, 1, 1]]
    assert [placed.fx.tolist(), placed.fy.tolist()] == [[14, 15, 16, 17], [43, 43, 43, 43]]
    x, y = placed.source_xy((50, 60))
    assert (x[0], y[0]) == (14, 6)


def test_writing_what_was_read_and_reading_it_again_changes_nothing() -> None:
    once = read_e142(STRIP.encode())
    assert read_e142(write_e142(once)) == once
    assert write_e142(read_e142(write_e142(once))) == write_e142(once)


@pytest.mark.parametrize(
    ("bin_type", "null_bin", "rows"),
    [
        ("ASCII", ".", ["AB.", "..A"]),
        ("Ascii", " ", ["AB ", "  A"]),
        ("Decimal", "000", ["065 066 000", "000 000 065"]),
        ("DECIMAL", "0", ["065066000", " 0  0  65 "]),
        ("HexaDecimal", "00", ["414200", "000041"]),
        ("Integer2", "0000", ["004100420000", "0000 0000 0041"]),
        ("Integer2", "0000", ["\n\t<![CDATA[004100420000]]>\n", "<!-- a remark -->000000000041"]),
    ],
)
def test_every_bin_type_as_it_is_spelled_in_the_field(bin_type: str, null_bin: str, rows: list[str]) -> None:
    drawn = "".join(f"<BinCode>{row}</BinCode>" for row in rows)
    text = (
        '<MapData><Layouts><Layout LayoutId="D"><Dimension X="3" Y="2"/></Layout></Layouts><SubstrateMaps>'
        '<SubstrateMap SubstrateType="Tray" SubstrateId="T" LayoutSpecifier="D"><Overlay MapName="b">'
        f'<BinCodeMap BinType="{bin_type}" NullBin="{null_bin}">{drawn}</BinCodeMap>'
        "</Overlay></SubstrateMap></SubstrateMaps></MapData>"
    )
    mapfile = read_e142(text.encode())
    (bins,) = mapfile.substrates[0].overlays
    assert isinstance(bins, BinCodes)
    assert bins.null_bin is not None
    assert np.where(bins.codes == bins.null_bin, 0, bins.codes).tolist() == [[65, 66, 0], [0, 0, 65]]
    assert [finding.code for finding in mapfile.discrepancies] == ["code-undefined", "code-undefined"]


def test_names_in_any_case_and_no_namespace_read_the_same() -> None:
    strip = read_e142(STRIP.encode())
    lower = edited(
        (' xmlns="urn:semi-org:xsd.E142-1.V1005.SubstrateMap"', ""),
        ('<Layout LayoutId="Chip" DefaultUnits="mm">', '<Layout LAYOUTID="Chip" defaultunits="MM">'),
        ('<SubstrateMap SubstrateType="Strip"', '<SubstrateMap substratetype="STRIP" orientation="0"'),
        ('<Dimension X="3" Y="2"/>', '<dimension x="3" y="2"/>'),
        ('<T FX="14" FY="43" TX="0" TY="1"/>', '<t fx="14" fy="43" tx="0" ty="1"/>'),
        ('<Id X="0" Y="1">upper left</Id>', '<ID y="1" x="0">upper left</ID>'),
    )
    assert read_e142(lower) == strip


def test_a_file_without_layouts_takes_its_size_from_the_picture() -> None:
    start, end = STRIP.index("  <Layouts>"), STRIP.index("  <Substrates>")
    mapfile = read_e142((STRIP[:start] + STRIP[end:]).encode())
    assert (mapfile.substrates[0].rows, mapfile.substrates[0].columns) == (2, 3)
    assert [finding.code for finding in mapfile.discrepancies] == ["layout-missing"]


@pytest.mark.parametrize(
    ("expected", "edit", "says"),
    [
        ("bin-count", ('BinCode="0001" BinCount="3"', 'BinCode="0001" BinCount="5"'), "declares 5 positions"),
        ("code-undefined", ('<BinDefinition BinCode="000F" BinCount="1" BinQuality="Fail" Pick="false"/>', ""), "000F"),
        ("definition-duplicate", ('BinCode="00A2" BinCount="1"', 'BinCode="0001" BinCount="3"'), "0001"),
        ("row-length", ("<BinCode>00a2000F0001", "<BinCode>00a2000F"), "row 2 has 2 codes"),
        ("row-length", ("<BinCode>00a2000F0001", "<BinCode>00a2000F00010001"), "row 2 has 4 codes"),
        ("row-count", ("<BinCode>00010001FFFF</BinCode>", ""), "1 rows of codes, the layout has 2"),
        ("row-count", ("</BinDefinitions>", "</BinDefinitions><BinCode>FFFFFFFFFFFF</BinCode>"), "3 rows"),
        ("target-outside", ('FY="43" TX="2" TY="0"', 'FY="43" TX="3" TY="0"'), "TX 3, TY 0"),
        ("target-outside", ('FY="43" TX="2" TY="0"', 'FY="43" TX="2" TY="-1"'), "TX 2, TY -1"),
        ("target-twice", ('FX="15" FY="43" TX="1" TY="1"', 'FX="15" FY="43" TX="0" TY="1"'), "TX 0, TY 1"),
        ("target-never", ('<T FX="17" FY="43" TX="2" TY="0"/>', ""), "X 2, Y 0"),
        ("source-twice", ('FX="15" FY="43"', 'FX="14" FY="43"'), "FX 14, FY 43"),
        ("source-outside", ('FX="15" FY="43"', 'FX="-1" FY="43"'), "FX -1, FY 43"),
        ("source-outside", ('FromLayoutSpecifier=""', 'FromLayoutSpecifier="Chip"'), "FX 14, FY 43"),
        ("id-outside", ('<Id X="2" Y="0">', '<Id X="2" Y="2">'), "X 2, Y 2"),
        ("id-duplicate", ('<Id X="2" Y="0">', '<Id X="0" Y="1">'), "X 0, Y 1"),
        ("good-devices", ("<GoodDevices>4", "<GoodDevices>3"), "declares 3, the bins say 4"),
        ("reference-outside", ('<Coordinates X="0" Y="0"/>', '<Coordinates X="1" Y="2"/>'), "X 1, Y 2"),
        ("namespace-unknown", ("urn:semi-org:xsd.E142-1.V1005.SubstrateMap", "urn:acme:maps"), "urn:acme:maps"),
        ("type-unknown", ('Map SubstrateType="Strip"', 'Map SubstrateType="JEDEC TRAY"'), "JEDEC TRAY"),
        ("substrate-unlisted", ('SubstrateId="S-1">', 'SubstrateId="S-2">'), "S-1 is not listed"),
        ("unit-unknown", ('<DeviceSize X="7.5" Y="11.2"/>', '<DeviceSize X="7.5" Y="11.2" Units="ell"/>'), "ell"),
        ("not-read", ("<SlotNumber>4</SlotNumber>", "<SlotNumber>4</SlotNumber><Status>Processed</Status>"), "Status"),
        ("not-read", ('MapName="Ids"', 'MapName="Ids" Tester="T5"'), "Tester"),
    ],
)  # fmt: skip
def test_a_contradiction_is_read_and_named(expected: str, edit: tuple[str, str], says: str) -> None:
    named = {finding.code: finding for finding in read_e142(edited(edit)).discrepancies}
    assert expected in named
    assert says in named[expected].message
    assert named[expected].place


def test_a_short_row_is_filled_with_the_null_bin_and_a_long_one_cut() -> None:
    short = read_e142(edited(("00a2000F0001", "00a2000"))).substrates[0].overlays[0]
    assert isinstance(short, BinCodes)
    assert short.codes.tolist() == [[1, 1, 0xFFFF], [0xA2, 0xFFFF, 0xFFFF]]
    long = read_e142(edited(("00a2000F0001", "00a2000F00010001"))).substrates[0].overlays[0]
    assert isinstance(long, BinCodes)
    assert long.codes.tolist() == [[1, 1, 0xFFFF], [0xA2, 0xF, 1]]


def test_many_contradictions_are_shown_by_example() -> None:
    ids = "".join(f'<Id X="{x}" Y="9">i</Id>' for x in range(50))
    (finding,) = read_e142(edited(("</DeviceIdMap>", ids + "</DeviceIdMap>"))).discrepancies
    assert finding.message.startswith("50 device ids are outside 3 x 2: X 0, Y 9; X 1, Y 9;")
    assert len(finding.message) < 200


def test_description_is_plain_and_complete() -> None:
    found = describe(read_e142(edited(("<GoodDevices>4", "<GoodDevices>3"))))
    (strip,) = found["substrates"]
    assert (found["format"], strip["id"], strip["type"], strip["rows"], strip["columns"]) == (
        "E142",
        "S-1",
        "Strip",
        2,
        3,
    )
    assert [(row["code"], row["count"], row["quality"]) for row in strip["bins"]] == [
        ("0001", 3, "Pass"),
        ("000F", 1, "Fail"),
        ("00A2", 1, "GOOD"),
        ("FFFF", 1, "null"),
    ]
    assert strip["transfers"][0]["count"] == 4
    assert strip["transfers"][0]["ty"] == [0, 0, 1, 1]
    assert strip["device_ids"][0]["ids"] == ["upper left", "lower right"]
    assert [warning["code"] for warning in found["warnings"]] == ["good-devices"]


NAMES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x2FFF, exclude_categories=("Z", "C")), min_size=1)
FRAMES = st.builds(Frame, st.sampled_from(Side), st.sampled_from(TURNS), st.sampled_from(Origin), st.sampled_from(Axis))
SIZES = st.none() | st.tuples(*[st.floats(-1e6, 1e6).map(lambda um: round(um, 3))] * 2)


@st.composite
def bin_maps(draw: st.DrawFn, rows: int, columns: int) -> BinCodes:
    kind = draw(st.sampled_from(BinType))
    code = st.integers(0, 0xFFFF).filter(lambda value: fits(value, kind))
    defined = draw(st.lists(code, min_size=1, max_size=5, unique=True))
    null_bin = draw(st.none() | code)
    placed = st.sampled_from(defined if null_bin is None else [*defined, null_bin])
    flat = draw(st.lists(placed, min_size=rows * columns, max_size=rows * columns))
    codes = np.array(flat, np.uint16).reshape(rows, columns)
    text, pick = st.none() | NAMES, st.none() | st.booleans()
    return BinCodes(
        name=draw(NAMES),
        version=draw(text),
        references=tuple(
            ReferenceDevice(x, y, draw(text), draw(SIZES))
            for x, y in draw(st.lists(st.tuples(st.integers(0, columns - 1), st.integers(0, rows - 1)), max_size=2))
        ),
        bin_type=kind,
        null_bin=null_bin,
        codes=codes,
        definitions=tuple(
            BinDefinition(value, int((codes == value).sum()), draw(text), draw(text), draw(pick)) for value in defined
        ),
    )


@st.composite
def position_lists(draw: st.DrawFn, rows: int, columns: int) -> Overlay:
    positions = draw(
        st.lists(st.tuples(st.integers(0, columns - 1), st.integers(0, rows - 1)), max_size=20, unique=True)
    )
    x, y = np.array(positions, np.int32).reshape(-1, 2).T
    if draw(st.booleans()):
        return DeviceIds(name=draw(NAMES), x=x, y=y, texts=tuple(draw(NAMES) for _ in positions))
    fx, fy = np.array(draw(st.permutations(range(len(positions)))), np.int32), np.full(len(positions), 7, np.int32)
    return TransferList(name=draw(NAMES), from_substrate=draw(NAMES), fx=fx, fy=fy, tx=x, ty=y)


@st.composite
def map_files(draw: st.DrawFn) -> MapFile:
    rows, columns, blocks = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    panel = Layout("Panel", blocks, 1, product=draw(st.none() | NAMES), children=("Device",), top_level=True)
    device = Layout("Device", columns, rows, draw(SIZES), draw(SIZES), draw(SIZES), z_order=2, z_height_um=775.5)
    substrates = tuple(
        SubstrateMap(
            id=f"{name} {i}",
            type=draw(st.sampled_from(["Wafer", "Strip", "Panel"])),
            layout="Panel/Device",
            rows=rows,
            columns=columns * blocks,
            lot=draw(st.none() | NAMES),
            slot=draw(st.none() | st.integers(0, 25)),
            frame=draw(FRAMES),
            overlays=(
                draw(bin_maps(rows, columns * blocks)),
                *draw(st.lists(position_lists(rows, columns * blocks), max_size=2)),
            ),
        )
        for i, name in enumerate(draw(st.lists(NAMES, min_size=1, max_size=2)))
    )
    return MapFile((panel, device), substrates)


@settings(deadline=None)
@given(map_files())
def test_what_is_written_is_read_back(mapfile: MapFile) -> None:
    assert replace(read_e142(write_e142(mapfile)), discrepancies=()) == mapfile


def test_equality_sees_a_single_code() -> None:
    one, other = read_e142(STRIP.encode()), read_e142(STRIP.encode())
    assert one == other
    bins = other.substrates[0].overlays[0]
    assert isinstance(bins, BinCodes)
    bins.codes[0, 0] ^= 1
    assert one != other


def test_sixty_thousand_positions_take_well_under_a_second() -> None:
    codes = np.random.Generator(np.random.Philox(1)).integers(0, 4, (240, 250)).astype(np.uint16)
    bins = BinCodes(
        name="b",
        bin_type=BinType.INTEGER2,
        null_bin=0,
        codes=codes,
        definitions=tuple(BinDefinition(code, int((codes == code).sum())) for code in (1, 2, 3)),
    )
    wafer = SubstrateMap("W", "Wafer", "Die", 240, 250, overlays=(bins,))
    mapfile = MapFile((Layout("Die", 250, 240),), (wafer,))
    start = process_time()
    assert read_e142(write_e142(mapfile)) == mapfile
    assert process_time() - start < 0.4


def test_strict_writing_refuses_what_reading_would_warn_of() -> None:
    once = read_e142(STRIP.encode())
    strip = once.substrates[0]
    bins = strip.overlays[0]
    assert isinstance(bins, BinCodes)

    def refused(*overlays: Overlay, **changes: object) -> str:
        with pytest.raises(MapRefused) as caught:
            write_e142(replace(once, substrates=(replace(strip, overlays=overlays, **changes),)))  # type: ignore[arg-type]  # wrong on purpose
        return caught.value.code

    assert refused(replace(bins, definitions=bins.definitions[1:])) == "code-undefined"
    assert refused(replace(bins, bin_type=BinType.HEXADECIMAL)) == "code-too-wide"
    assert refused(replace(bins, name="")) == "text"
    assert refused(bins, lot="a\x07b") == "text"
    assert refused(bins, lot=" L") == "text"
    assert refused(bins, type="Boat") == "type-unknown"
    assert refused(bins, rows=3) == "dimension"
    assert refused(bins, layout="Strip") == "dimension"
    assert refused(bins, good_devices=5) == "good-devices"


def test_facts_that_happened_are_written_even_if_they_look_wrong() -> None:
    double = read_e142(edited(('FX="15" FY="43" TX="1" TY="1"', 'FX="14" FY="43" TX="0" TY="1"')))
    assert {finding.code for finding in double.discrepancies} == {"target-twice", "target-never", "source-twice"}
    assert read_e142(write_e142(double)) == double
