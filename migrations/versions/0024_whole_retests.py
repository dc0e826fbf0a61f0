"""units that were good at a pass and are judged again all the same"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "run_substrate", sa.Column("units_good_again", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.alter_column("run_substrate", "units_good_again", server_default=None)
    op.create_check_constraint(
        op.f("ck_run_substrate_good_again"), "run_substrate", "units_good_again between 0 and units_again"
    )
