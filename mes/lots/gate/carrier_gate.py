"""Why a lot must not start out of its carrier: that is to be cleaned, or the two do not agree."""

from collections.abc import Iterator

from mes.errors import Reason
from mes.lots.carriers.carry import WHO
from mes.lots.gate.start_gate_facts import Facts

NAMED = 5
"""Substrates that a sentence names."""


def against_carriers(facts: Facts) -> Iterator[Reason]:
    """Every reason against the carriers of the lot; a lot that stands in none has none."""
    lot, carried = facts.lot.name, facts.carried
    if carried is None:
        return
    for carrier in carried.carriers:
        if carrier.clean_until is not None and carrier.clean_until <= facts.at:
            by = f"{carrier.clean_until:%Y-%m-%d %H:%M} UTC"
            said = f"Carrier {carrier.name} of lot {lot} was to be cleaned by {by}; put the lot into another."
            yield Reason("carrier_unclean", said, WHO)
    wrong = [f"{name} holds lot {other} too" for name, other in carried.beside]
    if len(carried.carriers) > 1:
        wrong.append(f"it stands in {' and '.join(one.name for one in carried.carriers)}")
    if carried.bare:
        more = f" and {len(carried.bare) - NAMED} more" if len(carried.bare) > NAMED else ""
        wrong.append(f"{', '.join(carried.bare[:NAMED])}{more} in none")
    if wrong:
        said = f"Lot {lot} and its carrier do not agree: {'; '.join(wrong)}. Put the whole lot into one carrier."
        yield Reason("carrier_differs", said, WHO)
