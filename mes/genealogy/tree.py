"""What a trace gives: units, how each came where it is, and what stands on record about it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, order=True)
class Place:
    """A position of a substrate: x from 0 at the left, y from 0 at the top."""

    substrate_id: int
    x: int
    y: int


@dataclass(frozen=True)
class Work:
    """The run that moved a unit: where, at which operation, with which approved recipe body."""

    run: str
    equipment: str
    operation: str
    recipe: str
    """``name@version``."""
    sha256: str
    leg: str | None = None
    """Of an experiment, ``experiment/leg``, by which it was done."""
    durables: tuple[str, ...] = ()
    """The tools that touched what was worked on, and what carries the load it came to, each with its kind."""


@dataclass(frozen=True)
class Move:
    """One move of one unit. ``site`` and ``level`` are those of the target; 0 and 0: it moved there itself."""

    at: datetime
    site: int
    level: int
    head: int
    outcome: str
    work: Work | None
    """None where the reader may not see the centre's runs."""


@dataclass(frozen=True)
class Reading:
    """What one version of a layer says of a position, e.g. the bin of a pass."""

    layer: str
    version: int
    value: int | float | str
    meaning: str
    source: str
    at: datetime


@dataclass(frozen=True)
class Used:
    """Material of a container that a run used on the substrate where a unit was."""

    container: str
    material: str
    material_lot: str
    run: str
    operation: str
    equipment: str
    at: datetime


@dataclass(frozen=True)
class Parameter:
    """A parameter of a recipe with its limits; ``target`` is what was set, also by the leg of an experiment."""

    name: str
    unit: str
    target: float
    low: float
    high: float


@dataclass(frozen=True)
class Ran:
    """A run that a traced unit, or a piece of it, was in."""

    run: str
    equipment: str
    operation: str
    recipe: str
    """``name@version``."""
    sha256: str
    leg: str | None
    by: str
    """Who ordered it: tracked it in."""
    approved_by: str | None
    """Who signed the recipe."""
    started_at: datetime | None
    ended_at: datetime | None
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Sent:
    """A shipment that a unit was in, to a partner or from one."""

    shipment: str
    direction: str
    partner: str
    sent_at: datetime
    arrived_at: datetime | None


@dataclass(frozen=True)
class Changed:
    """A change of owner."""

    giver: str
    taker: str
    at: datetime


@dataclass
class Unit:
    """A unit at a position, or, where ``place`` is None, one of another owner of which only the half here is shown."""

    place: Place | None
    substrate: str = ""
    product: str = ""
    owner: str = ""
    lot: str = ""
    readings: tuple[Reading, ...] = ()
    used: tuple[Used, ...] = ()
    """What was used up on its substrate while it was here; nothing where the reader may not see the centre's runs."""
    runs: tuple[str, ...] = ()
    """In which it was here, by name, the first one first; `Trace.runs` says more of each."""
    shipments: tuple[Sent, ...] = ()
    owners: tuple[Changed, ...] = ()
    """How its owner changed while it was here; that it went into another's product is told by what contains it."""
    contains: list["Held"] = field(default_factory=list)
    """What was placed here, and what it was before it was moved here, lowest level first."""
    device_id: str = ""
    grade: str = ""
    origin: str = ""
    """Of another owner's, what the supply agreement shows; empty is what it does not."""

    def dies(self) -> Iterator["Unit"]:
        """The pieces that it is made of: every unit in it, itself included, that was not somewhere else before."""
        if all(held.move.level for held in self.contains):
            yield self
        for held in self.contains:
            yield from held.unit.dies()


@dataclass(frozen=True)
class Held:
    """A unit that came to another one's place, and the move that brought it."""

    move: Move
    unit: Unit


@dataclass
class Onward:
    """A position, and where its unit went; several moves where it was put back before."""

    place: Place | None
    substrate: str = ""
    product: str = ""
    owner: str = ""
    lot: str = ""
    went: list["Went"] = field(default_factory=list)
    result: str = ""
    """Of another owner's, how it was tested last, where the supply agreement shows that."""


@dataclass(frozen=True)
class Went:
    """A move of a unit, and the position it went to; None where it went nowhere: put back, rejected, lost."""

    move: Move
    to: Onward | None


@dataclass(frozen=True)
class Trace:
    """A traced unit with all it contains, and a sentence for everything that is left out."""

    unit: Unit
    missing: tuple[str, ...]
    runs: tuple[Ran, ...] = ()
    """All that any of it was in, the first one first; none where the reader may not see the centre's runs."""


@dataclass(frozen=True)
class TraceUp:
    """Where the units of some positions went, and a sentence for everything that is left out."""

    positions: tuple[Onward, ...]
    missing: tuple[str, ...]
