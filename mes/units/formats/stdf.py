"""Reads the wafers of an STDF V4 file: hard and soft bins by x and y, as the last test of each position left them.

Frame. Positions are those of the parts' coordinates, from the least to the greatest that occur. A WCR says in which
direction they count; without one x counts to the right and y upwards, with a finding. `WF_FLAT`
says where flat or notch is in that picture.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.check import check
from mes.units.formats.findings import Findings, MapRefused
from mes.units.formats.frame import DEFAULT, Axis, Frame, Origin, Shape
from mes.units.formats.grid import Grids, SizeUm, bounded, placed
from mes.units.formats.mapfile import BinCodes, BinDefinition, BinType, MapFile, ReferenceDevice, SubstrateMap
from mes.units.formats.stdf_records import HBR, MIR, PRR, SBR, WCR, WIR, WRR, Fields, Record, byte_order, records
from mes.units.formats.values import KILOMETRE_UM

FORMAT = "STDF"
NO_BIN = 0xFFFF
"""A position of which the file says nothing, and a part without a soft bin."""

_NO_COORDINATE, _NO_COUNT, _ALL_HEADS = -32768, 0xFFFFFFFF, 255
_FAILED, _NOT_JUDGED = 0x08, 0x10
_UNIT_UM = {1: 25_400.0, 2: 10_000.0, 3: 1000.0, 4: 25.4}
_QUALITY = {"P": "Pass", "F": "Fail"}
_TURNED = {"": 0, "D": 0, "L": 90, "U": 180, "R": 270}
_AXES = {
    ("U", "R"): (Origin.LOWER_LEFT, Axis.UP_RIGHT),
    ("U", "L"): (Origin.LOWER_RIGHT, Axis.UP_LEFT),
    ("D", "R"): (Origin.UPPER_LEFT, Axis.DOWN_RIGHT),
    ("D", "L"): (Origin.UPPER_RIGHT, Axis.DOWN_LEFT),
}
_PART_BYTES = 13
"""Bytes of a PRR up to and with its y coordinate."""


@dataclass
class _Wafer:
    """A wafer as its WIR and WRR say it, and its parts: each a PRR up to and with its y coordinate."""

    id: str | None = None
    good: int | None = None
    visits: int = 0
    parts: bytearray = field(default_factory=bytearray)


@dataclass
class _Setup:
    """The wafers' WCR."""

    pitch_um: SizeUm | None = None
    center: tuple[int, int] | None = None
    frame: Frame = DEFAULT


@dataclass
class _Reading:
    """What the records of a file said."""

    lot: str | None = None
    product: str | None = None
    setup: _Setup | None = None
    wafers: list[_Wafer] = field(default_factory=list)
    bins: dict[tuple[int, int], dict[int, dict[int, BinDefinition]]] = field(
        default_factory=lambda: {HBR: defaultdict(dict), SBR: defaultdict(dict)}
    )
    loose: int = 0


def read_stdf(blocks: Iterator[bytes]) -> MapFile:
    """The wafers of one STDF file, with every discrepancy found in it; tests and measurements are passed over.

    The file comes block by block, and no more than one of them is held.

    Refuses with `MapRefused`: another version; too many records; no part with a place on a wafer; a wafer without
    id; coordinates over the bound; a WF_FLAT that is unknown.
    """
    findings, grids, first = Findings(), Grids(), next(blocks, b"")
    order = byte_order(first)
    reading = _read(records(chain([first], blocks), order, findings), order)
    if reading.setup is None:
        message = "There is no WCR; x is taken to count to the right, y upwards, and the notch to be at the bottom."
        findings.add("axis-assumed", "the file", message)
    setup = reading.setup or _Setup()
    if reading.loose:
        message = f"{reading.loose} parts are not on a wafer (there is no WIR before them): they are not read."
        findings.add("part-without-wafer", "PRR", message)
    wafers = [wafer for wafer in _merged(reading.wafers) if wafer.parts]
    if not wafers:
        raise MapRefused("no-map", "the file", "There is no part on a wafer: nothing to read.")
    substrates = [_substrate(order, reading, setup, wafer, grids, findings) for wafer in wafers]
    mapfile = MapFile(layouts=grids.layouts, substrates=tuple(substrates), format=FORMAT)
    check(mapfile, findings)
    return replace(mapfile, discrepancies=findings.listed())


