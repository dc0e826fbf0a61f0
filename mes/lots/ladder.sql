-- What has a lot done at each operation of its route, and what is still to come?
with worked as (
    select op.name as operation, -- its name: the lot may have gone over from another version of its route
           count(distinct w.substrate_id) filter (where w.work in ('done', 'partial')) as substrates_done,
           sum(case when w.reworked then 0 else w.units_good end + w.units_failed) as units_in, -- as in the yield report
           sum(case when w.reworked then 0 else w.units_good end) as units_good,
           sum(w.units_failed) as units_failed,
           sum(w.units_again + case when w.reworked then w.units_good else 0 end) as units_again,
           sum(w.units_suspect) as units_suspect,
           min(w.started_at) as began_at,
           max(w.ended_at) as ended_at,
           array_agg(distinct e.name order by e.name) as equipment,
           array_agg(distinct v.name order by v.name) as recipes
    from run_substrate w
    join run r on r.id = w.run_id
    join operation op on op.id = r.operation_id
    join equipment e on e.id = r.equipment_id
    join recipe_version v on v.id = r.recipe_version_id
    where w.lot_id = :lot
       or w.substrate_id in (select m.substrate_id from lot_substrate m where m.lot_id = :lot) -- before it came here
    group by op.name
),
standing as (
    select m.operation_id,
           count(*) filter (where m.progress = 'queued') as waiting,
           count(*) filter (where m.progress in ('ordered', 'in_doubt', 'loading')) as at_work
    from lot_substrate m
    where m.lot_id = :lot
    group by m.operation_id
),
left_out as (
    select op.name as operation, count(distinct k.substrate_id) as skipped
    from skip k
    join operation op on op.id = k.operation_id
    where k.lot_id = :lot
       or k.substrate_id in (select m.substrate_id from lot_substrate m where m.lot_id = :lot)
    group by op.name
),
planned as (
    select f.operation_id, array_agg(f.code order by f.id) as codes
    from future_hold f
    where f.lot_id = :lot and f.ended_at is null
    group by f.operation_id
)
select o.name as operation,
       o.title,
       c.title as equipment_class,
       coalesce(s.waiting, 0) as waiting,
       coalesce(s.at_work, 0) as at_work,
       coalesce(w.substrates_done, 0) as substrates_done,
       coalesce(k.skipped, 0) as skipped,
       coalesce(w.units_in, 0)::integer as units_in,
       coalesce(w.units_good, 0)::integer as units_good,
       coalesce(w.units_failed, 0)::integer as units_failed,
       coalesce(w.units_again, 0)::integer as units_again,
       coalesce(w.units_suspect, 0)::integer as units_suspect,
       w.began_at,
       w.ended_at,
       coalesce(w.equipment, '{}') as equipment,
       coalesce(w.recipes, '{}') as recipes,
       o.rework,
       coalesce(p.codes, '{}') as future_holds
from lot l
join operation o on o.route_version_id = l.route_version_id
join equipment_class c on c.id = o.class_id
left join worked w on w.operation = o.name
left join standing s on s.operation_id = o.id
left join left_out k on k.operation = o.name
left join planned p on p.operation_id = o.id
where l.id = :lot
order by o.number
