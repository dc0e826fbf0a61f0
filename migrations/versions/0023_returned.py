"""lots that are back with their owner, and how a lot stood before a person changed a map"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

STATES = (
    *("created", "queued", "ordered", "running", "stocked", "completed", "consumed", "scrapped", "in_transit"),
    *("shipped", "returned", "terminated"),
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_lot_state"), "lot")
    op.create_check_constraint(op.f("ck_lot_state"), "lot", f"state in ({', '.join(map(repr, STATES))})")
    op.add_column("hand_change", sa.Column("lot_state", sa.String(), nullable=False, server_default="queued"))
    op.alter_column("hand_change", "lot_state", server_default=None)
