"""reasons for which people edit bins"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bin_reason",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("allows", sa.String(), nullable=False),
        sa.Column("roles", JSONB(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint("allows in ('downgrade', 'upgrade')", name=op.f("ck_bin_reason_allows")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bin_reason")),
        sa.UniqueConstraint("name", name=op.f("uq_bin_reason_name")),
    )
    op.execute("alter table bin_reason enable row level security")
    op.execute("create policy staff on bin_reason for ALL to mes_staff using (true) with check (true)")
    op.execute("grant select, insert, update, delete on bin_reason to mes_staff")
    op.execute("grant select on bin_reason to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
