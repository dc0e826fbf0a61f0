"""Measurements: what the route wants kept of what equipment measured of units, and judged by its limits."""

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from equipment.interface.messages import NO_BIN
from mes.history import Act
from mes.lots.work.identify import Report
from mes.units.layers import write_layer

MEASURED = "measured:"
"""What the names of layers of measurements begin with; the operation and the characteristic follow."""


def measure(session: Session, report: Report, act: Act) -> NDArray[np.uint8]:
    """Keep what was measured of units that were asked for, one layer a characteristic.

    Returns the bin of each unit that is beyond a limit, that of the first such characteristic, and `NO_BIN` elsewhere.
    What is no number was not measured.
    """
    on, asked = report.on, report.asked()
    beyond = np.full(on.shape, NO_BIN, np.uint8)
    told = {(one.name, one.unit): one for one in report.result.measured}
    for wanted in report.operation.measures:
        one = told.get((wanted["name"], wanted["unit"]))
        if one is None:
            continue
        values = np.full(on.shape, np.nan)
        inside = on.inside(one.x, one.y)
        values[one.y[inside], one.x[inside]] = one.value[inside]
        there = np.isfinite(values) & asked
        if there.any():
            name = f"{MEASURED}{report.operation.name}:{one.name}"
            limits = {key: wanted[key] for key in ("unit", "low", "high")}
            write_layer(
                session, on.substrate, name, values, at=act.at, source=report.run.name, palette=limits, where=there
            )
        if wanted["bin"] is not None:
            beyond[there & (beyond == NO_BIN) & _outside(values, wanted["low"], wanted["high"])] = wanted["bin"]
    return beyond


def _outside(values: NDArray[np.float64], low: float | None, high: float | None) -> NDArray[np.bool_]:
    return (values < (-np.inf if low is None else low)) | (values > (np.inf if high is None else high))