def _read(found: Iterator[Record], order: str) -> _Reading:
    """One way through the file; the parts of each test head belong to the wafer that is on it."""
    reading = _Reading()
    on_head: dict[int, _Wafer] = {}
    for record in found:
        if record.kind == PRR:
            wafer = on_head.get(record.body[0]) if len(record.body) >= _PART_BYTES else None
            if wafer is None:
                reading.loose += 1
            else:
                wafer.parts += record.body[:_PART_BYTES]
            continue
        _read_other(Fields(record.body, order), record, reading, on_head)
    return reading


def _read_other(fields: Fields, record: Record, reading: _Reading, on_head: dict[int, _Wafer]) -> None:
    match record.kind:
        case kind if kind == MIR:
            fields.skip(15)
            reading.lot, reading.product = fields.text(), fields.text()
        case kind if kind == WIR:
            head = fields.number("B") or 0
            fields.skip(5)
            on_head[head] = _Wafer(fields.text())
            reading.wafers.append(on_head[head])
        case kind if kind == WRR:
            _end_wafer(fields, on_head)
        case kind if kind == WCR:
            reading.setup = _setup(fields)
        case _:
            _bin(fields, reading.bins[record.kind])


def _end_wafer(fields: Fields, on_head: dict[int, _Wafer]) -> None:
    wafer = on_head.pop(fields.number("B") or 0, None)
    if wafer is None:
        return
    fields.skip(17)
    good = fields.number("I")
    fields.skip(4)
    wafer.good = None if good == _NO_COUNT else good
    wafer.id = wafer.id or fields.text()


def _setup(fields: Fields) -> _Setup:
    fields.skip(4)
    height, width, units, flat = fields.real(), fields.real(), fields.number("B"), fields.character()
    x, y = fields.number("h"), fields.number("h")
    return _Setup(
        pitch_um=_pitch_um(width, height, _UNIT_UM.get(units or 0)),
        center=None if x is None or y is None or _NO_COORDINATE in (x, y) else (x, y),
        frame=_frame(flat.upper(), fields.character().upper(), fields.character().upper()),
    )


def _pitch_um(width: float | None, height: float | None, scale: float | None) -> SizeUm | None:
    """None where they are not given, or no sizes of a die."""
    if width is None or height is None or scale is None:
        return None
    size = width * scale, height * scale
    return size if all(0 < side < KILOMETRE_UM for side in size) else None


def _frame(flat: str, x: str, y: str) -> Frame:
    """Origin and axes as POS_X and POS_Y say them, turned as WF_FLAT does."""
    if flat not in _TURNED:
        raise MapRefused("orientation", "WCR", f"WF_FLAT is {flat!r}; it must be D, L, U, R or a blank.")
    origin, axis = _AXES["D" if y == "D" else "U", "L" if x == "L" else "R"]
    return Frame(orientation=_TURNED[flat], origin=origin, axis=axis)


def _bin(fields: Fields, of_head: dict[int, dict[int, BinDefinition]]) -> None:
    head = fields.number("B")
    fields.skip(1)
    code, count, judged, name = fields.number("H"), fields.number("I"), fields.character(), fields.text()
    if head is not None and code is not None:
        of_head[head].setdefault(code, BinDefinition(code, count, _QUALITY.get(judged.upper()), name))


def _merged(wafers: list[_Wafer]) -> list[_Wafer]:
    """Each wafer once: a later visit of the same one adds its parts behind those of the visits before."""
    found: dict[str | None, _Wafer] = {}
    for wafer in wafers:
        known = found.setdefault(wafer.id, _Wafer(wafer.id))
        known.parts += wafer.parts
        known.visits += bool(wafer.parts)
        known.good = wafer.good if known.visits == 1 else None
    return list(found.values())


@dataclass
class _Parts:
    """Columns of all parts of a wafer that have a place, in the order of the file."""

    flags: NDArray[np.uint8]
    hard: NDArray[np.uint16]
    soft: NDArray[np.uint16]
    x: NDArray[np.int32]
    y: NDArray[np.int32]


