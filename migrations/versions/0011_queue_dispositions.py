"""what a process engineer signs of substrates that waited too long"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.create_table(
        "queue_disposition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("queue_limit_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("signed_by", sa.String(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("since < signed_at and until > signed_at", name=op.f("ck_queue_disposition_order")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_queue_disposition_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_queue_disposition_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["queue_limit_id"], ["queue_limit.id"], name=op.f("fk_queue_disposition_queue_limit_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_disposition")),
    )
    for column in ("customer_id", "substrate_id"):
        op.create_index(op.f(f"ix_queue_disposition_{column}"), "queue_disposition", [column])
    op.execute("alter table queue_disposition enable row level security")
    op.execute("create policy staff on queue_disposition for ALL to mes_staff using (true) with check (true)")
    op.execute(
        f"create policy customer on queue_disposition for SELECT to mes_customer using (customer_id = {CURRENT})"
    )
    op.execute("grant select, insert, update, delete on queue_disposition to mes_staff")
    op.execute("grant select on queue_disposition to mes_app")
    op.execute("grant select on queue_disposition to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")
