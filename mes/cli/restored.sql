-- After a restore: the outbox was ordered by transactions of another server, whose numbers this one may not have
-- reached yet. Its events get numbers of the past, in the same order, and each consumer keeps its place.
-- Transactions share a number where there are more of them than this server has behind it.
create temporary table moved on commit drop as
select xid as old_xid, id as old_id,
    (3 + (dense_rank() over (order by xid) - 1) * room / greatest(transactions, room))::text::xid8 as new_xid,
    top + row_number() over (order by xid, id) as new_id
from outbox cross join (
    select count(distinct xid) as transactions, max(id) as top, max(xid::text::bigint) as newest,
        pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 3 as room
    from outbox
) counted
where newest >= room + 3;

update outbox_cursor c set (xid, last_id) = (
    select new_xid, new_id from moved where (old_xid, old_id) <= (c.xid, c.last_id) order by new_id desc limit 1
)
where exists (select from moved where (old_xid, old_id) <= (c.xid, c.last_id));

update outbox set xid = new_xid, id = new_id from moved where id = old_id;

select setval(pg_get_serial_sequence('outbox', 'id'), max(id)) from outbox having max(id) is not null;

-- What was numbered after the backup is still known outside: runs to their equipment, lots on their labels, ids to
-- programs. A job that an equipment has ended would never be begun, its result be that of another run. So no number is
-- given again: as many are left out as nobody can have used meanwhile; fewer of those that people read or that are short.
select setval(
    format('%I.%I', schemaname, sequencename)::regclass,
    coalesce(last_value, 0) + case
        when data_type = 'integer'::regtype or sequencename in ('run_number', 'lot_number', 'shipment_number') then 100000
        else 10000000 end
) from pg_sequences where schemaname = 'public';
