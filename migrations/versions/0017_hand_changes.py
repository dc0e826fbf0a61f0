"""what people changed on maps by hand, so that it can be reversed"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.create_table(
        "hand_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("progress", sa.String(), nullable=False),
        sa.Column("positions", sa.LargeBinary(), nullable=False),
        sa.Column("was", sa.LargeBinary(), nullable=False),
        sa.Column("now", sa.LargeBinary(), nullable=False),
        sa.Column("reverses_n", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("length(was) = length(now) and length(was) > 0", name=op.f("ck_hand_change_lengths")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_hand_change_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_hand_change_customer_id_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_hand_change_customer_id_substrate_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_change")),
    )
    op.create_index(op.f("ix_hand_change_customer_id"), "hand_change", ["customer_id"])
    op.create_index("uq_hand_change", "hand_change", ["lot_id", "n", "substrate_id"], unique=True)
    op.create_index("uq_hand_change_reversal", "hand_change", ["lot_id", "reverses_n", "substrate_id"], unique=True)
    op.execute("alter table hand_change enable row level security")
    op.execute("create policy staff on hand_change for ALL to mes_staff using (true) with check (true)")
    op.execute(f"create policy customer on hand_change for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant select, insert, update, delete on hand_change to mes_staff")
    op.execute("grant select on hand_change to mes_app")
    op.execute("grant select on hand_change to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")
