"""Layers over a substrate, versioned: bins of a pass, device ids, measurements."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, undefer

from mes.errors import NotFound
from mes.units.models import Layer, Substrate
from mes.units.positions import Mask, Shape

DEVICE_IDS = "id:"
"""What the names of layers of device ids begin with."""

DTYPES: dict[str, np.dtype[Any]] = {"u1": np.dtype("<u1"), "u2": np.dtype("<u2"), "f8": np.dtype("<f8")}
"""By the encoding of a layer of numbers."""


def write_layer(
    session: Session,
    substrate: Substrate,
    name: str,
    values: NDArray[Any],
    *,
    at: datetime,
    source: str,
    palette: dict[str, Any],
    where: Mask | None = None,
    first: bool = False,
) -> Layer:
    """Add a version of a layer; the substrate must be locked. ``values`` is rows by columns, uint8, uint16 or float64.

    With ``where``, only those positions are stored: a change on top of the version before. ``first``: the substrate
    has just come, so that there is none before.
    """
    encoding = {1: "u1", 2: "u2", 8: "f8"}[values.dtype.itemsize]
    kept = values.ravel() if where is None else values[where]
    layer = Layer(
        customer_id=substrate.customer_id,
        substrate_id=substrate.id,
        name=name,
        version=1 if first else _newest(session, substrate.id, name) + 1,
        encoding=encoding,
        palette=palette,
        source=source,
        happened_at=at,
        positions=None if where is None else np.flatnonzero(where).astype("<u4").tobytes(),
        body=kept.astype(DTYPES[encoding]).tobytes(),
    )
    session.add(layer)
    return layer


def _newest(session: Session, substrate_id: int, name: str) -> int:
    """The number of the last version of a layer; 0 where there is none."""
    query = select(func.max(Layer.version)).where(Layer.substrate_id == substrate_id, Layer.name == name)
    return session.scalar(query) or 0


def write_texts(
    session: Session, substrate: Substrate, name: str, texts: list[str | None], *, at: datetime, source: str,
    first: bool = True,
) -> Layer:  # fmt: skip
    """Add a version of a layer of one text per position, row by row; None where there is none.

    ``first``: as of `write_layer`.
    """
    layer = Layer(
        customer_id=substrate.customer_id,
        substrate_id=substrate.id,
        name=name,
        version=1 if first else _newest(session, substrate.id, name) + 1,
        encoding="text",
        palette={},
        source=source,
        happened_at=at,
        positions=None,
        body=json.dumps(texts, separators=(",", ":"), ensure_ascii=False).encode(),
    )
    session.add(layer)
    return layer


def read_layer(
    session: Session, substrate_id: int, name: str, shape: Shape, version: int | None = None
) -> tuple[NDArray[Any], Layer]:
    """A layer as it was at ``version`` (the newest without one), and the row of that version.

    Raises `NotFound` where the substrate has no such layer, or one of texts.
    """
    query = select(Layer).where(Layer.substrate_id == substrate_id, Layer.name == name).order_by(Layer.version)
    if version is not None:
        query = query.where(Layer.version <= version)
    versions = session.scalars(query.options(undefer("*"))).all()
    if not versions:
        raise NotFound(f"There is no layer {name} of that substrate.")
    if versions[0].encoding not in DTYPES:
        raise NotFound(f"Layer {name} of that substrate holds texts, not numbers.")
    return _laid(versions, shape), versions[-1]


def _laid(versions: Iterable[Layer], shape: Shape) -> NDArray[Any]:
    """What versions of one layer make, each laid over the one before."""
    values: NDArray[Any] = np.zeros(0)
    for layer in versions:
        body = np.frombuffer(layer.body, DTYPES[layer.encoding])
        if layer.positions is None:
            values = body.copy()
        else:
            values = values if values.size else np.zeros(shape[0] * shape[1], body.dtype)
            values[np.frombuffer(layer.positions, "<u4")] = body
    return values.reshape(shape)


def bins_of(session: Session, shapes: Mapping[int, Shape], name: str) -> dict[int, NDArray[Any]]:
    """A layer of bins as it is now, of those of these substrates that have it, in one query."""
    return {i: values for i, (values, _) in read_bins(session, shapes, name).items()}


def read_bins(session: Session, shapes: Mapping[int, Shape], name: str) -> dict[int, tuple[NDArray[Any], Layer]]:
    """The same, each with the row of its newest version."""
    layers = _layers(session, shapes, Layer.name == name, Layer.encoding.in_(("u1", "u2")))
    return {i: (_laid(versions, shapes[i]), versions[-1]) for i, versions in layers.items()}


def ids_of(session: Session, substrate_ids: Iterable[int]) -> dict[int, list[list[str | None]]]:
    """The ids of devices of those of these substrates that have some: a list row by row for each layer, in one query.

    The oldest layer stands first.
    """
    layers = _layers(session, substrate_ids, Layer.name.startswith(DEVICE_IDS), Layer.encoding == "text")
    return {i: [json.loads(layer.body) for layer in versions] for i, versions in layers.items()}


def _layers(session: Session, shapes: Iterable[int], *which: ColumnElement[bool]) -> dict[int, list[Layer]]:
    query = select(Layer).where(Layer.substrate_id.in_(list(shapes)), *which).order_by(Layer.id)
    found: dict[int, list[Layer]] = {}
    for layer in session.scalars(query.options(undefer("*"))):
        found.setdefault(layer.substrate_id, []).append(layer)
    return found
