"""States of experiments and the verbs that change them."""

from enum import StrEnum

from mes.transitions import Transitions


class ExperimentState(StrEnum):
    """Where the plan of an experiment stands."""

    DRAFT = "draft"
    """Written; nothing runs by it yet."""
    APPROVED = "approved"
    """Signed: substrates run by the leg that they are in."""
    CLOSED = "closed"
    """Nothing starts by it any more. What ran by it stays known."""


class ExperimentVerb(StrEnum):
    """What is done to a plan."""

    APPROVE = "approve"
    """Sign it."""
    CLOSE = "close"
    """Let nothing start by it any more."""


_S, _V = ExperimentState, ExperimentVerb

TRANSITIONS = Transitions(
    {
        (_S.DRAFT, _V.APPROVE): _S.APPROVED,
        (_S.DRAFT, _V.CLOSE): _S.CLOSED,
        (_S.APPROVED, _V.CLOSE): _S.CLOSED,
    }
)
