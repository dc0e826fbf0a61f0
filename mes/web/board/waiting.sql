-- Which lots wait, for which class of equipment, since when, and until when may they?
--
-- A queue-time limit counts from the end of its first operation, substrate by substrate; the earliest counts here, as
-- it does at the start gate. What waits for another pass was in time at its first visit. Once a process engineer has
-- signed that a substrate may go on, it has the time that was named, or no end.
select equipment_class.name as class, equipment_class.title as class_title,
       lot.id as lot_id, operation.id as operation_id, lot.name as lot,
       customer.name as owner, customer.title as customer, lot.priority,
       operation.name as operation, operation.title as operation_title,
       count(*) as substrates, min(member.since) as since,
       min(due.at) as due_at, min(due.warning_at) as warning_at,
       exists (select from hold where hold.lot_id = lot.id and hold.released_at is null and not hold.masked) as held
  from lot_substrate as member
  join lot on lot.id = member.lot_id
  join customer on customer.id = lot.customer_id
  join operation on operation.id = member.operation_id
  join equipment_class on equipment_class.id = operation.class_id
  left join lateral (
       select case when signed.id is null then begun.at + make_interval(secs => begun.most_s) else signed.until end as at,
              case when signed.id is null then begun.at + make_interval(secs => begun.warning_s)
                   else signed.until - make_interval(secs => begun.most_s - begun.warning_s) end as warning_at
         from (select queue_limit.id, queue_limit.most_s, queue_limit.warning_s, max(work.ended_at) as at
                 from queue_limit
                 join run on run.operation_id = queue_limit.from_operation_id
                 join run_substrate as work on work.run_id = run.id and work.substrate_id = member.substrate_id
                where queue_limit.to_operation_id = member.operation_id and member.visit = member.first_visit
                group by queue_limit.id
               having member.first_visit = 1 or max(work.ended_at) > member.reworked_at) as begun
         left join lateral (
              select said.id, said.until
                from queue_disposition as said
               where said.substrate_id = member.substrate_id and said.queue_limit_id = begun.id and said.since = begun.at
               order by said.id desc limit 1) as signed on true) as due on true
 where member.progress = 'queued' and lot.state in ('queued', 'ordered', 'running')
 group by equipment_class.id, lot.id, customer.id, operation.id
 order by equipment_class.ordinal, equipment_class.id, lot.priority, min(member.since), lot.name
