"""Maps that arrive with the customer's material: E142 files as the customer's prober and the strip supplier write them.

The files are written from scratch, by code that shares nothing with the MES that will read them. Every wafer is keyed
by (seed, lot, wafer): the order of writing does not matter, and equal arguments give equal bytes.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from equipment.sim.chance import keyed
from equipment.sim.patterns import clusters, edge_loss, on_wafer, scattered, scratches

Codes = NDArray[np.uint8]


class Bin(IntEnum):
    """Bin codes of incoming material."""

    PASS = 1
    """Known good."""
    EDGE = 2
    """Failed near the rim: thin films and lithography run out there."""
    CLUSTER = 3
    """Failed in a cloud of failures: contamination."""
    SCRATCH = 4
    """Failed along a line: handling."""
    ELECTRICAL = 5
    """Failed alone: random defect."""
    X_OUT = 9
    """Marked unusable by the strip supplier."""
    NONE = 0xFF
    """No device at this position."""


_DESCRIPTIONS = {
    Bin.PASS: "Known good",
    Bin.EDGE: "Edge fail",
    Bin.CLUSTER: "Contamination fail",
    Bin.SCRATCH: "Scratch fail",
    Bin.ELECTRICAL: "Electrical fail",
    Bin.X_OUT: "X-out",
}
_OF_WAFERS = (Bin.PASS, Bin.EDGE, Bin.CLUSTER, Bin.SCRATCH, Bin.ELECTRICAL)


@dataclass(frozen=True, slots=True)
class Grid:
    """How devices lie on the substrate; the grid of a wafer just covers it."""

    layout: str
    rows: int
    columns: int
    pitch_x_um: float
    pitch_y_um: float
    product: str | None = None


@dataclass(frozen=True, slots=True)
class Causes:
    """The dose of each cause of failure on a wafer."""

    edge: float = 0.0
    """Probability at the rim."""
    clusters: float = 0.0
    """Clusters of the average wafer."""
    scratches: float = 0.0
    """Scratches of the average wafer."""
    random: float = 0.0
    """Probability anywhere."""

    @classmethod
    def of(cls, fail_rate: float) -> "Causes":
        """The usual mixture that makes about this part of all dies fail; 0 for a blank wafer."""
        return cls(edge=2.2 * fail_rate, clusters=13 * fail_rate, scratches=3 * fail_rate, random=0.35 * fail_rate)


def wafer_codes(*, wafer: str, lot: str, grid: Grid, seed: int, causes: Causes) -> Codes:
    """Bins of one wafer, uint8 rows x columns: `Bin.NONE` off the wafer, else pass or the first cause that hit.

    Each cause has a key of its own, so that another dose of one moves no failure of another.
    """
    draws = [
        (Bin.EDGE, edge_loss, causes.edge),
        (Bin.CLUSTER, clusters, causes.clusters),
        (Bin.SCRATCH, scratches, causes.scratches),
        (Bin.ELECTRICAL, scattered, causes.random),
    ]
    codes = np.full((grid.rows, grid.columns), Bin.PASS, np.uint8)
    for code, pattern, dose in draws:
        failed = pattern(keyed(seed, lot, wafer, code.name), grid.rows, grid.columns, dose)
        codes[failed & (codes == Bin.PASS)] = code
    codes[~on_wafer(grid.rows, grid.columns)] = Bin.NONE
    return codes


def strip_codes(*, strip: str, lot: str, grid: Grid, seed: int, x_out_rate: float) -> Codes:
    """Bins of one strip or boat, uint8 rows x columns: pass, or X-out with the given probability."""
    x_out = scattered(keyed(seed, lot, strip, Bin.X_OUT.name), grid.rows, grid.columns, x_out_rate)
    return np.where(x_out, np.uint8(Bin.X_OUT), np.uint8(Bin.PASS))


def write_wafer_map(
    path: Path,
    *,
    wafer: str,
    lot: str,
    grid: Grid,
    seed: int,
    fail_rate: float,
    carrier: str | None = None,
    slot: int | None = None,
) -> Codes:
    """Writes the wafer's E142 file, whole or not at all, and returns its bins; `fail_rate` 0 is a blank wafer."""
    codes = wafer_codes(wafer=wafer, lot=lot, grid=grid, seed=seed, causes=Causes.of(fail_rate))
    write_whole(path, Sent("Wafer", wafer, lot, carrier, slot, grid, codes, _OF_WAFERS).e142())
    return codes


