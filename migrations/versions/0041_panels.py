"""blocks of panels, heights of what is attached, and dummies where a position is bad"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("block_rows", "block_columns"):
        op.add_column("layout", sa.Column(name, sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("ck_layout_blocks"),
        "layout",
        "num_nulls(block_rows, block_columns) in (0, 2) and rows % block_rows = 0 and columns % block_columns = 0",
    )
    op.add_column("product", sa.Column("most_height_um", sa.Float(), nullable=True))
    op.create_check_constraint(
        op.f("ck_product_height"), "product", "most_height_um > 0 and most_height_um < 'infinity'"
    )
    op.add_column("attach_site", sa.Column("height_um", sa.Float(), nullable=True))
    op.create_check_constraint(op.f("ck_attach_site_height"), "attach_site", "height_um > 0 and height_um < 'infinity'")
    op.add_column("attach_site", sa.Column("dummy_product_id", sa.Integer(), nullable=True))
    op.create_foreign_key(
        op.f("fk_attach_site_dummy_product_id"), "attach_site", "product", ["dummy_product_id"], ["id"]
    )
    op.add_column("operation", sa.Column("dummies", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("operation", "dummies", server_default=None)
