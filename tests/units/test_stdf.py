"""STDF V4: records put together by hand, in both byte orders; the last test of a position counts."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import BinCodes, BinDefinition, Layout, MapFile, ReferenceDevice

NULL = 0xFFFF
PASSED, FAILED = 0x00, 0x08


def record(order: str, kind: tuple[int, int], form: str, *values: object) -> bytes:
    """Fields as `struct` spells them; a `str` takes its length before it, as STDF has it."""
    body = b""
    for letter, value in zip(form, values, strict=True):
        if letter == "s":
            text = str(value).encode("latin-1")
            body += bytes([len(text)]) + text
        else:
            body += struct.pack(order + letter, value)
    return struct.pack(order + "HBB", len(body), *kind) + body


def part(order: str, x: int, y: int, hard: int, soft: int, flags: int = PASSED, head: int = 1) -> bytes:
    return record(order, (5, 20), "BBBHHHhhI", head, 1, flags, 9, hard, soft, x, y, 5)


def begin(order: str, wafer: str = "W-7", head: int = 1) -> bytes:
    return record(order, (2, 10), "BBIs", head, 255, 0, wafer)


def end(order: str, good: int = 0xFFFFFFFF, head: int = 1) -> bytes:
    return record(order, (2, 20), "BBIIIIII", head, 255, 0, 5, 0, 0, good, 0)


def setup(order: str, *, flat: bytes = b"D", right: bytes = b"R", up: bytes = b"U") -> bytes:
    return record(order, (2, 30), "fffBchhcc", 300.0, 1.5, 2.25, 3, flat, 0, 6, right, up)


def head(order: str) -> bytes:
    first = record(order, (0, 10), "BB", 2 if order == "<" else 1, 4)
    return first + record(order, (1, 10), "IIBcccHcss", 0, 0, 1, b"P", b" ", b" ", 65535, b" ", "L-3", "D9")


def bins(order: str) -> bytes:
    return (
        record(order, (1, 40), "BBHIcs", 255, 0, 1, 3, b"P", "good")
        + record(order, (1, 40), "BBHIcs", 1, 1, 1, 1, b"F", "of one head alone")
        + record(order, (1, 50), "BBHIcs", 255, 0, 300, 9, b"F", "open")
    )


def wafer(order: str = "<") -> list[bytes]:
    """Seven parts on six positions; x from -1 to 2, y from 5 to 6."""
    return [
        head(order), setup(order), begin(order),
        record(order, (5, 10), "BB", 1, 1), record(order, (15, 10), "IBBBB", 17, 1, 1, 0, 0),
        part(order, -1, 5, 1, 100), part(order, 0, 5, 4, 300, FAILED), part(order, 2, 5, 1, 100),
        part(order, 0, 6, 1, 100), part(order, 1, 6, 4, 300, FAILED), part(order, 1, 6, 1, 101),
        part(order, -32768, -32768, 1, 100), part(order, 2, 6, 4, 301, FAILED),
        end(order, good=4), bins(order), record(order, (1, 20), "I", 0),
    ]  # fmt: skip


HARD = [[NULL, 1, 1, 4], [1, 4, NULL, 1]]
SOFT = [[NULL, 100, 101, 301], [100, 300, NULL, 100]]


def overlays(mapfile: MapFile, of: int = 0) -> list[BinCodes]:
    return [overlay for overlay in mapfile.substrates[of].overlays if isinstance(overlay, BinCodes)]


@pytest.mark.parametrize("order", ["<", ">"])
def test_bins_are_read_into_our_frame_in_both_byte_orders(order: str) -> None:
    mapfile = read_any(b"".join(wafer(order)))
    assert (mapfile.format, [found.code for found in mapfile.discrepancies]) == ("STDF", ["part-without-place"])
    assert mapfile.layouts == (Layout("Dies", 4, 2, pitch_um=(2250.0, 1500.0), product="D9", top_level=True),)
    (one,) = mapfile.substrates
    assert (one.id, one.lot, one.rows, one.columns, one.good_devices) == ("W-7", "L-3", 2, 4, 4)
    hard, soft = overlays(mapfile)
    assert (hard.name, hard.codes.tolist(), soft.name, soft.codes.tolist()) == ("Hard bins", HARD, "Soft bins", SOFT)
    assert hard.definitions == (BinDefinition(1, None, "Pass", "good"), BinDefinition(4, None, "Fail"))
    assert [(d.code, d.quality, d.description) for d in soft.definitions] == [
        (100, "Pass", None), (101, "Pass", None), (300, "Fail", "open"), (301, "Fail", None)
    ]  # fmt: skip
    assert hard.references == soft.references == (ReferenceDevice(x=1, y=0, name="Center"),)


@pytest.mark.parametrize(
    ("right", "up", "expected"),
    [
        (b"R", b"U", HARD),
        (b"R", b"D", HARD[::-1]),
        (b"L", b"U", [row[::-1] for row in HARD]),
        (b"L", b"D", [row[::-1] for row in HARD[::-1]]),
    ],
)
def test_the_wafers_own_axes_turn_its_coordinates(right: bytes, up: bytes, expected: list[list[int]]) -> None:
    records = wafer()
    records[1] = setup("<", right=right, up=up)
    assert overlays(read_any(b"".join(records)))[0].codes.tolist() == expected


@pytest.mark.parametrize(
    ("flat", "expected"),
    [
        (b"U", [row[::-1] for row in HARD[::-1]]),
        (b"L", [[4, 1], [1, NULL], [1, 4], [NULL, 1]]),
        (b"R", [[1, NULL], [4, 1], [NULL, 1], [1, 4]]),
    ],
)
def test_the_flat_is_turned_to_the_bottom(flat: bytes, expected: list[list[int]]) -> None:
    records = wafer()
    records[1] = setup("<", flat=flat)
    assert overlays(read_any(b"".join(records)))[0].codes.tolist() == expected


def test_without_axes_they_are_assumed_and_told() -> None:
    records = wafer()
    del records[1]
    read = read_any(b"".join(records))
    assert overlays(read)[0].codes.tolist() == HARD
    assert read.discrepancies[0].code == "axis-assumed"


def test_a_second_visit_of_a_wafer_counts_last_and_two_heads_test_two_wafers() -> None:
    again = [begin("<", "W-8", head=2), begin("<"), part("<", 1, 5, 9, NULL, FAILED), part("<", 0, 0, 5, 5, head=2)]
    read = read_any(b"".join([*wafer()[:-1], *again, end("<"), end("<", head=2)]))
    assert [(s.id, s.good_devices) for s in read.substrates] == [("W-7", None), ("W-8", None)]
    assert overlays(read)[0].codes.tolist() == [[NULL, 1, 1, 4], [1, 4, 9, 1]]
    assert [overlay.codes.tolist() for overlay in overlays(read, 1)] == [[[5]], [[5]]]


def test_a_file_that_is_cut_off_is_read_up_to_there() -> None:
    data = b"".join(wafer())
    for cut in (data[:-1], data[:-7], data + b"\x00"):
        read = read_any(cut)
        assert overlays(read)[0].codes.tolist() == HARD
        assert "record-cut" in {found.code for found in read.discrepancies}


def test_parts_before_any_wafer_are_counted_and_left_out() -> None:
    records = wafer()
    records.insert(2, part("<", 7, 7, 1, 1))
    read = read_any(b"".join(records))
    assert overlays(read)[0].codes.tolist() == HARD
    assert "part-without-wafer" in {found.code for found in read.discrepancies}


def test_a_bin_of_parts_that_passed_and_failed_is_a_failure() -> None:
    records = wafer()
    records[5] = part("<", -1, 5, 4, 100)
    read = read_any(b"".join(records))
    assert {d.code: d.quality for d in overlays(read)[0].definitions} == {1: "Pass", 4: "Fail"}
    assert "quality-mixed" in {found.code for found in read.discrepancies}


@pytest.mark.parametrize(
    ("at", "new", "code"),
    [
        (0, record("<", (0, 10), "BB", 2, 3), "stdf-version"),
        (1, setup("<", flat=b"X"), "orientation"),
        (2, begin("<", ""), "substrate-id"),
        (2, b"", "no-map"),
        (5, part("<", -32767, -32767, 1, 1), "too-many-positions"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused(at: int, new: bytes, code: str) -> None:
    records = wafer()
    records[at] = new
    with pytest.raises(MapRefused) as caught:
        read_any(b"".join(records))
    assert caught.value.code == code


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(-40, 40), st.integers(-40, 40), st.integers(0, 0xFFFE), st.integers(0, 0xFFFE), st.booleans()
        ),
        min_size=1, max_size=40,
    ),
    st.sampled_from("<>"),
)  # fmt: skip
def test_what_parts_say_is_what_is_read(parts: list[tuple[int, int, int, int, bool]], order: str) -> None:
    tested = [part(order, x, y, hard, soft, FAILED if bad else PASSED) for x, y, hard, soft, bad in parts]
    read = read_any(b"".join([head(order), setup(order), begin(order), *tested]))
    last = {(x, y): (hard, soft) for x, y, hard, soft, _ in parts}
    left, top = min(x for x, _ in last), max(y for _, y in last)
    hard, soft = overlays(read)
    found = {(left + x, top - y): (hard.codes[y, x], soft.codes[y, x]) for y, x in np.argwhere(hard.codes != NULL)}
    assert found == last


@pytest.mark.parametrize("name", ["o\0pen", "o\1pen", "o\x9fpen\xa0\x1c"])
def test_a_name_has_no_character_that_nobody_prints(name: str) -> None:
    named = record("<", (1, 40), "BBHIcs", 255, 0, 1, 1, b"P", name)
    mapfile = read_any(head("<") + begin("<", name) + part("<", 0, 0, 1, 1) + named + end("<"))
    assert mapfile.substrates[0].id == "o pen"
    bins = mapfile.substrates[0].overlays[0]
    assert isinstance(bins, BinCodes)
    assert [d.description for d in bins.definitions] == ["o pen"]