def write_strip_map(
    path: Path,
    *,
    strip: str,
    lot: str,
    grid: Grid,
    seed: int,
    x_out_rate: float,
    carrier: str | None = None,
    slot: int | None = None,
) -> Codes:
    """Writes the strip's E142 file, whole or not at all, and returns its bins."""
    codes = strip_codes(strip=strip, lot=lot, grid=grid, seed=seed, x_out_rate=x_out_rate)
    write_whole(path, Sent("Strip", strip, lot, carrier, slot, grid, codes, (Bin.PASS, Bin.X_OUT)).e142())
    return codes


@dataclass(frozen=True, eq=False, slots=True)
class Sent:
    """One substrate as its sender describes it; `bins` are the codes it may have."""

    kind: str
    id: str
    lot: str
    carrier: str | None
    slot: int | None
    grid: Grid
    codes: Codes
    bins: tuple[Bin, ...]

    def e142(self) -> bytes:
        """The E142 file: one bin map, two hexadecimal digits a device, default orientation."""
        who = f"SubstrateType={quoteattr(self.kind)} SubstrateId={quoteattr(self.id)}"
        lines = [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<MapData xmlns="urn:semi-org:xsd.E142-1.V1005.SubstrateMap">',
            "<Layouts>",
            *self._layout(),
            "</Layouts>",
            "<Substrates>",
            f"<Substrate {who}>",
            *self._facts(),
            "</Substrate>",
            "</Substrates>",
            "<SubstrateMaps>",
            f"<SubstrateMap {who} LayoutSpecifier={quoteattr(self.grid.layout)}>",
            '<Overlay MapName="Incoming" MapVersion="1">',
            f'<BinCodeMap BinType="HexaDecimal" NullBin="{Bin.NONE:02X}">',
            "<BinDefinitions>",
            *(self._definition(code) for code in self.bins),
            "</BinDefinitions>",
            *(f"<BinCode>{row.tobytes().hex().upper()}</BinCode>" for row in self.codes),
            "</BinCodeMap>",
            "</Overlay>",
            "</SubstrateMap>",
            "</SubstrateMaps>",
            "</MapData>",
        ]
        return "\n".join(lines).encode() + b"\n"

    def _layout(self) -> Iterator[str]:
        grid = self.grid
        yield f'<Layout LayoutId={quoteattr(grid.layout)} DefaultUnits="micron" TopLevel="true">'
        yield f'<Dimension X="{grid.columns}" Y="{grid.rows}"/>'
        yield f'<StepSize X="{grid.pitch_x_um}" Y="{grid.pitch_y_um}"/>'
        if grid.product is not None:
            yield f"<ProductId>{escape(grid.product)}</ProductId>"
        yield "</Layout>"

    def _facts(self) -> Iterator[str]:
        yield f"<LotId>{escape(self.lot)}</LotId>"
        if self.carrier is not None:
            yield f"<CarrierId>{escape(self.carrier)}</CarrierId>"
        if self.slot is not None:
            yield f"<SlotNumber>{self.slot}</SlotNumber>"
        yield f"<GoodDevices>{np.count_nonzero(self.codes == Bin.PASS)}</GoodDevices>"

    def _definition(self, code: Bin) -> str:
        count = np.count_nonzero(self.codes == code)
        quality, pick = ("Pass", "true") if code is Bin.PASS else ("Fail", "false")
        return (
            f'<BinDefinition BinCode="{code:02X}" BinCount="{count}" BinQuality="{quality}"'
            f' BinDescription="{_DESCRIPTIONS[code]}" Pick="{pick}"/>'
        )


def write_whole(path: Path, content: bytes) -> None:
    """Nobody who watches the folder ever sees half a file: it gets its name when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
