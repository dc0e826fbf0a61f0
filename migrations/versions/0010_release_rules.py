"""lots that are released by a rule of the plant"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "release_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("constant_wip", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint("constant_wip > 0", name=op.f("ck_release_rule_constant_wip")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_rule")),
        sa.UniqueConstraint("name", name=op.f("uq_release_rule_name")),
    )
    op.execute("alter table release_rule enable row level security")
    op.execute("create policy staff on release_rule for ALL to mes_staff using (true) with check (true)")
    op.execute("grant select, insert, update, delete on release_rule to mes_staff")
    op.execute("grant select on release_rule to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
