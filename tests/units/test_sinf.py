"""SINF: a file and its frame typed by hand, its two widths, and broken files one edit away from their twin."""

import pytest

from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import BinCodes, BinDefinition, Layout, ReferenceDevice

WAFER = """DEVICE:D9
LOT:L-3
WAFER:W-7
FNLOC:180
ROWCT:3
COLCT:4
BCEQU:01 0B
REFPX:3
REFPY:0
DUTMS:mil
DIECT:8
XDIES:100
YDIES:60.5
RowData:__ 01 01 @@
RowData:2a 01 0B 01
RowData:__ __ __ 2A
"""
FRAME = [[0xFFFF, 1, 1, 0xFFFE], [42, 1, 11, 1], [0xFFFF, 0xFFFF, 0xFFFF, 42]]
DEFINITIONS = (
    BinDefinition(1, quality="Pass"),
    BinDefinition(11, quality="Pass"),
    BinDefinition(42, quality="Fail"),
    BinDefinition(0xFFFE, quality="Untested"),
)


def bins(text: str) -> BinCodes:
    overlay = read_any(text.encode()).substrates[0].overlays[0]
    assert isinstance(overlay, BinCodes)
    return overlay


def edited(old: str, new: str) -> str:
    assert WAFER.count(old) == 1, old
    return WAFER.replace(old, new)


def test_every_value_is_read_into_our_frame() -> None:
    mapfile = read_any(WAFER.encode())
    assert (mapfile.format, mapfile.discrepancies) == ("SINF", ())
    assert mapfile.layouts == (Layout("Dies", 4, 3, pitch_um=(2540.0, 1536.7), product="D9", top_level=True),)
    (wafer,) = mapfile.substrates
    assert (wafer.type, wafer.id, wafer.lot, wafer.rows, wafer.columns) == ("Wafer", "W-7", "L-3", 3, 4)
    read = bins(WAFER)
    assert (read.codes.tolist(), read.definitions, read.null_bin) == (FRAME, DEFINITIONS, 0xFFFF)
    assert read.references == (ReferenceDevice(x=3, y=0),)


@pytest.mark.parametrize(
    ("notch", "frame", "reference"),
    [
        ("0", [row[::-1] for row in FRAME[::-1]], (0, 2)),
        ("90", [[0xFFFF, 42, 0xFFFF], [0xFFFF, 1, 1], [0xFFFF, 11, 1], [42, 1, 0xFFFE]], (2, 3)),
        ("270", [[0xFFFE, 1, 42], [1, 11, 0xFFFF], [1, 1, 0xFFFF], [0xFFFF, 42, 0xFFFF]], (0, 0)),
    ],
)
def test_the_notch_is_turned_to_the_bottom(notch: str, frame: list[list[int]], reference: tuple[int, int]) -> None:
    read = bins(edited("FNLOC:180", f"FNLOC:{notch}"))
    assert (read.codes.tolist(), read.references) == (frame, (ReferenceDevice(*reference),))


def test_three_characters_are_decimal_and_the_good_bin_is_01_where_none_is_named() -> None:
    wide = WAFER.replace("__", "___").replace("@@", "@@@").replace(" 01", " 001").replace(" 0B", " 011")
    wide = wide.replace("2a", "042").replace("2A", "042").replace("BCEQU:01 0B", "BCEQU:001 011")
    assert (bins(wide).codes.tolist(), bins(wide).definitions) == (FRAME, DEFINITIONS)
    assert [d.code for d in bins(edited("BCEQU:01 0B", "BCEQU:")).definitions if d.good] == [1]
    assert [d.code for d in bins(edited("BCEQU:01 0B", "bcequ: 01,2A")).definitions if d.good] == [1, 42]


def test_the_text_may_come_in_other_encodings_and_line_ends() -> None:
    once = read_any(WAFER.encode())
    for data in (
        WAFER.replace("\n", "\r\n").encode(), WAFER.encode("utf-8-sig"), WAFER.encode("utf-16"),
        WAFER.encode("utf-16-be").join((b"\xfe\xff", b"")), ("\n\n" + WAFER).encode(),
    ):  # fmt: skip
        assert read_any(data) == once
    assert read_any(edited("LOT:L-3", "LOT:Größe").encode("latin-1")).substrates[0].lot == "Größe"


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("DIECT:8", "DIECT:9", "die-count", "line 11, DIECT"),
        ("FNLOC:180\n", "", "orientation-assumed", "the file"),
        ("COLCT:4\n", "", "dimension-missing", "the file"),
        ("ROWCT:3", "ROWCT:4", "row-count", "RowData"),
        ("__ __ __ 2A", "__ __ __", "row-length", "RowData"),
        ("DUTMS:mil", "DUTMS:ell", "unit-unknown", "line 10, DUTMS"),
        ("XDIES:100", "XDIES:unknown", "size-unread", "line 12, XDIES"),
        ("XDIES:100", "XDIES:1e9", "size-unread", "line 12, XDIES"),
        ("REFPX:3", "REFPX:4", "reference-outside", "Wafer W-7, overlay Bins"),
        ("LOT:L-3", "LOT:L-3\nlot:L-4", "header-duplicate", "line 3"),
        ("LOT:L-3", "LOT:L-3\nShotMap", "not-read", "line 3"),
        ("BCEQU:01 0B", "BCEQU:01 0B xyz", "good-bins", "line 7, BCEQU"),
    ],
)
def test_what_does_not_fit_is_read_and_told(old: str, new: str, code: str, place: str) -> None:
    found = read_any(edited(old, new).encode()).discrepancies[0]
    assert (found.code, found.place) == (code, place)


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("WAFER:W-7", "WAFER:", "substrate-id", "the file"),
        ("FNLOC:180", "FNLOC:45", "orientation", "line 4, FNLOC"),
        ("COLCT:4", "COLCT:1000000000", "too-many-positions", "the file"),
        ("ROWCT:3", "ROWCT:x", "not-a-number", "line 5, ROWCT"),
        ("2a 01 0B 01", "2a 01 zz 01", "not-a-number", "line 15"),
        ("2a 01 0B 01", "2a 001 0B 01", "not-a-number", "line 15"),
        ("RowData:2a", "RowData:" + "_" * 100_000, "too-large", "line 15"),
        ("RowData:2a", "\n" * 150_000, "too-large", "the file"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(old: str, new: str, code: str, place: str) -> None:
    with pytest.raises(MapRefused) as caught:
        read_any(edited(old, new).encode())
    assert (caught.value.code, caught.value.place) == (code, place)


@pytest.mark.parametrize("character", ["\0", "\1", "\x85", "\uffff"])
def test_a_name_has_no_character_that_nobody_prints(character: str) -> None:
    assert read_any(edited("W-7", f"W{character}7{character}").encode()).substrates[0].id == "W 7"
