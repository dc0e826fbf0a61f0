"""kinds of durables, each with what it has done, and which of them runs used"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"
INSTANT = sa.DateTime(timezone=True)
STATES = ["stored", "mounted", "unfit", "scrapped"]


def upgrade() -> None:
    _kinds()
    _durables()
    _uses()
    for table in ("durable_kind", "durable", "durable_use"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy staff on {table} for ALL to mes_staff using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to mes_staff")
        op.execute(f"grant select on {table} to mes_app")
    op.execute(f"create policy customer on durable_use for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant select on durable_use to mes_customer")
    op.execute("grant usage on all sequences in schema public to mes_staff")
    op.add_column("operation", sa.Column("durables", JSONB(), nullable=False, server_default="[]"))
    op.alter_column("operation", "durables", server_default=None)


def _kinds() -> None:
    op.create_table(
        "durable_kind",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("counts", sa.String(), nullable=False),
        sa.Column("per", sa.String(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("clean_every", sa.Integer(), nullable=True),
        sa.Column("inspect_every", sa.Integer(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint("per in ('unit', 'substrate')", name=op.f("ck_durable_kind_per")),
        sa.CheckConstraint("most > 0 and clean_every > 0 and inspect_every > 0", name=op.f("ck_durable_kind_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_durable_kind")),
        sa.UniqueConstraint("name", name=op.f("uq_durable_kind_name")),
    )


def _durables() -> None:
    states = ", ".join(repr(state) for state in STATES)
    op.create_table(
        "durable",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("count", "cleaned_at_count", "inspected_at_count")
        ),
        sa.Column("equipment_id", sa.Integer(), nullable=True),
        sa.Column("mounted_at", INSTANT, nullable=True),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(f"state in ({states})", name=op.f("ck_durable_state")),
        sa.CheckConstraint("least(count, cleaned_at_count, inspected_at_count) >= 0", name=op.f("ck_durable_counts")),
        sa.CheckConstraint("greatest(cleaned_at_count, inspected_at_count) <= count", name=op.f("ck_durable_cycles")),
        sa.CheckConstraint("(state = 'mounted') = (equipment_id is not null)", name=op.f("ck_durable_mounted")),
        sa.CheckConstraint("(equipment_id is null) = (mounted_at is null)", name=op.f("ck_durable_since")),
        sa.ForeignKeyConstraint(["kind_id"], ["durable_kind.id"], name=op.f("fk_durable_kind_id")),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_durable_equipment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_durable")),
        sa.UniqueConstraint("name", name=op.f("uq_durable_name")),
    )
    op.create_index(op.f("ix_durable_kind_id"), "durable", ["kind_id"])
    mounted = sa.text("equipment_id is not null")
    op.create_index("uq_durable_mounted", "durable", ["equipment_id", "kind_id"], unique=True, postgresql_where=mounted)


def _uses() -> None:
    op.create_table(
        "durable_use",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("durable_id", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("done > 0", name=op.f("ck_durable_use_done")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_durable_use_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_durable_use_run_id")),
        sa.ForeignKeyConstraint(["durable_id"], ["durable.id"], name=op.f("fk_durable_use_durable_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_durable_use_customer_id_substrate_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_durable_use")),
        sa.UniqueConstraint(
            "run_id", "substrate_id", "durable_id", name=op.f("uq_durable_use_run_id_substrate_id_durable_id")
        ),
    )
    for column in ("customer_id", "durable_id", "substrate_id"):
        op.create_index(op.f(f"ix_durable_use_{column}"), "durable_use", [column])
