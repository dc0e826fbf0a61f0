"""containers that are baked get their floor life again"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

STATES = ["stored", "thawing", "opened", "baking", "mounted", "empty", "scrapped"]
TIMES = "thaw_s > 0 and floor_life_s > 0 and bake_s > 0 and bakes > 0"


def upgrade() -> None:
    op.add_column("material_kind", sa.Column("bake_s", sa.Float(), nullable=True))
    op.add_column("material_kind", sa.Column("bakes", sa.Integer(), nullable=True))
    op.drop_constraint(op.f("ck_material_kind_times"), "material_kind")
    op.create_check_constraint(op.f("ck_material_kind_times"), "material_kind", TIMES)
    op.create_check_constraint(op.f("ck_material_kind_bakes"), "material_kind", "bakes is null or bake_s is not null")
    op.add_column("container", sa.Column("baked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("container", sa.Column("bakes", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("container", "bakes", server_default=None)
    op.drop_constraint(op.f("ck_container_state"), "container")
    states = ", ".join(repr(state) for state in STATES)
    op.create_check_constraint(op.f("ck_container_state"), "container", f"state in ({states})")
