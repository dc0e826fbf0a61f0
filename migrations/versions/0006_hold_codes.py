"""the plant's own codes of holds"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hold_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("other_owners", JSONB(), nullable=False),
        sa.Column("running_job", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint("running_job = 'finish'", name=op.f("ck_hold_code_running_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold_code")),
        sa.UniqueConstraint("name", name=op.f("uq_hold_code_name")),
    )
    op.execute("alter table hold_code enable row level security")
    op.execute("create policy staff on hold_code for ALL to mes_staff using (true) with check (true)")
    op.execute("grant select, insert, update, delete on hold_code to mes_staff")
    op.execute("grant select on hold_code to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
