"""kinds, lots and containers of material; what operations use of them, and what runs have used"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"
INSTANT = sa.DateTime(timezone=True)
STATES = ["stored", "thawing", "opened", "mounted", "empty", "scrapped"]


def upgrade() -> None:
    _kinds()
    _lots()
    _containers()
    _consumption()
    for table in ("material_kind", "material_lot", "container", "consumption"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy staff on {table} for ALL to mes_staff using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to mes_staff")
        op.execute(f"grant select on {table} to mes_app")
    for table in ("material_lot", "container", "consumption"):
        op.execute(f"create policy customer on {table} for SELECT to mes_customer using (customer_id = {CURRENT})")
        op.execute(f"grant select on {table} to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")
    op.add_column("operation", sa.Column("materials", JSONB(), nullable=False, server_default="[]"))
    op.alter_column("operation", "materials", server_default=None)


def _kinds() -> None:
    op.create_table(
        "material_kind",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("thaw_s", sa.Float(), nullable=True),
        sa.Column("floor_life_s", sa.Float(), nullable=True),
        sa.Column("certificate", sa.Boolean(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint("thaw_s > 0 and floor_life_s > 0", name=op.f("ck_material_kind_times")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_material_kind")),
        sa.UniqueConstraint("name", name=op.f("uq_material_kind_name")),
    )


def _chain() -> tuple[sa.Column[int], sa.Column[bytes]]:
    return sa.Column("history_n", sa.Integer(), nullable=False), sa.Column(
        "history_hash", sa.LargeBinary(), nullable=False
    )


def _owner(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint, sa.UniqueConstraint]:
    return (
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f(f"fk_{table}_customer_id")),
        sa.UniqueConstraint(
            "customer_id", "name", name=op.f(f"uq_{table}_customer_id_name"), postgresql_nulls_not_distinct=True
        ),
    )


def _lots() -> None:
    op.create_table(
        "material_lot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind_id", sa.Integer(), nullable=False),
        sa.Column("supplier", sa.String(), nullable=False),
        sa.Column("certificate", sa.String(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        *_chain(),
        *_owner("material_lot"),
        sa.ForeignKeyConstraint(["kind_id"], ["material_kind.id"], name=op.f("fk_material_lot_kind_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_material_lot")),
    )
    for column in ("customer_id", "kind_id"):
        op.create_index(op.f(f"ix_material_lot_{column}"), "material_lot", [column])


def _containers() -> None:
    states = ", ".join(repr(state) for state in STATES)
    op.create_table(
        "container",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("material_lot_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("received", "consumed", "scrapped", "remainder")),
        *(sa.Column(name, INSTANT, nullable=True) for name in ("thawed_at", "opened_at", "floor_ends_at")),
        sa.Column("equipment_id", sa.Integer(), nullable=True),
        sa.Column("mounted_at", INSTANT, nullable=True),
        *_chain(),
        *_owner("container"),
        sa.CheckConstraint(f"state in ({states})", name=op.f("ck_container_state")),
        sa.CheckConstraint(
            "least(received - 1, consumed, scrapped, remainder) >= 0", name=op.f("ck_container_amounts")
        ),
        sa.CheckConstraint("remainder = received - consumed - scrapped", name=op.f("ck_container_conservation")),
        sa.CheckConstraint("(state = 'mounted') = (equipment_id is not null)", name=op.f("ck_container_mounted")),
        sa.CheckConstraint("(equipment_id is null) = (mounted_at is null)", name=op.f("ck_container_since")),
        sa.CheckConstraint("(state in ('empty', 'scrapped')) = (remainder = 0)", name=op.f("ck_container_ended")),
        sa.ForeignKeyConstraint(["material_lot_id"], ["material_lot.id"], name=op.f("fk_container_material_lot_id")),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_container_equipment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_container")),
    )
    for column in ("customer_id", "material_lot_id"):
        op.create_index(op.f(f"ix_container_{column}"), "container", [column])
    mounted = sa.text("equipment_id is not null")
    op.create_index("ix_container_mounted", "container", ["equipment_id"], postgresql_where=mounted)


def _consumption() -> None:
    op.create_table(
        "consumption",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("container_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_consumption_amount")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_consumption_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_consumption_run_id")),
        sa.ForeignKeyConstraint(["container_id"], ["container.id"], name=op.f("fk_consumption_container_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_consumption_customer_id_substrate_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consumption")),
        sa.UniqueConstraint(
            "run_id", "substrate_id", "container_id", name=op.f("uq_consumption_run_id_substrate_id_container_id")
        ),
    )
    for column in ("customer_id", "container_id", "substrate_id"):
        op.create_index(op.f(f"ix_consumption_{column}"), "consumption", [column])
