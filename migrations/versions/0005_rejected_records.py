"""rejected records are few among many: found by an index of their own"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_received_record_rejected", "received_record", ["id"], postgresql_where="state = 'rejected'")
