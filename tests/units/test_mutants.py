"""Some hundred broken files of each format: read, or refused by name; a third get as far as the map."""

import pytest

from bench.mutants import mutants
from bench.mutate import OF
from mes.units.formats import stdf_records
from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from tests.units import test_stdf


@pytest.mark.parametrize("name", list(OF))
def test_broken_files_are_read_or_refused_by_name(name: str) -> None:
    outcome = mutants(name, 250)
    assert outcome.crashes == []
    assert outcome.reached >= 0.3 * outcome.tried


ONE_WAFER = b"WaferID 1;\nSampleTestPlan 1\n1 1;\n"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<Maps>" + b"<a/>" * 250_000 + b"</Maps>", "too-large"),
        (b"<Maps a='" + b"=" * 500_001 + b"'/>", "too-large"),
        (b"<Maps>" + b" " * 24 * 1024 * 1024, "too-large"),
        (b"RowData:01\n" + b" " * 20 * 1024 * 1024, "too-large"),
        (b"FileVersion 1 2;\n" + ONE_WAFER * 1001, "too-many-maps"),
        (b"\x02\x00\x00\x0a\x02\x04" + b"\0\0\x02\x0a" * 50_002, "too-large"),
    ],
)
def test_what_would_take_too_long_or_too_much_memory_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(MapRefused) as caught:
        read_any(data)
    assert caught.value.code == code


def test_more_tests_than_any_sort_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    far = test_stdf.head("<")
    monkeypatch.setattr(stdf_records, "MAX_RECORDS", 1000)
    with pytest.raises(MapRefused) as caught:
        read_any(far + b"\0\0\x0f\x0a" * 999)
    assert caught.value.code == "too-large"
    assert "1000 records" in str(caught.value)
