"""What the plant has, and lots that pass its operations: runs, bins, and what they use up, as rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray

from bench.reference.moves import BAD, IN_PROCESS, Ints, Wafer, bits
from bench.reference.plant import FLUX_MG
from bench.reference.rows import Rows
from mes.history import GENESIS, History, canonical, chained, instant
from mes.lots.experiments.models import RunLeg
from mes.lots.models import Consumption, RunSource, RunSubstrate
from mes.lots.work.models import DurableUse
from mes.runs.models import Run
from mes.units.models import Layer

OPERATORS = 20
BY_LEG = 0.25
"""Share of the runs at an operation of an experiment that are done by a leg of it."""
CONTACT = 7
"""The bin that is tested again."""
QUERY = """
select r.route, o.number, o.id, r.route || '/' || o.number, o.recipe_version_id, c.most_substrates,
       array(select e.id from equipment e where e.class_id = c.id order by e.id), o.bins,
       coalesce((select min(v.id) from recipe_version v, recipe_version own
                 where own.id = o.recipe_version_id and v.recipe = own.recipe and v.version = 2), o.recipe_version_id)
from operation o join route_version r on r.id = o.route_version_id join equipment_class c on c.id = o.class_id
"""


class Subject(NamedTuple):
    """What history tells of."""

    kind: str
    number: int
    name: str
    owner: int | None = None


@dataclass(frozen=True)
class Step:
    """An operation of a route."""

    operation: int
    name: str
    recipe: int
    most: int
    """Substrates that one run has."""
    equipment: Sequence[int]
    bins: Mapping[str, Any]
    other_recipe: int
    """The second version of the recipe, where there is one."""


@dataclass
class Lot:
    """A lot on its way. ``clock`` is when it is through with what it did last."""

    number: int
    name: str
    owner: int
    route: str
    wafers: list[Wafer]
    clock: datetime
    form: int = 1


@dataclass
class Part:
    """The substrates of a lot that one run works on."""

    run: int
    name: str
    step: Step
    equipment: int
    began_at: datetime
    ended_at: datetime
    asked: dict[Wafer, Ints]
    """By substrate: the positions worked on."""
    again: dict[Wafer, Ints] = field(default_factory=dict)
    """By substrate: those that are to be judged again."""
    took: dict[Wafer, list[Ints]] = field(default_factory=dict)
    """By source: the positions from which it took units."""


@dataclass
class Line:
    """The plant, and what stands on its equipment: by that, the container of flux and the collet."""

    steps: Mapping[tuple[str, int], Step]
    rows: Rows
    chance: np.random.Generator
    flux: dict[int, int] = field(default_factory=dict)
    collet: dict[int, int] = field(default_factory=dict)
    used_mg: dict[int, int] = field(default_factory=dict)
    """By container."""
    done: dict[int, int] = field(default_factory=dict)
    """Placements by collet."""
    events: int = 0
    """The number of the last."""
    legs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """By operation: those of the experiment that varies it."""

    @classmethod
    def of(cls, connection: psycopg.Connection[Any], rows: Rows) -> "Line":
        """The plant as it stands in the database."""
        steps = {(route, number): Step(*told) for route, number, *told in connection.execute(QUERY)}
        last = connection.execute("select coalesce(max(event_id), 0) from history").fetchone() or (0,)
        return cls(steps, rows, np.random.default_rng(), events=last[0])

    def work(self, lot: Lot, number: int, hours: float, again: Mapping[Wafer, Ints] | None = None) -> Iterator[Part]:
        """The runs of what is in process of a lot at an operation, or is to be judged ``again``.

        The caller does to each what its equipment would; the lot is through when the last has ended.
        """
        step = self.steps[lot.route, number]
        asked = {wafer: wafer.places(IN_PROCESS) for wafer in lot.wafers} if again is None else again
        waiting = [wafer for wafer, where in asked.items() if len(where)]
        parts = -(-len(waiting) // step.most)
        began_at, since = lot.clock + timedelta(hours=1 + float(self.chance.random())), lot.clock
        first = int(self.chance.integers(len(step.equipment)))
        for i in range(parts):
            chosen = waiting[i * len(waiting) // parts : (i + 1) * len(waiting) // parts]
            equipment = step.equipment[(first + i) % len(step.equipment)]
            part = self._run(lot, step, equipment, began_at, hours, {wafer: asked[wafer] for wafer in chosen})
            yield part
            self._worked(lot, part, since, 1 if again is None else 2)
            lot.clock = max(lot.clock, part.ended_at)

    def _run(
        self, lot: Lot, step: Step, equipment: int, began_at: datetime, hours: float, asked: dict[Wafer, Ints]
    ) -> Part:
        recipe = step.other_recipe if self.chance.random() < 0.5 else step.recipe
        ended_at = began_at + timedelta(hours=hours)
        run = self.rows.number(Run)
        name = f"R-{run:07d}"
        after = {"equipment": equipment, "operation": step.name, "lots": [lot.name]}
        who = f"operator-{int(self.chance.integers(OPERATORS)) + 1}"
        head = self.tell(Subject("run", run, name), "track_in", who, began_at, after)
        self.rows.add(
            Run, id=run, name=name, equipment_id=equipment, operation_id=step.operation, recipe_version_id=recipe,
            state="ended", ordered_at=began_at, started_at=began_at, ended_at=ended_at, history_n=1, history_hash=head,
        )  # fmt: skip
        legs = self.legs.get(step.name, ())
        if legs and self.chance.random() < BY_LEG:
            self.rows.add(RunLeg, run_id=run, leg_id=legs[int(self.chance.integers(len(legs)))])
        return Part(run, name, step, equipment, began_at, ended_at, asked)

    def _worked(self, lot: Lot, part: Part, since: datetime, visit: int) -> None:
        for wafer, where in part.asked.items():
            failed, again = int((wafer.at[where] == BAD).sum()), len(part.again.get(wafer, ()))
            self.rows.add(
                RunSubstrate, customer_id=lot.owner, run_id=part.run, substrate_id=wafer.number, lot_id=lot.number,
                form=lot.form, visit=visit, work="done", positions=bits(where, len(wafer.at)), queued_at=since,
                started_at=part.began_at, ended_at=part.ended_at, units_in=len(where), units_failed=failed,
                units_again=again, units_good=len(where) - failed - again, energy_kwh=0.5,
            )  # fmt: skip

        for n, (wafer, taken) in enumerate(part.took.items()):
            if wafer not in part.asked:
                self.rows.add(
                    RunSource, customer_id=wafer.owner, run_id=part.run, substrate_id=wafer.number, ordinal=n,
                    positions=bits(np.concatenate(taken), len(wafer.at)),
                )  # fmt: skip

    def tell(
        self, subject: Subject, verb: str, who: str, at: datetime, after: Mapping[str, Any],
        deltas: Sequence[Sequence[Any]] = (),
    ) -> bytes:  # fmt: skip
        """The first entry in the history of a subject; gives its hash."""
        self.events += 1
        told = {"event": self.events, "subject": [subject.kind, subject.number, subject.name], "n": 1, "verb": verb,
                "actor": who, "at": instant(at), "why": "", "before": {}, "after": after, "deltas": deltas}  # fmt: skip
        body = canonical(told)
        head = chained(GENESIS, body)
        self.rows.add(
            History, event_id=self.events, subject_kind=subject.kind, subject_id=subject.number, subject=subject.name,
            n=1, customer_id=subject.owner, verb=verb, actor=who, happened_at=at, body=body, hash=head,
        )  # fmt: skip
        return head

    def pass_by(self, lot: Lot, number: int, hours: float) -> None:
        """An operation that neither judges nor moves units."""
        for _ in self.work(lot, number, hours):
            pass

    def test(self, lot: Lot, number: int, good: float) -> None:
        """Bins at random for all that is in process; what had no contact is tested once more, what failed rejected."""
        again: dict[Wafer, Ints] = {}
        for part in self.work(lot, number, 2):
            for wafer, where in part.asked.items():
                bins = self._bins(part, wafer, where, good)
                part.again[wafer] = where[bins == CONTACT]
            again |= part.again
        for part in self.work(lot, number, 1, again):
            for wafer, where in part.asked.items():
                bins = self._bins(part, wafer, where, good)
                wafer.at[where[bins == CONTACT]] = BAD

    def _bins(self, part: Part, wafer: Wafer, where: Ints, good: float) -> NDArray[np.uint8]:
        """A version of the layer of bins; failures are rejected, but those without contact."""
        poor = [int(code) for code in part.step.bins if int(code) != CONTACT]
        codes = np.array([1, CONTACT, *poor])
        share = (1 - good) / 2
        bins = self.chance.choice(codes, len(where), p=[good, share, *[share / len(poor)] * len(poor)]).astype("u1")
        self.judge(part, wafer, where, bins)
        return bins

    def judge(self, part: Part, wafer: Wafer, where: Ints, bins: NDArray[np.uint8]) -> None:
        """Write bins down; what is neither good nor without contact is rejected."""
        name = f"bin:{part.step.name}"
        wafer.versions[name] = wafer.versions.get(name, 0) + 1
        self.rows.add(
            Layer, customer_id=wafer.owner, substrate_id=wafer.number, name=name, version=wafer.versions[name],
            encoding="u1", palette=part.step.bins, source=part.name, happened_at=part.ended_at,
            positions=where.astype("<u4").tobytes(), body=bins.tobytes(),
        )  # fmt: skip
        wafer.at[where[(bins != 1) & (bins != CONTACT)]] = BAD

    def use_up(self, lot: Lot, part: Part, placed: int, wafer: Wafer) -> None:
        """Flux and the collet for so many placements on a substrate of a run."""
        use = {"customer_id": lot.owner, "run_id": part.run, "substrate_id": wafer.number, "happened_at": part.ended_at}
        container, collet = self.flux[part.equipment], self.collet[part.equipment]
        self.rows.add(Consumption, container_id=container, amount=FLUX_MG * placed, **use)
        self.rows.add(DurableUse, durable_id=collet, done=placed, **use)
        self.used_mg[container] = self.used_mg.get(container, 0) + FLUX_MG * placed
        self.done[collet] = self.done.get(collet, 0) + placed
