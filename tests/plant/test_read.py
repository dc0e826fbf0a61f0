"""YAML is read as one thing only, in bounded size and depth, with the line of every value."""

import tracemalloc
from pathlib import Path

import pytest

from mes.plant import check
from mes.plant.read import MOST_BYTES, MOST_DEPTH, MOST_FILES, Unreadable, read_file, read_text

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_values_are_of_the_core_schema_and_have_lines() -> None:
    document = read_text("f.yaml", "a: no\nb: [1, 2.5,\n  1e-3]\nc: {d: ~, e: 1:30}\nf: |\n  x = 1\ng: '7'\n")
    assert document.content == {
        "a": "no",
        "b": [1, 2.5, 0.001],
        "c": {"d": None, "e": "1:30"},
        "f": "x = 1\n",
        "g": "7",
    }
    assert document.line(("b", 2)) == 3
    assert document.line(("c", "e")) == 4
    assert document.line(("c", "nothing", 3)) == 4


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (BOMB, "alias", 1),
        ("a: 1\nb: *a\n", "alias", 2),
        ("a: 1\na: 2\n", "duplicate_key", 2),
        ("a: 1\n---\nb: 2\n", "not_yaml", 2),
        ("a: !!python/object/apply:os.system [x]\n", "tag", 1),
        ("a: " + "[" * (MOST_DEPTH + 1), "too_deep", 1),
        ("a: " + "[" * 100_000, "too_deep", 1),
        ("a: 1\n? [b]\n: 2\n", "key", 2),
        ("a: 9e999\n", "not_finite", 1),
        ('a: "\\0"\n', "control", 1),
        ("a: [1\nb: 2\n", "not_yaml", 2),
        ("a:\n\t- 1\n", "not_yaml", 2),
    ],
)
def test_anything_else_is_refused_by_line(text: str, code: str, line: int) -> None:
    with pytest.raises(Unreadable) as refused:
        read_text("f.yaml", text)
    assert (refused.value.problem.code, refused.value.problem.line) == (code, line)


def test_files_are_bounded_and_utf8(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"# " + b"x" * (20 * MOST_BYTES))
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9\n")
    tracemalloc.start()
    with pytest.raises(Unreadable) as large:
        read_file(tmp_path, "large.yaml")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert large.value.problem.code == "too_large"
    assert peak < 4 * MOST_BYTES
    with pytest.raises(Unreadable) as latin:
        read_file(tmp_path, "latin.yaml")
    assert (latin.value.problem.code, latin.value.problem.line) == ("not_utf8", 2)


def test_folder_of_more_files_than_a_plant_has_is_not_read(tmp_path: Path) -> None:
    for number in range(MOST_FILES):
        (tmp_path / f"{number}.yaml").touch()
    assert {problem.code for problem in check(tmp_path)} == {"missing_file", "unknown_file"}
    (tmp_path / "one_more.yaml").touch()
    assert [problem.code for problem in check(tmp_path)] == ["too_many_files"]
