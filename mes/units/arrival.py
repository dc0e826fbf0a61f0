"""Material arrives: substrates with their maps, or without one, each position assumed to hold a unit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.db import unique
from mes.definitions.models import Layout, Product
from mes.errors import Malformed, Reason, Refused
from mes.history import Act
from mes.units.device_ids import Claim, claim, known_already
from mes.units.drawn import drawn
from mes.units.formats.mapfile import BinCodes, DeviceIds, MapFile, SubstrateMap
from mes.units.layers import DEVICE_IDS, write_layer, write_texts
from mes.units.models import Substrate
from mes.units.states import Disposition
from mes.units.warned import MOST_KEPT, Warned

INCOMING_BINS = "bin:incoming"
"""Name of the layer that keeps the bins of the file a substrate came with."""


@dataclass(frozen=True)
class Arrival:
    """A substrate that comes: its id, and the map it brought; without one every position is assumed good."""

    substrate: str
    map: SubstrateMap | None = None
    warnings: tuple[Warned, ...] = ()
    """What was odd about the file that has its map."""


KNOWN = "Some substrates have already arrived; each arrives once."


def arrivals(mapfile: MapFile, file: str) -> list[Arrival]:
    """The substrates of a map file of that name, one arrival each. Raises `Malformed` where it names one twice."""
    names = [s.id for s in mapfile.substrates]
    if len(set(names)) != len(names):
        raise Malformed(f"The file names a substrate twice: {', '.join(names)}; a substrate has one map.")
    told = [(one.substrate, Warned(file, one.code, one.place, one.message)) for one in mapfile.discrepancies]
    return [Arrival(s.id, s, tuple(one for of, one in told if of in (None, s.id))) for s in mapfile.substrates]


def arrive(
    session: Session, customer_id: int, product: Product, layout: Layout, came: list[Arrival], act: Act
) -> list[Substrate]:
    """Create the substrates of ``came`` with their maps; history is the caller's, who knows the lot.

    Raises `Malformed` where a map does not have the layout's rows and columns, `Refused` where the customer already
    has a substrate of that name.
    """
    _refuse_known(session, customer_id, [a.substrate for a in came])
    substrates = [_substrate(customer_id, product, layout, arrival) for arrival in came]
    session.add_all(substrates)
    with unique("uq_substrate_customer_id_name", Refused(KNOWN)):
        session.flush()
    for substrate, arrival in zip(substrates, came, strict=True):
        if arrival.map is not None:
            _keep_layers(session, substrate, arrival.map, arrival.warnings, act)
    _claim_ids(session, customer_id, substrates, came)
    return substrates


def _claim_ids(session: Session, customer_id: int, substrates: list[Substrate], came: list[Arrival]) -> None:
    """Let the ids of all units be known. Raises `Refused` where one is known already, or stands at two positions."""
    claims = []
    for substrate, arrival in zip(substrates, came, strict=True):
        overlays = [o for o in arrival.map.overlays if isinstance(o, DeviceIds)] if arrival.map else []
        of_unit = {place for o in overlays for place in zip(o.texts, o.x.tolist(), o.y.tolist(), strict=True)}
        claims.append(Claim(customer_id, substrate.id, sorted(told for told, _, _ in of_unit)))
    known = claim(session, claims)
    if known:
        raise Refused(
            "Ids of units are known already; each is given once.", *known_already([told for _, told in known])
        )


def _refuse_known(session: Session, customer_id: int, names: list[str]) -> None:
    query = select(Substrate.name).where(Substrate.customer_id == customer_id, Substrate.name.in_(names))
    known = sorted(session.scalars(query))
    if known:
        reasons = [Reason("substrate_known", f"Substrate {name} has already arrived.") for name in known]
        raise Refused(KNOWN, *reasons)


def _substrate(customer_id: int, product: Product, layout: Layout, arrival: Arrival) -> Substrate:
    if arrival.map is None:
        dispositions = np.full((layout.rows, layout.columns), Disposition.IN_PROCESS, np.uint8)
    else:
        dispositions = _dispositions(arrival.map, layout)
    return Substrate(
        customer_id=customer_id,
        name=arrival.substrate,
        kind=layout.substrate_kind,
        layout_id=layout.id,
        product_id=product.id,
        assumed_map=arrival.map is None,
        frame=drawn(arrival.map) if arrival.map else None,
        dispositions=dispositions.tobytes(),
    )


def _dispositions(came: SubstrateMap, layout: Layout) -> NDArray[np.uint8]:
    if (came.rows, came.columns) != (layout.rows, layout.columns):
        raise Malformed(
            f"The map of {came.label} has {came.rows} rows and {came.columns} columns;"
            f" layout {layout.name} has {layout.rows} and {layout.columns}."
        )
    bins = _bins(came)
    if bins is None:
        return np.full((layout.rows, layout.columns), Disposition.IN_PROCESS, np.uint8)
    good = [d.code for d in bins.definitions if d.good]
    if not good:
        raise Malformed(f"The map of {came.label} defines no bin of quality Pass; name at least one.")
    dispositions = np.where(np.isin(bins.codes, good), Disposition.IN_PROCESS, Disposition.NOT_FOR_USE)
    if bins.null_bin is not None:
        dispositions[bins.codes == bins.null_bin] = Disposition.NO_UNIT
    return dispositions.astype(np.uint8)


def _keep_layers(
    session: Session, substrate: Substrate, came: SubstrateMap, warnings: tuple[Warned, ...], act: Act
) -> None:  # fmt: skip
    bins, kept = _bins(came), []
    if bins is not None:
        palette = {str(d.code): {"quality": d.quality, "name": d.description} for d in bins.definitions}
        source = f"file of {came.label}"
        kept.append(
            write_layer(
                session, substrate, INCOMING_BINS, bins.codes, at=act.at, source=source, palette=palette, first=True
            )
        )
    for ids in (o for o in came.overlays if isinstance(o, DeviceIds)):
        texts: list[str | None] = [None] * (came.rows * came.columns)
        for x, y, text in zip(ids.x.tolist(), ids.y.tolist(), ids.texts, strict=True):
            if 0 <= x < came.columns and 0 <= y < came.rows:
                texts[y * came.columns + x] = text
        name = f"{DEVICE_IDS}{ids.name}"
        kept.append(write_texts(session, substrate, name, texts, at=act.at, source=f"file of {came.label}"))
    if kept and warnings:
        kept[0].warnings = [one.told() for one in warnings[:MOST_KEPT]]


def _bins(came: SubstrateMap) -> BinCodes | None:
    return next((o for o in came.overlays if isinstance(o, BinCodes)), None)