def _parts(order: str, wafer: _Wafer, findings: Findings) -> _Parts:
    form = np.dtype(
        {
            "names": ["flags", "hard", "soft", "x", "y"],
            "formats": ["u1", order + "u2", order + "u2", order + "i2", order + "i2"],
            "offsets": [2, 5, 7, 9, 11],
            "itemsize": _PART_BYTES,
        }
    )
    rows = np.frombuffer(wafer.parts, form)
    placed = (rows["x"] != _NO_COORDINATE) & (rows["y"] != _NO_COORDINATE)
    if lost := int((~placed).sum()):
        findings.add("part-without-place", f"Wafer {wafer.id}", f"{lost} parts have no coordinates: they are not read.")
    rows = rows[placed]
    return _Parts(
        rows["flags"], rows["hard"].astype(np.uint16), rows["soft"].astype(np.uint16),
        rows["x"].astype(np.int32), rows["y"].astype(np.int32),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Box:
    """The positions from the least to the greatest coordinate: `shape` is that of our frame."""

    least: tuple[int, int]
    shape: Shape
    setup: _Setup

    def ours(self, x: NDArray[np.int32], y: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The positions that have these coordinates in the file."""
        return self.setup.frame.to_ours(x - self.least[0], y - self.least[1], self.shape)

    def references(self) -> tuple[ReferenceDevice, ...]:
        """The device at the centre of the wafer, where the WCR names it."""
        if self.setup.center is None:
            return ()
        x, y = self.ours(*(np.array([coordinate], np.int32) for coordinate in self.setup.center))
        return (ReferenceDevice(int(x[0]), int(y[0]), "Center"),)


def _box(parts: _Parts, setup: _Setup, place: str) -> _Box:
    if not len(parts.x):
        raise MapRefused("no-map", place, "None of its parts has coordinates: nothing to read.")
    least = int(parts.x.min()), int(parts.y.min())
    columns, rows = bounded(int(parts.x.max()) - least[0] + 1, int(parts.y.max()) - least[1] + 1, place)
    return _Box(least, setup.frame.drawn((rows, columns)), setup)


def _substrate(
    order: str, reading: _Reading, setup: _Setup, wafer: _Wafer, grids: Grids, findings: Findings
) -> SubstrateMap:
    if wafer.id is None:
        raise MapRefused("substrate-id", "WIR", "The wafer has no WAFER_ID; it says whose map it is.")
    place, findings.substrate = f"Wafer {wafer.id}", wafer.id
    parts = _parts(order, wafer, findings)
    box = _box(parts, setup, place)
    rows, columns = box.shape
    grids.reserve(2 * columns, rows, place)
    if (parts.hard == NO_BIN).any():
        findings.add("code-missing", place, f"Hard bin {NO_BIN} stands for none: such positions count as empty.")
    x, y = box.ours(parts.x, parts.y)
    overlays = []
    for name, kind, codes in (("Hard bins", HBR, parts.hard), ("Soft bins", SBR, parts.soft)):
        if (codes != NO_BIN).any():
            overlays.append(
                BinCodes(
                    name=name,
                    references=box.references(),
                    bin_type=BinType.INTEGER2,
                    null_bin=NO_BIN,
                    codes=placed(x, y, codes, NO_BIN, box.shape),
                    definitions=_definitions(codes, parts.flags, reading.bins[kind], kind, findings),
                )
            )
    return SubstrateMap(
        id=wafer.id,
        type="Wafer",
        layout=grids.name(columns, rows, place, product=reading.product, pitch_um=setup.pitch_um),
        rows=rows,
        columns=columns,
        frame=setup.frame,
        lot=reading.lot,
        good_devices=wafer.good,
        overlays=tuple(overlays),
    )


def _definitions(
    codes: NDArray[np.uint16],
    flags: NDArray[np.uint8],
    of_head: dict[int, dict[int, BinDefinition]],
    kind: tuple[int, int],
    findings: Findings,
) -> tuple[BinDefinition, ...]:
    """Each bin that occurs: good as its record says, or, without one, as the parts in it were judged."""
    named: dict[int, BinDefinition] = {}
    for _, definitions in sorted(of_head.items(), key=lambda item: item[0] != _ALL_HEADS):
        for code, definition in definitions.items():
            named.setdefault(code, definition)
    found = []
    record = "HBR" if kind == HBR else "SBR"
    for code in np.unique(codes[codes != NO_BIN]).tolist():
        definition = named.get(code, BinDefinition(code))
        quality = definition.quality
        if quality is None:
            judged = flags[(codes == code) & (flags & _NOT_JUDGED == 0)]
            failed = int((judged & _FAILED != 0).sum())
            quality = None if not len(judged) else "Fail" if failed else "Pass"
            if 0 < failed < len(judged):
                message = f"Bin {code} holds parts that passed and parts that failed; it is taken as a failure."
                findings.add("quality-mixed", record, message)
        found.append(BinDefinition(code, quality=quality, description=definition.description))
    return tuple(found)
