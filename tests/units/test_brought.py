"""Bins go with the units that they were read of, to whatever these are moved to, and no other owner's are told."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select, text

from mes.db import Database, Session
from mes.history import Act
from mes.lots.maps.map_file import bin_map
from mes.units.bins import bin_layers
from mes.units.brought import brought_layers, stays_before
from mes.units.layers import write_layer
from mes.units.models import Substrate
from tests.checks.shop import run_shop
from tests.shop import BEGIN, TEST_BINS

BOAT = (1, 2)
MOVE_ON = """
insert into transfer (run_id, source_customer_id, source_id, target_customer_id, target_id, n,
                      happened_at, from_xy, to_xy, slots)
select run_id, source_customer_id, target_id, target_customer_id, :to, 1,
       happened_at + interval '1 h', '\\x01000000', '\\x00000000', '\\x00000000'
  from transfer where target_id = :of limit 1
"""
"""From (1, 0) of one boat to (0, 0) of another."""
ANOTHERS = "update transfer set source_id = :id, source_customer_id = :of where target_id = :to"


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Database:
    """P.01 took packages from (0, 0) and (1, 0) of I1, P.02 one from (1, 1); I1 was tested before, in two versions."""
    run_shop(database, tmp_path / "world.sqlite")
    with database.transaction() as session:
        substrate = named(session, "I1")
        for name, bins in (("bin:a", [7, 7, 7, 7]), ("bin:a", [1, 2, 0, 7]), ("bin:incoming", [1, 1, 1, 1])):
            written = np.array(bins, np.uint8).reshape(2, 2)
            write_layer(session, substrate, name, written, at=BEGIN, source="tester", palette=TEST_BINS)
    return database


def named(session: Session, name: str) -> Substrate:
    return session.scalars(select(Substrate).where(Substrate.name == name)).one()


def test_a_load_has_the_bins_that_its_units_were_tested_to_before(shop: Database) -> None:
    with shop.reading() as session:
        boats = [named(session, name).id for name in ("P.01", "P.02")]
        assert [brought_layers(session, boat, BOAT) for boat in boats] == [{"bin:a": [named(session, "I1").id]}] * 2
        first, second = (bin_map(session, boat, "bin:a")[1] for boat in boats)
    assert (first.codes.tolist(), second.codes.tolist()) == ([[1, 2]], [[7, 0]])
    assert [(d.code, d.count, d.quality) for d in first.definitions] == [(1, 1, "Pass"), (2, 1, "Fail"), (7, 0, "Fail")]
    assert first.version is None


def test_what_was_placed_on_a_unit_brings_no_bins_and_an_own_layer_goes_first(shop: Database) -> None:
    with shop.reading() as session:
        assert stays_before(session, named(session, "I1").id, (2, 2)) == []
        own = bin_map(session, named(session, "P.01").id, "bin:package/30")[1]
        assert (own.codes.tolist(), own.version) == ([[1, 2]], "1")


def test_units_that_moved_twice_bring_along_what_was_first(shop: Database) -> None:
    with shop.transaction() as session:
        boats = {name: named(session, name).id for name in ("P.01", "P.02")}
        session.execute(text(f"update transfer set target_id = {boats['P.02']} where target_id = {boats['P.01']}"))
        session.execute(text(MOVE_ON), {"to": boats["P.01"], "of": boats["P.02"]})
    with shop.reading() as session:
        stays = [(s.here.tolist(), s.there.tolist()) for s in stays_before(session, boats["P.01"], BOAT)]
        assert stays == [([0], [1]), ([0], [1])]
        assert bin_map(session, boats["P.01"], "bin:a")[1].codes.tolist() == [[2, 0]]


def test_bins_that_were_brought_become_the_load_s_own_when_they_are_edited(shop: Database) -> None:
    with shop.transaction() as session:
        boat = named(session, "P.01")
        layer = bin_layers(session, boat.id, BOAT).named("bin:a")
        assert layer.failed.tolist() == [[False, True]]
        where = np.array([[True, False]])
        assert layer.write(session, boat, where, 7, Act("lee", BEGIN)) == 1
    with shop.reading() as session:
        assert brought_layers(session, boat.id, BOAT) == {}
        assert bin_map(session, boat.id, "bin:a")[1].codes.tolist() == [[7, 2]]
        assert bin_map(session, named(session, "I1").id, "bin:a")[1].codes.tolist() == [[1, 2], [0, 7]]


def test_another_owners_bins_stay_where_they_were_read(shop: Database) -> None:
    with shop.transaction() as session:
        boat, foreign = named(session, "P.01"), named(session, "W1")
        write_layer(session, foreign, "bin:b", np.ones((3, 4), np.uint8), at=BEGIN, source="tester", palette={})
        given = {"id": foreign.id, "of": foreign.customer_id, "to": boat.id}
        session.execute(text(ANOTHERS), given)
    with shop.reading() as session:
        assert brought_layers(session, boat.id, BOAT) == {}
