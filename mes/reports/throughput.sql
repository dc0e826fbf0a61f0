-- How many substrates, units and lots left each operation and each route, by plant day?
--
-- One row per day, route and operation: substrates whose visit ended that day, and the good units on them. A substrate
-- that comes again for another pass is counted each time, its units only in the pass that found them good. One row per
-- day and route without an operation: lots that left the line that day, whatever their end but a
-- merge into another.
--
-- In psql, before pasting:
--   \set from '''2026-11-01T00:00+09'''      -- or null: from the beginning
--   \set to '''2026-12-01T00:00+09'''        -- or null: until now; what ends exactly then is outside
--   \set kind '''production'''               -- kind of lots, or 'all'
--   \set time_zone '''Asia/Seoul'''          -- in which days begin
--   \set lots null                           -- or '''{1,2}''': only the lots of these ids
with visits as (
    select (array_agg(work.lot_id order by work.ended_at desc))[1] as lot_id, -- that in which the visit ended
           work.substrate_id, run.operation_id, work.visit, max(work.ended_at) as ended_at, sum(work.units_good) as good
      from run_substrate as work
      join run on run.id = work.run_id
     where work.units_in > 0
     group by work.substrate_id, run.operation_id, work.visit
), out_of_operations as (
    select cast(visits.ended_at at time zone cast(:time_zone as text) as date) as day,
           route.route, operation.number, operation.name as operation, operation.title,
           count(*) as substrates, sum(visits.good) as units, cast(null as bigint) as lots_ended
      from visits
      join lot on lot.id = visits.lot_id
      join operation on operation.id = visits.operation_id
      join route_version as route on route.id = operation.route_version_id
     where cast(:kind as text) in ('all', lot.kind)
       and (cast(:lots as integer[]) is null or lot.id = any(cast(:lots as integer[])))
       and (cast(:from as timestamptz) is null or visits.ended_at >= cast(:from as timestamptz))
       and (cast(:to as timestamptz) is null or visits.ended_at < cast(:to as timestamptz))
       -- a stopped job leaves positions that queue again at the same visit: that visit has not ended
       and not exists (
           select from lot_substrate as member
            where member.substrate_id = visits.substrate_id
              and member.operation_id = visits.operation_id and member.visit = visits.visit
              and member.progress not in ('finished', 'closed'))
     group by 1, 2, 3, 4, 5
), out_of_the_line as (
    select cast(lot.ended_at at time zone cast(:time_zone as text) as date) as day,
           route.route, cast(null as integer) as number, cast(null as text) as operation, 'out of the line' as title,
           cast(null as bigint) as substrates, cast(null as numeric) as units, count(*) as lots_ended
      from lot
      join route_version as route on route.id = lot.route_version_id
     where cast(:kind as text) in ('all', lot.kind)
       and (cast(:lots as integer[]) is null or lot.id = any(cast(:lots as integer[])))
       and lot.ended_at is not null and lot.state <> 'terminated'
       and (cast(:from as timestamptz) is null or lot.ended_at >= cast(:from as timestamptz))
       and (cast(:to as timestamptz) is null or lot.ended_at < cast(:to as timestamptz))
     group by 1, 2
)
select day, route, operation, title, substrates, units, lots_ended
  from (select * from out_of_operations union all select * from out_of_the_line) as both_kinds
 order by day, route, number nulls last
