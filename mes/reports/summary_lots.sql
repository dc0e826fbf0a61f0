-- How many lots are there of each state?
select state, count(*) as lots from lot group by state order by state
