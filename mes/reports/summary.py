"""The figures of a whole run of the plant in one answer: lots, units, operations, speed and energy."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from mes.reports.run import plain, run, sql

OPERATION_KEYS = ("route", "operation", "in", "good", "yield", "first_pass")


def summary(session: Session) -> dict[str, Any]:
    """Lots of every kind, from the beginning until now.

    ``lots`` (count by state), ``units`` (received, made, good, in_process, scrapped, consumed, sampled, suspect,
    lost), ``operations`` (in order of the route), ``throughput_per_day`` (good units of finished product),
    ``cycle_time_h`` (p50, p95), ``energy_kwh_per_good_unit``, ``plant_hours``. A figure without a denominator yet
    is None.
    """
    flow = _one(session, "summary_flow.sql")
    lots = session.execute(text(sql("summary_lots.sql")))
    operations = run(session, "yield", {"kind": "all"}).records()
    return {
        "lots": {row.state: row.lots for row in lots},
        "units": _one(session, "summary_units.sql"),
        "operations": [{key: row[key] for key in OPERATION_KEYS} for row in operations],
        "throughput_per_day": flow["throughput_per_day"],
        "cycle_time_h": {"p50": flow["p50_h"], "p95": flow["p95_h"]},
        "energy_kwh_per_good_unit": flow["energy_kwh_per_good_unit"],
        "plant_hours": flow["plant_hours"],
    }


def energy_kwh_per_good_unit(session: Session) -> float | None:
    """Energy of all runs over good units of finished product; None before the first."""
    figure: float | None = _one(session, "summary_flow.sql")["energy_kwh_per_good_unit"]
    return figure


def _one(session: Session, file: str) -> dict[str, Any]:
    row = session.execute(text(sql(file))).mappings().one()
    return {name: plain(value) for name, value in row.items()}
