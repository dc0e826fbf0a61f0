"""experiments, their legs, the substrates in them, and the runs that were done by a leg"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.create_table(
        "experiment",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("every", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("drafted_by", sa.String(), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("state in ('draft', 'approved', 'closed')", name=op.f("ck_experiment_state")),
        sa.CheckConstraint("(approved_at is null) = (approved_by is null)", name=op.f("ck_experiment_approval")),
        sa.CheckConstraint("(state = 'closed') = (closed_at is not null)", name=op.f("ck_experiment_end")),
        sa.CheckConstraint("state <> 'approved' or approved_at is not null", name=op.f("ck_experiment_signature")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment")),
        sa.UniqueConstraint("name", name=op.f("uq_experiment_name")),
    )
    op.create_index(
        "ix_experiment_approved", "experiment", ["operation"], postgresql_where=sa.text("state = 'approved'")
    )
    op.create_table(
        "experiment_leg",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("recipe_version_id", sa.Integer(), nullable=True),
        sa.Column("parameters", JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiment.id"], name=op.f("fk_experiment_leg_experiment_id")),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"], ["recipe_version.id"], name=op.f("fk_experiment_leg_recipe_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment_leg")),
        sa.UniqueConstraint("experiment_id", "name", name=op.f("uq_experiment_leg_experiment_id_name")),
        sa.UniqueConstraint("experiment_id", "ordinal", name=op.f("uq_experiment_leg_experiment_id_ordinal")),
    )
    op.create_table(
        "experiment_substrate",
        sa.Column("experiment_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("leg_id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_experiment_substrate_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_experiment_substrate_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"], ["experiment.id"], name=op.f("fk_experiment_substrate_experiment_id")
        ),
        sa.ForeignKeyConstraint(["leg_id"], ["experiment_leg.id"], name=op.f("fk_experiment_substrate_leg_id")),
        sa.PrimaryKeyConstraint("experiment_id", "substrate_id", name=op.f("pk_experiment_substrate")),
    )
    for column in ("customer_id", "substrate_id"):
        op.create_index(op.f(f"ix_experiment_substrate_{column}"), "experiment_substrate", [column])
    op.create_table(
        "run_leg",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("leg_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_leg_run_id")),
        sa.ForeignKeyConstraint(["leg_id"], ["experiment_leg.id"], name=op.f("fk_run_leg_leg_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_run_leg")),
    )
    op.create_index(op.f("ix_run_leg_leg_id"), "run_leg", ["leg_id"])
    for table in ("experiment", "experiment_leg", "experiment_substrate", "run_leg"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy staff on {table} for ALL to mes_staff using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to mes_staff")
        op.execute(f"grant select on {table} to mes_app")
    op.execute("grant select on experiment_substrate to mes_customer")
    op.execute(
        f"create policy customer on experiment_substrate for SELECT to mes_customer using (customer_id = {CURRENT})"
    )
    op.execute("grant usage on all sequences in schema public to mes_staff")
