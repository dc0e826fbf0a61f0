"""Incoming maps: the signatures of each cause are there, chance belongs to the wafer, and the MES reads the files."""

from pathlib import Path

import numpy as np
import pytest

from equipment.sim.chance import keyed
from equipment.sim.incoming import Bin, Causes, Codes, Grid, wafer_codes, write_strip_map, write_wafer_map
from equipment.sim.patterns import MOST, on_wafer, radius
from mes.units.formats.e142 import read_e142
from mes.units.formats.mapfile import BinCodes

GRID = Grid("DieLayout", rows=48, columns=40, pitch_x_um=7500, pitch_y_um=6250, product="HBM-CORE")
STRIP = Grid("StripLayout", rows=4, columns=12, pitch_x_um=20_000, pitch_y_um=20_000)
WAFERS = [f"W-{i:02}" for i in range(1, 26)]


def wafers(causes: Causes, seed: int = 7) -> Codes:
    return np.stack([wafer_codes(wafer=wafer, lot="L-1", grid=GRID, seed=seed, causes=causes) for wafer in WAFERS])


def test_equal_keys_give_equal_draws_and_no_two_keys_share_them() -> None:
    assert keyed(7, "a", 1).random(3).tolist() == keyed(7, "a", 1).random(3).tolist()
    assert round(float(keyed(7, "L-1", "W-01").random()), 6) == 0.855586, "the same in every process and release"
    keys: list[tuple[str | int, ...]] = [
        ("a", "bc"),
        ("ab", "c"),
        ("abc",),
        ("1",),
        (1,),
        (11,),
        (1, 1),
        ("a", ""),
        ("a",),
    ]
    assert len({float(keyed(7, *key).random()) for key in keys}) == len(keys)
    assert keyed(7, "a").random() != keyed(8, "a").random()


def test_a_wafer_is_round_and_blank_without_causes() -> None:
    codes = wafer_codes(wafer="W", lot="L", grid=GRID, seed=1, causes=Causes())
    assert set(np.unique(codes)) == {Bin.PASS, Bin.NONE}
    assert codes[0, 0] == codes[-1, -1] == codes[0, -1] == Bin.NONE
    assert codes[24, 0] == codes[0, 20] == Bin.PASS
    assert abs(np.mean(codes == Bin.PASS) - np.pi / 4) < 0.02
    assert (codes == codes[::-1]).all()


def test_the_edge_is_worse_than_the_centre() -> None:
    codes, away = wafers(Causes.of(0.08)), radius(GRID.rows, GRID.columns)
    failed = codes != Bin.PASS
    edge, centre = failed[:, (away > 0.9) & (away <= 1)].mean(), failed[:, away < 0.6].mean()
    assert edge > 2 * centre > 0
    assert not (codes[:, away < 0.8] == Bin.EDGE).any()


def test_a_cluster_lies_together() -> None:
    codes = wafers(Causes(clusters=1.5)) == Bin.CLUSTER
    beside = codes[:, :, :-1] & codes[:, :, 1:]
    scattered_beside = codes.mean() ** 2
    assert beside.mean() > 5 * scattered_beside > 0


def test_a_scratch_is_long_and_thin() -> None:
    wafer = next(codes for codes in wafers(Causes(scratches=1.0)) if 10 < (codes == Bin.SCRATCH).sum() < 40)
    rows, columns = np.nonzero(wafer == Bin.SCRATCH)
    assert max(np.ptp(rows), np.ptp(columns)) >= len(rows) / 3
    assert max(np.bincount(columns).max(), np.bincount(rows).max()) < len(rows)


@pytest.mark.parametrize("rate", [0.02, 0.06, 0.15])
def test_about_the_rate_that_was_asked_for_fails(rate: float) -> None:
    codes = wafers(Causes.of(rate))[:, on_wafer(GRID.rows, GRID.columns)]
    assert 0.6 * rate < np.mean(codes != Bin.PASS) < 1.4 * rate
    assert {Bin.EDGE, Bin.CLUSTER, Bin.ELECTRICAL} <= set(np.unique(codes))


