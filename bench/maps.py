"""A map of 60,000 positions in E142: read and written, beside a bare parse and print of the same bytes by lxml."""

from collections.abc import Callable

import numpy as np
from lxml import etree

from bench.measure import Figure, Report, Size, beside, in_turn
from mes.units.formats.e142 import read_e142
from mes.units.formats.e142_write import write_e142
from mes.units.formats.mapfile import (
    BinCodes,
    BinDefinition,
    BinType,
    DeviceIds,
    Layout,
    MapFile,
    Overlay,
    SubstrateMap,
    TransferList,
)

ROWS, COLUMNS = 200, 300
BUDGETS_MS = {"bins": 100.0}
"""Of a map of bins alone, each way."""
BINS = {1: "Pass", 2: "Fail", 3: "Fail", 17: "Fail"}
NULL_BIN = 0xFFFF


def run(size: Size) -> Report:
    """Every kind of overlay over the same wafer."""
    rounds = 3 if size is Size.QUICK else 9
    bins, ids, transfers = some_bins(), _ids(), _transfers()
    files = {
        "bins": _file(bins),
        "bins, device ids": _file(bins, ids),
        "bins, transfers": _file(bins, transfers),
    }
    figures = [f for name, mapfile in files.items() for f in _figures(name, mapfile, rounds)]
    return Report(tuple(figures), "lxml alone parses, or prints, the same bytes")


def _figures(name: str, mapfile: MapFile, rounds: int) -> list[Figure]:
    data = write_e142(mapfile)
    tree = etree.fromstring(data)
    more: dict[str, float | int | str] = {"positions": ROWS * COLUMNS, "kilobytes": len(data) // 1000}

    def figure(way: str, work: Callable[[], object], bare: Callable[[], object]) -> Figure:
        spent = ([1000 * s for s in times] for times in in_turn(rounds, work, bare))
        return beside(f"{way} {name}", "ms CPU", *spent, budget=BUDGETS_MS.get(name), more=more)

    read = read_e142(data)
    if read.discrepancies or read.substrates[0].overlays != mapfile.substrates[0].overlays:
        raise AssertionError(f"{name}: what was read is not what was written")
    return [
        figure("read", lambda: read_e142(data), lambda: etree.fromstring(data)),
        figure("write", lambda: write_e142(mapfile), lambda: etree.tostring(tree)),
    ]


def _file(*overlays: Overlay) -> MapFile:
    wafer = SubstrateMap("W-1", "Wafer", "Dies", ROWS, COLUMNS, lot="L-1", overlays=overlays)
    return MapFile((Layout("Dies", COLUMNS, ROWS, pitch_um=(900.0, 1400.0), top_level=True),), (wafer,))


def some_bins() -> BinCodes:
    """Four bins at random, and the corners outside the wafer empty."""
    chance = np.random.default_rng(7)
    codes = chance.choice(np.array(list(BINS), np.uint16), (ROWS, COLUMNS), p=(0.9, 0.05, 0.04, 0.01))
    y, x = np.ogrid[-1 : 1 : ROWS * 1j, -1 : 1 : COLUMNS * 1j]
    codes[x * x + y * y > 1.0] = NULL_BIN
    definitions = tuple(BinDefinition(code, int((codes == code).sum()), quality) for code, quality in BINS.items())
    return BinCodes(name="Bins", bin_type=BinType.INTEGER2, null_bin=NULL_BIN, codes=codes, definitions=definitions)


def _everywhere() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.divmod(np.arange(ROWS * COLUMNS, dtype=np.int32), np.int32(COLUMNS))
    return x, y


def _ids() -> DeviceIds:
    x, y = _everywhere()
    texts = tuple(f"D{column:03d}{row:03d}" for column, row in zip(x.tolist(), y.tolist(), strict=True))
    return DeviceIds(name="Ids", x=x, y=y, texts=texts)


def _transfers() -> TransferList:
    x, y = _everywhere()
    return TransferList(
        name="Placed", from_substrate="W-2", from_type="Wafer", fx=x[::-1].copy(), fy=y[::-1].copy(), tx=x, ty=y
    )
