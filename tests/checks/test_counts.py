"""Three counts agree on a sound database, and each planted fault is found and named."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import checks
from mes.cli.db_check import Checked, check
from mes.db import Database
from mes.lots.regrouping.split import split
from mes.lots.taking import scrap
from mes.postgres import EmbeddedPostgres
from tests.checks.conftest import Shop
from tests.shop import Floor
from tests.stockroom import furnish, supply

TOTALS = {"received": 28, "made": 3, "completed": 15, "consumed": 11, "lost": 2, "sampled": 1, "scrapped": 2}
"""24 dies and 4 interposer positions came; see `tests.checks.shop`."""


def test_three_counts_agree(shop: Shop) -> None:
    counted = checks.conservation(shop.url, shop.truth)
    assert counted["history"] == counted["maps"] == {"totals": dict(sorted(TOTALS.items())), "problems": []}
    really = {"placed": 11, "put_back": 1, "rejected": 1, "lost": 2, "arrived": 28, "present": 17}
    assert counted["truth"] == {"totals": really, "problems": []}
    assert (counted["differences"], counted["equal"]) == ([], True)


def test_sound_database_passes_every_check(shop: Shop) -> None:
    assert check(shop.url) == Checked([], {"received": 0, "applied": 6, "rejected": 0})


def test_application_role_counts_the_same_and_no_login_counts_nothing(database: Database, shop: Shop) -> None:
    url = database.url.set(database=shop.name).render_as_string(hide_password=False)
    assert checks.conservation(url)["maps"]["totals"] == dict(sorted(TOTALS.items()))
    shop.plant("drop role if exists reader; create role reader login password 'r'; grant select on history to reader")
    blind = database.url.set(database=shop.name, username="reader", password="r").render_as_string(hide_password=False)
    with pytest.raises(PermissionError, match="does not see every row"):
        checks.conservation(blind)
    shop.plant("drop owned by reader; drop role reader")


def test_command_prints_json_and_says_by_its_exit_code(shop: Shop) -> None:
    command = [sys.executable, "-m", "checks", shop.url, "--truth", str(shop.truth.parent)]
    sound = subprocess.run(command, capture_output=True, text=True)
    assert (sound.returncode, json.loads(sound.stdout)["equal"]) == (0, True)
    shop.plant("delete from transfer where id = (select min(id) from transfer)")
    broken = subprocess.run(command, capture_output=True, text=True)
    assert (broken.returncode, json.loads(broken.stdout)["equal"]) == (1, False)


LAST_OF_P = "subject_kind = 'lot' and subject = 'P' and n = (select history_n from lot where name = 'P')"
HANDED = {
    "a handover that is forgotten": ("delete from handover", "Lot D1, form 1: 24 received by history, 12 by the maps."),
    "units that stayed behind": (
        "update handover set units = units - 1", "Lot D1, form 1: 12 split_off by history, 11 by the maps."
    ),
    "a substrate that came back by itself": (
        "update lot_substrate set lot_id = (select min(id) from lot)",
        "Substrate W2: it is in lot D1, yet it went to lot D1.1 last.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", HANDED)
def test_units_of_lots_that_were_split_are_counted_and_faults_found(
    floor: Floor, postgres: EmbeddedPostgres, fault: str
) -> None:
    lot = floor.arrive("D1", "die", "W1", "W2")
    floor.do(scrap, lot, "W2", [(0, 0)])
    floor.do(split, lot, ["W2"], None)
    url = floor.database.url.render_as_string(hide_password=False)
    totals = {"received": 24, "merged_in": 12, "split_off": 12, "in_process": 23, "scrapped": 1}
    counted = checks.conservation(url)
    assert counted["equal"]
    assert counted["maps"]["totals"] == counted["history"]["totals"] == dict(sorted(totals.items()))
    statement, sentence = HANDED[fault]
    shop = Shop(url, Path(), postgres, str(floor.database.url.database))
    shop.plant(statement)
    told = checks.conservation(url)
    assert sentence in [*told["differences"], *told["maps"]["problems"]]
    assert not told["equal"]
    assert floor.problems()


FAULTS = {
    "a map byte": (
        "update substrate set dispositions = set_byte(dispositions, 11, 6) where name = 'W1'",
        {
            "maps": "Substrate W1: 1 positions are consumed, yet no transfer placed their unit; the first is x 3, y 2.",
            "conservation": "Lot D1, form 1: 7 completed by history, 6 by the maps.",
        },
    ),
    "a unit that went on paper": (
        "update substrate set dispositions = set_byte(dispositions, 0, 5) where name = 'W1'",
        {"maps": "Substrate W1: 1 positions left by a move with outcome 0"},
    ),
    "a disposition that does not exist": (
        "update substrate set dispositions = set_byte(dispositions, 0, 99) where name = 'I1'",
        {"maps": "have a disposition that does not exist"},
    ),
    "a unit on a load": (
        "update substrate set dispositions = set_byte(dispositions, 1, 5) where name = 'P.02'",
        {"maps": "Substrate P.02: 1 positions have a unit that no transfer brought; the first is x 1, y 0."},
    ),
    "a deleted transfer": (
        "delete from transfer where source_id = (select id from substrate where name = 'W2')",
        {"maps": "Substrate I1: 4 positions at site 2, level 1 are occupied, yet no transfer filled them"},
    ),
    "a site filled twice": (
        "update transfer set to_xy = substring(to_xy from 1 for 4) || substring(to_xy from 1 for 4)"
        " || substring(to_xy from 9) where source_id = (select id from substrate where name = 'W1')",
        {"maps": "Substrate I1: 1 positions at site 1, level 1 were filled more than once; the first is x 0, y 0."},
    ),
    "a source picked twice": (
        "update transfer set from_xy = substring(from_xy from 1 for 4) || substring(from_xy from 1 for 4)"
        " || substring(from_xy from 9) where source_id = (select id from substrate where name = 'W1')",
        {"maps": "Substrate W1: 1 positions were picked more than once; the first is x 0, y 0."},
    ),
    "a move out of the grid": (
        "update transfer set to_xy = set_byte(to_xy, 0, 9) where target_id = (select id from substrate"
        " where name = 'P.01')",
        {"maps": "1 of its moves lie outside their substrates."},
    ),
    "an occupancy bit": (
        "update occupancy set positions = set_bit(positions, 7, 0) where site = 1",
        {"maps": "Substrate I1: 1 positions at site 1, level 1 were filled, yet occupancy says empty"},
    ),
    "a count of units": (
        "update lot set units = units + 1 where name = 'P'",
        {"maps": "Lot P says it has 3 units, its maps have 2."},
    ),
    "a version of a layer": (
        "update layer set version = 2 where substrate_id = (select id from substrate where name = 'P.01')",
        {"maps": "Substrate P.01, layer bin:package/30: version 2 follows version 0."},
    ),
    "a body of history": (
        f"update history set body = replace(body, 'tester', 'nobody') where {LAST_OF_P}",
        {"history": "its hash is not that of the entry before and its text."},
    ),
    "a column of history": (
        f"update history set actor = 'nobody' where {LAST_OF_P}",
        {"history": "its column says actor nobody, its text tester."},
    ),
    "a deleted entry of history": (
        "delete from history where subject_kind = 'lot' and subject = 'P' and n = 3",
        {"history": "follows entry 2; 1 between them are missing."},
    ),
    "a deleted last entry of history": (
        f"delete from history where {LAST_OF_P}",
        {"heads": "The row of lot P says that its chain ends at entry"},
    ),
    "a ledger": (
        "update ledger set completed = completed - 1, scrapped = scrapped + 1 where completed = 2",
        {"ledger": "Lot P, form 2: 1 completed by its ledger, 2 by history."},
    ),
    "an open run of a closed state": (
        "update run_substrate set work = 'waiting' where run_id = (select max(id) from run)",
        {
            "closed runs": "is ended, yet substrate P.01 of it is waiting.",
            "lots": "Lot P is completed, yet a substrate",
        },
    ),
    "a substrate on another route": (
        "update lot_substrate set progress = 'finished',"
        " operation_id = (select id from operation where name = 'cap/10')"
        " where substrate_id = (select id from substrate where name = 'P.01')",
        {"routes": "Substrate P.01 of lot P is at operation cap/10, which is of another route."},
    ),
    "a substrate that waits nowhere": (
        "update lot_substrate set progress = 'queued'"
        " where substrate_id = (select id from substrate where name = 'P.01')",
        {"operations": "Substrate P.01 of lot P is queued at no operation, yet the lot was released."},
    ),
    "a substrate that waits before the release": (
        "update lot set released_at = null where name = 'P'; update lot_substrate set progress = 'queued',"
        " operation_id = (select id from operation where name = 'package/30')"
        " where substrate_id = (select id from substrate where name = 'P.01')",
        {"operations": "Substrate P.01 of lot P is queued at package/30, yet the lot was never released."},
    ),
    "a substrate in two runs": (
        "drop index uq_run_substrate_open; update run set state = 'running'; update run_substrate set work = 'waiting'",
        {"runs": "Substrate I1 is in 2 open runs: J-0000003, J-0000004.", "places": "has 5 open runs and 2 places."},
    ),
    "a reservation": (
        "update run set state = 'running' where id > 3; insert into run_source (run_id, substrate_id, customer_id,"
        " ordinal, positions) select r.id, s.id, s.customer_id, 0, '\\x0010' from run r, substrate s"
        " where r.id > 3 and s.name = 'W1'",
        {"reservations": "Runs J-0000004 and J-0000005 have both reserved units of W1."},
    ),
    "a hold": (
        "insert into hold (lot_id, customer_id, masked, code, comment, owner_role, held_by, held_at, released_by,"
        " released_at) select id, customer_id, false, 'c', 'c', 'line_engineer', 'lee', now(), 'kim',"
        " now() - interval '1 hour' from lot where name = 'P'",
        {"holds": "of lot P was released before it was set."},
    ),
    "an agreement": (
        "update supply_agreement set product_id = (select id from product where name = 'cap')",
        {"supply": "which is not about what was picked from W1."},
    ),
    "a stored record": (
        "delete from received_record where sequence = 3",
        {"journals": "records up to 6 were received, 5 of them are stored."},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_fault_is_found_and_named(shop: Shop, fault: str) -> None:
    statement, expected = FAULTS[fault]
    shop.plant(statement)
    found = check(shop.url).problems
    for name, sentence in expected.items():
        assert any(p.check == name and sentence in p.message for p in found), found


def test_ledger_and_history_forged_together_contradict_the_maps(shop: Shop) -> None:
    """Deltas changed, hashes recomputed up to the head of the subject's row, ledger changed to match."""
    shop.plant(
        """update history set body = replace(body, '["P",2,"completed",1]', '["P",2,"scrapped",1]')
        where subject = 'P' and body like '%["P",2,"in_process",-1]%'"""
    )
    forge_chain(shop, "P")
    shop.plant("update ledger set completed = completed - 1, scrapped = scrapped + 1 where completed = 2")
    assert {p.check for p in check(shop.url).problems} == {"conservation"}


