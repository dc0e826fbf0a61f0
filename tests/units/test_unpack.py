"""Packed map files: what is in them is read as if it came plain; bombs and broken packages are refused by name."""

import gzip
import io
import struct
import tracemalloc
import zipfile

import pytest

from mes.units.formats import unpack
from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from tests.units.test_sinf import WAFER
from tests.units.test_stdf import wafer

MAP = WAFER.encode()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def refusal(data: bytes) -> MapRefused:
    with pytest.raises(MapRefused) as caught:
        read_any(data)
    return caught.value


def test_a_packed_map_is_read_as_the_plain_one() -> None:
    plain = read_any(MAP)
    half = len(MAP) // 2
    for data in (
        gzip.compress(MAP), gzip.compress(MAP[:half]) + gzip.compress(MAP[half:]),
        zipped({"any.name": MAP}), zipped({"maps/": b"", "maps/w.txt": MAP}), zipped({"w": MAP}, zipfile.ZIP_STORED),
    ):  # fmt: skip
        assert read_any(data) == plain


@pytest.mark.parametrize("block", [7, 64])
def test_where_blocks_end_changes_nothing(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    sort = b"".join(wafer()) + b"\x40"
    plain = [read_any(data) for data in (MAP, sort)]
    assert plain[1].discrepancies[0].code == "record-cut"
    monkeypatch.setattr(unpack, "BLOCK", block)
    for data, expected in zip((MAP, sort), plain, strict=True):
        for packed in (data, gzip.compress(data[:3]) + gzip.compress(data[3:]), zipped({"w": data})):
            assert read_any(io.BytesIO(packed)) == expected


ENCRYPTED = bytearray(zipped({"w": MAP}))
ENCRYPTED[ENCRYPTED.index(b"PK\x01\x02") + 8] |= 1
MANY = bytearray(zipped({"w": MAP}))
MANY[-14:-12] = MANY[-12:-10] = struct.pack("<H", 65_000)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (gzip.compress(MAP)[:-12], "packed-broken"),
        (gzip.compress(MAP)[:30] + b"\0" * 20 + gzip.compress(MAP)[50:], "packed-broken"),
        (b"\x1f\x8b", "packed-broken"),
        (gzip.compress(MAP) + gzip.compress(b" ") * 16, "gzip-members"),
        (gzip.compress(gzip.compress(MAP)), "packed-twice"),
        (zipped({"w.gz": gzip.compress(MAP)}), "packed-twice"),
        (zipped({}), "zip-members"),
        (zipped({"a": MAP, "b": MAP}), "zip-members"),
        (bytes(MANY), "zip-members"),
        (zipped({"w": MAP})[:-30], "packed-broken"),
        (zipped({"w": MAP}, zipfile.ZIP_LZMA), "packed-broken"),
        (bytes(ENCRYPTED), "packed-broken"),
        (b"", "format-unknown"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "format-unknown"),
        (gzip.compress(b"hello"), "format-unknown"),
    ],
)
def test_what_is_no_whole_package_of_one_known_map_is_refused(data: bytes, code: str) -> None:
    assert refusal(data).code == code


def test_a_bomb_is_refused_and_no_more_of_it_unpacked_than_the_bound() -> None:
    size = 8 * 1024 * 1024
    lying = bytearray(zipped({"w": bytes(size)}))
    directory = lying.index(b"PK\x01\x02")
    lying[directory + 24 : directory + 28] = struct.pack("<I", 10)
    bombs = [gzip.compress(bytes(size)), zipped({"w": bytes(size)}), bytes(lying)]
    tracemalloc.start()
    told = [refusal(data).code for data in bombs]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told == ["packed-ratio", "packed-ratio", "packed-broken"]
    assert peak < size / 2
    with pytest.raises(MapRefused) as caught:
        read_any(gzip.compress(MAP), max_bytes=len(MAP) - 1)
    assert caught.value.code == "too-large"
