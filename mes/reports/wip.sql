-- What is on the line now, where does it wait, and for how long?
--
-- One row per route and operation that has substrates. Counts units on their way (suspect ones too), not what waits in
-- the die bank. A substrate under way in a job is ordered until the equipment begins it, then running; one whose
-- equipment lost its memory is in doubt until a person says what is so.
--
-- In psql, before pasting:
--   \set at '''2026-11-22T08:00Z'''          -- plant time for the longest wait
--   \set kind '''production'''               -- kind of lots, or 'all'
--   \set lots null                           -- or '''{1,2}''': only the lots of these ids
with here as (
    select route.route, operation.number, operation.name as operation, operation.title,
           lot.id as lot_id, member.substrate_id, member.since,
           case when member.progress = 'queued' then 'queued'
                when member.progress = 'in_doubt' then 'in_doubt'
                when run.state = 'ordered' then 'ordered'
                else 'running' end as standing,
           -- one byte per position: 2 is in process, 3 suspect; as text, removing both shows how many there were
           length(encode(substrate.dispositions, 'escape'))
               - length(translate(encode(substrate.dispositions, 'escape'), chr(2) || chr(3), '')) as units,
           exists (select from hold where hold.lot_id = lot.id and hold.released_at is null and not hold.masked) as held
      from lot_substrate as member
      join lot on lot.id = member.lot_id
      join operation on operation.id = member.operation_id
      join route_version as route on route.id = operation.route_version_id
      join substrate on substrate.id = member.substrate_id
      left join run_substrate as work on work.substrate_id = member.substrate_id and work.work in ('waiting', 'in_doubt')
      left join run on run.id = work.run_id
     where lot.state in ('queued', 'ordered', 'running')
       and member.progress not in ('finished', 'closed')
       and cast(:kind as text) in ('all', lot.kind)
       and (cast(:lots as integer[]) is null or lot.id = any(cast(:lots as integer[])))
)
select route, operation, title,
       count(distinct lot_id) as lots,
       count(*) as substrates,
       sum(units) as units,
       coalesce(sum(units) filter (where standing = 'queued'), 0) as units_queued,
       coalesce(sum(units) filter (where standing = 'ordered'), 0) as units_ordered,
       coalesce(sum(units) filter (where standing = 'running'), 0) as units_running,
       coalesce(sum(units) filter (where standing = 'in_doubt'), 0) as units_in_doubt,
       count(distinct lot_id) filter (where held) as lots_held,
       round(extract(epoch from max(cast(:at as timestamptz) - since) filter (where standing = 'queued')) / 3600, 2)
           as longest_wait_h
  from here
 group by route, number, operation, title
 order by route, number
