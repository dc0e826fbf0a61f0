"""boats and trays: durables that carry loads"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

PER = "per in ('unit', 'substrate', 'load')"
STATES = ", ".join(repr(state) for state in ("stored", "mounted", "loaded", "unfit", "scrapped"))


def upgrade() -> None:
    op.drop_constraint(op.f("ck_durable_kind_per"), "durable_kind")
    op.create_check_constraint(op.f("ck_durable_kind_per"), "durable_kind", PER)
    op.drop_constraint(op.f("ck_durable_state"), "durable")
    op.create_check_constraint(op.f("ck_durable_state"), "durable", f"state in ({STATES})")
    op.add_column("durable", sa.Column("load", sa.String(), nullable=True))
    op.create_check_constraint(op.f("ck_durable_load"), "durable", "(state = 'loaded') = (load is not null)")
    op.add_column("layout", sa.Column("holder", sa.String(), nullable=True))
    op.add_column("substrate", sa.Column("holder_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_substrate_holder_id"), "substrate", "durable", ["holder_id"], ["id"])
    carried = sa.text("holder_id is not null")
    op.create_index("uq_substrate_holder", "substrate", ["holder_id"], unique=True, postgresql_where=carried)
