"""keys of programs, answers to commands that have a key, and people who were added by hand"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("token_sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("scopes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_api_key_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("name", name=op.f("uq_api_key_name")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_api_key_token_sha256")),
    )
    op.create_table(
        "command_answer",
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("asked_sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", postgresql.BYTEA(), nullable=True),
        sa.Column(
            "claimed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_command_answer")),
    )
    op.create_index(op.f("ix_command_answer_claimed_at"), "command_answer", ["claimed_at"], unique=False)
    op.add_column("user_account", sa.Column("from_text", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.alter_column("user_account", "from_text", server_default=None)  # until now every text took all of them
    op.execute("create sequence lot_number")
    for table in ("api_key", "command_answer"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy staff on {table} for ALL to mes_staff using (true) with check (true)")
        op.execute(f"grant select, insert, update, delete on {table} to mes_staff")
        op.execute(f"grant select on {table} to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
