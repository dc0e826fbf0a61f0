"""Messages between MES and equipment, checked when they are made.

Everything here is a frozen value: plain types, tuples and numpy arrays. Coordinates are the frame's: x from 0 at
the left, y from 0 at the top. Times are UTC and timezone-aware, on the plant clock.
"""

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from equipment.interface.states import E10State, JobState, MapRole, Outcome, RecordKind, ReturnStatus

NO_BIN = 0
"""Code of a position that the pass did not touch."""
PASS_BIN = 1
"""Code of a good unit in every bin map that equipment reports."""


LEFT_OUT = {"left_out": True}
"""Marks a list that stands in no text where it is empty, as in texts from before there was such a thing."""


class BadMessage(ValueError):
    """A message contradicts itself; the text names the field and what would be right."""


@dataclass(frozen=True)
class Parameter:
    """A set point or a measured figure with its unit (UCUM text such as ``Cel``, ``N``, ``um``)."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class AttachSite:
    """One site of a target position: which product belongs there, at which level (1 is the lowest)."""

    site: int
    level: int
    product: str


@dataclass(frozen=True)
class JobSubstrate:
    """A substrate that a job order works on. ``visit`` counts its stays at this operation from 1."""

    lot: str
    substrate: str
    visit: int


@dataclass(frozen=True)
class MaterialInUse:
    """A container on the equipment that a job order may use up: of which material, and since when it may be used."""

    container: str
    material: str
    since: datetime


@dataclass(frozen=True)
class JobOrder:
    """An order to work: what, with which recipe, on which substrates, from which sources.

    ``sources`` maps a source substrate to the product it holds, in the order in which to use them;
    ``loads`` are empty substrates to fill, in order. Both are empty where the operation moves nothing.
    ``materials`` are the containers to take from, in that order; none where the operation uses up nothing.
    """

    job_order_id: str
    operation: str
    """Route and operation number, e.g. ``chip_on_wafer/40``."""
    recipe: str
    """Name and version, e.g. ``tcb_cow@1``."""
    sha256: str
    """Hash of the approved recipe body, in hexadecimal."""
    parameters: tuple[Parameter, ...]
    substrates: tuple[JobSubstrate, ...]
    sites: tuple[AttachSite, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    loads: tuple[str, ...] = ()
    materials: tuple[MaterialInUse, ...] = field(default=(), metadata=LEFT_OUT)

    def __post_init__(self) -> None:
        if not self.substrates:
            raise BadMessage(f"job order {self.job_order_id} names no substrate; it must name at least one")
        names = [s.substrate for s in self.substrates]
        if len(set(names)) != len(names):
            raise BadMessage(f"job order {self.job_order_id} names a substrate twice: {', '.join(names)}")


@dataclass(frozen=True)
class PositionMap:
    """Which positions of a substrate a job order may touch. ``allowed`` is a bool array, rows by columns."""

    substrate: str
    role: MapRole
    allowed: NDArray[np.bool_]


@dataclass(frozen=True)
class Transfers:
    """Moves of units as arrays of one length n: from (source, from_x, from_y) to (target, to_x, to_y, site, level).

    ``source`` and ``target`` are uint16 indices into ``sources`` and ``targets``. Coordinates are int16; site, level
    and head uint8; ``outcome`` uint8 of `TransferOutcome`. Where a unit was not placed, the target fields say where
    it was meant to go.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    source: NDArray[np.uint16]
    from_x: NDArray[np.int16]
    from_y: NDArray[np.int16]
    target: NDArray[np.uint16]
    to_x: NDArray[np.int16]
    to_y: NDArray[np.int16]
    site: NDArray[np.uint8]
    level: NDArray[np.uint8]
    head: NDArray[np.uint8]
    outcome: NDArray[np.uint8]

    def __post_init__(self) -> None:
        n = len(self.source)
        for name in TRANSFER_COLUMNS:
            if len(getattr(self, name)) != n:
                raise BadMessage(f"transfers: {name} has {len(getattr(self, name))} entries, source has {n}")
        if n and (int(self.source.max()) >= len(self.sources) or int(self.target.max()) >= len(self.targets)):
            raise BadMessage("transfers: an index is beyond the named sources or targets")

    def __len__(self) -> int:
        return len(self.source)


