"""The reports there are: what each answers, what it is asked with, and what every column means.

The question stands at the head of the report's ``.sql`` file; here stands what a reader needs to trust a figure. A
share always names its denominator.
"""

from dataclasses import dataclass
from enum import StrEnum

from mes.reports.period import Period


class Kind(StrEnum):
    """What a parameter takes."""

    INSTANT = "instant"
    """A day (its first moment in the plant's time zone) or a time, ISO 8601; one without zone is the plant's."""
    CHOICE = "choice"
    """One of a few words."""
    ZONE = "zone"
    """A time zone by its IANA name."""
    PERIOD = "period"
    """A period by its name, see `mes.reports.period`; it gives ``from`` and ``to`` their values."""


class Holds(StrEnum):
    """What the cells of a column hold, where a format has types."""

    TEXT = "text"
    """A name, or text of several parts."""
    COUNT = "count"
    """A whole number of things."""
    NUMBER = "number"
    """A measured figure."""
    SHARE = "share"
    """A fraction of the column's denominator, 0 to 1."""
    DAY = "day"
    """A calendar day."""


MEASURED = {"": Holds.TEXT, "share": Holds.SHARE, "date": Holds.DAY} | dict.fromkeys(
    ("h", "×", "kWh", "kWh/unit"), Holds.NUMBER
)
"""What is held in each unit; all others count things."""


