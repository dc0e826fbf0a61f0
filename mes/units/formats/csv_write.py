"""Writes the bins of a map file as CSV: a line for each position that is not empty; and what that leaves out."""

import csv
from collections.abc import Iterator
from io import StringIO

import numpy as np

from mes.units.formats.e142_codes import spell
from mes.units.formats.mapfile import BinCodes, DeviceIds, MapFile, SubstrateMap, TransferList

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


def left_out(mapfile: MapFile) -> list[str]:
    """What the map file says and CSV does not, a sentence each."""
    overlays = [overlay for substrate in mapfile.substrates for overlay in substrate.overlays]
    ids = sum(len(overlay.texts) for overlay in overlays if isinstance(overlay, DeviceIds))
    transfers = sum(len(overlay.fx) for overlay in overlays if isinstance(overlay, TransferList))
    references = sum(len(overlay.references) for overlay in overlays)
    described = sum(1 for o in overlays if isinstance(o, BinCodes) for d in o.definitions if d.description)
    sized = sum(1 for layout in mapfile.layouts if layout.pitch_um or layout.device_size_um)
    counts = {
        "device ids": ids,
        "transfers": transfers,
        "reference devices": references,
        "descriptions of bins": described,
        "layouts with sizes": sized,
    }
    return [f"{count} {what}" for what, count in counts.items() if count]
