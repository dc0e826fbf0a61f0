"""Files that are not read at all: each is one edit away from a twin that is, and the refusal says what and where."""

import tracemalloc

import pytest

from mes.units.formats.e142 import read_e142
from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import MAX_FILE_POSITIONS, MAX_POSITIONS

WAFER = """<?xml version="1.0" encoding="UTF-8"?>
<MapData xmlns="urn:semi-org:xsd.E142-1.V1005.SubstrateMap">
  <Layouts>
    <Layout LayoutId="Die" DefaultUnits="micron">
      <Dimension X="4" Y="2"/>
      <StepSize X="5000" Y="4000"/>
    </Layout>
  </Layouts>
  <Substrates>
    <Substrate SubstrateType="Wafer" SubstrateId="W-1"><SlotNumber>7</SlotNumber></Substrate>
  </Substrates>
  <SubstrateMaps>
    <SubstrateMap SubstrateType="Wafer" SubstrateId="W-1" LayoutSpecifier="Die" OriginLocation="LowerLeft">
      <Overlay MapName="Sort">
        <BinCodeMap BinType="HexaDecimal" NullBin="FF">
          <BinDefinitions>
            <BinDefinition BinCode="01" BinCount="5" BinQuality="Pass"/>
            <BinDefinition BinCode="02" BinCount="1" BinQuality="Fail"/>
          </BinDefinitions>
          <BinCode>FF0101FF</BinCode>
          <BinCode>01020101</BinCode>
        </BinCodeMap>
      </Overlay>
      <Overlay MapName="Placed">
        <TransferMap FromSubstrateType="Wafer" FromSubstrateId="W-0"><T FX="1" FY="2" TX="3" TY="0"/></TransferMap>
      </Overlay>
    </SubstrateMap>
  </SubstrateMaps>
</MapData>
"""
XML = '<?xml version="1.0" encoding="UTF-8"?>'
MAP = '<SubstrateMap SubstrateType="Wafer" SubstrateId="W-1" LayoutSpecifier="Die" OriginLocation="LowerLeft">'
ENTITIES = '<!DOCTYPE MapData [<!ENTITY lol "lol"><!ENTITY more "&lol;&lol;&lol;">]>'
OUTSIDE = '<!DOCTYPE MapData SYSTEM "http://127.0.0.1:9/map.dtd">'
LOCAL = '<!DOCTYPE MapData [<!ENTITY stolen SYSTEM "file:///etc/hostname">]>'


def refusal(data: bytes) -> MapRefused:
    with pytest.raises(MapRefused) as caught:
        read_e142(data)
    return caught.value


def edited(old: str, new: str) -> bytes:
    assert WAFER.count(old) == 1, old
    return WAFER.replace(old, new).encode()


def test_the_twin_of_all_broken_files_is_read() -> None:
    read = {finding.code for finding in read_e142(WAFER.encode()).discrepancies}
    assert read == {"target-never"}, "one transfer of six good positions is all that it has"


