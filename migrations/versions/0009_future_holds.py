"""future holds, and when a hold is to be reviewed"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.add_column("hold", sa.Column("review_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("lot", sa.Column("future_holds", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("lot", "future_holds", server_default=None)
    op.create_table(
        "future_hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("owner_role", sa.String(), nullable=False),
        sa.Column("set_by", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hold_id", sa.Integer(), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdraw_comment", sa.String(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("(ended_at is null) = (ended_by is null)", name=op.f("ck_future_hold_end")),
        sa.CheckConstraint("hold_id is null or ended_at is not null", name=op.f("ck_future_hold_effect")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_future_hold_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_future_hold_customer_id_lot_id")
        ),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_future_hold_operation_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_future_hold_hold_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_future_hold")),
    )
    op.create_index(op.f("ix_future_hold_customer_id"), "future_hold", ["customer_id"])
    standing = sa.text("ended_at is null")
    op.create_index("ix_future_hold_standing", "future_hold", ["lot_id"], postgresql_where=standing)
    op.execute("alter table future_hold enable row level security")
    op.execute("create policy staff on future_hold for ALL to mes_staff using (true) with check (true)")
    op.execute(f"create policy customer on future_hold for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant select, insert, update, delete on future_hold to mes_staff")
    op.execute("grant select on future_hold to mes_app")
    op.execute("grant select on future_hold to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")
