"""A seal outside the database shows what the chains inside cannot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mes.cli.db_check import check
from mes.cli.sealing import read_seal, verify, write_seal
from mes.db import Database
from mes.errors import Malformed
from tests.checks.conftest import Shop
from tests.checks.test_counts import LAST_OF_P, forge_chain


@pytest.fixture
def of_shop(shop: Shop) -> Iterator[Database]:
    database = Database(shop.url)
    yield database
    database.close()


@pytest.fixture
def seal(of_shop: Database, tmp_path: Path) -> Path:
    with of_shop.reading() as session:
        write_seal(session, tmp_path / "seal.txt")
    return tmp_path / "seal.txt"


def problems(database: Database, seal: Path | None) -> list[str]:
    with database.reading() as session:
        return verify(session, seal)


def test_untouched_history_stands_against_its_seal(of_shop: Database, seal: Path, shop: Shop) -> None:
    assert problems(of_shop, seal) == []
    assert check(shop.url, seal).problems == []
    heads = read_seal(seal).heads
    assert {kind for kind, _ in heads} == {"lot", "substrate", "run"}
    assert seal.read_text().splitlines()[1] == f"database {shop.name}"


def test_deleted_last_entry_is_seen_only_against_the_seal(of_shop: Database, seal: Path, shop: Shop) -> None:
    shop.plant(f"delete from history where {LAST_OF_P}")
    forge_chain(shop, "P")
    assert problems(of_shop, None) == []
    (sentence,) = problems(of_shop, seal)
    assert "ends at entry" in sentence
    assert [p.message for p in check(shop.url, seal).problems if p.check == "seal"] == [sentence]


def test_rewritten_chain_is_seen_only_against_the_seal(of_shop: Database, seal: Path, shop: Shop) -> None:
    shop.plant("update history set body = replace(body, 'tester', 'nobody'), actor = 'nobody' where subject = 'P'")
    forge_chain(shop, "P")
    assert problems(of_shop, None) == []
    assert check(shop.url).problems == []
    (sentence,) = problems(of_shop, seal)
    assert "is not the one that was sealed" in sentence


def test_vanished_chain_is_seen(of_shop: Database, seal: Path, shop: Shop) -> None:
    shop.plant("delete from history where subject = 'J-0000001'")
    (sentence,) = problems(of_shop, seal)
    assert "has vanished" in sentence


def test_chain_that_grew_stands_against_an_older_seal(of_shop: Database, seal: Path, shop: Shop) -> None:
    written = seal.read_text()
    shop.plant(f"delete from history where {LAST_OF_P}")
    forge_chain(shop, "P")
    older = seal.with_name("older.txt")
    with of_shop.reading() as session:
        write_seal(session, older)
    assert older.read_text() != written
    assert problems(of_shop, older) == []


@pytest.mark.parametrize(("old", "new"), [("lot ", "hut "), ("database ", "database x"), ("sha256 ", "sha256 0")])
def test_changed_seal_is_refused(seal: Path, old: str, new: str) -> None:
    seal.write_text(seal.read_text().replace(old, new, 1))
    with pytest.raises(Malformed, match="has been changed since it was written"):
        read_seal(seal)


def test_other_file_is_no_seal_and_a_seal_is_not_overwritten(of_shop: Database, seal: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("no seal\n")
    with pytest.raises(Malformed, match="is not a seal"):
        read_seal(tmp_path / "other")
    with of_shop.reading() as session, pytest.raises(FileExistsError):
        write_seal(session, seal)
