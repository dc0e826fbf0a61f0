"""Ids of units that went to another owner: from the pick on that owner's, too, where the agreement shows them."""

import numpy as np
from sqlalchemy.orm import Session

from mes.lots.work.identify import Report
from mes.units.device_ids import Claim, across, claim
from mes.units.models import Transfer

KNOWN = "device_id_known"


def own_ids(session: Session, report: Report) -> None:
    """Let the receiver of units know their ids. Where it has a unit with such an id already, that is an exception.

    Asks nothing where all belongs to one owner.
    """
    owners = {at.substrate.customer_id for at in report.positions.values()}
    if len(owners) < 2:
        return
    here = Transfer.run_id == report.run.id, Transfer.target_id.in_(report.positions)
    at: dict[tuple[int, str], list[tuple[int, int]]] = {}
    claims = []
    for came in across(session, *here, Transfer.source_id.in_(report.positions)):
        units = list(came.units())
        claims.append(Claim(came.receiver_id, came.target_id, [told for told, _, _ in units]))
        for told, x, y in units:
            at.setdefault((came.target_id, told), []).append((x, y))
    known = claim(session, claims)
    for target_id, told in dict.fromkeys(known):
        on = report.positions[target_id]
        where = np.array(at[target_id, told], np.int16)
        report.doubt_at(KNOWN, on, on.mask(where[:, 0], where[:, 1], np.ones(len(where), np.bool_)))
        report.sentences.append(f"The owner has another unit with the id {told}.")