def forge_chain(shop: Shop, lot: str) -> None:
    """Recompute all hashes of a lot's chain and put the last into its row, as a forger with all rights would."""
    shop.plant(
        f"""with recursive chain as (
            select n, sha256(decode(repeat('00', 32), 'hex') || convert_to(body, 'UTF8')) as hash
            from history where subject_kind = 'lot' and subject = '{lot}' and n = 1
            union all select h.n, sha256(chain.hash || convert_to(h.body, 'UTF8'))
            from chain join history h on h.subject_kind = 'lot' and h.subject = '{lot}' and h.n = chain.n + 1)
        update history set hash = chain.hash from chain
        where subject_kind = 'lot' and subject = '{lot}' and history.n = chain.n;
        update lot set history_n = h.n, history_hash = h.hash
        from (select n, hash from history where subject_kind = 'lot' and subject = '{lot}' order by n desc limit 1) h
        where name = '{lot}'"""
    )


TRUE_FAULTS = {
    "update substrate set present = x'ffff' where name = 'W1'": "Substrate W1: 5 positions really have a unit;",
    "update substrate set present = x'0000' where name = 'P.01'": "Substrate P.01: 2 positions have no unit;",
    "update layer set from_x = x'0300030003000300' where substrate = 'I1' and site = 1": "is so, but is not recorded.",
    "delete from layer where substrate = 'P.01'": "The unit on P.01 x 0 y 0, site 0, level 0, from I1 x 0 y 0 is",
}


