"""recalls, and which of them placed a hold"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create sequence recall_number")
    op.create_table(
        "recall",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("cause", JSONB(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("touched", sa.Integer(), nullable=False),
        sa.Column("recalled_by", sa.String(), nullable=False),
        sa.Column("recalled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("touched > 0", name=op.f("ck_recall_touched")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall")),
        sa.UniqueConstraint("name", name=op.f("uq_recall_name")),
    )
    op.create_index(op.f("ix_recall_cause"), "recall", ["cause"], postgresql_using="hash")
    op.add_column("hold", sa.Column("recall_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_hold_recall_id"), "hold", "recall", ["recall_id"], ["id"])
    op.create_index(op.f("ix_hold_recall_id"), "hold", ["recall_id"])
    op.execute("alter table recall enable row level security")
    op.execute("create policy staff on recall for ALL to mes_staff using (true) with check (true)")
    op.execute("grant select, insert, update, delete on recall to mes_staff")
    op.execute("grant select on recall to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
