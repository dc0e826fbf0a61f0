"""supply agreements: units that go over a border of ownership, and what each side is shown of the other's half"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

BYTE_PAIR = """
create function byte_pair(packed bytea, place integer) returns integer language sql immutable parallel safe as $$
    select case when place >= 0 and 2 * place + 1 < length(packed)
        then get_byte(packed, 2 * place) + 256 * get_byte(packed, 2 * place + 1) end
$$
"""
LAYER_BIN = """
create function layer_bin(encoding text, positions bytea, body bytea, place integer) returns integer
language sql immutable parallel safe as $$
    select case
        when encoding = 'u2' then byte_pair(body, k.at)
        when encoding = 'u1' and k.at < length(body) then get_byte(body, k.at)
    end
    from (
        select place where positions is null
        union all
        select p from generate_series(0, length(positions) / 4 - 1) p
        where byte_pair(positions, 2 * p) + 65536 * byte_pair(positions, 2 * p + 1) = place
    ) k(at)
$$
"""
SUPPLIED_UNIT = """
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
where t.target_customer_id = nullif(current_setting('app.customer', true), '')::integer
"""
SUPPLIED_RESULT = """
create view supplied_result with (security_barrier) as
select t.id as transfer_id, m.i as move, (
    with recursive stay(substrate_id, x, y, since, number) as (
        select t.target_id, byte_pair(t.to_xy, 2 * m.i), byte_pair(t.to_xy, 2 * m.i + 1), t.happened_at, t.id
        union all
        select n.target_id, byte_pair(n.to_xy, 2 * k), byte_pair(n.to_xy, 2 * k + 1), n.happened_at, n.id
        from stay
        join transfer n on n.source_id = stay.substrate_id and n.target_customer_id = a.receiver_id
            and (n.happened_at, n.id) > (stay.since, stay.number)
        cross join lateral generate_series(0, n.n - 1) k
        where byte_pair(n.from_xy, 2 * k) = stay.x and byte_pair(n.from_xy, 2 * k + 1) = stay.y
            and get_byte(n.slots, 4 * k + 3) = 0
    )
    select concat_ws(' ', b.code, nullif(l.palette -> b.code::text ->> 'name', ''),
        l.palette -> b.code::text ->> 'quality')
    from stay
    join substrate s on s.id = stay.substrate_id
    join layout o on o.id = s.layout_id and stay.x < o.columns and stay.y < o.rows
    join layer l on l.substrate_id = s.id and l.encoding in ('u1', 'u2') and l.happened_at >= stay.since,
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
TRANSFER_GIVEN = """
create view transfer_given with (security_barrier) as
select id, source_customer_id as customer_id, source_id as substrate_id, n, happened_at, from_xy,
    (select string_agg('\\x000000'::bytea || substr(slots, 4 * i + 4, 1), ''::bytea order by i)
     from generate_series(0, n - 1) i) as slots
from transfer where source_customer_id = nullif(current_setting('app.customer', true), '')::integer
"""


def upgrade() -> None:
    _agreements()
    op.add_column("transfer", sa.Column("agreement_id", sa.Integer(), nullable=True))
    op.create_foreign_key(op.f("fk_transfer_agreement_id"), "transfer", "supply_agreement", ["agreement_id"], ["id"])
    op.create_index(op.f("ix_transfer_agreement_id"), "transfer", ["agreement_id"])
    op.execute(BYTE_PAIR)
    op.execute(LAYER_BIN)
    op.execute("drop view transfer_given")
    views = {"supplied_unit": SUPPLIED_UNIT, "supplied_result": SUPPLIED_RESULT, "transfer_given": TRANSFER_GIVEN}
    for name, view in views.items():
        op.execute(view)
        op.execute(f"grant select on {name} to mes_staff, mes_customer, mes_app")


def _agreements() -> None:
    op.create_table(
        "supply_agreement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("supplier_id", sa.Integer(), nullable=False),
        sa.Column("receiver_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("receiver_sees", JSONB(), nullable=False),
        sa.Column("supplier_sees", JSONB(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.CheckConstraint("supplier_id <> receiver_id", name=op.f("ck_supply_agreement_parties")),
        sa.CheckConstraint("since <= until", name=op.f("ck_supply_agreement_period")),
        sa.ForeignKeyConstraint(["supplier_id"], ["customer.id"], name=op.f("fk_supply_agreement_supplier_id")),
        sa.ForeignKeyConstraint(["receiver_id"], ["customer.id"], name=op.f("fk_supply_agreement_receiver_id")),
        sa.ForeignKeyConstraint(["product_id"], ["product.id"], name=op.f("fk_supply_agreement_product_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supply_agreement")),
        sa.UniqueConstraint("name", name=op.f("uq_supply_agreement_name")),
    )
    op.create_index(op.f("ix_supply_agreement_product_id"), "supply_agreement", ["product_id"])
    op.execute("alter table supply_agreement enable row level security")
    op.execute("create policy staff on supply_agreement for ALL to mes_staff using (true) with check (true)")
    op.execute("grant select, insert, update, delete on supply_agreement to mes_staff")
    op.execute("grant select on supply_agreement to mes_app")
    op.execute("grant usage on all sequences in schema public to mes_staff")
