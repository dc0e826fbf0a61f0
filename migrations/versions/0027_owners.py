"""substrates that go over to another owner: what stands on record of them goes along, what was done stays where it was"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

CURRENT = "nullif(current_setting('app.customer', true), '')::integer"
GO_ALONG = (
    *("occupancy", "layer", "run_source", "run_load", "consumption", "queue_disposition", "durable_use"),
    *("carrier_slot", "experiment_substrate"),
)
STAY = ("handover", "run_substrate", "rework", "skip", "hand_change")


def upgrade() -> None:
    for table in GO_ALONG:
        _go_along(table, "customer_id", "substrate_id")
    for table in STAY:
        op.drop_constraint(op.f(f"fk_{table}_customer_id_substrate_id"), table)
        op.create_foreign_key(op.f(f"fk_{table}_substrate_id"), table, "substrate", ["substrate_id"], ["id"])
    op.drop_constraint(op.f("fk_handover_customer_id_to_id"), "handover")
    op.create_foreign_key(op.f("fk_handover_to_id"), "handover", "lot", ["to_id"], ["id"])
    _transfers()


def _go_along(table: str, *columns: str) -> None:
    name = op.f(f"fk_{table}_{'_'.join(columns)}")
    op.drop_constraint(name, table)
    op.create_foreign_key(name, table, "substrate", list(columns), ["customer_id", "id"], onupdate="CASCADE")


def _transfers() -> None:
    """Whose a transfer is follows from the owners of its ends."""
    op.execute("drop policy customer on transfer")
    op.drop_column("transfer", "customer_id")
    _go_along("transfer", "source_customer_id", "source_id")
    _go_along("transfer", "target_customer_id", "target_id")
    whose = "case when source_customer_id = target_customer_id then source_customer_id else null::integer end"
    op.add_column("transfer", sa.Column("customer_id", sa.Integer(), sa.Computed(whose, persisted=True)))
    op.create_foreign_key(op.f("fk_transfer_customer_id"), "transfer", "customer", ["customer_id"], ["id"])
    op.create_index(op.f("ix_transfer_customer_id"), "transfer", ["customer_id"])
    op.execute(f"create policy customer on transfer for SELECT to mes_customer using (customer_id = {CURRENT})")
