"""warnings of maps, kept with the layers that came with them, and the rules that say what they cause"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("layer", sa.Column("warnings", JSONB(), nullable=True))
    op.create_table(
        "map_rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("for_customer_id", sa.Integer(), nullable=True),
        sa.Column("operation", sa.String(), nullable=True),
        sa.Column("stops", JSONB(), nullable=False),
        sa.Column("holds", JSONB(), nullable=False),
        sa.Column("hold_code", sa.String(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint("hold_code is not null or holds = '[]'", name=op.f("ck_map_rule_hold_code")),
        sa.ForeignKeyConstraint(["for_customer_id"], ["customer.id"], name=op.f("fk_map_rule_for_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_map_rule")),
        sa.UniqueConstraint("name", name=op.f("uq_map_rule_name")),
    )
    op.create_index(op.f("ix_map_rule_for_customer_id"), "map_rule", ["for_customer_id"])
    op.execute("alter table map_rule enable row level security")
    op.execute("create policy staff on map_rule for ALL to mes_staff using (true) with check (true)")
    op.execute("grant select, insert, update, delete on map_rule to mes_staff")
    op.execute("grant select on map_rule to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
