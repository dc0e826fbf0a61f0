"""lots leave together and come together, with a document"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STATES = [
    *("created", "queued", "ordered", "running", "stocked", "completed", "consumed", "scrapped"),
    *("in_transit", "shipped", "terminated"),
]
CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.execute("create sequence shipment_number")
    op.create_table(
        "shipment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("partner", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("differences", JSONB(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", sa.LargeBinary(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("direction in ('sent', 'received')", name=op.f("ck_shipment_direction")),
        sa.CheckConstraint("state in ('in_transit', 'arrived')", name=op.f("ck_shipment_state")),
        sa.CheckConstraint("(state = 'arrived') = (arrived_at is not null)", name=op.f("ck_shipment_arrival")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_shipment_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipment")),
        sa.UniqueConstraint("name", name=op.f("uq_shipment_name")),
        sa.UniqueConstraint("customer_id", "id", name=op.f("uq_shipment_customer_id_id")),
    )
    op.create_index(op.f("ix_shipment_customer_id"), "shipment", ["customer_id"])
    op.create_index("uq_shipment_document", "shipment", ["customer_id", "direction", "sha256"], unique=True)
    op.create_table(
        "shipment_lot",
        sa.Column("shipment_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("substrates", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("substrates > 0 and units >= 0", name=op.f("ck_shipment_lot_quantities")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_shipment_lot_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "shipment_id"],
            ["shipment.customer_id", "shipment.id"],
            name=op.f("fk_shipment_lot_customer_id_shipment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_shipment_lot_customer_id_lot_id")
        ),
        sa.PrimaryKeyConstraint("shipment_id", "lot_id", name=op.f("pk_shipment_lot")),
    )
    for column in ("customer_id", "lot_id"):
        op.create_index(op.f(f"ix_shipment_lot_{column}"), "shipment_lot", [column])
    for table in ("shipment", "shipment_lot"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy staff on {table} for ALL to mes_staff using (true) with check (true)")
        op.execute(f"create policy customer on {table} for SELECT to mes_customer using (customer_id = {CURRENT})")
        op.execute(f"grant select, insert, update, delete on {table} to mes_staff")
        op.execute(f"grant select on {table} to mes_app")
        op.execute(f"grant select on {table} to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")
    op.drop_constraint(op.f("ck_lot_state"), "lot", type_="check")
    states = ", ".join(repr(state) for state in STATES)
    op.create_check_constraint(op.f("ck_lot_state"), "lot", f"state in ({states})")
