"""What the API takes and gives of lots."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from mes.http.shapes import Asked, Name, Position, Text, ToldReason, Why, example
from mes.lots.accounts import ARE, CAME
from mes.lots.gate.shapes import QueueTime
from mes.lots.holds.shapes import StandingFutureHold, StandingHold
from mes.lots.models import LOT_KINDS
from mes.lots.states import LotState, Progress
from mes.runs.states import RunState


class NewLotBody(Asked):
    """A lot to create. Without ``substrates`` it has one, named as the lot."""

    model_config = example(
        id="D1",
        customer="hanbit",
        route="hbm_core",
        substrates=["W1", "W2"],
        priority=3,
        release=True,
        why="for the sample",
    )

    id: Name | None = Field(None, description="Its name; made here if not given.")
    customer: Name = Field(description="Whose lot it is.")
    product: Name | None = Field(None, description="What it becomes; enough where one route makes that.")
    route: Name | None = Field(None, description="The route that it takes, in its current version.")
    kind: str = Field("production", json_schema_extra={"enum": list(LOT_KINDS)})
    substrates: list[Name] = Field(default=[], max_length=1000, description="That came without a map.")
    priority: int = Field(5, ge=1, le=9, description="1 is the most urgent.")
    due_at: AwareDatetime | None = None
    release: bool = Field(default=False, description="Release it to the line in the same transaction.")
    why: Text = ""


class WhyBody(Asked):
    """A command that needs nothing but, if you like, a reason."""

    model_config = example(why="asked for by the customer")

    why: Text = ""


class PriorityBody(Asked):
    """How urgent a lot is to be; what is left out stays."""

    model_config = example(priority=2, due_at="2026-03-18T09:00:00Z", why="the customer's line waits")

    priority: int | None = Field(None, ge=1, le=9, description="1 is the most urgent.")
    due_at: AwareDatetime | None = Field(None, description="In the future, on the plant clock.")
    why: Text = ""


class ReserveBody(Asked):
    """For which equipment a lot is reserved, and until when."""

    model_config = example(equipment="TCB-01", until="2026-03-18T09:00:00Z", why="its collets are matched")

    equipment: Name
    until: AwareDatetime = Field(description="In the future, on the plant clock.")
    why: Text = ""


class SplitBody(Asked):
    """Whole substrates that go on in a lot of their own, and its name; made here if not given: D1.1, D1.2, …"""

    model_config = example(substrates=["W2"], into="D1.1", why="waits for another map")

    substrates: list[Name] = Field(min_length=1, max_length=1000)
    into: Name | None = None
    why: Text = ""


class MergeBody(Asked):
    """A lot that goes on in this one."""

    model_config = example(lot="D1.1", why="the map has come")

    lot: Name
    why: Text = ""


class ReworkBody(Asked):
    """Whole substrates that go back on their route, for one of the reasons of the operation where they wait."""

    model_config = example(substrates=["W2"], reason="residue", why="seen after cleaning")

    substrates: list[Name] = Field(min_length=1, max_length=1000)
    reason: Name
    why: Why


class TrackInBody(Asked):
    """Where to start, and what: without ``substrates`` all that wait, or as many as the equipment takes."""

    model_config = example(equipment="TCB-01", substrates=["W1"], sources=["S1"])

    equipment: Name
    substrates: list[Name] = Field(default=[], max_length=1000)
    sources: list[Name] = Field(default=[], max_length=1000, description="Substrates to pick from, in this order.")
    holders: list[Name] = Field(
        default=[], max_length=1000, description="Boats or trays, one for each load; the first that are fit if none."
    )
    why: Text = ""


class FailedUnit(Asked):
    """A unit that failed: x from 0 at the left, y from 0 at the top."""

    x: int = Field(ge=0, lt=2**15)
    y: int = Field(ge=0, lt=2**15)
    bin: int = Field(ge=0, le=255)


class ReportedSubstrate(Asked):
    """What a person says of one substrate: every unit asked for is good but those of ``bins``."""

    id: Name
    bins: list[FailedUnit] = Field(default=[], max_length=65536)


class TrackOutBody(Asked):
    """The report of a run by hand. ``good`` only checks."""

    model_config = example(substrates=[{"id": "W1", "bins": [{"x": 3, "y": 4, "bin": 7}]}], good=359)

    run: Name | None = Field(None, description="Which run, where the lot has several.")
    substrates: list[ReportedSubstrate] = Field(default=[], max_length=1000)
    good: int | None = Field(None, ge=0, description="Counted good units.")
    why: Text = ""


class AbortBody(Asked):
    """Which run to break off, and why."""

    model_config = example(why="power cut")

    run: Name | None = None
    why: Why


class TakeBody(Asked):
    """Units to take out of a substrate."""

    model_config = example(substrate="W1", at=[{"x": 3, "y": 4}], why="for the cross section")

    substrate: Name
    at: list[Position] = Field(min_length=1, max_length=65536)
    why: Why


class ScrapBody(Asked):
    """Units to throw away: at some positions, or all that are left on the substrate."""

    model_config = example(substrate="W1", at=[{"x": 3, "y": 4}], why="cracked")

    substrate: Name
    at: list[Position] | None = Field(None, min_length=1, max_length=65536)
    why: Why


LOT: dict[str, Any] = {
    "lot": "D1",
    "customer": "hanbit",
    "product": "hbm_core",
    "kind": "production",
    "route": "hbm_core@1",
    "state": "queued",
    "held": False,
    "review_by": None,
    "queue_ends_at": "2026-03-02T09:00:00Z",
    "operation": "hbm_core/10",
    "priority": 5,
    "due_at": "2026-03-20T09:00:00Z",
    "substrates": 1,
    "at_operation": 1,
    "units": 360,
    "created_at": "2026-03-01T01:00:00Z",
    "released_at": "2026-03-01T01:05:00Z",
    "ended_at": None,
}
"""A lot in the examples, alone and with what belongs to it."""


class LotRow(BaseModel):
    """A lot in a list. Times are UTC on the plant clock."""

    model_config = example(**LOT)

    lot: str
    customer: str
    product: str
    kind: str
    route: str
    state: LotState
    held: bool
    review_by: datetime | None = Field(description="When the first of its holds is to be looked at again.")
    queue_ends_at: datetime | None = Field(description="By when the first of what waits must start: its queue time.")
    operation: str | None
    priority: int
    due_at: datetime | None
    substrates: int
    at_operation: int = Field(description="Of `substrates` those that stand at `operation`: the others are beyond it.")
    units: int
    created_at: datetime
    released_at: datetime | None
    ended_at: datetime | None


class Member(BaseModel):
    """A substrate of a lot."""

    substrate: str
    kind: str = Field(description="wafer, frame, strip, panel, boat or tray.")
    form: int
    progress: Progress
    operation: str | None
    visit: int
    reworks: int = Field(description="How often it went back on its route.")
    since: datetime | None
    leg: str | None = Field(description="Of experiments, `experiment/leg`; null for a customer.")
    carrier: str | None = Field(description="In which it stands; null for a customer.")
    slot: int | None


class LotCarrier(BaseModel):
    """A carrier in which substrates of the lot stand."""

    carrier: str
    kind: str
    location: str
    clean_until: datetime | None


class OpenRun(BaseModel):
    """A run of the lot that has not ended."""

    run: str
    state: RunState
    equipment: str
    operation: str
    ordered_at: datetime
    started_at: datetime | None


class Reservation(BaseModel):
    """The one equipment of its class that starts a lot, until a time that may have passed."""

    equipment: str
    until: datetime
    by: str


class LotLook(LotRow):
    """A lot with its substrates, open runs, standing holds and the ledger of each form."""

    model_config = example(
        **LOT,
        holds=[
            {
                "hold": 12,
                "code": "height",
                "comment": "bump height low",
                "owner": "process_engineer",
                "by": "kim",
                "at": "2026-03-01T02:00:00Z",
                "review_by": None,
                "masked": None,
            }
        ],
        future_holds=[],
        reservation=None,
        queue_times=[],
        members=[
            {
                "substrate": "W1",
                "kind": "wafer",
                "form": 1,
                "progress": "queued",
                "operation": "hbm_core/10",
                "visit": 1,
                "reworks": 0,
                "since": "2026-03-01T01:05:00Z",
                "leg": None,
                "carrier": "FOUP-07",
                "slot": 3,
            }
        ],
        carriers=[{"carrier": "FOUP-07", "kind": "foup", "location": "stocker 2", "clean_until": None}],
        runs=[
            {
                "run": "J-0000007",
                "state": "running",
                "equipment": "TCB-01",
                "operation": "hbm_core/10",
                "ordered_at": "2026-03-01T01:10:00Z",
                "started_at": "2026-03-01T01:11:00Z",
            }
        ],
        ledger=[{"form": 1, "received": 360, "in_process": 360}],
    )

    holds: list[StandingHold]
    future_holds: list[StandingFutureHold]
    reservation: Reservation | None = Field(description="Null for a customer: equipment is the centre's.")
    queue_times: list[QueueTime]
    members: list[Member]
    carriers: list[LotCarrier] = Field(description="Empty for a customer: carriers are the centre's.")
    runs: list[OpenRun]
    ledger: list[dict[str, int]] = Field(description=f"form, and units by account: {', '.join(CAME + ARE)}.")


class LotsLook(BaseModel):
    """The lots that a command concerned: of a split the one that was there and the new one."""

    model_config = example(lots=[])

    lots: list[LotLook]


class RunLook(BaseModel):
    """A run after a command, and the lots it concerned."""

    model_config = example(run="J-0000007", state="ordered", lots=[])

    run: str
    state: RunState
    lots: list[LotLook]


class StartCheck(BaseModel):
    """Whether a lot may start on an equipment, and every reason why not."""

    model_config = example(
        lot="D1",
        equipment="TCB-01",
        may_start=False,
        reasons=[{"code": "held", "message": "Lot D1 is held (bump height).", "who": "process_engineer"}],
    )

    lot: str
    equipment: str
    may_start: bool
    reasons: list[ToldReason]


class Entry(BaseModel):
    """One entry of a lot's history."""

    model_config = example(
        n=3,
        verb="track_in",
        actor="kim",
        happened_at="2026-03-01T01:10:00Z",
        recorded_at="2026-03-01T01:10:00Z",
        why="",
        before={"state": "queued"},
        after={"state": "ordered"},
    )

    n: int
    verb: str
    actor: str
    happened_at: datetime
    recorded_at: datetime
    why: str
    before: dict[str, object]
    after: dict[str, object]


class MapRow(BaseModel):
    """A map of a substrate of a lot, in its newest version."""

    model_config = example(substrate="W1", map="bin:incoming", version=1, kind="bins", at="2026-03-01T01:00:00Z")

    substrate: str
    map: str
    version: int
    kind: Literal["bins", "values", "texts"] = Field(description="What stands at each position; bins can be fetched.")
    at: datetime
