"""The accounts of a lot's ledger: where units come from and where they are.

Conservation, per lot and form: the sum of what came equals the sum of where it is.
"""

from mes.units.states import Disposition

CAME = ("received", "merged_in", "made", "bonus", "found")
"""Ways in which units come into a form of a lot."""

ARE = (
    "in_process",
    "completed",
    "scrapped",
    "split_off",
    "consumed",
    "sampled",
    "lost",
    "shipped",
    "returned",
)
"""Where the units of a form are. Suspect counts as in process, rejected in place as scrapped."""

OF_DISPOSITION: dict[Disposition, str | None] = {
    Disposition.NO_UNIT: None,
    Disposition.NOT_FOR_USE: None,
    Disposition.IN_PROCESS: "in_process",
    Disposition.SUSPECT: "in_process",
    Disposition.REJECTED: "scrapped",
    Disposition.COMPLETED: "completed",
    Disposition.CONSUMED: "consumed",
    Disposition.SAMPLED: "sampled",
    Disposition.SCRAPPED: "scrapped",
    Disposition.LOST: "lost",
    Disposition.SHIPPED: "shipped",
    Disposition.RETURNED: "returned",
}
"""The account in which a position of each disposition is counted; none where there is no unit."""
