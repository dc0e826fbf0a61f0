-- How much came out of the line in which time, how long did a lot take, and with how much energy?
--
-- Plant hours run from the first release to the last end of a lot. Throughput and energy are per good unit of finished
-- product: of lots whose route ends in one; the energy is that of all runs of all routes, since parts are made for
-- products. Cycle time is from release to end, over all lots that ended otherwise than scrapped or
-- merged.
--
-- Energy that no equipment can draw is left out: where one was reported, there is none.
with ended as (
    select lot.id, route.ends, lot.state, lot.released_at, lot.ended_at,
           extract(epoch from lot.ended_at - lot.released_at) / 3600 as cycle_time_h
      from lot
      join route_version as route on route.id = lot.route_version_id
     where lot.released_at is not null
), line as (
    select extract(epoch from max(ended_at) - min(released_at)) / 3600 as plant_hours,
           percentile_cont(0.5) within group (order by cycle_time_h) filter (where state not in ('scrapped', 'terminated')) as p50_h,
           percentile_cont(0.95) within group (order by cycle_time_h) filter (where state not in ('scrapped', 'terminated')) as p95_h
      from ended
), finished as (
    select sum(ledger.completed + ledger.shipped) as units
      from ended
      join ledger on ledger.lot_id = ended.id
     where ended.ends = 'completed' and ended.ended_at is not null
), used as (
    select sum(energy_kwh) as energy_kwh from run_substrate
)
select round(plant_hours, 3) as plant_hours,
       round(units * 24 / nullif(plant_hours, 0), 3) as throughput_per_day,
       round(cast(p50_h as numeric), 3) as p50_h,
       round(cast(p95_h as numeric), 3) as p95_h,
       round(cast(energy_kwh / nullif(units, 0) as numeric), 6) as energy_kwh_per_good_unit
  from line, finished, used
