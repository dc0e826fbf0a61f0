"""by what waiting lots are ranked, and how long operations take"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    usual = sa.text("""'["priority", "first_in_first_out"]'""")
    op.add_column("site", sa.Column("ranking", JSONB(), nullable=False, server_default=usual))
    op.alter_column("site", "ranking", server_default=None)
    op.add_column("equipment_class", sa.Column("ranking", JSONB(), nullable=False, server_default=sa.text("'[]'")))
    op.alter_column("equipment_class", "ranking", server_default=None)
    op.add_column("operation", sa.Column("process_s", sa.Float(), nullable=True))
    op.create_check_constraint(op.f("ck_operation_process_s"), "operation", "process_s > 0 and process_s < 'infinity'")
    op.create_index(op.f("ix_run_equipment_id_run_id"), "run", ["equipment_id", "id"])
