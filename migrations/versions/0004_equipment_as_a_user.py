"""programs that act for an equipment have a role of their own"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ROLES = (
    "operator",
    "line_engineer",
    "process_engineer",
    "yield_engineer",
    "manager",
    "customer",
    "administrator",
    "equipment",
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_user_account_role"), "user_account")
    listed = ", ".join(f"'{role}'" for role in ROLES)
    op.create_check_constraint(op.f("ck_user_account_role"), "user_account", f"role in ({listed})")
