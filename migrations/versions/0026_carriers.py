"""carriers, and what stands in their slots"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    _carriers()
    _slots()
    for table in ("carrier", "carrier_slot"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy staff on {table} for ALL to mes_staff using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to mes_staff")
        op.execute(f"grant select on {table} to mes_app")
    op.execute(f"create policy customer on carrier_slot for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant select on carrier_slot to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")


def _carriers() -> None:
    op.create_table(
        "carrier",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("location", sa.String(), nullable=False),
        sa.Column("clean_every_s", sa.Float(), nullable=True),
        sa.Column("clean_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind in ('foup', 'magazine', 'boat_carrier')", name=op.f("ck_carrier_kind")),
        sa.CheckConstraint("slots between 1 and 100", name=op.f("ck_carrier_slots")),
        sa.CheckConstraint("clean_every_s > 0 and clean_every_s < 'infinity'", name=op.f("ck_carrier_clean_every")),
        sa.CheckConstraint("(clean_every_s is null) = (clean_until is null)", name=op.f("ck_carrier_cleaned")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier")),
        sa.UniqueConstraint("name", name=op.f("uq_carrier_name")),
    )


def _slots() -> None:
    op.create_table(
        "carrier_slot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("carrier_id", sa.Integer(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("slot between 1 and 100", name=op.f("ck_carrier_slot_slot")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_carrier_slot_customer_id")),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_carrier_slot_carrier_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_carrier_slot_customer_id_substrate_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier_slot")),
        sa.UniqueConstraint("carrier_id", "slot", name=op.f("uq_carrier_slot_carrier_id_slot")),
        sa.UniqueConstraint("substrate_id", name=op.f("uq_carrier_slot_substrate_id")),
    )
    op.create_index(op.f("ix_carrier_slot_customer_id"), "carrier_slot", ["customer_id"])
