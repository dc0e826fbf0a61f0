"""how supplied units were tested, for wafers of thousands: packed positions are searched at once, not one by one"""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

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

SUPPLIED_RESULT = """
create or replace view supplied_result with (security_barrier) as
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
where t.source_customer_id = nullif(current_setting('app.customer', true), '')::integer and get_byte(t.slots, 4 * m.i + 3) = 0
"""


def upgrade() -> None:
    for statement in (QUAD_AT, PLACED_FROM, LAYER_BIN, SUPPLIED_RESULT):
        op.execute(statement)
