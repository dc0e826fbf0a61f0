"""the schema at the start"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from mes.history import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


GUARDS = (
    "alter table connector enable row level security",
    "create policy staff on connector for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on connector to mes_staff",
    "grant select on connector to mes_app",
    "alter table customer enable row level security",
    "create policy staff on customer for ALL to mes_staff using (true) with check (true)",
    "create policy customer on customer for SELECT to mes_customer using (id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on customer to mes_staff",
    "grant select on customer to mes_app",
    "grant select on customer to mes_customer",
    "alter table equipment_class enable row level security",
    "create policy staff on equipment_class for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on equipment_class to mes_staff",
    "grant select on equipment_class to mes_app",
    "alter table history enable row level security",
    "create policy staff on history for ALL to mes_staff using (true) with check (true)",
    "create policy customer on history for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on history to mes_staff",
    "grant select on history to mes_app",
    "grant select on history to mes_customer",
    "alter table layout enable row level security",
    "create policy staff on layout for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on layout to mes_staff",
    "grant select on layout to mes_app",
    "alter table outbox enable row level security",
    "create policy staff on outbox for ALL to mes_staff using (true) with check (true)",
    "create policy customer on outbox for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on outbox to mes_staff",
    "grant select on outbox to mes_app",
    "grant select on outbox to mes_customer",
    "alter table outbox_cursor enable row level security",
    "create policy staff on outbox_cursor for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on outbox_cursor to mes_staff",
    "grant select on outbox_cursor to mes_app",
    "alter table plant_clock enable row level security",
    "create policy staff on plant_clock for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on plant_clock to mes_staff",
    "grant select on plant_clock to mes_app",
    "alter table site enable row level security",
    "create policy staff on site for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on site to mes_staff",
    "grant select on site to mes_app",
    "alter table area enable row level security",
    "create policy staff on area for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on area to mes_staff",
    "grant select on area to mes_app",
    "alter table product enable row level security",
    "create policy staff on product for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on product to mes_staff",
    "grant select on product to mes_app",
    "alter table recipe_version enable row level security",
    "create policy staff on recipe_version for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on recipe_version to mes_staff",
    "grant select on recipe_version to mes_app",
    "alter table user_account enable row level security",
    "create policy staff on user_account for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on user_account to mes_staff",
    "grant select on user_account to mes_app",
    "alter table attach_site enable row level security",
    "create policy staff on attach_site for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on attach_site to mes_staff",
    "grant select on attach_site to mes_app",
    "alter table equipment enable row level security",
    "create policy staff on equipment for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on equipment to mes_staff",
    "grant select on equipment to mes_app",
    "alter table route_version enable row level security",
    "create policy staff on route_version for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on route_version to mes_staff",
    "grant select on route_version to mes_app",
    "alter table sign_in enable row level security",
    "create policy staff on sign_in for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on sign_in to mes_staff",
    "grant select on sign_in to mes_app",
    "alter table sign_in_try enable row level security",
    "create policy staff on sign_in_try for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on sign_in_try to mes_staff",
    "grant select on sign_in_try to mes_app",
    "alter table substrate enable row level security",
    "create policy staff on substrate for ALL to mes_staff using (true) with check (true)",
    "create policy customer on substrate for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on substrate to mes_staff",
    "grant select on substrate to mes_app",
    "grant select on substrate to mes_customer",
    "alter table alarm enable row level security",
    "create policy staff on alarm for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on alarm to mes_staff",
    "grant select on alarm to mes_app",
    "alter table equipment_state_interval enable row level security",
    "create policy staff on equipment_state_interval for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on equipment_state_interval to mes_staff",
    "grant select on equipment_state_interval to mes_app",
    "alter table journal enable row level security",
    "create policy staff on journal for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on journal to mes_staff",
    "grant select on journal to mes_app",
    "alter table layer enable row level security",
    "create policy staff on layer for ALL to mes_staff using (true) with check (true)",
    "create policy customer on layer for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on layer to mes_staff",
    "grant select on layer to mes_app",
    "grant select on layer to mes_customer",
    "alter table mount enable row level security",
    "create policy staff on mount for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on mount to mes_staff",
    "grant select on mount to mes_app",
    "alter table occupancy enable row level security",
    "create policy staff on occupancy for ALL to mes_staff using (true) with check (true)",
    "create policy customer on occupancy for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on occupancy to mes_staff",
    "grant select on occupancy to mes_app",
    "grant select on occupancy to mes_customer",
    "alter table operation enable row level security",
    "create policy staff on operation for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on operation to mes_staff",
    "grant select on operation to mes_app",
    "alter table recipe_on_equipment enable row level security",
    "create policy staff on recipe_on_equipment for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on recipe_on_equipment to mes_staff",
    "grant select on recipe_on_equipment to mes_app",
    "alter table lot enable row level security",
    "create policy staff on lot for ALL to mes_staff using (true) with check (true)",
    "create policy customer on lot for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on lot to mes_staff",
    "grant select on lot to mes_app",
    "grant select on lot to mes_customer",
    "alter table queue_limit enable row level security",
    "create policy staff on queue_limit for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on queue_limit to mes_staff",
    "grant select on queue_limit to mes_app",
    "alter table received_record enable row level security",
    "create policy staff on received_record for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on received_record to mes_staff",
    "grant select on received_record to mes_app",
    "alter table run enable row level security",
    "create policy staff on run for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on run to mes_staff",
    "grant select on run to mes_app",
    "alter table hold enable row level security",
    "create policy staff on hold for ALL to mes_staff using (true) with check (true)",
    "create policy customer on hold for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on hold to mes_staff",
    "grant select on hold to mes_app",
    "grant select on hold to mes_customer",
    "alter table ledger enable row level security",
    "create policy staff on ledger for ALL to mes_staff using (true) with check (true)",
    "create policy customer on ledger for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on ledger to mes_staff",
    "grant select on ledger to mes_app",
    "grant select on ledger to mes_customer",
    "alter table lot_substrate enable row level security",
    "create policy staff on lot_substrate for ALL to mes_staff using (true) with check (true)",
    "create policy customer on lot_substrate for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on lot_substrate to mes_staff",
    "grant select on lot_substrate to mes_app",
    "grant select on lot_substrate to mes_customer",
    "alter table run_load enable row level security",
    "create policy staff on run_load for ALL to mes_staff using (true) with check (true)",
    "create policy customer on run_load for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on run_load to mes_staff",
    "grant select on run_load to mes_app",
    "grant select on run_load to mes_customer",
    "alter table run_source enable row level security",
    "create policy staff on run_source for ALL to mes_staff using (true) with check (true)",
    "create policy customer on run_source for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on run_source to mes_staff",
    "grant select on run_source to mes_app",
    "grant select on run_source to mes_customer",
    "alter table run_substrate enable row level security",
    "create policy staff on run_substrate for ALL to mes_staff using (true) with check (true)",
    "create policy customer on run_substrate for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on run_substrate to mes_staff",
    "grant select on run_substrate to mes_app",
    "grant select on run_substrate to mes_customer",
    "alter table sent_order enable row level security",
    "create policy staff on sent_order for ALL to mes_staff using (true) with check (true)",
    "grant select, insert, update, delete on sent_order to mes_staff",
    "grant select on sent_order to mes_app",
    "alter table transfer enable row level security",
    "create policy staff on transfer for ALL to mes_staff using (true) with check (true)",
    "create policy customer on transfer for SELECT to mes_customer using (customer_id = nullif(current_setting('app.customer', true), '')::integer)",
    "grant select, insert, update, delete on transfer to mes_staff",
    "grant select on transfer to mes_app",
    "grant select on transfer to mes_customer",
    "create view transfer_given with (security_barrier) as select id, source_customer_id as customer_id, source_id as substrate_id, n, happened_at, from_xy, slots from transfer where source_customer_id = nullif(current_setting('app.customer', true), '')::integer",
    "grant select on transfer_given to mes_staff, mes_customer, mes_app",
    "create view transfer_taken with (security_barrier) as select id, target_customer_id as customer_id, target_id as substrate_id, n, happened_at, to_xy, slots from transfer where target_customer_id = nullif(current_setting('app.customer', true), '')::integer",
    "grant select on transfer_taken to mes_staff, mes_customer, mes_app",
    "grant usage on all sequences in schema public to mes_staff",
    """create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% refuses %: what stands there is never changed', tg_table_name, lower(tg_op)
        using errcode = 'integrity_constraint_violation';
