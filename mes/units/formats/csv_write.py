"""Writes the bins of a map file as CSV: a line for each position that is not empty."""

import csv
from collections.abc import Iterator
from io import StringIO

import numpy as np

from mes.units.formats.e142_codes import spell
from mes.units.formats.mapfile import BinCodes, MapFile, SubstrateMap

HEAD = ("substrate", "lot", "map", "x", "y", "bin", "quality")


def write_csv(mapfile: MapFile) -> bytes:
    """UTF-8 with a head; x from 0 at the left, y from 0 at the top, row by row. Equal map files give equal bytes."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    for substrate in mapfile.substrates:
        for overlay in substrate.overlays:
            if isinstance(overlay, BinCodes):
                writer.writerows(_rows(substrate, overlay))
    return text.getvalue().encode()


def _rows(substrate: SubstrateMap, overlay: BinCodes) -> Iterator[tuple[str | int, ...]]:
    quality = {definition.code: definition.quality or "" for definition in reversed(overlay.definitions)}
    said = {code: (spell(code, overlay.bin_type), quality.get(code, "")) for code in np.unique(overlay.codes).tolist()}
    null = -1 if overlay.null_bin is None else overlay.null_bin
    ys, xs = np.nonzero(overlay.codes != null)
    named = (substrate.id, substrate.lot or "", overlay.name)
    for x, y, code in zip(xs.tolist(), ys.tolist(), overlay.codes[ys, xs].tolist(), strict=True):
        yield (*named, x, y, *said[code])
