"""G85 XML: a file and its frame typed by hand, its spellings, and broken files one edit away from their twin."""

from time import process_time

import numpy as np
import pytest

from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from mes.units.formats.g85 import read_g85
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, Layout, ReferenceDevice

WAFER = """<?xml version="1.0" encoding="utf-8"?>
<Maps>
  <Map xmlns="http://www.semi.org" SubstrateType="Wafer" SubstrateId="W-7" FormatRevision="SEMI G85-0703">
    <Device ProductId="D9" LotId="L-3" SupplierName="Foundry" Rows="3" Columns="4" Orientation="0"
            OriginLocation="3" BinType="HexaDecimal" NullBin="FF" DeviceSizeX="900" DeviceSizeY="1400.5">
      <ReferenceDevice ReferenceDeviceX="1" ReferenceDeviceY="0"/>
      <Bin BinCode="01" BinCount="4" BinQuality="Pass" BinDescription="good"/>
      <Bin BinCode="2a" BinCount="3" BinQuality="Fail"/>
      <SupplierData ProductCode="x"/>
      <Data MapName="Sort" MapVersion="2">
        <Row><![CDATA[FF0101FF]]></Row>
        <Row><![CDATA[2A 01 2A 01]]></Row>
        <Row><![CDATA[FFFFFF2A]]></Row>
      </Data>
    </Device>
  </Map>
</Maps>
"""
FRAME = [[0xFF, 0x01, 0x01, 0xFF], [0x2A, 0x01, 0x2A, 0x01], [0xFF, 0xFF, 0xFF, 0x2A]]


def edited(old: str, new: str) -> bytes:
    assert WAFER.count(old) == 1, old
    return WAFER.replace(old, new).encode()


def bins(data: bytes) -> BinCodes:
    overlay = read_g85(data).substrates[0].overlays[0]
    assert isinstance(overlay, BinCodes)
    return overlay


def test_every_value_is_read_into_our_frame() -> None:
    mapfile = read_any(WAFER.encode())
    assert (mapfile.format, mapfile.discrepancies) == ("G85", ())
    assert mapfile.layouts == (Layout("Dies", 4, 3, device_size_um=(900.0, 1400.5), product="D9", top_level=True),)
    (wafer,) = mapfile.substrates
    assert (wafer.type, wafer.id, wafer.lot, wafer.supplier) == ("Wafer", "W-7", "L-3", "Foundry")
    assert (wafer.layout, wafer.rows, wafer.columns) == ("Dies", 3, 4)
    assert wafer.overlays == (
        BinCodes(
            name="Sort", version="2", bin_type=BinType.HEXADECIMAL, null_bin=0xFF,
            references=(ReferenceDevice(x=1, y=2),), codes=np.array(FRAME, np.uint16),
            definitions=(
                BinDefinition(0x01, 4, "Pass", "good"), BinDefinition(0x2A, 3, "Fail"),
            ),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "x", "y"),
    [("1", 2, 0), ("2", 1, 0), ("3", 1, 2), ("4", 2, 2), ("0", 3, 1)],
)
def test_references_count_from_the_corner_that_the_origin_names(origin: str, x: int, y: int) -> None:
    read = bins(edited('OriginLocation="3"', f'OriginLocation="{origin}"'))
    assert read.references == (ReferenceDevice(x=x, y=y),)
    assert read.codes.tolist() == FRAME