@pytest.mark.parametrize(
    ("code", "old", "new", "says"),
    [
        ("doctype", XML, XML + ENTITIES, "DOCTYPE"),
        ("doctype", XML, XML + OUTSIDE, "DOCTYPE"),
        ("doctype", XML, XML + LOCAL, "DOCTYPE"),
        ("xml-broken", "<SlotNumber>7", "<SlotNumber>&unknown;", "unknown"),
        ("xml-broken", "</Layouts>", "</Layout>", "mismatch"),
        ("dimension", '<Dimension X="4" Y="2"/>', "", "no Dimension"),
        ("dimension", '<Dimension X="4" Y="2"/>', '<Dimension X="0" Y="2"/>', "0 x 2"),
        ("dimension", 'OriginLocation="LowerLeft"', 'Orientation="90"', "both 4 x 2"),
        ("too-many-positions", '<Dimension X="4" Y="2"/>', '<Dimension X="1000000000" Y="1000000000"/>', "4000000"),
        ("too-many-positions", '<Dimension X="4" Y="2"/>', '<Dimension X="4" Y="1000001"/>', "4 x 1000001"),
        ("not-a-number", '<Dimension X="4" Y="2"/>', '<Dimension X="four" Y="2"/>', "'four'"),
        ("not-a-number", '<Dimension X="4" Y="2"/>', '<Dimension X="4"/>', "Dimension Y"),
        ("not-a-number", '<Dimension X="4" Y="2"/>', f'<Dimension X="{"9" * 5000}" Y="2"/>', "Dimension X"),
        ("not-a-number", '<StepSize X="5000"', '<StepSize X="NaN"', "'NaN'"),
        ("not-a-number", '<StepSize X="5000"', '<StepSize X="1e9"', "no substrate is that large"),
        ("not-a-number", "<SlotNumber>7", "<SlotNumber>seven", "'seven'"),
        ("not-a-number", 'BinCount="5"', 'BinCount="5.5"', "'5.5'"),
        ("not-a-number", 'BinCode="02"', 'BinCode="2"', "two hexadecimal digits"),
        ("not-a-number", 'NullBin="FF"', 'NullBin="-1"', "two hexadecimal digits"),
        ("not-a-number", "<BinCode>01020101", "<BinCode>01G20101", "'G2'"),
        ("not-a-number", "<BinCode>01020101", "<BinCode>01\u0661\u066220101", "no HexaDecimal"),
        ("not-a-number", 'TX="3"', 'TX="3.0"', "'3.0'"),
        ("not-a-number", 'TX="3"', 'TX="4000000000"', "no substrate is that large"),
        ("not-a-number", 'TX="3" ', "", "TX is ''"),
        ("bin-type", 'BinType="HexaDecimal"', 'BinType="Octal"', "'Octal'"),
        ("bin-type", 'BinType="HexaDecimal" ', "", "not given"),
        ("map-type", 'BinType="HexaDecimal"', 'BinType="HexaDecimal" MapType="Coordinate"', "Coordinate"),
        ("map-type", "<BinCode>FF0101FF", '<BinCode X="0" Y="1">FF', "whole rows"),
        ("orientation", 'OriginLocation="LowerLeft"', 'OriginLocation="North"', "one of LowerLeft, LowerRight,"),
        ("orientation", 'OriginLocation="LowerLeft"', 'OriginLocation="3"', "'3'"),
        ("orientation", 'OriginLocation="LowerLeft"', 'Orientation="45"', "one of 0, 90, 180, 270"),
        ("orientation", 'OriginLocation="LowerLeft"', 'Orientation="North"', "'North'"),
        ("orientation", 'OriginLocation="LowerLeft"', 'AxisDirection="Right"', "DownRight"),
        ("orientation", 'OriginLocation="LowerLeft"', 'SubstrateSide="1"', "BottomSide"),
        ("substrate-id", MAP, MAP.replace(' SubstrateId="W-1"', ""), "SubstrateId"),
        ("transfer-source", ' FromSubstrateId="W-0"', "", "FromSubstrateId"),
        ("layout-id", 'LayoutId="Die"', "", "LayoutId"),
        ("no-map", MAP, MAP.replace("<SubstrateMap", "<Unmapped"), "SubstrateMap"),
    ],
)
def test_one_edit_makes_it_unreadable(code: str, old: str, new: str, says: str) -> None:
    data = edited(old, new)
    if code == "no-map":
        data = data.replace(b"</SubstrateMap>", b"</Unmapped>")
    refused = refusal(data)
    assert refused.code == code
    assert says in refused.message
    assert refused.place in str(refused)
    assert "line" in refused.place or code in ("doctype", "no-map")


