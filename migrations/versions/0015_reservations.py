"""lots that are reserved for one equipment"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lot", sa.Column("reserved_for_id", sa.Integer(), nullable=True))
    op.add_column("lot", sa.Column("reserved_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("lot", sa.Column("reserved_by", sa.String(), nullable=True))
    op.create_foreign_key(op.f("fk_lot_reserved_for_id"), "lot", "equipment", ["reserved_for_id"], ["id"])
    whole = "num_nulls(reserved_for_id, reserved_until, reserved_by) in (0, 3)"
    op.create_check_constraint(op.f("ck_lot_reservation"), "lot", whole)
