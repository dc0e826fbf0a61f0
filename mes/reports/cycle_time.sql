-- How long did lots take from release to end, and for how much of it were they worked on?
--
-- One row per route: lots that left the line in the period otherwise than scrapped or merged. The time of a lot is parted
-- without gap or overlap: in runs while at least one of its substrates is in one, on hold while none is and a hold stands, in
-- queue for the rest. What happens after the end, in the die bank, is outside. By operation a row tells of the same lots
-- from when the first substrate of the lot waited there to the end of its last run there; substrates of one lot may be at
-- several operations at once, so that these rows do not add up to the lot.
--
-- In psql, before pasting:
--   \set from '''2026-11-01T00:00+09'''      -- or null: from the beginning
--   \set to '''2026-12-01T00:00+09'''        -- or null: until now; a lot that ends exactly then is outside
--   \set kind '''production'''               -- kind of lots, or 'all'
--   \set by null                             -- or 'operation', 'product', 'customer', 'lot', 'day': a row for each
--   \set time_zone '''Asia/Seoul'''          -- in which days begin
--   \set lots null                           -- or '''{1,2}''': only the lots of these ids
with ended as (
    select lot.id, route.route, tstzrange(lot.released_at, greatest(lot.released_at, lot.ended_at)) as life,
           case cast(:by as text)
               when 'product' then product.name
               when 'customer' then customer.name
               when 'lot' then customer.name || '/' || lot.name
               when 'day' then to_char(lot.ended_at at time zone cast(:time_zone as text), 'YYYY-MM-DD')
           end as by
      from lot
      join route_version as route on route.id = lot.route_version_id
      join product on product.id = lot.product_id
      join customer on customer.id = lot.customer_id
     where lot.released_at is not null and lot.ended_at is not null and lot.state not in ('scrapped', 'terminated')
       and cast(:kind as text) in ('all', lot.kind)
       and (cast(:lots as integer[]) is null or lot.id = any(cast(:lots as integer[])))
       and (cast(:from as timestamptz) is null or lot.ended_at >= cast(:from as timestamptz))
       and (cast(:to as timestamptz) is null or lot.ended_at < cast(:to as timestamptz))
), worked as (
    -- no operation where the whole lot is asked for
    select work.lot_id, case cast(:by as text) when 'operation' then run.operation_id end as operation_id,
           least(work.queued_at, work.started_at, work.ended_at) as since,
           least(work.started_at, work.ended_at) as started_at, work.ended_at
      from run_substrate as work
      join run on run.id = work.run_id
     where work.lot_id in (select id from ended) and work.ended_at is not null
), runs as (
    select lot_id, operation_id, tstzrange(min(since), max(ended_at)) as stay,
           range_agg(tstzrange(started_at, ended_at)) as in_run
      from worked
     group by lot_id, operation_id
), holds as (
    select lot_id, range_agg(tstzrange(held_at, case when released_at >= held_at then released_at end)) as held
      from hold
     where lot_id in (select id from ended) and not masked
     group by lot_id
), parted as (
    select ended.route, ended.by, runs.operation_id,
           tstzmultirange(span) as span,
           coalesce(runs.in_run, tstzmultirange()) * tstzmultirange(span) as in_run,
           coalesce(holds.held, tstzmultirange()) * tstzmultirange(span) as held
      from ended
      left join runs on runs.lot_id = ended.id
      left join holds on holds.lot_id = ended.id
     cross join lateral (
         select case cast(:by as text) when 'operation' then ended.life * runs.stay else ended.life end as span) as whole
     where span is not null
), timed as (
    select parted.route, parted.by, parted.operation_id,
           (select coalesce(sum(extract(epoch from upper(part) - lower(part))), 0) / 3600
              from unnest(span) as part) as cycle_h,
           (select coalesce(sum(extract(epoch from upper(part) - lower(part))), 0) / 3600
              from unnest(in_run) as part) as run_h,
           (select coalesce(sum(extract(epoch from upper(part) - lower(part))), 0) / 3600
              from unnest(held - in_run) as part) as held_h
      from parted
)
select timed.route, operation.name as operation, operation.title, timed.by,
       count(*) as lots,
       round(cast(percentile_cont(0.5) within group (order by cycle_h) as numeric), 3) as p50_h,
       round(cast(percentile_cont(0.95) within group (order by cycle_h) as numeric), 3) as p95_h,
       round(avg(cycle_h), 3) as mean_h,
       round(avg(run_h), 3) as run_h,
       round(avg(held_h), 3) as held_h,
       round(avg(cycle_h - run_h - held_h), 3) as queue_h,
       round(avg(cycle_h) / nullif(avg(run_h), 0), 3) as x_factor
  from timed
  left join operation on operation.id = timed.operation_id
 group by timed.route, operation.number, operation.name, operation.title, timed.by
 order by timed.route, timed.by nulls first, operation.number
