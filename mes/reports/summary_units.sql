-- What became of all units that came or were made, of every product and form?
--
-- A unit that goes on to another form is consumed there and made here, so received and made together are good, in
-- process, scrapped, consumed, sampled and lost together. Suspect units are part of those in process.
with accounts as (
    select sum(received) as received, sum(made) as made, sum(completed + shipped) as good,
           sum(in_process) as in_process, sum(scrapped) as scrapped, sum(consumed) as consumed,
           sum(sampled) as sampled, sum(lost) as lost
      from ledger
), doubtful as (
    -- one byte per position: 3 is suspect; as text, removing it shows how many there were
    select sum(length(encode(dispositions, 'escape'))
               - length(replace(encode(dispositions, 'escape'), chr(3), ''))) as suspect
      from substrate
)
select coalesce(received, 0) as received, coalesce(made, 0) as made, coalesce(good, 0) as good,
       coalesce(in_process, 0) as in_process, coalesce(scrapped, 0) as scrapped, coalesce(consumed, 0) as consumed,
       coalesce(sampled, 0) as sampled, coalesce(suspect, 0) as suspect, coalesce(lost, 0) as lost
  from accounts, doubtful
