"""The ways in which operations may be done, as a table to join: their own class and recipe, and each alternative."""

from sqlalchemy import Subquery, literal, select, union_all

from mes.routes.models import Operation, OperationAlternative

WAYS: Subquery = union_all(
    select(
        Operation.id.label("operation_id"), Operation.class_id, Operation.recipe_version_id, literal(0).label("ordinal")
    ),
    select(
        OperationAlternative.operation_id, OperationAlternative.class_id, OperationAlternative.recipe_version_id,
        OperationAlternative.ordinal,
    ),
).subquery("way")  # fmt: skip
"""operation_id, class_id, recipe_version_id, ordinal: 0 is the operation's own."""