EACH = " of each operation"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a report. ``default`` None means open, or what ``meaning`` says."""

    name: str
    kind: Kind
    meaning: str
    default: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Column:
    """One column of a report. ``unit`` is empty for names; ``share`` is a fraction of ``denominator``, 0 to 1.

    ``denominator`` names the column that a figure is a share of, or that it is an average over. ``short`` is the head
    where there is little room.
    """

    name: str
    title: str
    unit: str
    meaning: str
    denominator: str = ""
    short: str = ""

    @property
    def holds(self) -> Holds:
        """What its cells hold."""
        return MEASURED.get(self.unit, Holds.COUNT)

    @property
    def of(self) -> str:
        """The column that ``denominator`` names."""
        return self.denominator.split(" ")[0]

    @property
    def of_each(self) -> bool:
        """Whether the denominator is that column of each operation, not of the row alone."""
        return self.denominator.endswith(EACH)

    @property
    def is_number(self) -> bool:
        """Whether its cells are lined up as numbers."""
        return self.holds not in (Holds.TEXT, Holds.DAY)

    def told(self) -> dict[str, str]:
        """What a program is told of it."""
        return {key: getattr(self, key) for key in ("name", "title", "unit", "meaning", "denominator")}


@dataclass(frozen=True)
class Report:
    """One report: ``name`` is also that of its ``.sql`` file."""

    name: str
    title: str
    question: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]


FROM = Parameter("from", Kind.INSTANT, "Begin of the period, inside it; open if not given.")
TO = Parameter("to", Kind.INSTANT, "End of the period, outside it; open if not given.")
PERIOD = Parameter(
    "period", Kind.PERIOD, "Instead of from and to, in whole plant days; weeks begin on Monday.", None, tuple(Period)
)
AT = Parameter("at", Kind.INSTANT, "Plant time up to which waiting is counted; now if not given.")
KIND = Parameter(
    "kind",
    Kind.CHOICE,
    "Kind of lots.",
    "production",
    ("production", "engineering", "qualification", "monitor", "dummy", "all"),
)


def _by(*choices: str) -> Parameter:
    return Parameter("by", Kind.CHOICE, "A row for each of these, too.", None, choices)


TIME_ZONE = Parameter("time_zone", Kind.ZONE, "Where days begin; the site's if not given.")

ROUTE = Column("route", "Route", "", "The route, over its versions.")
OPERATION = Column("operation", "Operation", "", "Route and number of the operation.")
TITLE = Column("title", "Title", "", "What the operation is called.")

WIP = Report(
    "wip",
    "Work in process",
    "What is on the line now, where does it wait, and for how long?",
    (AT, KIND),
    (
        ROUTE,
        OPERATION,
        TITLE,
        Column("lots", "Lots", "lots", "Lots with a substrate at the operation."),
        Column("substrates", "Substrates", "substrates", "Substrates at the operation, waiting or in a job."),
        Column("units", "Units", "units", "Units on their way on these substrates, suspect ones too."),
        Column("units_queued", "Queued", "units", "Of these, on substrates that wait for an equipment."),
        Column("units_ordered", "Ordered", "units", "Of these, in a job that the equipment has not begun."),
        Column("units_running", "Running", "units", "Of these, in a job that runs."),
        Column("units_in_doubt", "In doubt", "units", "Of these, in a job that its equipment lost; a person decides."),
        Column("lots_held", "Held", "lots", "Lots at the operation with a standing hold."),
        Column("longest_wait_h", "Longest wait", "h", "How long the substrate that has waited longest has waited."),
    ),
)

YIELD = Report(
    "yield",
    "Yield",
    "What share of the units that went into an operation came out good, and what along the whole route?",
    (FROM, TO, PERIOD, KIND, _by("equipment", "lot", "product", "day", "leg"), TIME_ZONE),
    (
        ROUTE,
        OPERATION,
        TITLE,
        Column("by", "By", "", "The equipment, customer and lot, product, plant day or leg of an experiment."),
        Column("in", "In", "units", "Units that the operation settled in the period: good and failed."),
        Column("good", "Good", "units", "Units that came out good, in whichever pass."),
        Column("failed", "Failed", "units", "Units that failed for good."),
        Column("suspect", "Suspect", "units", "Units that a report made doubtful: in no other figure of the row."),
        Column("yield", "Operation yield", "share", "Good out of the operation.", "in", "Yield"),
        Column("first_in", "In at first pass", "units", "Units that went into visit 1, those sent to retest too."),
        Column(
            "first_good",
            "Good at first pass",
            "units",
            "Units that came good out of visit 1 and did not go back by a rework.",
        ),
        Column(
            "first_pass",
            "First-pass yield",
            "share",
            "Good at the first pass, without retest or rework.",
            "first_in",
            "First pass",
        ),
        Column("reworked", "Reworked", "units", "Units that came good out of visit 1 and went back by a rework."),
        Column("recovered", "Recovered", "units", "Units that a later pass found good."),
        Column(
            "rolled",
            "Rolled throughput yield",
            "share",
            "Product of the first-pass yields along the route; the same in every row of a route.",
            f"first_in{EACH}",
            "Rolled",
        ),
        Column(
            "rolled_over",
            "Operations with figures",
            "",
            "Operations with units in the period / all of the route; the rolled yield multiplies those alone.",
        ),
    ),
)

THROUGHPUT = Report(
    "throughput",
    "Throughput",
    "How many substrates, units and lots left each operation and each route, by plant day?",
    (FROM, TO, PERIOD, KIND, TIME_ZONE),
    (
        Column("day", "Day", "date", "Plant day in the site's time zone."),
        ROUTE,
        OPERATION,
        TITLE,
        Column("substrates", "Substrates out", "substrates", "Substrates whose visit ended that day, each pass."),
        Column("units", "Units out", "units", "Good units on them."),
        Column("lots_ended", "Lots ended", "lots", "Lots that left the line that day, whatever their end."),
    ),
)

CYCLE_TIME = Report(
    "cycle_time",
    "Cycle time",
    "How long did lots take from release to end, and for how much of it were they worked on?",
    (FROM, TO, PERIOD, KIND, _by("operation", "product", "customer", "lot", "day"), TIME_ZONE),
    (
        ROUTE,
        OPERATION,
        TITLE,
        Column("by", "By", "", "The product, customer, lot or plant day of the end asked for."),
        Column("lots", "Lots ended", "lots", "Lots that left the line in the period, scrapped ones not among them."),
        Column("p50_h", "Median", "h", "Half of these lots took no longer.", "lots"),
        Column("p95_h", "95th percentile", "h", "95 % of these lots took no longer.", "lots", "95 %"),
        Column("mean_h", "Mean", "h", "From release to end; in an operation's row, of the stay there.", "lots"),
        Column(
            "run_h", "In runs", "h", "Of the mean: a substrate of the lot was in a run. The raw process time.", "lots"
        ),
        Column("held_h", "On hold", "h", "Of the mean: none was in a run, and a hold stood.", "lots"),
        Column("queue_h", "In queue", "h", "Of the mean: the rest, in which the lot waited.", "lots"),
        Column("x_factor", "X-factor", "×", "Cycle time over raw process time: the mean over that in runs.", "run_h"),
    ),
)

ENERGY = Report(
    "energy",
    "Energy",
    "How much energy did a good unit take, at each route, operation or equipment, and of finished product?",
    (FROM, TO, PERIOD, KIND, _by("operation", "equipment", "product", "lot", "day"), TIME_ZONE),
    (
        ROUTE,
        OPERATION,
        TITLE,
        Column("by", "By", "", "The equipment, product, customer and lot, or plant day asked for."),
        Column(
            "energy_kwh",
            "Energy",
            "kWh",
            "What equipment reported of runs that ended in the period; not known where nothing was measured.",
        ),
        Column(
            "unmeasured",
            "Unmeasured",
            "substrates",
            "Results by hand, or with an energy that none can draw: no energy of them, but their good units count.",
        ),
        Column("good", "Good out", "units", "Good units out of the operation; of a route, out of its last operation."),
        Column("kwh_per_good", "Per good unit", "kWh/unit", "Energy of the row over its good units.", "good"),
        Column(
            "finished",
            "Finished",
            "units",
            "Good units of lots that left the line as finished product; the same in every row.",
        ),
        Column(
            "kwh_per_finished",
            "Per finished unit",
            "kWh/unit",
            "Energy of all rows, since parts are made for products, over finished units; the same in every row.",
            "finished",
            "Per finished",
        ),
    ),
)

REPORTS = {report.name: report for report in (WIP, YIELD, THROUGHPUT, CYCLE_TIME, ENERGY)}