@pytest.mark.parametrize("fault", TRUE_FAULTS)
def test_difference_from_the_truth_is_found_at_its_site(shop: Shop, fault: str) -> None:
    with sqlite3.connect(shop.truth) as world:
        world.execute(fault)
    world.close()
    counted = checks.conservation(shop.url, shop.truth)
    assert any(TRUE_FAULTS[fault] in problem for problem in counted["truth"]["problems"]), counted["truth"]
    assert counted["equal"] is False


FALSE_RECORDS = {
    "update transfer set slots = set_byte(slots, 2, 7)": "by head 7, placed, is recorded, but did not happen.",
    "delete from received_record where sequence = 3": "Run J-0000003: the result of I1 was applied 0 times.",
    "update received_record set state = 'rejected' where sequence = 3": "the result of I1 is rejected, not applied.",
    "update received_record set body = replace(body, '0.5', '0.6') where sequence = 3": "not the one that happened.",
    "update received_record set run = 'J-9' where sequence = 3": "a result of I1 was applied that did not happen.",
}


@pytest.mark.parametrize("fault", FALSE_RECORDS)
def test_record_that_is_not_what_happened_is_found(shop: Shop, fault: str) -> None:
    shop.plant(fault)
    problems = checks.conservation(shop.url, shop.truth)["truth"]["problems"]
    assert any(FALSE_RECORDS[fault] in problem for problem in problems), problems


def test_folder_without_a_truth_is_refused(shop: Shop, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(FileNotFoundError, match="holds 0 files of a hidden truth"):
        checks.conservation(shop.url, empty)


EMPTIED = {
    "a remainder": (
        "update container set remainder = remainder + 1 where name = 'F1'",
        "965 are left by its row, 964 by history.",
    ),
    "an amount of a run": ("update consumption set amount = amount - 1", "35 used by runs, 36 by history."),
    "a use that is forgotten": ("delete from consumption", "0 used by runs, 36 by history."),
    "what came": ("update container set received = 5 where name = 'F1'", "5 received by its row, 1000 by history."),
}


def test_material_is_counted_and_faults_found(floor: Floor, postgres: EmbeddedPostgres) -> None:
    furnish(floor)
    floor.arrive("C1", "coat", "W1")
    supply(floor)
    floor.pass_through("CELL-1", "C1", "W1")
    assert floor.problems() == []
    url = floor.database.url.render_as_string(hide_password=False)
    shop = Shop(url, Path(), postgres, str(floor.database.url.database))
    shop.plant("alter table container drop constraint ck_container_conservation")
    for statement, sentence in EMPTIED.values():
        shop.plant(statement)
        assert any(one.check == "materials" and sentence in one.message for one in floor.problems()), sentence
