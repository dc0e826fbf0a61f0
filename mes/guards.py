"""What the database itself refuses: rows of another customer, and changes of what is never changed.

Derived from the tables; migrations carry the result as text, and a test compares the two.

Every table has row-level security. The staff role has every row. A customer's role reads the rows that carry its
number, in the tables that carry one for it, and nothing else. The login role has grants and no policy: no rows.
Row-level security is enabled, not forced, so that the owner's migrations and backups see everything.
"""

from collections.abc import Iterator

from sqlalchemy import MetaData, Table

from mes.db import APP_ROLE, CUSTOMER_ROLE, STAFF_ROLE

CURRENT_CUSTOMER = "nullif(current_setting('app.customer', true), '')::integer"

TRANSFER_HALVES = {
    "transfer_given": ("source", "from_xy"),
    "transfer_taken": ("target", "to_xy"),
}
"""Views through which each side of a border of ownership reads its own half of a transfer."""

_FROZEN_RECIPE = "(new.recipe, new.version, new.class_id, new.body, new.sha256, new.parameters)"
_FROZEN_ROUTE = "(new.route, new.version, new.title, new.product_id, new.ends, new.sha256, new.released_at)"

TRIGGERS = {
    ("history", "history_append_only"): "before update or delete on history for each row",
    ("history", "history_no_truncate"): "before truncate on history for each statement",
    ("operation", "operation_released"): "before update or delete on operation for each row",
    ("operation_alternative", "operation_alternative_released"): (
        "before update or delete on operation_alternative for each row"
    ),
    ("queue_limit", "queue_limit_released"): "before update or delete on queue_limit for each row",
    ("route_version", "route_version_kept"): "before delete on route_version for each row",
    ("route_version", "route_version_released"): (
        "before update on route_version for each row when"
        f" ({_FROZEN_ROUTE.replace('new.', 'old.')} is distinct from {_FROZEN_ROUTE})"
    ),
    ("recipe_version", "recipe_version_kept"): (
        "before delete on recipe_version for each row when (old.state in ('approved', 'obsolete'))"
    ),
    ("recipe_version", "recipe_version_approved"): (
        "before update on recipe_version for each row when (old.state in ('approved', 'obsolete')"
        f" and {_FROZEN_RECIPE.replace('new.', 'old.')} is distinct from {_FROZEN_RECIPE})"
    ),
}
"""(table, name) -> when the trigger refuses the change."""

REFUSE_CHANGE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% refuses %: what stands there is never changed', tg_table_name, lower(tg_op)
        using errcode = 'integrity_constraint_violation';
end $$
"""


def customer_column(table: Table) -> str | None:
    """The column by which a customer's own rows are known; None where customers read nothing."""
    if table.name == "customer":
        return "id"
    return "customer_id" if "customer_id" in table.columns else None


def policies(table: Table) -> dict[str, tuple[str, str, str]]:
    """Policies of one table: name -> (command, role, condition)."""
    found = {"staff": ("ALL", STAFF_ROLE, "true")}
    column = customer_column(table)
    if column is not None:
        found["customer"] = ("SELECT", CUSTOMER_ROLE, f"{column} = {CURRENT_CUSTOMER}")
    return found


def statements(metadata: MetaData) -> Iterator[str]:
    """The SQL that enables all of it, for a migration."""
    for table in metadata.sorted_tables:
        yield f"alter table {table.name} enable row level security"
        for name, (command, role, condition) in policies(table).items():
            check = " with check (true)" if command == "ALL" else ""
            yield f"create policy {name} on {table.name} for {command} to {role} using ({condition}){check}"
        yield f"grant select, insert, update, delete on {table.name} to {STAFF_ROLE}"
        yield f"grant select on {table.name} to {APP_ROLE}"
        if customer_column(table) is not None:
            yield f"grant select on {table.name} to {CUSTOMER_ROLE}"
    for half, (side, xy) in TRANSFER_HALVES.items():
        columns = f"id, {side}_customer_id as customer_id, {side}_id as substrate_id, n, happened_at, {xy}, slots"
        mine = f"{side}_customer_id = {CURRENT_CUSTOMER}"
        yield f"create view {half} with (security_barrier) as select {columns} from transfer where {mine}"  # noqa: S608
        yield f"grant select on {half} to {STAFF_ROLE}, {CUSTOMER_ROLE}, {APP_ROLE}"
    yield f"grant usage on all sequences in schema public to {STAFF_ROLE}"
    yield REFUSE_CHANGE
    for (_, name), when in TRIGGERS.items():
        yield f"create trigger {name} {when} execute function refuse_change()"
