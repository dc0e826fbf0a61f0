"""Masked copies of a multi-project wafer: what its map and its layers say of the positions of one project alone."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipment.interface.messages import NO_BIN
from mes.definitions.models import Product
from mes.units.arrival import INCOMING_BINS
from mes.units.layers import DTYPES
from mes.units.models import Layer, Substrate
from mes.units.positions import Mask, Positions, Shape
from mes.units.states import Disposition


def project_masks(reticle: dict[str, Any], shape: Shape) -> dict[str, Mask]:
    """By project, its positions: the shot is printed over and over from the top left."""
    shot = np.array([list(row) for row in reticle["rows"]])
    rows, columns = shape
    times = -(-rows // shot.shape[0]), -(-columns // shot.shape[1])
    letters = np.tile(shot, times)[:rows, :columns]
    return {one["name"]: letters == one["name"] for one in reticle["projects"]}


def masked_copy(wafer: Positions, name: str, mask: Mask, customer_id: int, product: Product) -> Substrate:
    """A substrate with what the wafer has at these positions, and nothing elsewhere; from the wafer it is gone then."""
    of = wafer.substrate
    copy = Substrate(
        customer_id=customer_id, name=name, kind=of.kind, layout_id=of.layout_id, product_id=product.id,
        assumed_map=of.assumed_map, part_of_id=of.id,
        dispositions=np.where(mask, wafer.now, Disposition.NO_UNIT).astype(np.uint8).tobytes(),
    )  # fmt: skip
    wafer.mark(mask, Disposition.NO_UNIT)
    return copy


def masked_layers(layers: Iterable[Layer], copy: Substrate, wafer: str, mask: Mask) -> Iterator[Layer]:
    """What the layers of a wafer, oldest version first, say of these positions; versions that say nothing are left out.

    The palette keeps the codes that are there.
    """
    versions: Counter[str] = Counter()
    palettes: dict[str, dict[str, Any]] = {}
    for layer in layers:
        told = _texts(layer, mask) if layer.encoding == "text" else _values(layer, mask)
        if told is None:
            continue
        versions[layer.name] += 1
        told["palette"] = palettes[layer.name] = palettes.get(layer.name, {}) | told["palette"]
        source = f"wafer {wafer}" if layer.name == INCOMING_BINS else layer.source
        yield Layer(
            customer_id=copy.customer_id, substrate_id=copy.id, name=layer.name, version=versions[layer.name],
            source=source, happened_at=layer.happened_at, **told,
        )  # fmt: skip


def _texts(layer: Layer, mask: Mask) -> dict[str, Any] | None:
    own = [text if mine else None for text, mine in zip(json.loads(layer.body), mask.ravel().tolist(), strict=True)]
    if not any(text is not None for text in own):
        return None
    body = json.dumps(own, separators=(",", ":"), ensure_ascii=False).encode()
    return {"encoding": "text", "palette": layer.palette, "positions": None, "body": body}


def _values(layer: Layer, mask: Mask) -> dict[str, Any] | None:
    stored = np.frombuffer(layer.body, DTYPES[layer.encoding])
    covered = np.arange(mask.size) if layer.positions is None else np.frombuffer(layer.positions, "<u4")
    mine = mask.ravel()[covered]
    values, places = stored[mine], covered[mine]
    if not len(values):
        return None
    palette = layer.palette if layer.encoding == "f8" else _palette(layer.palette, values.tolist())
    if layer.name == INCOMING_BINS and layer.positions is None:
        return {"palette": palette, "positions": None, **_filled(values, places, mask.size, palette)}
    packed = places.astype("<u4").tobytes()
    return {"encoding": layer.encoding, "palette": palette, "positions": packed, "body": values.tobytes()}


def _palette(palette: dict[str, Any], codes: Sequence[int]) -> dict[str, Any]:
    return {code: meaning for code, meaning in palette.items() if int(code) in set(codes)}


def _filled(values: NDArray[Any], places: NDArray[Any], size: int, palette: dict[str, Any]) -> dict[str, Any]:
    """Bins of a whole wafer, with a code that means nothing where there is nothing."""
    taken = {*values.tolist(), *map(int, palette)}
    nothing = next(code for code in range(NO_BIN, 2**16) if code not in taken)
    wide = nothing > np.iinfo(np.uint8).max or values.dtype.itemsize > 1
    whole = np.full(size, nothing, "<u2" if wide else "<u1")
    whole[places] = values
    return {"encoding": "u2" if wide else "u1", "body": whole.tobytes()}
