"""masks stay with whoever's hold they are: a new owner of the substrate does not learn what was in doubt on it"""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("fk_hold_mask_customer_id_substrate_id"), "hold_mask")
    op.create_foreign_key(op.f("fk_hold_mask_substrate_id"), "hold_mask", "substrate", ["substrate_id"], ["id"])
    op.execute(
        "update hold_mask m set customer_id = h.customer_id from hold h"
        " where h.id = m.hold_id and h.customer_id <> m.customer_id"
    )