TRANSFER_COLUMNS = {
    "source": np.uint16,
    "from_x": np.int16,
    "from_y": np.int16,
    "target": np.uint16,
    "to_x": np.int16,
    "to_y": np.int16,
    "site": np.uint8,
    "level": np.uint8,
    "head": np.uint8,
    "outcome": np.uint8,
}
"""The columns of `Transfers` and their types, in the order in which they are published."""


@dataclass(frozen=True)
class Measured:
    """One characteristic measured at positions: ``x``, ``y`` int16 and ``value`` float64 of one length."""

    name: str
    unit: str
    x: NDArray[np.int16]
    y: NDArray[np.int16]
    value: NDArray[np.float64]


@dataclass(frozen=True)
class JobChange:
    """A job order entered ``state``; ``reason`` says why where it is not the ordinary course."""

    state: JobState
    reason: str = ""


@dataclass(frozen=True)
class SubstrateResult:
    """What was done to one substrate: bins and transfers as they happened, energy since the substrate began.

    ``bins`` is uint8, rows by columns: `NO_BIN` where untouched, `PASS_BIN` good, any other a fail code of the
    operation; None where the operation does not judge. ``touched`` is bool, rows by columns: positions worked on.
    """

    lot: str
    substrate: str
    visit: int
    outcome: Outcome
    started_at: datetime
    ended_at: datetime
    energy_kwh: float
    touched: NDArray[np.bool_]
    bins: NDArray[np.uint8] | None = None
    transfers: Transfers | None = None
    measured: tuple[Measured, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    """What the equipment really ran, e.g. the peak temperature it reached."""


@dataclass(frozen=True)
class EquipmentChange:
    """The equipment entered an E10 state."""

    state: E10State
    reason: str = ""


@dataclass(frozen=True)
class AlarmChange:
    """An alarm was set or cleared. Severity 1 to 1000 as in OPC UA."""

    code: str
    severity: int
    text: str
    is_set: bool


Body = JobChange | SubstrateResult | EquipmentChange | AlarmChange

KIND_OF: dict[type[Body], RecordKind] = {
    JobChange: RecordKind.JOB,
    SubstrateResult: RecordKind.RESULT,
    EquipmentChange: RecordKind.EQUIPMENT,
    AlarmChange: RecordKind.ALARM,
}


@dataclass(frozen=True)
class Record:
    """One numbered entry of an equipment's journal. Sequences count from 1 without gaps."""

    journal: str
    sequence: int
    happened_at: datetime
    job_order_id: str
    """Empty where the record belongs to no job order."""
    body: Body

    @property
    def kind(self) -> RecordKind:
        return KIND_OF[type(self.body)]


@dataclass(frozen=True)
class Identity:
    """Who answers: equipment, its journal (born with its disk) and its boot (new at every start)."""

    equipment: str
    equipment_class: str
    journal: str
    boot: str
    head: int
    """Sequence of the last record written; 0 where there is none."""


@dataclass(frozen=True)
class JobOnEquipment:
    """A job order that the equipment holds, and its state."""

    job_order_id: str
    state: JobState


@dataclass(frozen=True)
class RecipeHeld:
    """A recipe that the equipment holds; the hash is computed by the equipment."""

    name: str
    version: int
    sha256: str
    since: datetime


@dataclass(frozen=True)
class Answer:
    """What a job order method answered: ReturnStatus bits, and a sentence where it refused."""

    status: int
    text: str = ""

    @property
    def accepted(self) -> bool:
        return bool(self.status & ReturnStatus.NO_ERROR)


@dataclass(frozen=True)
class RecordBatch:
    """Records above the number asked for, oldest first, and the journal they come from."""

    journal: str
    boot: str
    head: int
    records: tuple[Record, ...] = field(default=())
