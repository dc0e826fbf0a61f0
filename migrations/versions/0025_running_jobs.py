"""what codes of holds make of a job that runs, and what the equipment was told"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

EFFECTS = "in ('finish', 'pause', 'abort')"


def upgrade() -> None:
    op.drop_constraint(op.f("ck_hold_code_running_job"), "hold_code")
    op.create_check_constraint(op.f("ck_hold_code_running_job"), "hold_code", f"running_job {EFFECTS}")
    op.add_column("sent_order", sa.Column("told", sa.String(), nullable=False, server_default="finish"))
    op.alter_column("sent_order", "told", server_default=None)
    op.create_check_constraint(op.f("ck_sent_order_told"), "sent_order", f"told {EFFECTS}")
