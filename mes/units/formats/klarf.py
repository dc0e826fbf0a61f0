"""Reads KLARF 1.0 to 1.8: how many defects each die has, over the dies that were looked at.

Frame. XINDEX counts to the right and YINDEX upwards, in a picture with flat or notch at `OrientationMarkLocation`.
Positions reach from the least to the greatest that occur.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.check import check
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.frame import Axis, Frame, Origin
from mes.units.formats.grid import Grids, SizeUm, bounded
from mes.units.formats.klarf_text import DEFECTS, PLAN, Row, Said, said
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, MapFile, SubstrateMap
from mes.units.formats.text import decoded
from mes.units.formats.values import whole

FORMAT = "KLARF"
NOT_LOOKED_AT = 0xFFFF
MOST = 0xFFFE
"""Defects of one die; more are counted as so many."""

_TURNED = {"DOWN": 0, "LEFT": 90, "UP": 180, "RIGHT": 270, "0": 0}
_FARTHEST = 10**8


@dataclass
class _Wafer:
    """A wafer, the dies of its sample plans, and the die of each of its defects."""

    line: int
    id: str
    lot: str | None = None
    slot: str | None = None
    plan: list[tuple[int, int]] = field(default_factory=list)
    defects: list[tuple[int, int]] = field(default_factory=list)
    declared: int | None = None


@dataclass
class _Reading:
    """What is known while one file is read; `words` are those of the statements that hold for all wafers."""

    words: dict[str, Said] = field(default_factory=dict)
    wafers: list[_Wafer] = field(default_factory=list)

    def word(self, name: str) -> str | None:
        """The first word behind a name."""
        found = self.words.get(name)
        return found.words[0].strip() or None if found and found.words else None


def read_klarf(data: bytes) -> MapFile:
    """The wafers of one KLARF file, with every discrepancy found in it.

    Refuses with `MapRefused`: too many lines; no wafer with a sample plan or defects; a die index that is none;
    dimensions over the bound; an orientation mark that is unknown.
    """
    findings, grids, reading = Findings(), Grids(), _Reading()
    for one in said(decoded(data)):
        if isinstance(one, Row):
            _row(one, reading)
        else:
            _statement(one, reading)
    frame = _frame(reading, findings)
    wafers = [wafer for wafer in reading.wafers if wafer.plan or wafer.defects]
    for wafer in reading.wafers:
        if not (wafer.plan or wafer.defects):
            findings.add("wafer-empty", f"line {wafer.line}", f"Wafer {wafer.id} has no sample plan and no defects.")
    if not wafers:
        raise MapRefused("no-map", "the file", "No wafer has a sample plan or defects: nothing to read.")
    pitch_um = _pitch_um(reading, findings)
    substrates = [_substrate(wafer, reading, frame, pitch_um, grids, findings) for wafer in wafers]
    mapfile = MapFile(layouts=grids.layouts, substrates=tuple(substrates), format=FORMAT)
    check(mapfile, findings)
    return replace(mapfile, discrepancies=findings.listed())


def _statement(one: Said, reading: _Reading) -> None:
    if one.name == "WaferID":
        name = one.words[0].strip() if one.words else ""
        reading.wafers.append(_Wafer(one.line, name, reading.word("LotID")))
    elif one.name == "Slot" and reading.wafers:
        reading.wafers[-1].slot = one.words[0] if one.words else None
    elif one.name == "LotID":
        reading.words[one.name] = one
    else:
        reading.words.setdefault(one.name, one)


def _row(row: Row, reading: _Reading) -> None:
    if not reading.wafers:
        raise MapRefused("substrate-id", f"line {row.line}", f"{row.name} stands before any WaferID; whose is it?")
    wafer = reading.wafers[-1]
    if row.name == DEFECTS:
        wafer.defects.append(_die(row))
    elif row.name == PLAN:
        wafer.plan.append(_die(row))
    elif "NDEFECT" in row.columns:
        wafer.declared = (wafer.declared or 0) + whole(_cell(row, "NDEFECT"), "NDEFECT", f"line {row.line}")


def _die(row: Row) -> tuple[int, int]:
    x, y = _cell(row, "XINDEX"), _cell(row, "YINDEX")
    try:
        die = int(x), int(y)
        if max(map(abs, die)) < _FARTHEST:
            return die
    except ValueError:
        pass
    message = f"XINDEX and YINDEX are {x[:20]!r} and {y[:20]!r}; they must be whole numbers of a die."
    raise MapRefused("not-a-number", f"line {row.line}", message)


def _cell(row: Row, name: str) -> str:
    if name not in row.columns or row.columns.index(name) >= len(row.cells):
        raise MapRefused("table-broken", f"line {row.line}", f"The row of {row.name} has no {name}.")
    return row.cells[row.columns.index(name)]


def _frame(reading: _Reading, findings: Findings) -> Frame:
    given = (reading.word("OrientationMarkLocation") or "").upper()
    if given not in _TURNED:
        if given:
            place = f"line {reading.words['OrientationMarkLocation'].line}, OrientationMarkLocation"
            raise MapRefused("orientation", place, f"It is {given[:40]!r}; it must be DOWN, LEFT, UP or RIGHT.")
        message = "There is no OrientationMarkLocation; flat or notch is taken to be at the bottom."
        findings.add("orientation-assumed", "the file", message)
    return Frame(orientation=_TURNED.get(given, 0), origin=Origin.LOWER_LEFT, axis=Axis.UP_RIGHT)


def _pitch_um(reading: _Reading, findings: Findings) -> SizeUm | None:
    """Micrometres up to version 1.2, nanometres in 1.8."""
    pitch = reading.words.get("DiePitch")
    if pitch is None:
        return None
    place = f"line {pitch.line}, DiePitch"
    try:
        x, y = map(float, pitch.words[:2])
        if min(x, y) > 0 and max(x, y) < _FARTHEST * 10:
            return (x, y) if reading.word("FileVersion") == "1" else (x / 1000, y / 1000)
    except ValueError:
        pass
    findings.add("size-unread", place, f"It is {' '.join(pitch.words)[:40]!r} and not two sizes; it is not read.")
    return None


def _substrate(
    wafer: _Wafer, reading: _Reading, frame: Frame, pitch_um: SizeUm | None, grids: Grids, findings: Findings
) -> SubstrateMap:
    place = f"line {wafer.line}, WaferID"
    if not wafer.id:
        raise MapRefused("substrate-id", place, "It is empty; it says whose map it is.")
    findings.substrate = wafer.id
    plan, defects = (np.array(dies, np.int32).reshape(-1, 2) for dies in (wafer.plan, wafer.defects))
    both = np.concatenate((plan, defects))
    least = both.min(axis=0)
    extent = (both.max(axis=0) - least + 1).tolist()
    columns, rows = bounded(extent[0], extent[1], f"Wafer {wafer.id}")
    shape = frame.drawn((rows, columns))
    grids.reserve(columns, rows, place)

    def at(dies: NDArray[np.int32]) -> NDArray[np.int32]:
        x, y = frame.to_ours(dies[:, 0] - least[0], dies[:, 1] - least[1], shape)
        return np.asarray(y * shape[1] + x, np.int32)

    codes = _counts(wafer, at, plan, defects, columns * rows, findings).reshape(shape)
    return SubstrateMap(
        id=wafer.id,
        type="Wafer",
        layout=grids.name(shape[1], shape[0], place, product=reading.word("DeviceID"), pitch_um=pitch_um),
        rows=shape[0],
        columns=shape[1],
        lot=wafer.lot,
        slot=whole(wafer.slot, "Slot", place) if wafer.slot else None,
        frame=frame,
        overlays=(
            BinCodes(
                name="Defects",
                bin_type=BinType.INTEGER2,
                null_bin=NOT_LOOKED_AT,
                codes=codes,
                definitions=tuple(_definition(code) for code in np.unique(codes).tolist() if code != NOT_LOOKED_AT),
            ),
        ),
    )


def _counts(
    wafer: _Wafer,
    at: Callable[[NDArray[np.int32]], NDArray[np.int32]],
    plan: NDArray[np.int32],
    defects: NDArray[np.int32],
    positions: int,
    findings: Findings,
) -> NDArray[np.uint16]:
    place = f"Wafer {wafer.id}"
    looked_at = np.zeros(positions, np.bool_)
    looked_at[at(plan)] = True
    where = at(defects)
    if not len(plan):
        message = "There is no SampleTestPlan: of dies without a defect it is not known whether they were looked at."
        findings.add("plan-missing", place, message)
    elif off := int((~looked_at[where]).sum()):
        message = f"{off} defects are on dies that are not in the SampleTestPlan; these dies were looked at, then."
        findings.add("defect-off-plan", place, message)
    if wafer.declared is not None and wafer.declared != len(defects):
        message = f"SummaryList declares {wafer.declared} defects, {len(defects)} were read."
        findings.add("defect-count", place, message)
    counted = np.bincount(where, minlength=positions)
    codes = np.minimum(counted, MOST).astype(np.uint16)
    codes[~looked_at & (counted == 0)] = NOT_LOOKED_AT
    return codes


def _definition(count: int) -> BinDefinition:
    described = {0: "no defect", 1: "1 defect", MOST: f"{MOST} defects or more"}
    return BinDefinition(count, description=described.get(count, f"{count} defects"))
