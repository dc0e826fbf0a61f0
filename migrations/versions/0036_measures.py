"""what operations keep of what is measured of units"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("operation", sa.Column("measures", JSONB(), nullable=False, server_default="[]"))
    op.alter_column("operation", "measures", server_default=None)
