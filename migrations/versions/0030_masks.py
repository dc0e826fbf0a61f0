"""masks: positions that a hold is about"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.add_column("hold", sa.Column("masked", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("hold", "masked", server_default=None)
    op.create_table(
        "hold_mask",
        sa.Column("hold_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("positions", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("bit_count(positions) > 0", name=op.f("ck_hold_mask_units")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_hold_mask_customer_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_hold_mask_hold_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_hold_mask_customer_id_substrate_id"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("hold_id", "substrate_id", name=op.f("pk_hold_mask")),
    )
    op.create_index(op.f("ix_hold_mask_customer_id"), "hold_mask", ["customer_id"])
    op.create_index(op.f("ix_hold_mask_substrate_id"), "hold_mask", ["substrate_id"])
    op.execute("alter table hold_mask enable row level security")
    op.execute("create policy staff on hold_mask for ALL to mes_staff using (true) with check (true)")
    op.execute(f"create policy customer on hold_mask for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant select, insert, update, delete on hold_mask to mes_staff")
    op.execute("grant select on hold_mask to mes_app, mes_customer")