end $$""",
    "create trigger history_append_only before update or delete on history for each row execute function refuse_change()",
    "create trigger history_no_truncate before truncate on history for each statement execute function refuse_change()",
    "create trigger operation_released before update or delete on operation for each row execute function refuse_change()",
    "create trigger queue_limit_released before update or delete on queue_limit for each row execute function refuse_change()",
    "create trigger route_version_kept before delete on route_version for each row execute function refuse_change()",
    "create trigger route_version_released before update on route_version for each row when ((old.route, old.version, old.title, old.product_id, old.ends, old.sha256, old.released_at) is distinct from (new.route, new.version, new.title, new.product_id, new.ends, new.sha256, new.released_at)) execute function refuse_change()",
    "create trigger recipe_version_kept before delete on recipe_version for each row when (old.state in ('approved', 'obsolete')) execute function refuse_change()",
    "create trigger recipe_version_approved before update on recipe_version for each row when (old.state in ('approved', 'obsolete') and (old.recipe, old.version, old.class_id, old.body, old.sha256, old.parameters) is distinct from (new.recipe, new.version, new.class_id, new.body, new.sha256, new.parameters)) execute function refuse_change()",
)


def upgrade() -> None:
    op.execute("create sequence history_event")
    op.execute("create sequence run_number")

    op.create_table(
        "connector",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_connector")),
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("name", name=op.f("uq_customer_name")),
    )
    op.create_table(
        "equipment_class",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("most_substrates", sa.Integer(), nullable=False),
        sa.Column("batch", sa.Boolean(), nullable=False),
        sa.CheckConstraint("places > 0 and most_substrates > 0", name=op.f("ck_equipment_class_capacity")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equipment_class")),
        sa.UniqueConstraint("name", name=op.f("uq_equipment_class_name")),
    )
    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("hash", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history")),
        sa.UniqueConstraint("subject_kind", "subject_id", "n", name=op.f("uq_history_subject_kind_subject_id_n")),
    )
    op.create_index(op.f("ix_history_customer_id"), "history", ["customer_id"], unique=False)
    op.create_index(op.f("ix_history_event_id"), "history", ["event_id"], unique=False)
    op.create_table(
        "layout",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("substrate_kind", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("columns", sa.Integer(), nullable=False),
        sa.Column("pitch_x_um", sa.Double(), nullable=False),
        sa.Column("pitch_y_um", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "substrate_kind in ('wafer', 'frame', 'strip', 'panel', 'boat', 'tray')", name=op.f("ck_layout_kind")
        ),
        sa.CheckConstraint(
            "rows > 0 and columns > 0 and rows::bigint * columns <= 4000000", name=op.f("ck_layout_size")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layout")),
        sa.UniqueConstraint("name", name=op.f("uq_layout_name")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_customer_id"), "outbox", ["customer_id"], unique=False)
    op.create_index("ix_outbox_xid_id", "outbox", ["xid", "id"], unique=False)
    op.create_table(
        "outbox_cursor",
        sa.Column("consumer", sa.String(), nullable=False),
        sa.Column("xid", Xid8(), server_default=sa.text("'0'::xid8"), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_outbox_cursor")),
    )
    op.create_table(
        "plant_clock",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plant_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wall_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("speed", sa.Double(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_plant_clock_one_row")),
        sa.CheckConstraint("speed >= 0", name=op.f("ck_plant_clock_forward")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plant_clock")),
    )
    op.create_table(
        "site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site")),
        sa.UniqueConstraint("name", name=op.f("uq_site_name")),
    )
    op.create_table(
        "area",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_area_site_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
        sa.UniqueConstraint("name", name=op.f("uq_area_name")),
    )
    op.create_table(
        "product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("layout_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["layout_id"], ["layout.id"], name=op.f("fk_product_layout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product")),
        sa.UniqueConstraint("name", name=op.f("uq_product_name")),
    )
    op.create_table(
        "recipe_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("recipe", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", postgresql.BYTEA(), nullable=False),
        sa.CheckConstraint(
            "(state in ('approved', 'obsolete')) = (approved_at is not null)", name=op.f("ck_recipe_version_approval")
        ),
        sa.CheckConstraint(
            "state in ('draft', 'in_review', 'approved', 'obsolete')", name=op.f("ck_recipe_version_state")
        ),
        sa.ForeignKeyConstraint(["class_id"], ["equipment_class.id"], name=op.f("fk_recipe_version_class_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipe_version")),
        sa.UniqueConstraint("name", name=op.f("uq_recipe_version_name")),
        sa.UniqueConstraint("recipe", "version", name=op.f("uq_recipe_version_recipe_version")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("belongs_to_id", sa.Integer(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(role = 'customer') = (belongs_to_id is not null)", name=op.f("ck_user_account_customer_role")
        ),
        sa.CheckConstraint(
            "role in ('operator', 'line_engineer', 'process_engineer', 'yield_engineer', 'manager', 'customer', 'administrator')",
            name=op.f("ck_user_account_role"),
        ),
        sa.ForeignKeyConstraint(["belongs_to_id"], ["customer.id"], name=op.f("fk_user_account_belongs_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("name", name=op.f("uq_user_account_name")),
    )
    op.create_table(
        "attach_site",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("die_product_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("site between 0 and 255 and level between 1 and 255", name=op.f("ck_attach_site_range")),
        sa.ForeignKeyConstraint(["die_product_id"], ["product.id"], name=op.f("fk_attach_site_die_product_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_attach_site_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attach_site")),
        sa.UniqueConstraint("product_id", "site", "level", name=op.f("uq_attach_site_product_id_site_level")),
    )
    op.create_table(
        "equipment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("area_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("connected", sa.Boolean(), nullable=False),
        sa.Column("connection_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", postgresql.BYTEA(), nullable=False),
        sa.CheckConstraint("state in ('PRD', 'SBY', 'ENG', 'SDT', 'UDT', 'NST')", name=op.f("ck_equipment_state")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_equipment_area_id")),
        sa.ForeignKeyConstraint(["class_id"], ["equipment_class.id"], name=op.f("fk_equipment_class_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equipment")),
        sa.UniqueConstraint("name", name=op.f("uq_equipment_name")),
    )
    op.create_table(
        "route_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("ends", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", postgresql.BYTEA(), nullable=False),
        sa.CheckConstraint("ends in ('stocked', 'completed')", name=op.f("ck_route_version_ends")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_route_version_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route_version")),
        sa.UniqueConstraint("name", name=op.f("uq_route_version_name")),
        sa.UniqueConstraint("route", "version", name=op.f("uq_route_version_route_version")),
    )
    op.create_table(
        "sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name=op.f("fk_sign_in_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_sign_in_token_sha256")),
    )
    op.create_table(
        "sign_in_try",
        sa.Column("name_sha256", postgresql.BYTEA(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name_sha256", "address", name=op.f("pk_sign_in_try")),
    )
    op.create_index(op.f("ix_sign_in_try_address"), "sign_in_try", ["address"], unique=False)
    op.create_table(
        "substrate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("layout_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("assumed_map", sa.Boolean(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("dispositions", postgresql.BYTEA(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind in ('wafer', 'frame', 'strip', 'panel', 'boat', 'tray')", name=op.f("ck_substrate_kind")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_substrate_customer_id")),
        sa.ForeignKeyConstraint(["layout_id"], ["layout.id"], name=op.f("fk_substrate_layout_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_substrate_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_substrate")),
        sa.UniqueConstraint("customer_id", "id", name=op.f("uq_substrate_customer_id_id")),
        sa.UniqueConstraint("customer_id", "name", name=op.f("uq_substrate_customer_id_name")),
    )
    op.create_index(op.f("ix_substrate_customer_id"), "substrate", ["customer_id"], unique=False)
    op.create_table(
        "alarm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("equipment_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_alarm_equipment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarm")),
    )
    op.create_index(op.f("ix_alarm_equipment_id"), "alarm", ["equipment_id"], unique=False)
    op.create_index(
        "uq_alarm_standing", "alarm", ["equipment_id", "code"], unique=True, postgresql_where="cleared_at is null"
    )
    op.create_table(
        "equipment_state_interval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("equipment_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.CheckConstraint(
            "state in ('PRD', 'SBY', 'ENG', 'SDT', 'UDT', 'NST')", name=op.f("ck_equipment_state_interval_state")
        ),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("ck_equipment_state_interval_forward")),
        sa.ForeignKeyConstraint(
            ["equipment_id"], ["equipment.id"], name=op.f("fk_equipment_state_interval_equipment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equipment_state_interval")),
    )
    op.create_index(
        op.f("ix_equipment_state_interval_equipment_id_equipment_state_interval_began_at"),
        "equipment_state_interval",
        ["equipment_id", "began_at"],
        unique=False,
    )
    op.create_index(
        "uq_equipment_state_interval_open",
        "equipment_state_interval",
        ["equipment_id"],
        unique=True,
        postgresql_where="ended_at is null",
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("equipment_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("boot", sa.String(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column(
            "first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_journal_equipment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sa.UniqueConstraint("equipment_id", "name", name=op.f("uq_journal_equipment_id_name")),
    )
    op.create_index("uq_journal_current", "journal", ["equipment_id"], unique=True, postgresql_where="current")
    op.create_table(
        "layer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("encoding", sa.String(), nullable=False),
        sa.Column("palette", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("positions", postgresql.BYTEA(), nullable=True),
        sa.Column("body", postgresql.BYTEA(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("encoding in ('u1', 'u2', 'f8', 'text')", name=op.f("ck_layer_encoding")),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_layer_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_layer_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_layer")),
        sa.UniqueConstraint("substrate_id", "name", "version", name=op.f("uq_layer_substrate_id_name_version")),
    )
    op.create_index(op.f("ix_layer_customer_id"), "layer", ["customer_id"], unique=False)
    op.create_table(
        "mount",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("equipment_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("mounted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("dismounted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_mount_equipment_id")),
        sa.ForeignKeyConstraint(["substrate_id"], ["substrate.id"], name=op.f("fk_mount_substrate_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mount")),
    )
    op.create_index(op.f("ix_mount_equipment_id"), "mount", ["equipment_id"], unique=False)
    op.create_index(op.f("ix_mount_substrate_id"), "mount", ["substrate_id"], unique=False)
    op.create_index("uq_mount_open", "mount", ["substrate_id"], unique=True, postgresql_where="dismounted_at is null")
    op.create_table(
        "occupancy",
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("site", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("positions", postgresql.BYTEA(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_occupancy_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_occupancy_customer_id")),
        sa.PrimaryKeyConstraint("substrate_id", "site", "level", name=op.f("pk_occupancy")),
    )
    op.create_index(op.f("ix_occupancy_customer_id"), "occupancy", ["customer_id"], unique=False)
    op.create_table(
        "operation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("route_version_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("recipe_version_id", sa.Integer(), nullable=False),
        sa.Column("fills", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("makes_layout_id", sa.Integer(), nullable=True),
        sa.Column("bins", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("retest", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint("(kind = 'transfer') = (makes_layout_id is not null)", name=op.f("ck_operation_makes")),
        sa.CheckConstraint("kind in ('process', 'assemble', 'transfer', 'test')", name=op.f("ck_operation_kind")),
        sa.ForeignKeyConstraint(["class_id"], ["equipment_class.id"], name=op.f("fk_operation_class_id")),
        sa.ForeignKeyConstraint(["makes_layout_id"], ["layout.id"], name=op.f("fk_operation_makes_layout_id")),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"], ["recipe_version.id"], name=op.f("fk_operation_recipe_version_id")
        ),
        sa.ForeignKeyConstraint(["route_version_id"], ["route_version.id"], name=op.f("fk_operation_route_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operation")),
        sa.UniqueConstraint("route_version_id", "number", name=op.f("uq_operation_route_version_id_number")),
    )
    op.create_table(
        "recipe_on_equipment",
        sa.Column("equipment_id", sa.Integer(), nullable=False),
        sa.Column("recipe_version_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_recipe_on_equipment_equipment_id")),
        sa.ForeignKeyConstraint(
            ["recipe_version_id"], ["recipe_version.id"], name=op.f("fk_recipe_on_equipment_recipe_version_id")
        ),
        sa.PrimaryKeyConstraint("equipment_id", "recipe_version_id", name=op.f("pk_recipe_on_equipment")),
    )
    op.create_table(
        "lot",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("route_version_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("operation_id", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("substrates", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", postgresql.BYTEA(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind in ('production', 'engineering', 'qualification', 'monitor', 'dummy')", name=op.f("ck_lot_kind")
        ),
        sa.CheckConstraint(
            "state in ('created', 'queued', 'ordered', 'running', 'stocked', 'completed', 'consumed', 'scrapped')",
            name=op.f("ck_lot_state"),
        ),
        sa.CheckConstraint("priority between 1 and 9", name=op.f("ck_lot_priority")),
        sa.CheckConstraint("substrates >= 0 and units >= 0", name=op.f("ck_lot_quantities")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_lot_customer_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_lot_operation_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_lot_product_id")),
        sa.ForeignKeyConstraint(["route_version_id"], ["route_version.id"], name=op.f("fk_lot_route_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lot")),
        sa.UniqueConstraint("customer_id", "id", name=op.f("uq_lot_customer_id_id")),
        sa.UniqueConstraint("customer_id", "name", name=op.f("uq_lot_customer_id_name")),
    )
    op.create_index(op.f("ix_lot_customer_id"), "lot", ["customer_id"], unique=False)
    op.create_index("ix_lot_stocked", "lot", ["product_id"], unique=False, postgresql_where="state = 'stocked'")
    op.create_index(
        "ix_lot_on_line", "lot", ["state"], unique=False, postgresql_where="state in ('queued', 'ordered', 'running')"
    )
    op.create_table(
        "queue_limit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("from_operation_id", sa.Integer(), nullable=False),
        sa.Column("to_operation_id", sa.Integer(), nullable=False),
        sa.Column("most_s", sa.Double(), nullable=False),
        sa.Column("warning_s", sa.Double(), nullable=False),
        sa.CheckConstraint("0 < warning_s and warning_s <= most_s", name=op.f("ck_queue_limit_order")),
        sa.ForeignKeyConstraint(["from_operation_id"], ["operation.id"], name=op.f("fk_queue_limit_from_operation_id")),
        sa.ForeignKeyConstraint(["to_operation_id"], ["operation.id"], name=op.f("fk_queue_limit_to_operation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue_limit")),
        sa.UniqueConstraint(
            "from_operation_id", "to_operation_id", name=op.f("uq_queue_limit_from_operation_id_to_operation_id")
        ),
    )
    op.create_table(
        "received_record",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("journal_id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("problem", sa.String(), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("state in ('received', 'applied', 'rejected')", name=op.f("ck_received_record_state")),
        sa.ForeignKeyConstraint(["journal_id"], ["journal.id"], name=op.f("fk_received_record_journal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_record")),
        sa.UniqueConstraint("journal_id", "sequence", name=op.f("uq_received_record_journal_id_sequence")),
    )
    op.create_index(
        "ix_received_record_open",
        "received_record",
        ["happened_at"],
        unique=False,
        postgresql_where="state = 'received'",
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("equipment_id", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.Integer(), nullable=False),
        sa.Column("recipe_version_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ordered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.Column("history_n", sa.Integer(), nullable=False),
        sa.Column("history_hash", postgresql.BYTEA(), nullable=False),
        sa.CheckConstraint(
            "state in ('ordered', 'running', 'ended', 'aborted', 'in_doubt')", name=op.f("ck_run_state")
        ),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_run_equipment_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_run_operation_id")),
        sa.ForeignKeyConstraint(["recipe_version_id"], ["recipe_version.id"], name=op.f("fk_run_recipe_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("name", name=op.f("uq_run_name")),
    )
    op.create_index(
        "ix_run_open",
        "run",
        ["equipment_id"],
        unique=False,
        postgresql_where="state in ('ordered', 'running', 'in_doubt')",
    )
    op.create_index(op.f("ix_run_operation_id"), "run", ["operation_id"], unique=False)
    op.create_table(
        "hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("owner_role", sa.String(), nullable=False),
        sa.Column("held_by", sa.String(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("release_comment", sa.String(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("(released_at is null) = (released_by is null)", name=op.f("ck_hold_release")),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_hold_customer_id_lot_id")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_hold_customer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    op.create_index(op.f("ix_hold_customer_id"), "hold", ["customer_id"], unique=False)
    op.create_index("ix_hold_standing", "hold", ["lot_id"], unique=False, postgresql_where="released_at is null")
    op.create_table(
        "ledger",
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("merged_in", sa.Integer(), nullable=False),
        sa.Column("made", sa.Integer(), nullable=False),
        sa.Column("bonus", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=False),
        sa.Column("in_process", sa.Integer(), nullable=False),
        sa.Column("completed", sa.Integer(), nullable=False),
        sa.Column("scrapped", sa.Integer(), nullable=False),
        sa.Column("split_off", sa.Integer(), nullable=False),
        sa.Column("consumed", sa.Integer(), nullable=False),
        sa.Column("sampled", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("shipped", sa.Integer(), nullable=False),
        sa.Column("returned", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "least(received, merged_in, made, bonus, found, in_process, completed, scrapped, split_off, consumed, sampled, lost, shipped, returned) >= 0",
            name=op.f("ck_ledger_counts"),
        ),
        sa.CheckConstraint(
            "received + merged_in + made + bonus + found = in_process + completed + scrapped + split_off + consumed + sampled + lost + shipped + returned",
            name=op.f("ck_ledger_conservation"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_ledger_customer_id_lot_id")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_ledger_customer_id")),
        sa.PrimaryKeyConstraint("lot_id", "form", name=op.f("pk_ledger")),
    )
    op.create_index(op.f("ix_ledger_customer_id"), "ledger", ["customer_id"], unique=False)
    op.create_table(
        "lot_substrate",
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("operation_id", sa.Integer(), nullable=True),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("progress", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("todo", postgresql.BYTEA(), nullable=True),
        sa.Column("again", postgresql.BYTEA(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "progress in ('queued', 'ordered', 'loading', 'in_doubt', 'finished', 'closed')",
            name=op.f("ck_lot_substrate_progress"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_lot_substrate_customer_id_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_lot_substrate_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_lot_substrate_customer_id")),
        sa.ForeignKeyConstraint(["operation_id"], ["operation.id"], name=op.f("fk_lot_substrate_operation_id")),
        sa.PrimaryKeyConstraint("lot_id", "substrate_id", name=op.f("pk_lot_substrate")),
    )
    op.create_index(op.f("ix_lot_substrate_customer_id"), "lot_substrate", ["customer_id"], unique=False)
    op.create_index(op.f("ix_lot_substrate_substrate_id"), "lot_substrate", ["substrate_id"], unique=False)
    op.create_index(
        "ix_lot_substrate_queued",
        "lot_substrate",
        ["operation_id"],
        unique=False,
        postgresql_where="progress = 'queued'",
    )
    op.create_index(
        "uq_lot_substrate_open", "lot_substrate", ["substrate_id"], unique=True, postgresql_where="progress <> 'closed'"
    )
    op.create_table(
        "run_load",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_run_load_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_run_load_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_load_run_id")),
        sa.PrimaryKeyConstraint("run_id", "substrate_id", name=op.f("pk_run_load")),
    )
    op.create_index(op.f("ix_run_load_customer_id"), "run_load", ["customer_id"], unique=False)
    op.create_table(
        "run_source",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("positions", postgresql.BYTEA(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_run_source_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_run_source_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_source_run_id")),
        sa.PrimaryKeyConstraint("run_id", "substrate_id", name=op.f("pk_run_source")),
    )
    op.create_index(op.f("ix_run_source_customer_id"), "run_source", ["customer_id"], unique=False)
    op.create_index(op.f("ix_run_source_substrate_id"), "run_source", ["substrate_id"], unique=False)
    op.create_table(
        "run_substrate",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("substrate_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("work", sa.String(), nullable=False),
        sa.Column("positions", postgresql.BYTEA(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("units_in", sa.Integer(), nullable=False),
        sa.Column("units_good", sa.Integer(), nullable=False),
        sa.Column("units_failed", sa.Integer(), nullable=False),
        sa.Column("units_again", sa.Integer(), nullable=False),
        sa.Column("units_suspect", sa.Integer(), nullable=False),
        sa.Column("energy_kwh", sa.Double(), nullable=True),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "work in ('waiting', 'done', 'partial', 'not_done', 'in_doubt')", name=op.f("ck_run_substrate_work")
        ),
        sa.CheckConstraint(
            "units_in = units_good + units_failed + units_again + units_suspect", name=op.f("ck_run_substrate_counts")
        ),
        sa.CheckConstraint("energy_kwh >= 0 and energy_kwh < 'infinity'", name=op.f("ck_run_substrate_energy")),
        sa.ForeignKeyConstraint(
            ["customer_id", "lot_id"], ["lot.customer_id", "lot.id"], name=op.f("fk_run_substrate_customer_id_lot_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id", "substrate_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_run_substrate_customer_id_substrate_id"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_run_substrate_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_substrate_run_id")),
        sa.PrimaryKeyConstraint("run_id", "substrate_id", name=op.f("pk_run_substrate")),
    )
    op.create_index(op.f("ix_run_substrate_customer_id"), "run_substrate", ["customer_id"], unique=False)
    op.create_index(op.f("ix_run_substrate_ended_at"), "run_substrate", ["ended_at"], unique=False)
    op.create_index(op.f("ix_run_substrate_lot_id"), "run_substrate", ["lot_id"], unique=False)
    op.create_index(op.f("ix_run_substrate_substrate_id"), "run_substrate", ["substrate_id"], unique=False)
    op.create_index(
        "uq_run_substrate_open",
        "run_substrate",
        ["substrate_id"],
        unique=True,
        postgresql_where="work in ('waiting', 'in_doubt')",
    )
    op.create_table(
        "sent_order",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("maps", sa.String(), nullable=False),
        sa.CheckConstraint("state in ('to_send', 'sent', 'refused', 'closed')", name=op.f("ck_sent_order_state")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_sent_order_run_id")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_sent_order")),
    )
    op.create_index(
        "ix_sent_order_open",
        "sent_order",
        ["state"],
        unique=False,
        postgresql_where="state in ('to_send', 'sent', 'refused')",
    )
    op.create_table(
        "transfer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("source_customer_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("target_customer_id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_xy", postgresql.BYTEA(), nullable=False),
        sa.Column("to_xy", postgresql.BYTEA(), nullable=False),
        sa.Column("slots", postgresql.BYTEA(), nullable=False),
        sa.Column("suspect", sa.String(), nullable=True),
        sa.CheckConstraint(
            "case when source_customer_id = target_customer_id then customer_id is not null and customer_id = source_customer_id else customer_id is null end",
            name=op.f("ck_transfer_border"),
        ),
        sa.CheckConstraint(
            "length(from_xy) = 4 * n and length(to_xy) = 4 * n and length(slots) = 4 * n and n > 0",
            name=op.f("ck_transfer_lengths"),
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_transfer_customer_id")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_transfer_run_id")),
        sa.ForeignKeyConstraint(
            ["source_customer_id", "source_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_transfer_source_customer_id_source_id"),
        ),
        sa.ForeignKeyConstraint(
            ["target_customer_id", "target_id"],
            ["substrate.customer_id", "substrate.id"],
            name=op.f("fk_transfer_target_customer_id_target_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    op.create_index(op.f("ix_transfer_customer_id"), "transfer", ["customer_id"], unique=False)
    op.create_index(op.f("ix_transfer_run_id"), "transfer", ["run_id"], unique=False)
    op.create_index(op.f("ix_transfer_source_id"), "transfer", ["source_id"], unique=False)
    op.create_index(op.f("ix_transfer_target_id"), "transfer", ["target_id"], unique=False)
    op.create_index(op.f("ix_transfer_target_id_transfer_run_id"), "transfer", ["target_id", "run_id"], unique=False)
    for statement in GUARDS:
        op.execute(statement)
    op.execute("grant select on alembic_version to mes_app")  # so that it refuses a schema that is not its own
