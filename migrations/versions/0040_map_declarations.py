"""declarations of maps that are plain text, in the plant's text"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "map_declaration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("told_by", sa.String(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_map_declaration")),
        sa.UniqueConstraint("name", name=op.f("uq_map_declaration_name")),
    )
    op.execute("alter table map_declaration enable row level security")
    op.execute("create policy staff on map_declaration for ALL to mes_staff using (true) with check (true)")
    op.execute("grant select, insert, update, delete on map_declaration to mes_staff")
    op.execute("grant select on map_declaration to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
