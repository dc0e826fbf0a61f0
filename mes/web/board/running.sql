-- Which lots are in an open run, on which equipment, and how far are they?
select run.equipment_id, run.name as run, run.state, coalesce(run.started_at, run.ordered_at) as since,
       lot.name as lot, customer.name as owner, customer.title as customer,
       operation.name as operation, operation.title as operation_title,
       count(*) as substrates,
       count(*) filter (where work.work in ('done', 'partial', 'not_done')) as done,
       exists (select from hold where hold.lot_id = lot.id and hold.released_at is null and not hold.masked) as held
  from run
  join run_substrate as work on work.run_id = run.id
  join lot on lot.id = work.lot_id
  join customer on customer.id = lot.customer_id
  join operation on operation.id = run.operation_id
 where run.state in ('ordered', 'running', 'in_doubt')
 group by run.id, lot.id, customer.id, operation.id
 order by run.equipment_id, run.ordered_at, run.id, lot.name
