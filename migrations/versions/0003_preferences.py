"""language, time zone and PIN of people, and the filters they have saved"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("pin_hash", "language", "time_zone"):
        op.add_column("user_account", sa.Column(column, sa.String(), nullable=True))
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_saved_filter_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filter")),
        sa.UniqueConstraint("user_id", "name", name=op.f("uq_saved_filter_user_id_name")),
    )
    op.execute("alter table saved_filter enable row level security")
    op.execute("create policy staff on saved_filter for ALL to mes_staff using (true) with check (true)")
    op.execute("grant select, insert, update, delete on saved_filter to mes_staff")
    op.execute("grant select on saved_filter to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
