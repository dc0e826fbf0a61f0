"""what people are certified for, maintenance of equipment, and how much equipment has done"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _certifications()
    _certificates()
    _plans()
    _maintenance()
    for table in ("certification", "certificate", "maintenance_plan", "maintenance"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy staff on {table} for ALL to mes_staff using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to mes_staff")
        op.execute(f"grant select on {table} to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
    for table in ("equipment_class", "operation"):
        op.add_column(table, sa.Column("certification", sa.String(), nullable=True))
    for column in ("runs_done", "units_done"):
        op.add_column("equipment", sa.Column(column, sa.BigInteger(), nullable=False, server_default="0"))
        op.alter_column("equipment", column, server_default=None)


def _certifications() -> None:
    op.create_table(
        "certification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("trainer", sa.String(), nullable=False),
        sa.Column("valid_s", sa.Float(), nullable=True),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint("valid_s > 0 and valid_s < 'infinity'", name=op.f("ck_certification_valid")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certification")),
        sa.UniqueConstraint("name", name=op.f("uq_certification_name")),
    )


def _certificates() -> None:
    op.create_table(
        "certificate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("certification_id", sa.Integer(), nullable=False),
        sa.Column("granted_by", sa.String(), nullable=False),
        sa.Column("granted_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.CheckConstraint("expires_at > granted_at", name=op.f("ck_certificate_forward")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_certificate_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["certification_id"],
            ["certification.id"],
            name=op.f("fk_certificate_certification_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificate")),
        sa.UniqueConstraint("user_id", "certification_id", name=op.f("uq_certificate_user_id_certification_id")),
    )
    op.create_index(op.f("ix_certificate_certification_id"), "certificate", ["certification_id"])


def _plans() -> None:
    op.create_table(
        "maintenance_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("every_s", sa.Float(), nullable=True),
        sa.Column("every_runs", sa.Integer(), nullable=True),
        sa.Column("every_units", sa.Integer(), nullable=True),
        sa.Column("warning", sa.Float(), nullable=False),
        sa.Column("checks", JSONB(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(every_s, every_runs, every_units) > 0", name=op.f("ck_maintenance_plan_interval")
        ),
        sa.CheckConstraint(
            "every_s > 0 and every_s < 'infinity' and every_runs > 0 and every_units > 0",
            name=op.f("ck_maintenance_plan_positive"),
        ),
        sa.CheckConstraint("warning > 0 and warning <= 1", name=op.f("ck_maintenance_plan_warning")),
        sa.ForeignKeyConstraint(["class_id"], ["equipment_class.id"], name=op.f("fk_maintenance_plan_class_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance_plan")),
        sa.UniqueConstraint("name", name=op.f("uq_maintenance_plan_name")),
    )
    op.create_index(op.f("ix_maintenance_plan_class_id"), "maintenance_plan", ["class_id"])


def _maintenance() -> None:
    op.create_table(
        "maintenance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("equipment_id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("done_by", sa.String(), nullable=True),
        sa.Column("happened_at", INSTANT, nullable=False),
        sa.Column("runs_done", sa.BigInteger(), nullable=False),
        sa.Column("units_done", sa.BigInteger(), nullable=False),
        sa.Column("found", JSONB(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_maintenance_equipment_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["maintenance_plan.id"], name=op.f("fk_maintenance_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
    )
    op.create_index(op.f("ix_maintenance_plan_id"), "maintenance", ["plan_id"])
    op.create_index(op.f("ix_maintenance_equipment_id_plan_id_id"), "maintenance", ["equipment_id", "plan_id", "id"])