@pytest.mark.parametrize("part", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_refused_with_the_line_where_it_ends(part: float) -> None:
    cut = WAFER.encode()[: int(len(WAFER) * part)]
    refused = refusal(cut)
    assert refused.code == "xml-broken"
    assert refused.place.startswith("line ")


@pytest.mark.parametrize("data", [b"", b"\0\1\2", b"WAFER_MAP = {", "\ufeff".encode()])
def test_what_is_no_xml_is_refused(data: bytes) -> None:
    assert refusal(data).code == "xml-broken"


def test_another_root_is_refused_by_name() -> None:
    refused = refusal(WAFER.replace("MapData", "Transaction").encode())
    assert (refused.code, refused.place) == ("not-e142", "line 2, Transaction")


def test_an_unknown_namespace_is_only_a_warning() -> None:
    data = edited("urn:semi-org:xsd.E142-1.V1005.SubstrateMap", "http://example.org/maps")
    assert "namespace-unknown" in {finding.code for finding in read_e142(data).discrepancies}


def test_a_missing_code_without_null_bin_is_not_guessed() -> None:
    data = edited("<BinCode>FF0101FF", "<BinCode>010101").replace(b' NullBin="FF"', b"")
    assert refusal(data).code == "codes-missing"


def test_a_doctype_is_refused_in_every_encoding() -> None:
    text = WAFER.replace(XML, '<?xml version="1.0" encoding="UTF-16"?>' + ENTITIES)
    assert refusal(text.encode("utf-16")).code == "doctype"
    plain = WAFER.replace("UTF-8", "UTF-16").encode("utf-16")
    assert read_e142(plain) == read_e142(WAFER.encode())


def test_entities_cannot_swell() -> None:
    levels = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(12))
    bomb = f'<!DOCTYPE MapData [<!ENTITY e0 "boom">{levels}]>'
    inside_text = WAFER.replace(XML, XML + bomb).replace("<SlotNumber>7", "<SlotNumber>&e12;")
    inside_attribute = WAFER.replace(XML, XML + bomb).replace('MapName="Sort"', 'MapName="&e12;"')
    for text in (inside_text, inside_attribute):
        with peak_below(16 * 1024 * 1024):
            assert refusal(text.encode()).code in ("doctype", "xml-broken")


def test_nothing_is_allocated_for_a_dimension_over_the_bound() -> None:
    data = edited('<Dimension X="4" Y="2"/>', '<Dimension X="1000000000" Y="1"/>')
    with peak_below(1024 * 1024):
        assert refusal(data).code == "too-many-positions"


def test_nested_layouts_are_bounded_by_their_product() -> None:
    data = edited('<Dimension X="4" Y="2"/>', '<Dimension X="2000" Y="2000"/>')
    data = data.replace(b'LayoutSpecifier="Die"', b'LayoutSpecifier="Die/Die"')
    with peak_below(1024 * 1024):
        assert refusal(data).code == "too-many-positions"


def test_many_maps_that_are_each_allowed_are_bounded_together() -> None:
    empty = '<Overlay MapName="o"><BinCodeMap BinType="ASCII" NullBin="."/></Overlay>'
    many = MAX_FILE_POSITIONS // MAX_POSITIONS + 1
    data = edited('<Dimension X="4" Y="2"/>', '<Dimension X="2000" Y="2000"/>').decode()
    data = data.replace("    </SubstrateMap>", empty * many + "    </SubstrateMap>")
    with peak_below(3 * MAX_FILE_POSITIONS):
        assert refusal(data.encode()).code == "too-many-positions"


def test_a_file_over_the_size_bound_is_not_even_parsed() -> None:
    with pytest.raises(MapRefused) as caught:
        read_e142(WAFER.encode(), max_bytes=len(WAFER) - 1)
    assert caught.value.code == "too-large"
    assert read_e142(WAFER.encode(), max_bytes=len(WAFER.encode()))


class peak_below:  # noqa: N801  # reads as a sentence where it is used
    """Fails if Python and numpy allocate more than so many bytes at once inside."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *failed: object) -> None:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert failed[0] is not None or peak < self.most, f"{peak} bytes"
