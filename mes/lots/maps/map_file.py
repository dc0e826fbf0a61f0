"""A substrate of the database as a map file: what its positions are, its device ids, and where its units came from."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from equipment.interface.messages import NO_BIN, PASS_BIN
from equipment.interface.states import TransferOutcome
from mes.definitions.models import Layout as LayoutRow
from mes.definitions.models import Product
from mes.errors import NotFound
from mes.lots.models import Lot, LotSubstrate
from mes.units.arrival import INCOMING_BINS
from mes.units.brought import read_brought
from mes.units.drawn import redrawn
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
from mes.units.layers import read_bins, read_layer
from mes.units.models import Layer, Substrate, Transfer
from mes.units.states import USABLE, Disposition

E142_TYPES = {"wafer": "Wafer", "frame": "Frame", "strip": "Strip", "panel": "Panel", "boat": "Tray", "tray": "Tray"}
"""Kinds of substrates as the standard names them; it has no boat."""
DISPOSITIONS = "dispositions"
NOT_DEFINED = "not defined"
"""The name of a bin that is on the map and that nobody has defined."""


def exported(
    session: Session, substrate_id: int, layer: str = DISPOSITIONS, *, version: int | None = None,
    owner_id: int | None = None, origin: bool = True, as_it_came: bool = False,
) -> MapFile:  # fmt: skip
    """The map of a substrate as `bin_map` gives it, with its device ids and, as ``origin``, where its units came from.

    With ``owner_id`` only transfers between substrates of that customer are told. ``as_it_came``: drawn and counted
    like the file that the substrate came with, its reference devices too; the sources of units as in any other file.
    """
    substrate, layout = _with_layout(session, substrate_id)
    of = _bin_map(session, substrate, layout, layer, version)
    overlays = (*of.overlays, *_device_ids(session, substrate, layout.columns))
    if origin:
        overlays = (*overlays, *_transfers(session, substrate, owner_id))
    layouts = _layouts(layout, session.get_one(Product, substrate.product_id).name)
    of = replace(of, overlays=overlays, layout="/".join(one.id for one in layouts))
    if as_it_came and substrate.frame is not None:
        of = redrawn(of, substrate.frame)
    return MapFile(layouts=layouts, substrates=(of,))


def _layouts(layout: LayoutRow, product: str) -> tuple[Layout, ...]:
    """The grid of a substrate; of a panel made of blocks the grid of these, and that of each block."""
    pitch = (layout.pitch_x_um, layout.pitch_y_um)
    if layout.block_rows is None or layout.block_columns is None:
        return (Layout(layout.name, layout.columns, layout.rows, pitch_um=pitch, product=product, top_level=True),)
    columns, rows = layout.block_columns, layout.block_rows
    block = Layout(f"{layout.name} block", columns, rows, pitch_um=pitch, product=product)
    of_blocks = (columns * pitch[0], rows * pitch[1])
    across, down = layout.columns // columns, layout.rows // rows
    return (Layout(layout.name, across, down, pitch_um=of_blocks, children=(block.id,), top_level=True), block)


def bin_map(
    session: Session, substrate_id: int, layer: str = DISPOSITIONS, *, version: int | None = None
) -> tuple[SubstrateMap, BinCodes]:  # fmt: skip
    """A substrate with the bins of one layer, or what has become of each position; and those bins by themselves.

    ``version`` is that of the layer, the newest without one. Raises `NotFound` where it has no such layer.
    """
    of = _bin_map(session, *_with_layout(session, substrate_id), layer, version)
    (codes,) = of.overlays
    assert isinstance(codes, BinCodes)
    return of, codes


def _with_layout(session: Session, substrate_id: int) -> tuple[Substrate, LayoutRow]:
    query = select(Substrate).where(Substrate.id == substrate_id)
    query = query.options(undefer(Substrate.dispositions), undefer(Substrate.frame))
    substrate = session.scalars(query).one()
    return substrate, session.get_one(LayoutRow, substrate.layout_id)


def _bin_map(
    session: Session, substrate: Substrate, layout: LayoutRow, layer: str, version: int | None
) -> SubstrateMap:  # fmt: skip
    codes = bins_of(session, substrate, layout, layer, version)
    kind, lot = E142_TYPES[substrate.kind], _lot(session, substrate.id)
    return SubstrateMap(substrate.name, kind, layout.name, layout.rows, layout.columns, lot=lot, overlays=(codes,))


def bins_of(
    session: Session, substrate: Substrate, layout: LayoutRow, layer: str, version: int | None = None
) -> BinCodes:  # fmt: skip
    """The bins of one layer, or what has become of each position, of a substrate that has its dispositions loaded.

    Raises `NotFound` where it has no such layer.
    """
    shape = (layout.rows, layout.columns)
    if layer == DISPOSITIONS:
        return _dispositions(substrate, shape)
    return _bins(session, substrate, layer, version, shape)


def bins_of_many(
    session: Session, substrates: Iterable[Substrate], shape: tuple[int, int], layer: str
) -> dict[int, BinCodes]:  # fmt: skip
    """The same of those of one layout that have the layer themselves, by their ids, in one query."""
    members = {substrate.id: substrate for substrate in substrates}
    if layer == DISPOSITIONS:
        return {i: _dispositions(substrate, shape) for i, substrate in members.items()}
    read = read_bins(session, dict.fromkeys(members, shape), layer)
    return {
        i: _defined(members[i], layer, values, _meanings(row.palette), str(row.version))
        for i, (values, row) in read.items()
    }


def _lot(session: Session, substrate_id: int) -> str | None:
    query = select(Lot.name).join(LotSubstrate, LotSubstrate.lot_id == Lot.id)
    return session.scalars(query.where(LotSubstrate.substrate_id == substrate_id).order_by(Lot.id.desc())).first()


def _dispositions(substrate: Substrate, shape: tuple[int, int]) -> BinCodes:
    codes = np.frombuffer(substrate.dispositions, np.uint8).reshape(shape).astype(np.uint16)
    definitions = tuple(
        BinDefinition(d, quality="Pass" if d in USABLE else "Fail", description=d.name.lower().replace("_", " "))
        for d in Disposition
        if d is not Disposition.NO_UNIT
    )
    nothing = int(Disposition.NO_UNIT)
    kind = BinType.HEXADECIMAL
    return BinCodes(
        name=DISPOSITIONS, bin_type=kind, null_bin=nothing, codes=codes, definitions=_counted(codes, definitions)
    )


def _bins(
    session: Session, substrate: Substrate, layer: str, version: int | None, shape: tuple[int, int]
) -> BinCodes:  # fmt: skip
    return _defined(substrate, layer, *_read(session, substrate, layer, version, shape))


def _defined(
    substrate: Substrate, layer: str, values: NDArray[Any], palette: dict[int, dict[str, Any]], written: str | None
) -> BinCodes:
    """The bins of a layer with what every code on it means, and how often it is there."""
    codes = values.astype(np.uint16)
    if layer == INCOMING_BINS:
        nothing = _null_bin(codes, palette, substrate)
    else:  # an operation names the bins of failures alone
        nothing = NO_BIN
        palette.setdefault(PASS_BIN, {"quality": "Pass"})
    for code in set(np.unique(codes).tolist()) - {*palette, nothing}:
        palette[code] = {"quality": "Fail", "name": NOT_DEFINED}
    definitions = tuple(
        BinDefinition(code, quality=meaning.get("quality"), description=meaning.get("name"))
        for code, meaning in sorted(palette.items())
    )
    return BinCodes(
        name=layer,
        version=written,
        bin_type=BinType.INTEGER2 if max(codes.max(), *palette, 0) > 0xFF else BinType.HEXADECIMAL,
        null_bin=nothing,
        codes=codes,
        definitions=_counted(codes, definitions),
    )


def _read(
    session: Session, substrate: Substrate, layer: str, version: int | None, shape: tuple[int, int]
) -> tuple[NDArray[Any], dict[int, dict[str, Any]], str | None]:
    """The bins of a layer, what its codes mean, and its version: none where the units brought the bins along."""
    brought = read_brought(session, substrate.id, layer, shape)
    if brought is not None:
        values, palette = brought
        return values, _meanings(palette), None
    values, row = read_layer(session, substrate.id, layer, shape, version)
    if row.encoding not in ("u1", "u2"):
        raise NotFound(f"Layer {layer} of {substrate.name} holds no bins.")
    return values, _meanings(row.palette), str(row.version)


def _meanings(palette: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {int(code): meaning for code, meaning in palette.items()}


def _null_bin(codes: NDArray[np.uint16], palette: dict[int, Any], substrate: Substrate) -> int | None:
    """The code of a file that stands only where there is no unit, and that the file does not define."""
    units = np.frombuffer(substrate.dispositions, np.uint8).reshape(codes.shape) != Disposition.NO_UNIT
    unsaid = sorted(set(np.unique(codes).tolist()) - set(palette))
    return next((code for code in unsaid if not units[codes == code].any()), None)


def _counted(codes: NDArray[np.uint16], definitions: tuple[BinDefinition, ...]) -> tuple[BinDefinition, ...]:
    return tuple(
        BinDefinition(d.code, int((codes == d.code).sum()), d.quality, d.description, d.pick) for d in definitions
    )


def _device_ids(session: Session, substrate: Substrate, columns: int) -> Iterator[Overlay]:
    query = select(Layer).where(Layer.substrate_id == substrate.id, Layer.encoding == "text").order_by(Layer.id)
    for layer in session.scalars(query.options(undefer(Layer.body))):
        texts = json.loads(layer.body)
        known = [i for i, text in enumerate(texts) if text is not None]
        y, x = np.divmod(np.array(known, np.int32), np.int32(columns))
        yield DeviceIds(name=layer.name.removeprefix("id:"), x=x, y=y, texts=tuple(texts[i] for i in known))


def _transfers(session: Session, substrate: Substrate, owner_id: int | None) -> Iterator[Overlay]:
    """Units placed here, one overlay for each source and level; the source's y as the file counts it, upwards."""
    query = (
        select(Transfer, Substrate.name, Substrate.kind, LayoutRow.name, LayoutRow.rows)
        .join(Substrate, Substrate.id == Transfer.source_id)
        .join(LayoutRow, LayoutRow.id == Substrate.layout_id)
        .where(Transfer.target_id == substrate.id)
        .order_by(Transfer.id)
        .options(undefer("*"))
    )
    if owner_id is not None:
        query = query.where(Substrate.customer_id == owner_id)
    for transfer, source, kind, layout, rows in session.execute(query):
        came = np.frombuffer(transfer.from_xy, "<i2").reshape(-1, 2).astype(np.int32)
        went = np.frombuffer(transfer.to_xy, "<i2").reshape(-1, 2).astype(np.int32)
        slots = np.frombuffer(transfer.slots, np.uint8).reshape(-1, 4)
        for level in np.unique(slots[:, 1]).tolist():
            here = (slots[:, 3] == TransferOutcome.PLACED) & (slots[:, 1] == level)
            if here.any():
                yield TransferList(
                    name=f"transfer {transfer.id} level {level}",
                    from_substrate=source,
                    from_type=E142_TYPES[kind],
                    from_layout=layout,
                    fx=came[here, 0],
                    fy=np.int32(rows - 1) - came[here, 1],
                    tx=went[here, 0],
                    ty=went[here, 1],
                )
