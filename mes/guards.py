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

OUTCOMES = (
    "(select string_agg('\\x000000'::bytea || substr(slots, 4 * i + 4, 1), ''::bytea order by i)"
    " from generate_series(0, n - 1) i)"
)
"""Slots of a transfer with nothing but the outcomes."""

TRANSFER_HALVES = {
    "transfer_given": ("source", "from_xy", f"{OUTCOMES} as slots"),
    "transfer_taken": ("target", "to_xy", "slots"),
}
"""Views through which each side of a border of ownership reads its own half of a transfer.

Whoever gave a unit does not read at which site and level of the other's product it is.
"""

BYTE_PAIR = """
create function byte_pair(packed bytea, place integer) returns integer language sql immutable parallel safe as $$
    select case when place >= 0 and 2 * place + 1 < length(packed)
        then get_byte(packed, 2 * place) + 256 * get_byte(packed, 2 * place + 1) end
$$
"""
"""Of 16-bit numbers without a sign, the lower byte first, that at a place; null beyond."""

QUAD_AT = """
create function quad_at(packed bytea, quad bytea, place integer) returns integer
language plpgsql immutable parallel safe as $$
declare
    at integer := 4 * place;
    hit integer;
begin
    loop
        hit := position(quad in substr(packed, at + 1));
        if hit = 0 then return null; end if;
        at := at + hit - 1;
        if at % 4 = 0 then return at / 4; end if;
        at := at + 1;
    end loop;
end $$
"""
"""Of groups of four bytes, the first from a place on that is this one; null where none is.

It searches them at once: read one by one, all of them would be unpacked again for each.
"""

PLACED_FROM = """
create function placed_from(from_xy bytea, slots bytea, xy bytea) returns integer
language plpgsql immutable parallel safe as $$
declare
    k integer := -1;
begin
    loop
        k := quad_at(from_xy, xy, k + 1);
        if k is null or get_byte(slots, 4 * k + 3) = 0 then return k; end if;
    end loop;
end $$
"""
"""The first move of a transfer that took a unit from a position and placed it; null where none did."""

LAYER_BIN = """
create or replace function layer_bin(encoding text, positions bytea, body bytea, place integer) returns integer
language sql immutable parallel safe as $$
    select case
        when encoding = 'u2' then byte_pair(body, k.at)
        when encoding = 'u1' and k.at < length(body) then get_byte(body, k.at)
    end
    from (select case when positions is null then place else quad_at(positions, reverse(int4send(place)), 0) end) k(at)
$$
"""
"""What one version of a layer of bins says of a position, counted row by row; null where it says nothing."""

SUPPLIED_UNIT = f"""
create view supplied_unit with (security_barrier) as
select t.id as transfer_id, m.i as move,
    case when a.receiver_sees @> '"id"' then (
        select convert_from(l.body, 'UTF8')::json ->> p.place from layer l
        where l.substrate_id = s.id and l.encoding = 'text' and l.happened_at <= t.happened_at
        order by l.happened_at desc, l.id desc limit 1
    ) end as device_id,
    case when a.receiver_sees @> '"grade"' then (
        select concat_ws(' ', b.code, nullif(l.palette -> b.code::text ->> 'name', ''),
            l.palette -> b.code::text ->> 'quality')
        from layer l, layer_bin(l.encoding, l.positions, l.body, p.place) b(code)
        where l.substrate_id = s.id and l.encoding in ('u1', 'u2') and l.happened_at <= t.happened_at and b.code > 0
        order by l.happened_at desc, l.id desc limit 1
    ) end as grade,
    case when a.receiver_sees @> '"origin"' then format('%s %s,%s', s.name, p.x, p.y) end as origin
from transfer t
join supply_agreement a on a.id = t.agreement_id
    and a.supplier_id = t.source_customer_id and a.receiver_id = t.target_customer_id
join substrate s on s.id = t.source_id
join layout o on o.id = s.layout_id
cross join lateral generate_series(0, t.n - 1) m(i)
cross join lateral (
    select x, y, case when x < o.columns and y < o.rows then y * o.columns + x end as place
    from (select byte_pair(t.from_xy, 2 * m.i), byte_pair(t.from_xy, 2 * m.i + 1)) xy(x, y)
) p
where t.target_customer_id = {CURRENT_CUSTOMER}
"""  # noqa: S608
"""Of each unit that the reader got from another owner, what their agreement shows of it: no map, no layer, no other."""

