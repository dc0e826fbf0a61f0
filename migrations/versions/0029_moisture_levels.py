"""moisture levels of products, and limits of queue time that last as long as their floor life"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

LEVELS = "'1', '2', '2a', '3', '4', '5', '5a', '6'"


def upgrade() -> None:
    op.add_column("product", sa.Column("moisture_level", sa.String(), nullable=True))
    op.create_check_constraint(op.f("ck_product_moisture_level"), "product", f"moisture_level in ({LEVELS})")
    op.add_column("queue_limit", sa.Column("floor_life", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column("queue_limit", "most_s", nullable=True)
    op.alter_column("queue_limit", "warning_s", nullable=True)
    op.create_check_constraint(
        op.f("ck_queue_limit_hours"), "queue_limit", "floor_life or num_nulls(most_s, warning_s) = 0"
    )
