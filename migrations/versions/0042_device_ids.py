"""ids of units, unique for each customer"""

import json
from hashlib import blake2b

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.create_table(
        "device_id",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_device_id_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_device_id_customer_id_substrate_id"),
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_device_id")),
    )
    op.create_index(
        op.f("ix_device_id_customer_id_device_id_substrate_id"), "device_id", ["customer_id", "substrate_id"]
    )
    _know_those_there_are()
    op.execute("alter table device_id enable row level security")
    op.execute("create policy staff on device_id for ALL to mes_staff using (true) with check (true)")
    op.execute(f"create policy customer on device_id for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant select, insert, update, delete on device_id to mes_staff")
    op.execute("grant select on device_id to mes_app, mes_customer")


def _know_those_there_are() -> None:
    """The ids that layers tell already; where two units of an owner have one, the first has it."""
    layers = "select s.id, s.customer_id, y.body from layer y join substrate s on s.id = y.substrate_id"
    told = sa.text(f"{layers} where y.encoding = 'text' and y.name like 'id:%' order by y.id")
    put = sa.text("insert into device_id values (:key, :customer, :substrate) on conflict do nothing")
    for substrate, customer, body in op.get_bind().execute(told).all():
        ids = {one for one in json.loads(body) if one is not None}
        keyed = (blake2b(one.encode(), digest_size=8, key=customer.to_bytes(8, "big")).digest() for one in ids)
        rows = [
            {"key": int.from_bytes(digest, "big", signed=True), "customer": customer, "substrate": substrate}
            for digest in keyed
        ]
        if rows:
            op.get_bind().execute(put, rows)
