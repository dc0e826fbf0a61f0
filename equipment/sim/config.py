"""What the plant file says about a simulated equipment, and every figure of the physics with its meaning.

``equipment.yaml`` has ``classes`` (name, kind, places, most_substrates, process_time, simulation) and ``equipment``
(name, class, simulation, faults). Under ``simulation`` stand ``heads`` and any figure of `FIGURES` of the class's kind;
what an equipment says goes before what its class says. Under ``faults`` stands what is switched on from the
start: ``stop_in_job`` or, by its name, an amount added to a figure.

Recipes are text, one ``name = value unit`` a line. The physics reads the names of `RECIPE_READS` where they stand,
and falls back on the figures where they do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from equipment.sim.defects import TRUE_DEFECTS, name_of


class Kind(StrEnum):
    """The kinds of physics; every equipment class is one of them with its own figures."""

    PLACEMENT = "placement"
    """Picks units from sources and places them by the attach sites of the order."""
    THERMAL = "thermal"
    """Heats all substrates of the job order together."""
    TEST = "test"
    """Contacts units and reports bins: prober, final test, burn-in."""
    DISPENSE = "dispense"
    """Puts material onto units: paste printer, underfill, flux, adhesive."""
    REMOVAL = "removal"
    """Cuts, grinds or trims units: saw, grinder, trim press."""
    DEPOSITION = "deposition"
    """Puts films on whole substrates: sputter, plater, coater and imager."""
    INSPECTION = "inspection"
    """Looks at units and measures them: optical, X-ray, acoustic, metrology."""
    HANDLING = "handling"
    """Cleans, marks, saws, reads ids; with loads in the order it moves the units over."""


class ProcessTime(StrEnum):
    """How the time of a pass varies around what physics and recipe make of it."""

    FIXED = "fixed"
    """Not at all."""
    EXPONENTIAL = "exponential"
    """Exponentially, with that as the mean: by a draw of its own for each substrate, operation and visit."""


class Figure(NamedTuple):
    """A figure of the physics: its value where the plant file is silent, and what it means with its unit."""

    default: float
    meaning: str


def _rates(**chances: float) -> dict[str, Figure]:
    """Chance of each true defect that has no cause among the figures, per unit worked on."""
    names = [name_of(defect) for defect in TRUE_DEFECTS]
    return {f"{name}_rate": Figure(chances.get(name, 0.0), f"chance of {name} without a cause") for name in names}


def _detection(**chances: float) -> dict[str, Figure]:
    names = [name_of(defect) for defect in TRUE_DEFECTS]
    return {f"detect_{name}": Figure(chances.get(name, 0.0), f"chance to see {name} in a unit") for name in names}


_EVERY_KIND = {
    "load_s": Figure(30.0, "s to load and unload a substrate"),
    "power_kw": Figure(2.0, "kW while it works"),
    "waiting": Figure(0.0, "job orders accepted beyond those that have a place"),
}

FIGURES: Mapping[Kind, Mapping[str, Figure]] = MappingProxyType(
    {
        Kind.PLACEMENT: _EVERY_KIND
        | _rates(crack=0.0003, non_wet=0.0005)
        | _detection(
            misplace=0.97,
            crack=0.8,
            non_wet=0.4,
        )
        | {
            "place_s": Figure(2.0, "s per pick and place of one head, without the recipe's dwell_time"),
            "pick_fail_rate": Figure(0.002, "chance that a pick fails and costs the die"),
            "lost_share": Figure(0.25, "share of failed picks that drop; the others go to the reject bin"),
            "sigma_um": Figure(0.7, "um standard deviation of placement per axis with new collets"),
            "limit_um": Figure(3.0, "um offset beyond which a die is misplaced"),
            "collet_wear": Figure(0.0, "collet lives added to the real wear"),
            "collet_life_picks": Figure(30000.0, "picks of the machine after which its collets are changed"),
            "wear_gain": Figure(0.25, "growth of sigma_um per collet life"),
            "head_drift_um": Figure(0.4, "um by which the last head is off just before its calibration"),
            "calibration_picks": Figure(20000.0, "picks between calibrations of the heads"),
            "keeps_shift": Figure(0.0, "1: where dies lie off their places can be measured, and a mould moves them on"),
            "best_force_n": Figure(0.0, "N at which joints form best; 0: what the recipe says"),
            "force_excess_n": Figure(0.0, "N by which the real force is above the set point"),
            "force_loss_n": Figure(0.0, "N by which the real force is below the set point"),
            "force_margin_n": Figure(5.0, "N around the best force without effect"),
            "crack_per_n": Figure(0.002, "hazard of a crack per N above the margin"),
            "nonwet_per_n": Figure(0.002, "hazard of a non-wet per N below the margin"),
            "best_head_cel": Figure(0.0, "Cel of the head at which joints form best; 0: what the recipe says"),
            "head_excess_cel": Figure(0.0, "Cel by which the head is hotter than its set point"),
            "head_loss_cel": Figure(0.0, "Cel by which the head is colder than its set point"),
            "head_margin_cel": Figure(8.0, "Cel around the best temperature without effect"),
            "nonwet_per_cel": Figure(0.004, "hazard of a non-wet per Cel below the margin"),
            "void_per_cel": Figure(0.002, "hazard of a void per Cel above the margin"),
        },
        Kind.THERMAL: _EVERY_KIND
        | _rates(void=0.001, non_wet=0.0005)
        | {
            "profile_s": Figure(360.0, "s of the whole stay where the recipe has no profile_time"),
            "best_peak_cel": Figure(0.0, "Cel peak temperature that does no harm; 0: what the recipe says"),
            "best_time_s": Figure(0.0, "s at peak that do no harm; 0: what the recipe says"),
            "peak_excess_cel": Figure(0.0, "Cel by which the real peak is above the set point"),
            "peak_loss_cel": Figure(0.0, "Cel by which the real peak is below the set point"),
            "lag_cel": Figure(0.02, "Cel that each further substrate of the load takes from the peak"),
            "edge_loss_cel": Figure(0.5, "Cel by which the edge of a substrate stays below its centre"),
            "peak_sigma_cel": Figure(0.3, "Cel standard deviation of the peak from substrate to substrate"),
            "peak_margin_cel": Figure(4.0, "Cel around the best peak without effect"),
            "nonwet_per_cel": Figure(0.006, "hazard of a non-wet per Cel below the margin (reflow)"),
            "undercure_per_cel": Figure(0.0, "hazard of an undercure per Cel below the margin (cure)"),
            "void_per_cel": Figure(0.003, "hazard of a void per Cel above the margin"),
            "time_excess_s": Figure(0.0, "s by which the time at peak is longer than set"),
            "time_loss_s": Figure(0.0, "s by which the time at peak is shorter than set"),
            "time_margin_s": Figure(10.0, "s around the best time without effect"),
            "nonwet_per_s": Figure(0.001, "hazard of a non-wet per s below the margin (reflow)"),
            "undercure_per_s": Figure(0.0, "hazard of an undercure per s below the margin (cure)"),
            "void_per_s": Figure(0.0005, "hazard of a void per s above the margin"),
            "queue_free_h": Figure(4.0, "h since cleaning without effect"),
            "void_per_queue_h": Figure(0.004, "hazard of a void per h of waiting beyond that"),
            "flow_um": Figure(0.0, "um by which the flow of mould moves dies outwards, half-way along each edge"),
            "flow_sigma_um": Figure(0.0, "um standard deviation of that from die to die, per axis"),
        },
        Kind.TEST: _EVERY_KIND
        | _rates()
        | _detection(
            non_wet=0.99,
            void=0.6,
            crack=0.97,
            misplace=0.98,
            undercure=0.7,
            visual=0.5,
            open=0.995,
            leak=0.98,
            overlay=0.97,
        )
        | {
            "unit_s": Figure(5.0, "s per unit on one head where the recipe has no unit_time"),
            "false_call_rate": Figure(0.001, "chance that a good unit is called OPEN"),
            "contact_rate": Figure(0.002, "chance of no contact with new contacts"),
            "contact_wear": Figure(0.0, "contact lives added to the real wear"),
            "contact_life_touches": Figure(50000.0, "touch-downs after which the contacts are changed"),
            "contact_gain": Figure(0.01, "growth of the chance of no contact per contact life"),
        },
        Kind.DISPENSE: _EVERY_KIND
        | _rates(void=0.0005)
        | {
            "unit_s": Figure(5.0, "s per unit on one head where the recipe has no unit_time"),
            "shot_sigma_pct": Figure(3.0, "% standard deviation of what a unit gets"),
            "shot_loss_pct": Figure(0.0, "% by which every unit gets less than it should"),
            "fresh_h": Figure(4.0, "h since it may be used that material is as good as new"),
            "fade_pct_per_h": Figure(0.5, "% by which every unit gets less per h of age beyond that"),
            "lowest_pct": Figure(80.0, "% of what a unit should get below which it is too little"),
            "queue_free_h": Figure(4.0, "h since cleaning without effect"),
            "void_per_queue_h": Figure(0.004, "hazard of a void per h of waiting beyond that"),
        },
        Kind.REMOVAL: _EVERY_KIND
        | _rates(crack=0.0005)
        | {
            "unit_s": Figure(5.0, "s per unit on one head where the recipe has no unit_time"),
            "blade_wear": Figure(0.0, "blade lives added to the real wear"),
            "blade_life_units": Figure(20000.0, "units after which the blade is changed"),
            "chip_per_wear": Figure(0.002, "hazard of a crack per blade life"),
            "best_feed_mm_s": Figure(0.0, "mm/s of feed that does no harm; 0: what the recipe says"),
            "feed_excess_mm_s": Figure(0.0, "mm/s by which the real feed is above the set point"),
            "feed_loss_mm_s": Figure(0.0, "mm/s by which the real feed is below the set point"),
            "feed_margin_mm_s": Figure(2.0, "mm/s around the best feed without effect"),
            "chip_per_mm_s": Figure(0.004, "hazard of a crack per mm/s above the margin"),
            "sigma_um": Figure(1.0, "um standard deviation of the thickness from unit to unit"),
            "taper_um": Figure(2.0, "um by which the edge of a substrate stays thicker than its centre"),
            "thicker_per_wear_um": Figure(1.5, "um by which units stay thicker per blade life"),
            "limit_um": Figure(10.0, "um off the recipe's thickness beyond which a unit is bad"),
            "loss_rate": Figure(0.0002, "chance that a unit drops while it is moved to a load"),
        },
        Kind.DEPOSITION: _EVERY_KIND
        | _rates(visual=0.0005)
        | {
            "deposit_s": Figure(600.0, "s per substrate where the recipe has no deposit_time"),
            "thin_pct": Figure(0.0, "% by which every film is thinner than it should be"),
            "target_wear": Figure(0.0, "target lives added to the real wear"),
            "target_life_um": Figure(500.0, "um deposited after which the target, or the bath, is renewed"),
            "thin_per_wear_pct": Figure(2.0, "% by which films are thinner per target life"),
            "edge_pct": Figure(1.5, "% by which a film is thinner at the edge of a substrate than in its centre"),
            "run_sigma_pct": Figure(0.5, "% standard deviation of a film from substrate to substrate"),
            "sigma_pct": Figure(1.0, "% standard deviation of a film from unit to unit"),
            "limit_pct": Figure(10.0, "% off the recipe's thickness beyond which a unit is bad"),
            "overlay_sigma_um": Figure(0.5, "um standard deviation of a pattern from its place, per axis"),
            "overlay_limit_um": Figure(
                0.0, "um from what it has to meet beyond which a pattern is bad; 0: none is made"
            ),
            "follows": Figure(0.0, "share of a die's shift by which its pattern is moved along"),
        },
        Kind.INSPECTION: _EVERY_KIND
        | _detection(
            non_wet=0.3,
            void=0.6,
            crack=0.9,
            misplace=0.98,
            visual=0.95,
            low=0.98,
            thickness=0.99,
            overlay=0.95,
        )
        | {
            "unit_s": Figure(1.0, "s per unit on one head where the recipe has no unit_time"),
            "false_call_rate": Figure(0.001, "chance that a good unit is called VISUAL"),
            "repeatability_pct": Figure(1.0, "% standard deviation of what is measured, from time to time"),
            "repeatability_um": Figure(0.3, "um standard deviation, instead of that, of where a die lies"),
        },
        Kind.HANDLING: _EVERY_KIND
        | _rates(visual=0.0003)
        | {
            "unit_s": Figure(1.0, "s per unit on one head where the recipe has no unit_time"),
            "cleans": Figure(0.0, "1: the queue time of voids counts from the end of this step"),
            "washes": Figure(0.0, "1: what was dispensed is taken off again"),
            "loss_rate": Figure(0.0002, "chance that a unit drops while it is moved to a load"),
        },
    }
)

RECIPE_READS: Mapping[Kind, Mapping[str, str]] = MappingProxyType(
    {
        Kind.PLACEMENT: {"bond_force": "N", "head_temperature": "Cel", "dwell_time": "s"},
        Kind.THERMAL: {"peak_temperature": "Cel", "time_at_peak": "s", "profile_time": "s"},
        Kind.TEST: {"unit_time": "s"},
        Kind.DISPENSE: {"unit_time": "s"},
        Kind.REMOVAL: {"unit_time": "s", "feed_speed": "mm/s", "thickness": "um"},
        Kind.DEPOSITION: {"deposit_time": "s", "thickness": "um"},
        Kind.INSPECTION: {"unit_time": "s", "measure_only": "1"},
        Kind.HANDLING: {"unit_time": "s"},
    }
)
"""Recipe parameters that the physics reads, and their units; a time may also be given in min or h.

