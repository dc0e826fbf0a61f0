"""Broken map files of every format: whether each is read or refused by name, within a second and 200 MB.

Mutants share the seeds typed by hand in the tests; a million with ``--long``, as many of each format.
"""

import gzip
import io
import random
import resource
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field

from bench.measure import Figure, Report, Size
from bench.mutate import OF, zipped
from mes.units.formats.declaration import NAME
from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from tests.units import test_declared, test_e142, test_g85, test_klarf, test_sinf, test_stdf

MUTANTS = {Size.QUICK: 700, Size.USUAL: 14_000, Size.LONG: 1_000_006}
"""Of all formats together."""
SECOND_MS, MOST_MB, LEAST_READ = 1000.0, 200.0, 30.0
IN_THE_BODY = frozenset({"codes-missing", "table-broken"})
"""Refusals that only rows of positions cause; others may come before the map body and count as if they did."""


@dataclass
class Outcome:
    """What became of the mutants of one format."""

    tried: int = 0
    reached: int = 0
    slowest_ms: float = 0.0
    refusals: Counter[str] = field(default_factory=Counter)
    crashes: list[str] = field(default_factory=list)

    def take(self, data: bytes, seed: object) -> None:
        """Read one, and note what came of it."""
        before = time.process_time()
        try:
            read_any(data)
            self.reached += 1
        except MapRefused as refused:
            self.refusals[refused.code] += 1
            self.reached += refused.code in IN_THE_BODY
        except Exception as error:  # whatever it is, it is a fault of the reader
            self.crashes.append(f"{seed}: {type(error).__name__}: {error}"[:300])
        self.slowest_ms = max(self.slowest_ms, 1000 * (time.process_time() - before))
        self.tried += 1


def run(size: Size) -> Report:
    """Mutants format by format, then files of extreme dimensions and bombs."""
    before_mb = _peak_mb()
    outcomes = {name: mutants(name, MUTANTS[size] // len(OF)) for name in OF}
    outcomes["bombs, 10⁹"] = extremes()
    outcomes["largest"] = largest()
    return Report(
        tuple(_figures(outcomes, _peak_mb() - before_mb)),
        "process CPU; a mutant reaches the map body where it is read, or refused for its rows",
        tuple(crash for outcome in outcomes.values() for crash in outcome.crashes[:20]),
    )


def _figures(outcomes: dict[str, Outcome], peak_mb: float) -> list[Figure]:
    figures = []
    for name, outcome in outcomes.items():
        more: dict[str, float | int | str] = {"mutants": outcome.tried, **dict(outcome.refusals.most_common(6))}
        figures.append(Figure(f"{name}: slowest", outcome.slowest_ms, "ms", budget=SECOND_MS, more=more))
        if name in OF:
            missed = 100 - 100 * outcome.reached / outcome.tried
            figures.append(Figure(f"{name}: short of the map body", missed, "%", budget=100 - LEAST_READ))
    crashes = sum(len(outcome.crashes) for outcome in outcomes.values())
    figures.append(Figure("neither read nor refused", crashes, "", budget=0))
    figures.append(Figure("memory above the beginning's", peak_mb, "MB", budget=MOST_MB))
    return figures


def mutants(name: str, count: int) -> Outcome:
    """So many mutants of a format; the same number is the same mutant each time."""
    outcome = Outcome()
    for n in range(count):
        outcome.take(OF[name](random.Random(f"{name} {n}")), f"{name} {n}")  # repeatable, not secret
    return outcome


def extremes() -> Outcome:
    """Dimensions of 10⁹ in each format, and packages that become thousands of times as large."""
    outcome = Outcome()
    stdf = test_stdf.wafer()
    stdf[5] = test_stdf.part("<", -32767, 32767, 1, 1)
    large = "1000000000"
    says = test_declared.TABLE_SAYS
    texts = {
        "E142": test_e142.STRIP.replace('<Dimension X="3"', f'<Dimension X="{large}"'),
        "G85": test_g85.WAFER.replace('Columns="4"', f'Columns="{large}"'),
        "SINF": test_sinf.WAFER.replace("ROWCT:3", f"ROWCT:{large}"),
        "KLARF": test_klarf.OLD.replace(" -1 5\n", " -99999999 5\n"),
    }
    files = {name: text.encode() for name, text in texts.items()}
    files["STDF"] = b"".join(stdf)
    files["text"] = zipped(
        {"map": test_declared.TABLE.encode(), NAME: f"{says}first: 0\ncolumns: {large}\nrows: 9".encode()}
    )
    files["gzip"], files["zip"] = _bombs()
    for name, data in files.items():
        outcome.take(data, name)
    return outcome


def largest() -> Outcome:
    """Files just within the bounds of their format."""
    outcome = Outcome()
    rows = "RowData:" + "01 " * 2000 + "\n"
    outcome.take(("WAFER:1\nROWCT:2000\nCOLCT:2000\n" + rows * 2000).encode(), "SINF")
    parts = [test_stdf.part("<", n % 500, n // 500, 1, 1) for n in range(10_000)]
    outcome.take(b"".join(test_stdf.wafer()[:3]) + b"".join(parts) * 49, "STDF")
    defects = "".join(f" {n} 1 2 {n % 400} {n // 400} 1 1 0 0 0\n" for n in range(140_000))
    klarf = test_klarf.OLD.replace(" 1 100.500", defects + " 1 100.500")
    outcome.take(klarf.encode(), "KLARF")
    table = test_declared.TABLE + "".join(f"W-7;{n % 400};{n // 400};1;\n" for n in range(140_000))
    outcome.take(zipped({"map": table.encode(), NAME: test_declared.TABLE_SAYS.encode()}), "text")
    return outcome


def _bombs() -> tuple[bytes, bytes]:
    """A gzip and a zip of 300 MB of zeros, made without ever holding them."""
    block = bytes(1024 * 1024)
    single, many = io.BytesIO(), io.BytesIO()
    with (
        gzip.open(single, "w", 1) as plain,
        zipfile.ZipFile(many, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("map", "w") as member,
    ):
        for _ in range(300):
            plain.write(block)
            member.write(block)
    return single.getvalue(), many.getvalue()


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
