"""A hundred thousand lots that came before, so that queries meet the tables of a line that has run for a year."""

import time
from pathlib import Path

import psycopg

from bench.database import Bench

LOTS, QUICK_LOTS = 100_000, 10_000
WAFERS, TRAYS = 240, 480
"""Of the die bank; multiples of the twelve in a lot."""


def load_older(bench: Bench, *, quick: bool) -> tuple[int, float]:
    """Write them straight into the tables. How many lots, and the seconds that it took with statistics."""
    lots = QUICK_LOTS if quick else LOTS
    began = time.perf_counter()
    statements = Path(__file__).with_name("older.sql").read_text()
    with bench.as_owner() as connection:
        values = {"lots": lots, "wafers": WAFERS, "trays": TRAYS}
        psycopg.ClientCursor(connection).execute(statements.encode(), values)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return lots, time.perf_counter() - began
