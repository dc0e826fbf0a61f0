"""States of a recipe version."""

from enum import StrEnum

from mes.transitions import Transitions


class RecipeState(StrEnum):
    """Where a recipe version stands."""

    DRAFT = "draft"
    """Being written."""
    IN_REVIEW = "in_review"
    """Submitted; waits for approval."""
    APPROVED = "approved"
    """May run; its body and limits never change again."""
    OBSOLETE = "obsolete"
    """Was approved; may not run any more."""


class RecipeVerb(StrEnum):
    """What is done to a recipe version."""

    SUBMIT = "submit"
    """Ask for approval."""
    APPROVE = "approve"
    """Sign that it may run."""
    RETIRE = "retire"
    """Take it out of use."""


TRANSITIONS = Transitions(
    {
        (RecipeState.DRAFT, RecipeVerb.SUBMIT): RecipeState.IN_REVIEW,
        (RecipeState.IN_REVIEW, RecipeVerb.APPROVE): RecipeState.APPROVED,
        (RecipeState.APPROVED, RecipeVerb.RETIRE): RecipeState.OBSOLETE,
    }
)
