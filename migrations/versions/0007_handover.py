"""substrates go from one lot to another; a lot that was merged is terminated"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

STATES = ["created", "queued", "ordered", "running", "stocked", "completed", "consumed", "scrapped", "terminated"]
CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.create_table(
        "handover",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("units >= 0 and from_id <> to_id", name=op.f("ck_handover_units")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_handover_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "from_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_handover_customer_id_from_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "to_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_handover_customer_id_to_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_handover_customer_id_substrate_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
    )
    for column in ("customer_id", "from_id", "substrate_id"):
        op.create_index(op.f(f"ix_handover_{column}"), "handover", [column])
    op.execute("alter table handover enable row level security")
    op.execute("create policy staff on handover for ALL to mes_staff using (true) with check (true)")
    op.execute(f"create policy customer on handover for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant select, insert, update, delete on handover to mes_staff")
    op.execute("grant select on handover to mes_app")
    op.execute("grant select on handover to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")
    op.drop_constraint(op.f("ck_lot_state"), "lot", type_="check")
    states = ", ".join(repr(state) for state in STATES)
    op.create_check_constraint(op.f("ck_lot_state"), "lot", f"state in ({states})")
