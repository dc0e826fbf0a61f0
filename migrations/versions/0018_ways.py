"""alternatives and sampling of operations, and what substrates left out"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"


def upgrade() -> None:
    op.add_column("operation", sa.Column("sampling", JSONB(), nullable=True))
    op.create_table(
        "operation_alternative",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("recipe_version_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_operation_alternative_operation_id")),
        sa.ForeignKeyConstraint(["class_id"], ["equipment_class.id"], name=op.f("fk_operation_alternative_class_id")),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"], ["recipe_version.id"], name=op.f("fk_operation_alternative_recipe_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation_alternative")),
        sa.UniqueConstraint("operation_id", "ordinal", name=op.f("uq_operation_alternative_operation_id_ordinal")),
    )
    op.add_column("lot", sa.Column("of_product", sa.Integer(), nullable=True))
    op.execute(
        "update lot set of_product = counted.n from (select id, row_number() over (partition by product_id order by id)"
        " as n from lot) counted where counted.id = lot.id"
    )
    op.alter_column("lot", "of_product", nullable=False)
    op.create_index(op.f("ix_lot_product_id_lot_of_product"), "lot", ["product_id", "of_product"])
    op.create_table(
        "skip",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_skip_customer_id")),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_skip_customer_id_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_skip_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_skip_operation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skip")),
    )
    for column in ("customer_id", "lot_id", "substrate_id"):
        op.create_index(op.f(f"ix_skip_{column}"), "skip", [column])
    for table, roles in (("skip", ("mes_app", "mes_customer")), ("operation_alternative", ("mes_app",))):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy staff on {table} for ALL to mes_staff using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to mes_staff")
        for role in roles:
            op.execute(f"grant select on {table} to {role}")
    op.execute(f"create policy customer on skip for SELECT to mes_customer using (customer_id = {CURRENT})")
    op.execute("grant usage on all sequences in schema public to mes_staff")
    op.execute(
        "create trigger operation_alternative_released before update or delete on operation_alternative for each row"
        " execute function refuse_change()"
    )
