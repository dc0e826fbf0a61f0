"""Lots by hand through the command line: from the map file to the yield report."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from equipment.sim.incoming import Grid, write_wafer_map
from mes.cli.history_lines import LATE, lines
from mes.units.formats.e142 import read_e142
from mes.units.formats.mapfile import BinCodes
from tests.cli.conftest import Mes
from tests.shop import BEGIN

Told = Callable[..., Any]
ALL = 20 * 18
"""Positions of a wafer of memory core dies."""

pytestmark = pytest.mark.usefixtures("demonstration")


@pytest.fixture
def lot(mes: Mes) -> str:
    """Two wafers without maps, released: every position is assumed to hold a die."""
    words = ("--customer", "hanbit", "--route", "hbm_core", "--substrate", "W-1", "--substrate", "W-2", "--release")
    mes("lot", "create", "L-1", *words)
    return "L-1"


def state(told: Told, lot: str = "L-1") -> tuple[str, str | None, int]:
    seen = told("lot", "show", lot)
    return seen["state"], seen["operation"], seen["units"]


def test_lot_moves_by_hand_and_its_failed_units_are_in_the_report(mes: Mes, told: Told, lot: str) -> None:
    assert state(told) == ("queued", "hbm_core/10", 2 * ALL)
    for equipment, operation in (("sorter-1", "hbm_core/20"), ("reflow-1", "hbm_core/40")):
        run = told("lot", "track-in", lot, "--equipment", equipment)
        assert run["lots"][0]["state"] == "ordered"
        assert told("lot", "track-out", lot)["state"] == "ended"
        assert state(told)[:2] == ("queued", operation)
    mes("lot", "track-in", lot, "--equipment", "prober-1")
    mes("lot", "track-out", lot, "--fail", "W-1:4,7=9", "--fail", "W-2:0,0=3", "--good", str(2 * ALL - 2))
    assert state(told) == ("queued", "hbm_core/60", 2 * ALL - 2)
    assert told("lot", "show", lot)["ended_at"] is None
    (ledger,) = told("lot", "show", lot)["ledger"]
    assert ledger == {"form": 1, "received": 2 * ALL, "in_process": 2 * ALL - 2, "scrapped": 2}
    rows = told("report", "yield")["rows"]
    assert [(r["operation"], r["in"], r["failed"]) for r in rows][-1] == ("hbm_core/40", 2 * ALL, 2)
    assert told("db", "check")["clean"] is True


def test_count_that_the_maps_contradict_is_refused_and_nothing_changes(mes: Mes, told: Told, lot: str) -> None:
    mes("lot", "track-in", lot, "--equipment", "sorter-1")
    before = told("history", "show", lot)
    refused = mes("lot", "track-out", lot, "--good", "5", code=1)
    assert "5 good units were counted, the maps say 720" in refused.stderr
    assert refused.stdout == ""
    assert told("history", "show", lot) == before
    assert state(told)[0] == "ordered"


@pytest.mark.parametrize(
    ("failed", "said"),
    [
        ("W-1:4,7=9", "Bin 9 is none of hbm_core/10; it has none: it does not judge."),
        ("W-9:4,7=9", "does not wait for W-9"),
        ("W-1:4;7=9", "4;7 is no position; write X,Y"),
        ("W-1=9", "W-1=9 is no failed unit; write SUBSTRATE:X,Y=BIN"),
    ],
)
def test_wrong_failed_unit_is_refused(mes: Mes, lot: str, failed: str, said: str) -> None:
    mes("lot", "track-in", lot, "--equipment", "sorter-1")
    assert said in mes("lot", "track-out", lot, "--fail", failed, code=1).stderr


def test_every_reason_comes_with_who_can_clear_it(mes: Mes, told: Told, lot: str) -> None:
    mes("lot", "hold", lot, "--code", "height", "--why", "bump height low", "--owner", "process_engineer")
    refused = mes("lot", "track-in", lot, "--equipment", "prober-1", code=1)
    assert "Lot L-1 cannot start on prober-1." in refused.stderr
    assert "bump height low" in refused.stderr
    assert "[held; process engineer]" in refused.stderr
    assert "[wrong_class; operator]" in refused.stderr
    checked = told("lot", "start-check", lot, "--equipment", "prober-1", code=1)
    assert [reason["code"] for reason in checked["reasons"]] == ["held", "wrong_class"]
    (hold,) = told("lot", "show", lot)["holds"]
    mes("lot", "release-hold", lot, "--hold", str(hold["hold"]), "--why", "measured again, in limits")
    assert told("lot", "start-check", lot, "--equipment", "sorter-1")["may_start"] is True


def test_abort_queues_again_and_a_chosen_run_is_needed_where_there_are_several(mes: Mes, told: Told, lot: str) -> None:
    mes("lot", "track-in", lot, "--equipment", "sorter-1")
    mes("lot", "track-out", lot)
    for equipment, wafer in (("reflow-1", "W-1"), ("reflow-2", "W-2")):
        mes("lot", "track-in", lot, "--equipment", equipment, "--substrate", wafer)
    assert "say which" in mes("lot", "abort", lot, "--why", "wrong recipe", code=1).stderr
    runs = [run["run"] for run in told("lot", "show", lot)["runs"]]
    mes("lot", "abort", lot, "--run", runs[0], "--why", "wrong recipe")
    members = {m["substrate"]: m["progress"] for m in told("lot", "show", lot)["members"]}
    assert members == {"W-1": "queued", "W-2": "ordered"}


def test_scrap_sample_and_store_are_recorded_as_the_administrators(mes: Mes, told: Told, lot: str) -> None:
    mes("lot", "scrap", lot, "W-1", "--at", "4,7", "--at", "5,7", "--why", "cracked")
    mes("lot", "pull-sample", lot, "W-2", "--at", "1,1", "--why", "cross-section")
    assert "There is no unit to take at (4, 7)" in mes(
        "lot", "scrap", lot, "W-1", "--at", "4,7", "--why", "again", code=1
    ).stderr  # fmt: skip
    mes("lot", "store", lot, "--why", "leftover")
    assert state(told) == ("stocked", "hbm_core/10", 2 * ALL - 3)
    entries = told("history", "show", lot)
    assert [(e["verb"], e["actor"], e["why"]) for e in entries][-3:] == [
        ("scrap", "administrator", "cracked"),
        ("pull_sample", "administrator", "cross-section"),
        ("store", "administrator", "leftover"),
    ]


def test_lists_are_filtered(mes: Mes, told: Told, lot: str) -> None:
    mes("lot", "create", "L-2", "--customer", "hanbit", "--route", "hbm_core", "--substrate", "W-3")
    assert [found["lot"] for found in told("lot", "list")] == ["L-1", "L-2"]
    assert [found["lot"] for found in told("lot", "list", "--state", "created")] == ["L-2"]
    assert [found["lot"] for found in told("lot", "list", "--operation", "hbm_core/10")] == ["L-1"]
    assert told("lot", "list", "--customer", "narae") == []
    assert "L-1" in mes("lot", "list", "--q", "l-1").stdout
    mes("lot", "list", "--state", "lost", code=2)


def test_unknown_lot_and_equipment_are_told(mes: Mes, lot: str) -> None:
    assert mes("lot", "show", "L-9", code=1).stderr == "There is no lot L-9.\n"
    refused = mes("lot", "track-in", lot, "--equipment", "moon-1", code=1)
    assert refused.stderr == "There is no equipment moon-1.\n"


def test_import_export_and_trace_of_map_files(mes: Mes, told: Told, tmp_path: Path) -> None:
    grid = Grid("hbm_wafer", 20, 18, 16000, 14500, "hbm_core")
    for slot, wafer in enumerate(("W-1", "W-2"), start=1):
        write_wafer_map(tmp_path / f"{wafer}.xml", wafer=wafer, lot="L-7", grid=grid, seed=7, fail_rate=0.1, slot=slot)
    files = [str(tmp_path / f"{wafer}.xml") for wafer in ("W-1", "W-2")]
    words = ("--customer", "hanbit", "--route", "hbm_core", "--release")
    assert told("map", "import", *files, *words)["lots"] == [{"lot": "L-7", "substrates": ["W-1", "W-2"]}]
    good = {s["id"]: sum(b["count"] for b in s["bins"] if b["quality"].lower() == "pass")
            for file in files for s in told("map", "show", file)["substrates"]}  # fmt: skip
    assert state(told, "L-7") == ("queued", "hbm_core/10", sum(good.values()))
    out = tmp_path / "out.xml"
    mes("map", "export", "W-1", "--out", str(out))
    (bins,) = (o for o in read_e142(out.read_bytes()).substrates[0].overlays if isinstance(o, BinCodes))
    assert int((bins.codes == 2).sum()) == good["W-1"]
    incoming = read_e142(mes("map", "export", "hanbit/W-1", "--layer", "bin:incoming").stdout.encode())
    (came,) = (o for o in incoming.substrates[0].overlays if isinstance(o, BinCodes))
    (sent,) = (o for o in read_e142(Path(files[0]).read_bytes()).substrates[0].overlays if isinstance(o, BinCodes))
    assert (came.codes == sent.codes).all()
    assert told("trace", "unit", "W-1:9,9")["unit"]["substrate"] == "W-1"
    assert told("trace", "material", "L-7")["positions"] == []
    refused = mes("map", "import", *files, *words, code=1)
    assert "There is already a lot L-7" in refused.stderr


def test_history_of_a_lot_reads_as_lines(mes: Mes, lot: str) -> None:
    mes("lot", "track-in", lot, "--equipment", "sorter-1")
    mes("lot", "track-out", lot)
    mes("lot", "scrap", lot, "W-1", "--at", "4,7", "--why", "cracked")
    lines = mes("history", "show", lot).stdout.splitlines()
    assert not [line for line in lines if "[" in line or "None" in line]
    (created,) = (line for line in lines if " create " in line)
    assert "substrates W-1, W-2" in created
    (released,) = (line for line in lines if "created → queued" in line)
    assert "operation hbm_core/10" in released
    assert any("track out" in line and "substrate W-2" in line and f"good {ALL}" in line for line in lines)
    assert any("in process -1" in line and "scrapped +1" in line and "cracked" in line for line in lines)
    mes("equipment", "state", "oven-1", "SDT")
    (down,) = (line for line in mes("history", "show", "oven-1").stdout.splitlines() if "SBY → SDT" in line)
    assert "reason" not in down


def test_position_outside_is_told_with_the_range(mes: Mes, lot: str) -> None:
    refused = mes("trace", "substrate", "W-1", "--at", "18,3", code=1)
    assert "(18, 3) is outside substrate W-1: both count from 0; x goes to 17 and y to 19." in refused.stderr


def test_list_for_people_is_short_and_json_has_all(mes: Mes, told: Told, lot: str) -> None:
    head = mes("lot", "list").stdout.splitlines()[0].split()
    assert head == ["lot", "customer", "state", "held", "operation", "substrates", "units", "due"]
    assert {"product", "kind", "route", "priority", "released_at"} <= set(told("lot", "list")[0])


def test_list_says_how_many_substrates_of_a_lot_have_come_no_further(mes: Mes, told: Told, lot: str) -> None:
    mes("lot", "track-in", lot, "--equipment", "sorter-1", "--substrate", "W-1")
    mes("lot", "track-out", lot)
    (line,) = (line for line in mes("lot", "list").stdout.splitlines() if line.startswith(lot))
    assert "hbm_core/10  1 of 2" in line
    (seen,) = told("lot", "list")
    assert (seen["at_operation"], seen["substrates"]) == (1, 2)


def test_history_reads_as_it_happened_with_what_was_recorded_late() -> None:
    entries = [
        {"kind": kind, "n": n, "happened_at": BEGIN + timedelta(hours=hour), "recorded_at": BEGIN + timedelta(days=n),
         "verb": "hold", "actor": "kim", "why": "", "before": {}, "after": {}}
        for kind, n, hour in (("lot", 1, 1), ("lot", 2, 9), ("lot", 3, 5), ("run", 1, 2))
    ]  # fmt: skip
    told = lines(entries, {})
    assert [f"{line['kind']} {line['n']}" for line in told] == ["lot 1", "lot 3", "lot 2", "run 1"]
    assert [line[LATE] for line in told] == ["", BEGIN + timedelta(days=3), "", ""]
    assert LATE not in lines(entries[:2], {})[0]