SUPPLIED_RESULT = f"""
create view supplied_result with (security_barrier) as
select t.id as transfer_id, m.i as move, (
    with recursive stay(substrate_id, xy, since, number) as (
        select t.target_id, substr(t.to_xy, 4 * m.i + 1, 4), t.happened_at, t.id
        union all
        select o.target_id, o.xy, o.happened_at, o.id
        from stay cross join lateral (
            select n.target_id, substr(n.to_xy, 4 * k + 1, 4) as xy, n.happened_at, n.id
            from transfer n cross join lateral placed_from(n.from_xy, n.slots, stay.xy) k
            where n.source_id = stay.substrate_id and n.target_customer_id = a.receiver_id
                and (n.happened_at, n.id) > (stay.since, stay.number) and k is not null
            order by n.happened_at, n.id limit 1
        ) o
    )
    select concat_ws(' ', b.code, nullif(l.palette -> b.code::text ->> 'name', ''),
        l.palette -> b.code::text ->> 'quality')
    from (
        select substrate_id, byte_pair(xy, 0) as x, byte_pair(xy, 1) as y, since,
            lead(since) over (order by since, number) as until
        from stay
    ) stay
    join substrate s on s.id = stay.substrate_id
    join layout o on o.id = s.layout_id and stay.x < o.columns and stay.y < o.rows
    join layer l on l.substrate_id = s.id and l.encoding in ('u1', 'u2')
        and l.happened_at >= stay.since and (stay.until is null or l.happened_at <= stay.until),
        layer_bin(l.encoding, l.positions, l.body, stay.y * o.columns + stay.x) b(code)
    where b.code > 0 and l.name like 'bin:%'
    order by l.happened_at desc, l.id desc limit 1
) as result
from transfer t
join supply_agreement a on a.id = t.agreement_id and a.supplier_sees @> '"result"'
    and a.supplier_id = t.source_customer_id and a.receiver_id = t.target_customer_id
cross join lateral generate_series(0, t.n - 1) m(i)
where t.source_customer_id = {CURRENT_CUSTOMER} and get_byte(t.slots, 4 * m.i + 3) = 0
"""  # noqa: S608
"""Of each unit that the reader gave, how what it went into was tested last, where the agreement shows that."""

BORDER = {"supplied_unit": SUPPLIED_UNIT, "supplied_result": SUPPLIED_RESULT}
"""Views through which each side reads what an agreement shows of the other's half."""

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


def border() -> Iterator[str]:
    """The SQL of what is shown across borders of ownership."""
    yield from (BYTE_PAIR, QUAD_AT, PLACED_FROM, LAYER_BIN)
    for name, view in BORDER.items():
        yield view
        yield f"grant select on {name} to {STAFF_ROLE}, {CUSTOMER_ROLE}, {APP_ROLE}"


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
    for half, (side, xy, slots) in TRANSFER_HALVES.items():
        columns = f"id, {side}_customer_id as customer_id, {side}_id as substrate_id, n, happened_at, {xy}, {slots}"
        mine = f"{side}_customer_id = {CURRENT_CUSTOMER}"
        yield f"create view {half} with (security_barrier) as select {columns} from transfer where {mine}"  # noqa: S608
        yield f"grant select on {half} to {STAFF_ROLE}, {CUSTOMER_ROLE}, {APP_ROLE}"
    yield from border()
    yield f"grant usage on all sequences in schema public to {STAFF_ROLE}"
    yield REFUSE_CHANGE
    for (_, name), when in TRIGGERS.items():
        yield f"create trigger {name} {when} execute function refuse_change()"
