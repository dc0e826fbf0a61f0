-- Lots that came before: %(lots)s over all routes, each of two substrates that have passed the first three operations
-- of the route, with runs, layers, ledgers, released holds, history and outbox, so that every index has its depth;
-- and a die bank of %(wafers)s wafers and %(trays)s trays from which assemblies pick. Written as rows, not through
-- verbs: a history entry is as long as a real one, but its hash chains nothing.

set session_replication_role = replica; -- foreign keys are not asked again for every row

create temporary table older as
select i as n, nextval('lot_id_seq')::int as lot_id, 'OLD-' || to_char(i, 'FM0000000') as lot, c.id as customer_id,
       r.id as route_id, r.product_id, r.ends, l.id as layout_id, l.substrate_kind, l.rows * l.columns as units,
       timestamptz '2025-10-31 00:00Z' + i * interval '1 year' / %(lots)s as at
from generate_series(1, %(lots)s) i
join (select *, row_number() over (order by route) - 1 as k, count(*) over () as routes from route_version) r
  on r.k = i %% r.routes
join product p on p.id = r.product_id
join layout l on l.id = p.layout_id
join (select id, row_number() over (order by name) - 1 as k, count(*) over () as customers from customer) c
  on c.k = i %% c.customers
order by i;

create temporary table older_substrate as
select o.*, k, nextval('substrate_id_seq')::int as substrate_id from older o, generate_series(1, 2) k order by n, k;

create temporary table older_run as
select o.n, o.lot_id, o.customer_id, o.at + step.k * interval '8 hours' as at, nextval('run_id_seq')::int as run_id,
       step.id as operation_id, step.recipe_version_id, e.id as equipment_id
from older o
join (select *, row_number() over (partition by route_version_id order by number) as k from operation) step
  on step.route_version_id = o.route_id and step.k <= 3
join (select class_id, min(id) as id from equipment group by class_id) e on e.class_id = step.class_id
order by o.n, step.k;

insert into lot (id, customer_id, name, product_id, kind, route_version_id, state, priority, form, substrates, units,
                 created_at, released_at, ended_at, of_product, future_holds, row_version, history_n, history_hash)
select lot_id, customer_id, lot, product_id, 'production', route_id,
       case ends when 'stocked' then 'consumed' else 'completed' end, 5, 1, 2, 0,
       at, at, at + interval '9 days', n, 0, 9, 8, sha256(lot::bytea)
from older;

insert into substrate (id, customer_id, name, kind, layout_id, product_id, assumed_map, closed, dispositions,
                       row_version, history_n, history_hash)
select substrate_id, customer_id, lot || '-' || k, substrate_kind, layout_id, product_id, false, true,
       decode(repeat('06', units), 'hex'), 9, 1, sha256(lot::bytea)
from older_substrate;

insert into lot_substrate (customer_id, lot_id, substrate_id, form, visit, first_visit, reworks, progress, since)
select customer_id, lot_id, substrate_id, 1, 1, 1, 0, 'closed', at from older_substrate;

insert into run (id, name, equipment_id, operation_id, recipe_version_id, state, reason, ordered_at, started_at,
                 ended_at, row_version, history_n, history_hash)
select run_id, 'O-' || run_id, equipment_id, operation_id, recipe_version_id, 'ended', '', at, at,
       at + interval '2 hours', 9, 1, sha256(run_id::text::bytea)
from older_run;

insert into run_substrate (customer_id, run_id, substrate_id, lot_id, form, visit, first_visit, reworked, work, positions,
                           queued_at, started_at, ended_at, units_in, units_good, units_failed, units_again,
                           units_good_again, units_suspect, energy_kwh)
select r.customer_id, r.run_id, s.substrate_id, r.lot_id, 1, 1, 1, false, 'done',
       decode(repeat('ff', (s.units + 7) / 8), 'hex'),
       r.at, r.at, r.at + interval '2 hours', s.units, s.units, 0, 0, 0, 0, 0.5
from older_run r join older_substrate s on s.n = r.n order by r.run_id, s.k;

