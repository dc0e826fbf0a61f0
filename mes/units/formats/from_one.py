"""Coordinates that count from 1: whether those of a map prove it, and the map when they are read so."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.frame import Frame
from mes.units.formats.mapfile import BinCodes, DeviceIds, Overlay, SubstrateMap, TransferList

_Pair: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32]]


def counts_from_one(substrate: SubstrateMap) -> bool:
    """Whether all coordinates fit if the origin is (1, 1), and a reference device or an id does not if it is (0, 0)."""
    from_zero, from_one = (replace(substrate.frame, first=first) for first in (0, 1))
    marks = [pair for overlay in substrate.overlays for pair in _marks(overlay)]
    targets = [(o.tx, o.ty) for o in substrate.overlays if isinstance(o, TransferList)]
    if all(_inside(substrate, *_read_as(from_zero, substrate, *pair)) for pair in marks):
        return False
    return all(_inside(substrate, *_read_as(from_one, substrate, *pair)) for pair in (*marks, *targets))


def seems_to_count_from_one(substrate: SubstrateMap) -> bool:
    """Whether no reference device stands on a unit if the origin is (0, 0), and all do if it is (1, 1)."""
    bins = next((o for o in substrate.overlays if isinstance(o, BinCodes) and o.null_bin is not None), None)
    marks = [_places(overlay) for overlay in substrate.overlays if overlay.references]
    if bins is None or not marks:
        return False
    read = [_read_as(replace(substrate.frame, first=1), substrate, *pair) for pair in marks]
    if not all(_inside(substrate, *pair) for pair in (*marks, *read)):
        return False
    return all((bins.codes[y, x] == bins.null_bin).all() for x, y in marks) and all(
        (bins.codes[y, x] != bins.null_bin).all() for x, y in read
    )


def recounted(substrate: SubstrateMap) -> SubstrateMap:
    """The map whose origin is (1, 1), of one that was read as if it were (0, 0)."""
    frame = replace(substrate.frame, first=1)
    overlays = tuple(_recounted(overlay, frame, substrate) for overlay in substrate.overlays)
    return replace(substrate, frame=frame, overlays=overlays)


def _marks(overlay: Overlay) -> Iterator[_Pair]:
    """Where reference devices and ids are."""
    if overlay.references:
        yield _places(overlay)
    if isinstance(overlay, DeviceIds):
        yield overlay.x, overlay.y


def _read_as(frame: Frame, substrate: SubstrateMap, x: NDArray[np.int32], y: NDArray[np.int32]) -> _Pair:
    return frame.to_ours(*substrate.frame.to_file(x, y, substrate.shape), substrate.shape)


def _inside(substrate: SubstrateMap, x: NDArray[np.int32], y: NDArray[np.int32]) -> bool:
    return bool(((x >= 0) & (x < substrate.columns) & (y >= 0) & (y < substrate.rows)).all())


def _recounted(overlay: Overlay, frame: Frame, substrate: SubstrateMap) -> Overlay:
    if overlay.references:
        xs, ys = _read_as(frame, substrate, *_places(overlay))
        moved = zip(overlay.references, xs.tolist(), ys.tolist(), strict=True)
        overlay = replace(overlay, references=tuple(replace(device, x=x, y=y) for device, x, y in moved))
    if isinstance(overlay, DeviceIds):
        x, y = _read_as(frame, substrate, overlay.x, overlay.y)
        return replace(overlay, x=x, y=y)
    if isinstance(overlay, TransferList):
        x, y = _read_as(frame, substrate, overlay.tx, overlay.ty)
        return replace(overlay, tx=x, ty=y)
    return overlay


def _places(overlay: Overlay) -> _Pair:
    """Where its reference devices are."""
    x, y = np.array([(device.x, device.y) for device in overlay.references]).T
    return x, y
