"""A map file as plain values for people and JSON: what was read, and everything that did not fit."""

from dataclasses import asdict
from typing import Any

import numpy as np

from mes.units.formats.e142_codes import spell
from mes.units.formats.mapfile import BinCodes, DeviceIds, MapFile, SubstrateMap, TransferList

FRAME = (
    "x counts from 0 at the left, y from 0 at the top, of the layout seen from above and not turned. "
    "fx and fy of transfers are the file's own."
)


def describe(mapfile: MapFile) -> dict[str, Any]:
    """`format`, `frame`, `substrates` and `warnings`, all of them strings, numbers, lists and dicts.

    A substrate has its `id`, `type`, `lot`, `layout`, `rows`, `columns` and the like, the `frame` in which the file has
    it and the `conversion` from that in words, and by overlay `bins` (code,
    count and declared count, quality, description, pick), `transfers` and `device_ids`, both as columns.
    """
    return {
        "format": mapfile.format,
        "frame": FRAME,
        "substrates": [_substrate(mapfile, substrate) for substrate in mapfile.substrates],
        "warnings": [
            {"code": finding.code, "place": finding.place, "message": finding.message}
            for finding in mapfile.discrepancies
        ],
    }


def _substrate(mapfile: MapFile, substrate: SubstrateMap) -> dict[str, Any]:
    path = mapfile.layout_path(substrate.layout)
    overlays = substrate.overlays
    return {
        "id": substrate.id,
        "type": substrate.type,
        "lot": substrate.lot,
        "carrier": substrate.carrier,
        "slot": substrate.slot,
        "supplier": substrate.supplier,
        "good_devices": substrate.good_devices,
        "layout": substrate.layout,
        "product": next((layout.product for layout in reversed(path) if layout.product), None),
        "pitch_um": path[-1].pitch_um if path else None,
        "device_size_um": path[-1].device_size_um if path else None,
        "rows": substrate.rows,
        "columns": substrate.columns,
        "frame": asdict(substrate.frame),
        "conversion": str(substrate.frame),
        "bins": [row for overlay in overlays if isinstance(overlay, BinCodes) for row in _bins(overlay)],
        "transfers": [_transfers(overlay) for overlay in overlays if isinstance(overlay, TransferList)],
        "device_ids": [_device_ids(overlay) for overlay in overlays if isinstance(overlay, DeviceIds)],
    }


def _bins(overlay: BinCodes) -> list[dict[str, Any]]:
    """One row for each code that is defined or stands in the map, and one of quality "null" for the null bin."""
    counted = np.bincount(overlay.codes.ravel(), minlength=0x10000)
    definitions = {definition.code: definition for definition in reversed(overlay.definitions)}
    nothing = set() if overlay.null_bin is None else {overlay.null_bin}
    rows = []
    for code in sorted({*definitions, *np.flatnonzero(counted).tolist(), *nothing}):
        definition = definitions.get(code)
        quality = "null" if definition is None and code == overlay.null_bin else None
        rows.append(
            {
                "overlay": overlay.name,
                "version": overlay.version,
                "code": spell(code, overlay.bin_type),
                "count": int(counted[code]),
                "declared": definition.count if definition else None,
                "quality": definition.quality if definition else quality,
                "description": definition.description if definition else None,
                "pick": definition.pick if definition else None,
            }
        )
    return rows


def _transfers(overlay: TransferList) -> dict[str, Any]:
    return {
        "overlay": overlay.name,
        "version": overlay.version,
        "from": {"id": overlay.from_substrate, "type": overlay.from_type, "layout": overlay.from_layout},
        "count": len(overlay.fx),
        "fx": overlay.fx.tolist(),
        "fy": overlay.fy.tolist(),
        "tx": overlay.tx.tolist(),
        "ty": overlay.ty.tolist(),
    }


def _device_ids(overlay: DeviceIds) -> dict[str, Any]:
    return {
        "overlay": overlay.name,
        "version": overlay.version,
        "count": len(overlay.texts),
        "x": overlay.x.tolist(),
        "y": overlay.y.tolist(),
        "ids": list(overlay.texts),
    }