insert into layer (customer_id, substrate_id, name, version, encoding, palette, source, happened_at, positions, body)
select customer_id, substrate_id, 'bin:incoming', 1, 'u2', '{"1": {"quality": "Pass"}}', 'file of ' || lot, at, null,
       decode(repeat('0100', units), 'hex')
from older_substrate;

insert into hold (customer_id, lot_id, code, comment, owner_role, held_by, held_at, released_by, released_at,
                  release_comment, masked)
select customer_id, lot_id, 'exception', 'one unit was not found', 'line_engineer', 'tcb-1', at, 'line.engineer',
       at + interval '1 hour', 'looked at', false
from older where n %% 10 = 0;

create temporary table bank as
select *, nextval('substrate_id_seq')::int as substrate_id
from (select c.id as customer_id, p.id as product_id, r.id as route_id, l.id as layout_id, l.substrate_kind,
             l.rows * l.columns as units, 'BANK-' || p.name || '-' || lot_n as lot, k,
             timestamptz '2026-10-31 00:00Z' as at
      from (values ('top_die', 'top_die_wafer', %(wafers)s), ('hbm_stack', 'stack_tray', %(trays)s))
             stocked (product, layout, most)
      join product p on p.name = stocked.product
      join layout l on l.name = stocked.layout
      join route_version r on r.product_id = p.id
      cross join (select id from customer where name = 'narae') c -- who assembles: units of others take an agreement
      cross join lateral generate_series(1, most / 12) lot_n
      cross join generate_series(1, 12) k
      order by p.name, lot_n, k) ordered;

insert into lot (customer_id, name, product_id, kind, route_version_id, state, priority, form, substrates, units,
                 created_at, released_at, ended_at, of_product, future_holds, row_version, history_n, history_hash)
select customer_id, lot, product_id, 'production', route_id, 'stocked', 5, 1, 12, sum(units), at, at, at, 1, 0, 9, 1,
       sha256(lot::bytea)
from bank group by customer_id, lot, product_id, route_id, at;

insert into substrate (id, customer_id, name, kind, layout_id, product_id, assumed_map, closed, dispositions,
                       row_version, history_n, history_hash)
select substrate_id, customer_id, lot || '-' || k, substrate_kind, layout_id, product_id, false, false,
       decode(repeat('05', units), 'hex'), 9, 1, sha256(lot::bytea)
from bank;

insert into lot_substrate (customer_id, lot_id, substrate_id, form, visit, first_visit, reworks, progress, since)
select b.customer_id, l.id, b.substrate_id, 1, 1, 1, 0, 'finished', b.at
from bank b join lot l on l.customer_id = b.customer_id and l.name = b.lot;

insert into ledger (customer_id, lot_id, form, received, consumed, completed, merged_in, made, bonus, found, in_process,
                    scrapped, split_off, sampled, lost, shipped, returned)
select customer_id, lot_id, 1, 2 * units, 2 * units, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 from older
union all
select l.customer_id, l.id, 1, l.units, 0, l.units, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
from lot l where l.state = 'stocked';

insert into history (event_id, subject_kind, subject_id, subject, n, customer_id, verb, actor, happened_at, body, hash)
select nextval('history_event'), subject_kind, subject_id, subject, n, customer_id, 'track_out', 'sorter-1', at,
       '{"actor":"sorter-1","after":{"units":0},"before":{},"deltas":[],"padding":"' || repeat('x', 150) || '","why":""}',
       sha256(subject::bytea)
from (select n as order_n, 'lot' as subject_kind, lot_id as subject_id, lot as subject, k as n, customer_id, at
      from older, generate_series(1, 8) k
      union all select n, 'substrate', substrate_id, lot || '-' || k, 1, customer_id, at from older_substrate
      union all select n, 'run', run_id, 'O-' || run_id, 1, customer_id, at from older_run) entry
order by order_n;

insert into outbox (customer_id, verb, body)
select customer_id, 'complete', jsonb_build_object('event', n, 'subjects', jsonb_build_array(lot)) from older;

drop table older, older_substrate, older_run, bank;
reset session_replication_role;
