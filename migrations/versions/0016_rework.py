"""rework: the loops of routes, and the marks of substrates"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.add_column("operation", sa.Column("rework", JSONB(), nullable=True))
    for table, name, kind, default in (
        ("lot_substrate", "first_visit", sa.Integer(), "1"),
        ("lot_substrate", "reworks", sa.Integer(), "0"),
        ("run_substrate", "first_visit", sa.Integer(), "1"),
        ("run_substrate", "reworked", sa.Boolean(), "false"),
    ):
        op.add_column(table, sa.Column(name, kind, nullable=False, server_default=sa.text(default)))
        op.alter_column(table, name, server_default=None)
    op.add_column("lot_substrate", sa.Column("reworked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("lot_substrate", sa.Column("next_visits", JSONB(), nullable=True))
    op.create_table(
        "rework",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.Integer(), nullable=False),
        sa.Column("back_to_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("of_lot", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_rework_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_rework_customer_id_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_rework_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_rework_operation_id")),
        sa.ForeignKeyConstraint(["back_to_id"], ["operation.id"], name=op.f("fk_rework_back_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rework")),
        sa.UniqueConstraint(
            "substrate_id", "operation_id", "times", name=op.f("uq_rework_substrate_id_operation_id_times")
        ),
    )
    for column in ("customer_id", "lot_id"):
        op.create_index(op.f(f"ix_rework_{column}"), "rework", [column])
    op.execute("alter table rework enable row level security")
    op.execute("create policy staff on rework for ALL to mes_staff using (true) with check (true)")
    op.execute(f"create policy customer on rework for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant select, insert, update, delete on rework to mes_staff")
    op.execute("grant select on rework to mes_app")
    op.execute("grant select on rework to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")
