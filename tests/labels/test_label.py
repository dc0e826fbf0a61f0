"""Labels are read back from what is printed: the PDF as a picture, the ZPL as the dots that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mes.db import Database
from mes.errors import Malformed, NotFound
from mes.labels.formats import Format, write
from mes.labels.label import MOST_LABELS, Label, Size, drawn, labels_of
from mes.lots.carriers.carry import register_carrier
from tests.shop import Floor, build_floor
from tests.stockroom import deliver, furnish
from tests.web.conftest import people, serving

EVIL = ["^XZ^XA^FDx^FS", "~JA", "_5E_", "a\\&b", "(x)", "\\", "%PDF", "é–…", "한빛/로트-1", "W" * 129, "\u202e"]
SIZES = [Size(), Size(20, 20, 300), Size(60, 40, 600), Size(30, 60, 203)]
PIXELS_PER_POINT = 4
Picture = NDArray[np.uint8]


def read(picture: Picture) -> list[str]:
    """The codes on a picture, black on white."""
    return [one.text for one in zxingcpp.read_barcodes(np.ascontiguousarray(picture))]


def pages(pdf: bytes) -> Iterator[tuple[Picture, str, tuple[float, float]]]:
    """Of each page a picture, its text, and its width and height in mm."""
    with pypdfium2.PdfDocument(pdf) as document:
        for page in document:
            picture = page.render(scale=PIXELS_PER_POINT, grayscale=True).to_numpy()
            size = tuple(round(points * 25.4 / 72, 3) for points in page.get_size())
            yield picture, page.get_textpage().get_text_bounded(), size


def printed(zpl: bytes) -> Iterator[tuple[Picture, list[str]]]:
    """Of each label what a printer makes of it: its picture, and its lines of text. Fails on any other command."""
    for label in re.findall(r"\^XA(.*?)\^XZ\n", zpl.decode("ascii"), re.S):
        head, *fields = re.split(r"\^FS\n?", label)
        told = re.fullmatch(r"\^CI28\^PW(\d+)\^LL(\d+)\^LH0,0\n(.*)", head, re.S)
        assert told, head
        page = np.full((int(told[2]), int(told[1])), 255, np.uint8)
        placed = re.fullmatch(r"\^FO(\d+),(\d+)\^GFA,(\d+),\3,(\d+),([0-9A-F:]+)", told[3])
        assert placed, told[3]
        x, y, size, wide = (int(placed[n]) for n in (1, 2, 3, 4))
        dots = np.unpackbits(_rows(placed[5], wide).reshape(size // wide, wide), axis=1)
        rows, columns = min(dots.shape[0], page.shape[0] - y), min(dots.shape[1], page.shape[1] - x)
        assert not dots[rows:].any() and not dots[:, columns:].any(), "it prints beyond the label"
        page[y : y + rows, x : x + columns] = 255 * (1 - dots[:rows, :columns])
        yield page, [_line(field) for field in fields if field]


def _rows(written: str, wide: int) -> Picture:
    """The bytes of a picture, row by row; a colon repeats the row before it."""
    rows: list[bytes] = []
    for digits, colons in re.findall(rf"([0-9A-F]{{{2 * wide}}})(:*)", written):
        rows += [bytes.fromhex(digits)] * (1 + len(colons))
    return np.frombuffer(b"".join(rows), np.uint8)


def _line(field: str) -> str:
    """The text of a field, its bytes written out as ^FH_ says."""
    told = re.fullmatch(r"\^FO\d+,\d+\^A0N,\d+,\d+\^FH_\^FD([^^~]*)", field)
    assert told, field
    written = re.sub(r"_([0-9A-F]{2})", lambda byte: chr(int(byte[1], 16)), told[1])
    return written.encode("latin-1").decode()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_what_is_printed_is_read_back(size: Size) -> None:
    labels = [Label(code, code, ("lot", "Kern", "hanbit")) for code in ("L-104", *EVIL)]
    pdf = list(pages(write(labels, size, Format.PDF)))
    assert [read(picture) for picture, *_ in pdf] == [[label.code] for label in labels]
    assert {measured for *_, measured in pdf} == {(size.width_mm, size.height_mm)}
    zpl = list(printed(write(labels, size, Format.ZPL)))
    assert [read(picture) for picture, _ in zpl] == [[label.code] for label in labels]
    assert {picture.shape for picture, _ in zpl} == {
        (round(size.height_mm * size.dpi / 25.4), round(size.width_mm * size.dpi / 25.4))
    }


def test_text_stands_beside_the_code_and_nothing_in_it_commands_the_printer() -> None:
    labels = [Label(code, code, ("lot", "Kern", "hanbit")) for code in EVIL]
    for label, (_, lines) in zip(labels, printed(write(labels, Size(), Format.ZPL)), strict=True):
        assert "".join(lines[:-3]) == label.name
        assert lines[-3:] == ["lot", "Kern", "hanbit"]
    for label, (_, text, _) in zip(labels, pages(write(labels, Size(), Format.PDF)), strict=True):
        name = label.name.replace("\u202e", "?")
        assert text.replace("\r\n", "").replace("\ufffe", "-") == f"{name}lotKernhanbit"


def test_the_largest_labels_for_the_finest_printer_are_no_gigabytes() -> None:
    labels = [Label(code, code, ()) for code in ("A", "W" * 200)]
    zpl = write(labels, Size(200, 200, 1200), Format.ZPL)
    assert len(zpl) < 200_000
    assert [picture.shape for picture, _ in printed(zpl)] == [(9449, 9449)] * 2


@settings(max_examples=60, deadline=None)
@given(
    code=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=129),
    width_mm=st.floats(10, 200), height_mm=st.floats(5, 200), dpi=st.sampled_from([150, 203, 300, 600, 1200]),
)  # fmt: skip
def test_any_label_fits_or_is_refused(code: str, width_mm: float, height_mm: float, dpi: int) -> None:
    size = Size(width_mm, height_mm, dpi)
    try:
        laid_out = drawn(Label(code, code, ("lot", code)), size)
    except Malformed:
        return
    for one in laid_out.text:
        wide = sum(1.0 if east_asian_width(letter) in "WF" else 0.6 for letter in one.text)
        assert one.x_mm + wide * one.height_mm <= width_mm + 1e-6
    assert all(one.y_mm + one.height_mm <= height_mm for one in laid_out.text)
    assert laid_out.x_mm + laid_out.modules.shape[1] * laid_out.module_mm <= width_mm
    assert laid_out.module_mm >= 0.25


@pytest.fixture(scope="module")
def shop(module_database: Database) -> Floor:
    """Both customers have a lot called D, and there is a container of that name."""
    floor = build_floor(module_database)
    furnish(floor)
    for customer in ("alpha", "beta"):
        floor.arrive("D", "die", f"{customer}.D", customer=customer)
    for number in range(1, MOST_LABELS + 2):
        floor.do(register_carrier, f"F{number}", "foup", 25, None)
    deliver(floor, "L8", "tape", {"D": 500})
    deliver(floor, "L9", "tape", {"T1": 500}, lasts_h=3006, customer="alpha")
    return floor


def test_a_label_is_of_one_thing(shop: Floor) -> None:
    with shop.database.reading() as session:
        assert labels_of(session, ["F1", "beta/d"]) == [
            Label("F1", "F1", ("carrier", "foup")), Label("beta/D", "D", ("lot", "Die", "beta")),
        ]  # fmt: skip
        assert labels_of(session, ["D"], "container") == [Label("D", "D", ("container", "Tape L8"))]
        ends = "use by 2026-07-04 06:00"
        assert labels_of(session, ["T1", "L9", "L8"]) == [
            Label("alpha/T1", "T1", ("container", "Tape L9", "alpha", ends)),
            Label("alpha/L9", "L9", ("material lot", "Tape", "alpha", ends)),
            Label("L8", "L8", ("material lot", "Tape")),
        ]  # fmt: skip
        with pytest.raises(Malformed, match=r"names lot alpha/D, lot beta/D; say which"):
            labels_of(session, ["D"], "lot")
        for codes in (["D9"], ["CELL-1", "J-0000001"], ["die/10"]):
            with pytest.raises(NotFound, match="Nothing that has a label is called"):
                labels_of(session, codes)
        with pytest.raises(Malformed, match="1 to 100 labels"):
            labels_of(session, [f"F{number}" for number in range(1, MOST_LABELS + 2)])


def test_labels_are_asked_for_over_http(shop: Floor) -> None:
    with shop.database.transaction() as session:
        people(session)
    codes = [f"F{number}" for number in range(1, MOST_LABELS + 1)]
    with serving(shop.database) as site, site.client("operator") as client:
        many = client.get("/api/v1/labels", params={"code": codes})
        zpl = client.get("/api/v1/labels", params={"code": "beta/D", "format": "zpl"})
        wrong: list[dict[str, Any]] = [
            {}, {"code": [*codes, "F101"]}, {"code": ""}, {"code": "\x1d"},
            *({"code": "F1", **more} for more in ({"kind": "job"}, {"format": "png"}, {"dpi": 10}, {"height_mm": 5})),
        ]  # fmt: skip
        statuses = [client.get("/api/v1/labels", params=query).status_code for query in wrong]
        absent = client.get("/api/v1/labels", params={"code": "F999"})
    assert (many.status_code, many.headers["content-type"]) == (200, "application/pdf")
    assert [read(picture) for picture, *_ in list(pages(many.content))[::33]] == [[code] for code in codes[::33]]
    assert (zpl.headers["content-type"], [read(picture) for picture, _ in printed(zpl.content)]) == (
        "application/zpl", [["beta/D"]]
    )  # fmt: skip
    assert statuses == [422] * len(wrong)
    assert absent.status_code == 404