@pytest.mark.parametrize(
    ("orientation", "frame", "reference"),
    [
        ("90", [[0xFF, 0x01, 0x2A], [0x01, 0x2A, 0xFF], [0x01, 0x01, 0xFF], [0xFF, 0x2A, 0xFF]], (2, 2)),
        ("180", [row[::-1] for row in FRAME[::-1]], (2, 0)),
        ("270", [[0xFF, 0x2A, 0xFF], [0xFF, 0x01, 0x01], [0xFF, 0x2A, 0x01], [0x2A, 0x01, 0xFF]], (0, 1)),
    ],
)
def test_a_turned_picture_is_turned_back(orientation: str, frame: list[list[int]], reference: tuple[int, int]) -> None:
    """Orientation says where the notch is in the picture, clockwise from the bottom."""
    read = bins(edited('Orientation="0"', f'Orientation="{orientation}"'))
    assert read.codes.tolist() == frame
    assert read.references == (ReferenceDevice(*reference),)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SubstrateId", "WaferId"),
        ("LotId", "LotNo"),
        ('BinType="HexaDecimal"', 'bintype="hexadecimal"'),
        ("<Maps>\n  <Map ", "<Maps>\n  <Map xmlns:semi='http://www.semi.org' "),
        ("<![CDATA[FF0101FF]]>", "\n FF0101FF \n"),
        ("<Maps>", "<maps>"),
    ],
)
def test_older_and_newer_spellings_say_the_same(old: str, new: str) -> None:
    text = WAFER.replace("</Maps>", "</maps>") if new == "<maps>" else WAFER
    assert read_any(text.replace(old, new).encode()) == read_any(WAFER.encode())


def test_decimal_codes_stand_between_blanks_or_three_digits_each() -> None:
    text = WAFER.replace("HexaDecimal", "Decimal").replace('"FF"', '"255"').replace('"2a"', '"042"')
    for rows in (
        ("255 001 1 255", "042 001 042 001", "255 255 255 042"),
        ("255001001255", "042001042001", "255255255042"),
    ):
        data = text
        for old, new in zip(("FF0101FF", "2A 01 2A 01", "FFFFFF2A"), rows, strict=True):
            data = data.replace(old, new)
        assert bins(data.encode()).codes.tolist() == FRAME


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('BinCount="3"', 'BinCount="9"', "bin-count"),
        ('Orientation="0"', 'Orientation="360"', "frame-spelling"),
        ('Rows="3" ', "", "dimension-missing"),
        ("FFFFFF2A", "FFFF", "row-length"),
        ('ReferenceDeviceX="1"', 'ReferenceDeviceX="4"', "reference-outside"),
        ('<Bin BinCode="2a" BinCount="3" BinQuality="Fail"/>', "", "code-undefined"),
    ],
)
def test_what_does_not_fit_is_read_and_told(old: str, new: str, code: str) -> None:
    assert read_g85(edited(old, new)).discrepancies[0].code == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('SubstrateId="W-7"', "", "substrate-id"),
        ('Orientation="0"', 'Orientation="45"', "orientation"),
        ('OriginLocation="3"', 'OriginLocation="5"', "orientation"),
        ('BinType="HexaDecimal"', 'BinType="Octal"', "bin-type"),
        ('Columns="4"', 'Columns="1000000000"', "too-many-positions"),
        ('Columns="4"', 'Columns="0"', "dimension"),
        ('Rows="3"', 'Rows="three"', "not-a-number"),
        ("FF0101FF", "FF01G1FF", "not-a-number"),
        ('NullBin="FF"', 'NullBin="F"', "not-a-number"),
        ('DeviceSizeX="900"', 'DeviceSizeX="1e9"', "not-a-number"),
        ('Rows="3"', 'Rows="3" MapType="Array1"', "map-type"),
        ("</Maps>", "", "xml-broken"),
        ("<Maps>", "<!DOCTYPE Maps [<!ENTITY a 'b'>]><Maps>", "doctype"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(old: str, new: str, code: str) -> None:
    with pytest.raises(MapRefused) as caught:
        read_any(edited(old, new))
    assert caught.value.code == code


def test_a_map_without_device_or_rows_and_no_map_at_all_are_refused() -> None:
    device = WAFER[WAFER.index("<Device") : WAFER.index("</Device>") + len("</Device>")]
    data = WAFER[WAFER.index("<Data") : WAFER.index("</Data>") + len("</Data>")]
    for text in ("<Maps/>", WAFER.replace(device, ""), WAFER.replace(data, "")):
        with pytest.raises(MapRefused) as caught:
            read_any(text.encode())
        assert caught.value.code == "no-map"


def test_a_beginning_that_never_ends_takes_no_longer_to_tell_than_others() -> None:
    began = process_time()
    with pytest.raises(MapRefused) as caught:
        read_any(b"<!a" * 1365)
    assert caught.value.code == "xml-broken"
    assert process_time() - began < 1
