-- How much energy did a good unit take, at each route, operation or equipment, and of finished product?
--
-- Energy is what equipment reported for each substrate of a run, in the period in which that ended. Good units are those
-- of the yield report: out of the operation, in the period in which the visit ended; of a route, out of its last
-- operation. Parts are made for products, so the energy of all rows together is set against the finished product, too:
-- good units of lots that left the line in the period and whose route ends in one.
--
-- Work by hand has no energy, nor has work of which an energy was reported that no equipment can draw: it is left out of
-- the energy, not of the good units, and counted. Where nothing was measured, the energy is not known.
--
-- In psql, before pasting:
--   \set from '''2026-11-01T00:00+09'''      -- or null: from the beginning
--   \set to '''2026-12-01T00:00+09'''        -- or null: until now; what ends exactly then is outside
--   \set kind '''production'''               -- kind of lots, or 'all'
--   \set by null                             -- or 'operation', 'equipment', 'product', 'lot', 'day': a row for each
--   \set time_zone '''Asia/Seoul'''          -- in which days begin
--   \set lots null                           -- or '''{1,2}''': only the lots of these ids
with worked as (
    select run.operation_id, run.equipment_id, work.lot_id, work.substrate_id, work.visit,
           case when work.reworked then 0 else work.units_good end as units_good,
           work.energy_kwh, work.ended_at,
           max(work.ended_at) over (partition by work.lot_id, work.substrate_id, run.operation_id, work.visit)
               as visit_ended_at
      from run_substrate as work
      join run on run.id = work.run_id
     where work.ended_at is not null
       and (cast(:lots as integer[]) is null or work.lot_id = any(cast(:lots as integer[])))
), counted as (
    select operation_id, equipment_id, lot_id, ended_at as at, energy_kwh, cast(null as integer) as good,
           cast(energy_kwh is null as integer) as unmeasured
      from worked
    union all
    select operation_id, equipment_id, lot_id, visit_ended_at, null, units_good, 0
      from worked
     -- a stopped job leaves positions that queue again at the same visit: that visit has not ended
     where not exists (
           select from lot_substrate as member
            where member.substrate_id = worked.substrate_id
              and member.operation_id = worked.operation_id and member.visit = worked.visit
              and member.progress not in ('finished', 'closed'))
), last as (
    select route_version_id, max(number) as number from operation group by route_version_id
), placed as (
    select route.route, at_operation.number, at_operation.name as operation, at_operation.title,
           case cast(:by as text)
               when 'equipment' then equipment.name
               when 'product' then product.name
               when 'lot' then customer.name || '/' || lot.name
               when 'day' then to_char(counted.at at time zone cast(:time_zone as text), 'YYYY-MM-DD')
           end as by,
           counted.energy_kwh, counted.unmeasured,
           case when at_operation.id is not null or operation.number = last.number then counted.good end as good
      from counted
      join operation on operation.id = counted.operation_id
      left join operation as at_operation
        on at_operation.id = counted.operation_id and cast(:by as text) in ('operation', 'equipment')
      join route_version as route on route.id = operation.route_version_id
      join last on last.route_version_id = route.id
      join lot on lot.id = counted.lot_id
      join customer on customer.id = lot.customer_id
      join product on product.id = lot.product_id
      left join equipment on equipment.id = counted.equipment_id
     where cast(:kind as text) in ('all', lot.kind)
       and (cast(:from as timestamptz) is null or counted.at >= cast(:from as timestamptz))
       and (cast(:to as timestamptz) is null or counted.at < cast(:to as timestamptz))
), summed as (
    select route, number, operation, title, by,
           coalesce(sum(energy_kwh), case when sum(unmeasured) = 0 then 0 end) as energy_kwh,
           coalesce(sum(good), 0) as good, sum(unmeasured) as unmeasured
      from placed
     group by route, number, operation, title, by
), finished as (
    select sum(ledger.completed + ledger.shipped) as units
      from lot
      join route_version as route on route.id = lot.route_version_id
      join ledger on ledger.lot_id = lot.id
     where route.ends = 'completed' and lot.released_at is not null and lot.ended_at is not null
       and cast(:kind as text) in ('all', lot.kind)
       and (cast(:lots as integer[]) is null or lot.id = any(cast(:lots as integer[])))
       and (cast(:from as timestamptz) is null or lot.ended_at >= cast(:from as timestamptz))
       and (cast(:to as timestamptz) is null or lot.ended_at < cast(:to as timestamptz))
)
select route, operation, title, by,
       round(cast(energy_kwh as numeric), 3) as energy_kwh,
       unmeasured, good,
       round(cast(energy_kwh / nullif(good, 0) as numeric), 6) as kwh_per_good,
       coalesce(finished.units, 0) as finished,
       round(cast(sum(energy_kwh) over () / nullif(finished.units, 0) as numeric), 6) as kwh_per_finished
  from summed, finished
 order by route, by nulls first, number
