"""multi-project wafers, and the masked copies of their projects"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("product", sa.Column("reticle", JSONB(), nullable=True))
    op.add_column("substrate", sa.Column("part_of_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_substrate_part_of_id"), "substrate", "substrate", ["part_of_id"], ["id"])
    part = sa.text("part_of_id is not null")
    op.create_index("ix_substrate_part_of", "substrate", ["part_of_id"], postgresql_where=part)