@pytest.mark.parametrize(
    ("cause", "little", "much"),
    [
        (Bin.EDGE, Causes(edge=0.1), Causes(edge=0.3)),
        (Bin.CLUSTER, Causes(clusters=1), Causes(clusters=3)),
        (Bin.SCRATCH, Causes(scratches=1), Causes(scratches=MOST)),
        (Bin.ELECTRICAL, Causes(random=0.02), Causes(random=0.06)),
    ],
)
def test_a_larger_dose_keeps_every_failure_and_adds_more(cause: Bin, little: Causes, much: Causes) -> None:
    few, many = wafers(little) == cause, wafers(much) == cause
    assert 0 < few.sum() < many.sum()
    assert many[few].all()


def test_another_dose_of_one_cause_moves_no_failure_of_another() -> None:
    one, other = wafers(Causes(edge=0.1, random=0.02)), wafers(Causes(edge=0.5, random=0.02))
    inside = radius(GRID.rows, GRID.columns) < 0.8
    assert (one[:, inside] == other[:, inside]).all()
    assert (one != other).any()


def test_the_same_key_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    def write(folder: str, order: list[str], seed: int) -> dict[str, bytes]:
        for wafer in order:
            path = tmp_path / folder / f"{wafer}.xml"
            write_wafer_map(path, wafer=wafer, lot="L-1", grid=GRID, seed=seed, fail_rate=0.05)
        return {path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()}

    forwards = write("forwards", WAFERS[:6], 7)
    assert write("backwards", WAFERS[5::-1], 7) == forwards
    assert write("again", WAFERS[:6], 8) != forwards
    assert len(set(forwards.values())) == 6
    assert sorted(forwards) == [f"{wafer}.xml" for wafer in WAFERS[:6]], "no unfinished file stays"


def test_the_mes_reads_a_wafer_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "W.xml"
    codes = write_wafer_map(path, wafer="W<1>&", lot="L-1", grid=GRID, seed=7, fail_rate=0.1, carrier="FOUP-3", slot=4)
    mapfile = read_e142(path.read_bytes())
    (wafer,) = mapfile.substrates
    (bins,) = wafer.overlays
    assert isinstance(bins, BinCodes)
    assert mapfile.discrepancies == ()
    assert (wafer.id, wafer.type, wafer.lot, wafer.carrier, wafer.slot) == ("W<1>&", "Wafer", "L-1", "FOUP-3", 4)
    assert wafer.good_devices == (codes == Bin.PASS).sum()
    assert (bins.codes == codes).all()
    assert bins.null_bin == Bin.NONE
    assert {d.code: d.good for d in bins.definitions} == {code: code == Bin.PASS for code in range(1, 6)}
    (layout,) = mapfile.layout_path(wafer.layout)
    assert (layout.product, layout.pitch_um) == ("HBM-CORE", (7500.0, 6250.0))


def test_a_strip_is_whole_but_for_a_few_x_outs(tmp_path: Path) -> None:
    strips = [
        write_strip_map(tmp_path / f"S-{i}.xml", strip=f"S-{i}", lot="L-2", grid=STRIP, seed=7, x_out_rate=0.03)
        for i in range(20)
    ]
    assert 0 < np.mean(np.stack(strips) == Bin.X_OUT) < 0.06
    mapfile = read_e142((tmp_path / "S-0.xml").read_bytes())
    assert mapfile.discrepancies == ()
    assert (mapfile.substrates[0].type, mapfile.substrates[0].rows, mapfile.substrates[0].columns) == ("Strip", 4, 12)
    write_strip_map(tmp_path / "blank.xml", strip="B", lot="L-2", grid=STRIP, seed=7, x_out_rate=0.0)
    assert read_e142((tmp_path / "blank.xml").read_bytes()).substrates[0].good_devices == 48
