"""how the file that a substrate came with draws and counts it"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("substrate", sa.Column("frame", JSONB(), nullable=True))
