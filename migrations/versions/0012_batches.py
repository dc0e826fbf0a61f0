"""batches that wait until they are worth it"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

CHECKS = {
    "least": "least_substrates between 1 and most_substrates",
    "fills": "least_substrates = 1 or (batch and most_wait_s is not null)",
    "wait": "most_wait_s > 0 and most_wait_s < 'infinity'",
}


def upgrade() -> None:
    op.add_column("equipment_class", sa.Column("least_substrates", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column("equipment_class", "least_substrates", server_default=None)
    op.add_column("equipment_class", sa.Column("most_wait_s", sa.Float(), nullable=True))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_equipment_class_{name}"), "equipment_class", condition)
