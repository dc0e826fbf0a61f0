-- What is there to watch? A figure, what it is of (or nothing), and its number, at every scrape of a monitoring system.
-- :xid and :n are the place of this server's feed, :now is plant time. Ages are seconds; those of holds in plant time,
-- the others by the clock of the database.
with behind as (
    select recorded_at
    from (
        select xid, recorded_at, row_number() over (partition by xid order by id) as n
        from outbox where xid >= cast(:xid as xid8)
    ) ahead
    where (xid, n) > (cast(:xid as xid8), :n)
), unapplied as (
    select count(*) as records, min(recorded_at) as since from received_record where state = 'received'
), linked as (
    -- all but what people work, which has no connection
    select equipment.state, equipment.connected
    from equipment join equipment_class on equipment_class.id = equipment.class_id
    where equipment_class.kind <> 'by_hand'
), standing as (
    select count(*) as holds, min(held_at) as since from hold where released_at is null
)
select 'mes_feed_lag_rows' as figure, '' as of_what, count(*)::float8 as number from behind
union all
select 'mes_feed_lag_seconds', '', coalesce(extract(epoch from clock_timestamp() - min(recorded_at)), 0) from behind
union all
select 'mes_records_unapplied', '', records from unapplied
union all
select 'mes_records_unapplied_oldest_seconds', '', coalesce(extract(epoch from clock_timestamp() - since), 0)
from unapplied
union all
select 'mes_records_rejected', '', count(*) from received_record where state = 'rejected'
union all
select 'mes_orders_unsent', '', count(*) from sent_order where state = 'to_send'
union all
select 'mes_runs_in_doubt', '', count(*) from run where state = 'in_doubt'
union all
select 'mes_connector_silent_seconds', name, extract(epoch from clock_timestamp() - seen_at) from connector
union all
select 'mes_equipment_connected', state, count(*) filter (where connected) from linked group by state
union all
select 'mes_equipment_disconnected', state, count(*) filter (where not connected) from linked group by state
union all
select 'mes_alarms', '', count(*) from alarm where cleared_at is null
union all
select 'mes_lots', state, count(*) from lot where state in ('queued', 'ordered', 'running') group by state
union all
select 'mes_holds', '', holds from standing
union all
select 'mes_hold_oldest_seconds', '', coalesce(extract(epoch from cast(:now as timestamptz) - since), 0) from standing
union all
select 'mes_sign_in_failures', '', coalesce(sum(failures), 0)
from sign_in_try where failed_at > clock_timestamp() - interval '1 hour'