``time_at_peak`` is the time above liquidus in reflow and the time at temperature in cure, ``profile_time`` the whole
stay, ``dwell_time`` is per placement, ``unit_time`` per unit, ``deposit_time`` per substrate. ``measure_only`` other
than 0: nothing is judged.
"""

STOP_IN_JOB = "stop_in_job"
"""The fault that ends the N-th job order of a device half-way through a substrate; its value is N."""


@dataclass(frozen=True)
class DeviceConfig:
    """One simulated equipment. ``numbers`` has every figure of its kind, ``faults`` what is on from the start."""

    name: str
    equipment_class: str
    kind: Kind
    places: int
    """Job orders that run at once."""
    most_substrates: int
    """Substrates that one job order may name."""
    heads: int = 1
    """Units worked on at once."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    faults: Mapping[str, float] = field(default_factory=dict)
    process_time: ProcessTime = ProcessTime.FIXED

    def __post_init__(self) -> None:
        unknown = (set(self.numbers) - set(FIGURES[self.kind])) | (
            set(self.faults) - set(FIGURES[self.kind]) - {STOP_IN_JOB}
        )
        if unknown:
            raise ValueError(f"{self.name}: {self.kind} has no figure {', '.join(sorted(unknown))}")
        if min(self.places, self.most_substrates, self.heads) < 1:
            raise ValueError(f"{self.name}: places, most_substrates and heads must be 1 or more")
        defaults = {name: figure.default for name, figure in FIGURES[self.kind].items()}
        object.__setattr__(self, "numbers", MappingProxyType(defaults | dict(self.numbers)))
        object.__setattr__(self, "faults", MappingProxyType(dict(self.faults)))

    def knows_fault(self, name: str) -> bool:
        """Whether `Device.fault` takes ``name``."""
        return name == STOP_IN_JOB or name in self.numbers
