-- What share of the units that went into an operation came out good, and what along the whole route?
--
-- One row per route and operation, in the order of the route. A substrate counts in the period in which its visit to
-- the operation ended; units still in process are neither good nor lost, and those sent to another pass count with the
-- pass that settles them; so do those that came good and went back by a rework, which are told as reworked and are not
-- good at the first pass of any operation that they repeat. Visit 1 is the first pass. The rolled throughput yield
-- multiplies the first-pass yields of all operations of the route that had units in the period; rolled_over says of how
-- many out of how many.
--
-- In psql, before pasting:
--   \set from '''2026-11-01T00:00+09'''      -- or null: from the beginning
--   \set to '''2026-12-01T00:00+09'''        -- or null: until now; a visit that ends exactly then is outside
--   \set kind '''production'''               -- kind of lots, or 'all'
--   \set by null                             -- or 'equipment', 'lot', 'product', 'day', 'leg': a row for each
--   \set time_zone '''Asia/Seoul'''          -- in which days begin
--   \set lots null                           -- or '''{1,2}''': only the lots of these ids
with worked as (
    select run.operation_id, run.equipment_id, work.lot_id, work.substrate_id, work.visit,
           case when work.reworked then 0 else work.units_good end as units_good, work.units_failed,
           case when work.reworked then work.units_again + work.units_good else work.units_again end as units_again,
           work.units_suspect, case when work.reworked then 0 else work.units_good_again end as good_again,
           case when work.reworked then work.units_good else 0 end as reworked,
           max(work.ended_at) over (partition by work.lot_id, work.substrate_id, run.operation_id, work.visit) as ended_at
      from run_substrate as work
      join run on run.id = work.run_id
), counted as (
    select route.route, operation.number, operation.name as operation, operation.title,
           case cast(:by as text)
               when 'equipment' then equipment.name
               when 'lot' then customer.name || '/' || lot.name
               when 'product' then product.name
               when 'day' then to_char(worked.ended_at at time zone cast(:time_zone as text), 'YYYY-MM-DD')
               -- the leg by which the substrate itself ran, here or before
               when 'leg' then (
                   select string_agg(distinct plan.name || '/' || leg.name, ', ')
                     from run_substrate as ran
                     join run_leg on run_leg.run_id = ran.run_id
                     join experiment_leg as leg on leg.id = run_leg.leg_id
                     join experiment as plan on plan.id = leg.experiment_id
                    where ran.substrate_id = worked.substrate_id)
           end as by,
           worked.visit, worked.units_good as good, worked.units_failed as failed, worked.units_again as again,
           worked.units_suspect as suspect, worked.good_again, worked.reworked
      from worked
      join operation on operation.id = worked.operation_id
      join route_version as route on route.id = operation.route_version_id
      join lot on lot.id = worked.lot_id
      join customer on customer.id = lot.customer_id
      join product on product.id = lot.product_id
      left join equipment on equipment.id = worked.equipment_id
     where cast(:kind as text) in ('all', lot.kind)
       and (cast(:lots as integer[]) is null or lot.id = any(cast(:lots as integer[])))
       and (cast(:from as timestamptz) is null or worked.ended_at >= cast(:from as timestamptz))
       and (cast(:to as timestamptz) is null or worked.ended_at < cast(:to as timestamptz))
       and worked.ended_at is not null
       -- a stopped job leaves positions that queue again at the same visit: that visit has not ended
       and not exists (
           select from lot_substrate as member
            where member.substrate_id = worked.substrate_id
              and member.operation_id = worked.operation_id and member.visit = worked.visit
              and member.progress not in ('finished', 'closed'))
), summed as (
    select route, number, operation, title, by,
           sum(good + failed) as units_in,
           sum(good) as good,
           sum(failed) as failed,
           sum(suspect) as suspect,
           sum(good + failed + again) filter (where visit = 1) as first_in,
           sum(good + good_again) filter (where visit = 1) as first_good,
           coalesce(sum(reworked) filter (where visit = 1), 0) as reworked,
           greatest(sum(good) - coalesce(sum(good + good_again) filter (where visit = 1), 0), 0) as recovered
      from counted
     group by route, number, operation, title, by
    having sum(good + failed + again + suspect) > 0
), rated as (
    select *, cast(first_good as numeric) / nullif(first_in, 0) as first_pass from summed
)
select route, operation, title, by,
       units_in as "in", good, failed, suspect,
       round(cast(good as numeric) / nullif(units_in, 0), 6) as yield,
       coalesce(first_in, 0) as first_in, coalesce(first_good, 0) as first_good,
       round(first_pass, 6) as first_pass,
       reworked, recovered,
       -- the product of all rows of the route; a logarithm has none for zero
       round(case when min(first_pass) over along > 0 then exp(sum(ln(nullif(first_pass, 0))) over along)
                  else min(first_pass) over along end, 6) as rolled,
       count(first_pass) over along || '/' || (
           select count(*) from operation join route_version as version on version.id = operation.route_version_id
            where version.current and version.route = rated.route) as rolled_over
  from rated
window along as (partition by route, by)
 order by route, by nulls first, number
