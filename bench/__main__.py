"""``python -m bench``: runs benchmarks by name, prints one table, and writes what it found as JSON.

Exit code 0: measured, every budget kept; 1: a budget was broken or a benchmark failed; 2: wrong use.
"""

import argparse
import json
import platform
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from bench import (
    connector,
    drawing,
    edge,
    explored,
    headless,
    kills,
    maps,
    maps_in,
    mutants,
    penny_fab,
    reference,
    signatures,
    transactions,
    verbs_at_once,
    wire,
)
from bench.measure import Figure, Report, Size
from mes.schema import ROOT

BENCHES: dict[str, Callable[[Size], Report]] = {
    "maps": maps.run,
    "maps_in": maps_in.run,
    "mutants": mutants.run,
    "signatures": signatures.run,
    "drawing": drawing.run,
    "transactions": transactions.run,
    "connector": connector.run,
    "edge": edge.run,
    "wire": wire.run,
    "headless": headless.run,
    "kills": kills.run,
    "penny_fab": penny_fab.run,
    "reference": reference.run,
    "verbs_at_once": verbs_at_once.run,
    "explored": explored.run,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for."""
    options = _options(arguments)
    console = Console(width=None if sys.stdout.isatty() else 160)
    found: dict[str, Any] = {"machine": _machine(), "size": options.size, "benches": {}}
    good = True
    for name in options.bench or list(BENCHES):
        console.print(f"[dim]{name} …")
        began = time.perf_counter()
        try:
            report = BENCHES[name](options.size)
        except Exception:
            traceback.print_exc()
            found["benches"][name] = {"failed": traceback.format_exc(limit=1)}
            good = False
            continue
        seconds = time.perf_counter() - began
        _show(console, name, report, seconds)
        found["benches"][name] = {"seconds": round(seconds, 1), **asdict(report)}
        good &= not any(figure.over_budget for figure in report.figures)
    options.out.write_text(json.dumps(found, indent=2) + "\n")
    console.print(f"Written to {options.out}. Read them with docs/reference/benchmarks.md: ratios first.")
    return 0 if good else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Every benchmark, beside its calibration.")
    parser.add_argument("bench", nargs="*", metavar="BENCH", help=f"{', '.join(BENCHES)}; all if none is named")
    sizes = parser.add_mutually_exclusive_group()
    for size, what in ((Size.QUICK, "little data and few rounds"), (Size.LONG, "also what takes many minutes")):
        sizes.add_argument(f"--{size}", dest="size", action="store_const", const=size, default=Size.USUAL, help=what)
    parser.add_argument("--out", type=Path, default=ROOT / "bench-results.json", help="the JSON file")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.bench if name not in BENCHES]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    return options


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load_before": round(psutil.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def _show(console: Console, name: str, report: Report, seconds: float) -> None:
    table = Table(title=f"{name} ({seconds:.0f} s)", title_justify="left", caption=_caption(report))
    table.caption_justify = "left"
    table.add_column("what")
    for title in ("measured", "calibration", "ratio", "by round", "budget"):
        table.add_column(title, justify="right")
    table.add_column("more")
    for figure in report.figures:
        table.add_row(*_row(figure))
    console.print(table)


def _caption(report: Report) -> str:
    beside = f"Calibration: {report.calibration}." if report.calibration else ""
    return "\n".join([beside, *report.notes]).strip()


def _row(figure: Figure) -> list[str]:
    measured = f"{_short(figure.value)} {figure.unit}"
    kept = "[red]broken" if figure.over_budget else "kept"
    return [
        figure.name,
        measured,
        "" if figure.calibration is None else _short(figure.calibration),
        "" if figure.ratio is None else f"{figure.ratio:.1f}",
        "" if figure.ratio_range is None else "{:.1f} to {:.1f}".format(*figure.ratio_range),
        "" if figure.budget is None else f"{_short(figure.budget)} {kept}",
        ", ".join(f"{key} {value}" for key, value in figure.more.items()),
    ]


def _short(value: float) -> str:
    """Three figures that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
