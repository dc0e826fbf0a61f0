"""What `mes db check` proves: history whole, every unit counted twice, and no two rows that contradict each other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from checks import carriers, compare, durables, history, ids, maps, masks, materials, reading
from mes.cli.sealing import Seal, broken_seal, read_seal
from mes.history import GENESIS
from mes.jobs.states import RecordState
from mes.lots.accounts import ARE, CAME
from mes.lots.holds.future_hold import STANDS
from mes.lots.states import ENDED, OPEN_WORK, LotState, Progress
from mes.runs.states import OPEN


@dataclass(frozen=True)
class Problem:
    """Something that must not be: which check found it, and a sentence that names it."""

    check: str
    message: str


@dataclass(frozen=True)
class Checked:
    """What a check found, and how many records of equipment there are in each state."""

    problems: list[Problem]
    records: dict[str, int]


def check(database_url: str, seal: Path | None = None) -> Checked:
    """Check a database as of one moment, also while it is at work; with a seal also against that.

    Raises `Malformed` where the file is not a whole seal, `PermissionError` where the login may not see every row.
    """
    sealed = read_seal(seal) if seal else None
    with reading(database_url) as connection:
        return checked(connection, sealed)


def checked(connection: psycopg.Connection[Any], sealed: Seal | None = None) -> Checked:
    """Check what a connection sees; with a seal also against that."""
    found = [Problem(name, message) for name, message in _counted(connection)]
    if sealed is not None:
        found += [Problem("seal", message) for message in broken_seal(connection, sealed)]
    found += [Problem("heads", message) for message in _heads(connection)]
    for name, rule in RULES.items():
        found += [Problem(name, str(message)) for (message,) in connection.execute(rule, PARAMETERS)]
    states = dict.fromkeys(RecordState, 0) | dict(connection.execute(RECORD_STATES).fetchall())
    return Checked(found, {str(state): n for state, n in states.items()})


def _counted(connection: psycopg.Connection[Any]) -> Iterator[tuple[str, str]]:
    """History, maps and ledgers, each counted by itself, then against each other."""
    by_history, told = history.count(connection)
    yield from (("history", message) for message in told)
    by_maps, told = maps.count(connection)
    yield from (("maps", message) for message in told)
    yield from (("materials", message) for message in materials.count(connection))
    yield from (("durables", message) for message in durables.count(connection))
    yield from (("carriers", message) for message in carriers.count(connection))
    yield from (("masks", message) for message in masks.count(connection))
    yield from (("ids", message) for message in ids.count(connection))
    by_ledger = _ledgers(connection)
    yield from (("conservation", message) for message in compare("history", by_history, "the maps", by_maps))
    yield from (("ledger", message) for message in compare("its ledger", by_ledger, "history", by_history))


def _ledgers(connection: psycopg.Connection[Any]) -> dict[tuple[int, str, int, str], int]:
    accounts = CAME + ARE
    query = sql.SQL("select l.customer_id, l.name, g.form, {} from ledger g join lot l on l.id = g.lot_id").format(
        sql.SQL(", ").join(sql.Identifier("g", account) for account in accounts)
    )
    return {
        (customer, lot, form, account): value
        for customer, lot, form, *values in connection.execute(query)
        for account, value in zip(accounts, values, strict=True)
        if value
    }


def _heads(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """Each subject says where its chain ends; that and the last entry in history must agree.

    A subject that was removed has no row any more; the last entry of its chain says so.
    """
    subjects = connection.execute(
        "select relname from pg_attribute join pg_class on pg_class.oid = attrelid"
        " where attname = 'history_hash' and relkind = 'r' order by relname"
    ).fetchall()
    genesis = sql.Literal(GENESIS)
    for (table,) in subjects:
        query = sql.SQL(HEADS).format(table=sql.Identifier(table), kind=sql.Literal(table), genesis=genesis)
        for number, name, said, n in connection.execute(query):
            where = f"{table} {name or number}"
            if said == n:
                yield f"The chain of {where} ends at entry {n} with another hash than its row says."
            else:
                yield f"The row of {where} says that its chain ends at entry {said}; history ends at entry {n}."


HEADS = """
select coalesce(s.id, h.subject_id), s.name, coalesce(s.history_n, 0), coalesce(h.n, 0)
from {table} s full join (
    select distinct on (subject_id) subject_id, n, hash, verb from history
    where subject_kind = {kind} order by subject_id, n desc
) h on h.subject_id = s.id
where not (s.id is null and h.verb = 'remove')
  and (coalesce(s.history_n, 0), coalesce(s.history_hash, {genesis}))
      is distinct from (coalesce(h.n, 0), coalesce(h.hash, {genesis}))
order by 1
"""

RECORD_STATES = "select state, count(*) from received_record group by state"

PARAMETERS = {
    "open_runs": [str(state) for state in OPEN],
    "open_work": [str(work) for work in OPEN_WORK],
    "busy": [str(LotState.ORDERED), str(LotState.RUNNING)],
    "ended": [str(state) for state in ENDED],
    "created": str(LotState.CREATED),
    "loading": str(Progress.LOADING),
    "closed": str(Progress.CLOSED),
    "stands": [str(progress) for progress in STANDS],
    "in_run": [str(Progress.ORDERED), str(Progress.IN_DOUBT)],
}

RULES = {
    "supply": """
select format('Transfer %%s is by agreement %%s, which is not about what was picked from %%s.', t.id, a.name, s.name)
from transfer t join supply_agreement a on a.id = t.agreement_id join substrate s on s.id = t.source_id
where a.product_id <> s.product_id order by t.id""",
    "runs": """
select format('Substrate %%s is in %%s open runs: %%s.', s.name, count(*), string_agg(r.name, ', ' order by r.name))
from run_substrate w join run r on r.id = w.run_id join substrate s on s.id = w.substrate_id
where w.work = any(%(open_work)s) and r.state = any(%(open_runs)s)
group by s.id having count(*) > 1 order by s.id""",
    "closed runs": """
select format('Run %%s is %%s, yet substrate %%s of it is %%s.', r.name, r.state, s.name, w.work)
from run_substrate w join run r on r.id = w.run_id join substrate s on s.id = w.substrate_id
where w.work = any(%(open_work)s) and r.state <> all(%(open_runs)s) order by r.id, s.id""",
    "reservations": """
select format('Runs %%s and %%s have both reserved units of %%s.', ra.name, rb.name, s.name)
from run_source a join run ra on ra.id = a.run_id and ra.state = any(%(open_runs)s)
join run_source b on b.substrate_id = a.substrate_id and b.run_id > a.run_id
join run rb on rb.id = b.run_id and rb.state = any(%(open_runs)s)
join substrate s on s.id = a.substrate_id
where position(B'1' in right(a.positions::text, -1)::varbit & right(b.positions::text, -1)::varbit) > 0
order by ra.id, rb.id, s.id""",
    "places": """
select format('Equipment %%s has %%s open runs and %%s places.', e.name, count(*), c.places)
from run r join equipment e on e.id = r.equipment_id join equipment_class c on c.id = e.class_id
where r.state = any(%(open_runs)s) group by e.id, c.id having count(*) > c.places order by e.id""",
    "lots": """
select format('Lot %%s is %%s, yet %%s.', name, state, wrong) from (
    select l.id, l.name, l.state, case
        when (l.state = any(%(busy)s)) and not working then 'none of its substrates is in an open run'
        when l.state <> all(%(busy)s) and working then 'a substrate of it is in an open run'
        when l.state = any(%(ended)s) and l.ended_at is null then 'it has no end'
        when l.state = %(created)s and l.operation_id is not null then 'it is at an operation'
        when l.state <> %(created)s and l.released_at is null and l.state <> all(%(ended)s) then 'it was not released'
        end as wrong
    from lot l cross join lateral (select exists (
        select from run_substrate w where w.lot_id = l.id and w.work = any(%(open_work)s) union all
        select from lot_substrate m where m.lot_id = l.id and m.progress = %(loading)s) as working) w
) judged where wrong is not null order by id""",
    "substrates": """
select format('Substrate %%s of lot %%s is %%s, yet in %%s.', s.name, l.name, m.progress,
    case when w.run_id is null then 'no open run' else 'an open run' end)
from lot_substrate m join lot l on l.id = m.lot_id join substrate s on s.id = m.substrate_id
left join run_substrate w on w.lot_id = m.lot_id and w.substrate_id = m.substrate_id and w.work = any(%(open_work)s)
where (m.progress = any(%(in_run)s)) <> (w.run_id is not null) order by l.id, s.id""",
    "routes": """
select format('Substrate %%s of lot %%s is at operation %%s, which is of another route.', s.name, l.name, o.name)
from lot_substrate m join lot l on l.id = m.lot_id join substrate s on s.id = m.substrate_id
join operation o on o.id = m.operation_id
where m.progress <> %(closed)s and o.route_version_id <> l.route_version_id order by l.id, s.id""",
    "operations": """
select format('Substrate %%s of lot %%s is %%s at %%s, yet the lot was %%s.', s.name, l.name, m.progress,
    coalesce(o.name, 'no operation'), case when l.released_at is null then 'never released' else 'released' end)
from lot_substrate m join lot l on l.id = m.lot_id join substrate s on s.id = m.substrate_id
left join operation o on o.id = m.operation_id
where m.progress = any(%(stands)s) and (o.id is null) <> (l.released_at is null) order by l.id, s.id""",
    "holds": """
select format('Hold H-%%s of lot %%s was released before it was set.', h.id, l.name)
from hold h join lot l on l.id = h.lot_id where h.released_at < h.held_at order by h.id""",
    "masks": """
select format('Hold %%s of lot %%s masks units of substrate %%s, which is not in that lot.', h.id, l.name, s.name)
from hold_mask k join hold h on h.id = k.hold_id join lot l on l.id = h.lot_id join substrate s on s.id = k.substrate_id
left join lot_substrate m on m.lot_id = h.lot_id and m.substrate_id = k.substrate_id
where h.released_at is null and m.lot_id is null and not s.closed
union all
select format('Hold %%s of lot %%s is %%s, it has %%s masks.', h.id, l.name,
    case when h.masked then 'about some units' else 'of the whole lot' end, count(k.hold_id))
from hold h join lot l on l.id = h.lot_id left join hold_mask k on k.hold_id = h.id
group by h.id, l.id having h.masked <> (count(k.hold_id) > 0) order by 1""",
    "future holds": """
select format('Lot %%s has %%s future holds, %%s stand.', l.name, l.future_holds, count(f.id))
from lot l left join future_hold f on f.lot_id = l.id and f.ended_at is null
group by l.id having l.future_holds <> count(f.id)
union all
select format('Future hold %%s of lot %%s stands, yet substrate %%s is %%s there.', f.id, l.name, s.name, m.progress)
from future_hold f join lot l on l.id = f.lot_id join lot_substrate m on m.lot_id = f.lot_id
    and m.operation_id = f.operation_id and m.progress = any(%(stands)s)
join substrate s on s.id = m.substrate_id where f.ended_at is null""",
    "containers": """
select format('Container %%s of %%s was used by %%s for lot %%s of another owner.', c.name, o.name,
    r.name, l.name)
from consumption u join container c on c.id = u.container_id join customer o on o.id = c.customer_id
join run r on r.id = u.run_id join run_substrate w on w.run_id = u.run_id and w.substrate_id = u.substrate_id
join lot l on l.id = w.lot_id where l.customer_id <> c.customer_id order by u.id""",
    "reworks": """
select format('Substrate %%s of lot %%s says %%s reworks, it has %%s marks.', s.name, l.name, m.reworks, count(r.id))
from lot_substrate m join lot l on l.id = m.lot_id join substrate s on s.id = m.substrate_id
left join rework r on r.substrate_id = m.substrate_id
group by m.lot_id, m.substrate_id, m.reworks, l.id, s.id having m.reworks <> count(r.id) order by l.id, s.id""",
    "legs": """
select format('Run %%s at %%s was done by leg %%s of experiment %%s, which is about %%s.', r.name, o.name, g.name,
    x.name, x.operation)
from run_leg k join run r on r.id = k.run_id join operation o on o.id = r.operation_id
join experiment_leg g on g.id = k.leg_id join experiment x on x.id = g.experiment_id where o.name <> x.operation
union all
select format('Substrate %%s is named for leg %%s of experiment %%s, yet %%s did it by leg %%s.',
    (select name from substrate where id = n.substrate_id), (select name from experiment_leg where id = n.leg_id),
    (select name from experiment where id = n.experiment_id), (select name from run where id = k.run_id), g.name)
from run_leg k join run_substrate w on w.run_id = k.run_id join experiment_leg g on g.id = k.leg_id
join experiment_substrate n on n.experiment_id = g.experiment_id and n.substrate_id = w.substrate_id
    and n.leg_id <> g.id
order by 1""",
    "skips": """
select format('Operation %%s: history of lot %%s tells that %%s substrates left it out, %%s are known.',
    coalesce(told.operation, kept.operation), coalesce(told.lot, kept.lot), coalesce(told.n, 0), coalesce(kept.n, 0))
from (select h.subject as lot, body -> 'after' ->> 'operation' as operation,
             sum(jsonb_array_length(body -> 'after' -> 'substrates')) as n, h.subject_id as id
      from (select subject, subject_id, cast(history.body as jsonb) as body from history
            where subject_kind = 'lot' and verb = 'skip') h group by h.subject, h.subject_id, operation) told
full join (select l.id, l.name as lot, o.name as operation, count(*) as n from skip k
           join lot l on l.id = k.lot_id join operation o on o.id = k.operation_id group by l.id, o.name) kept
    on kept.id = told.id and kept.operation = told.operation
where told.n is distinct from kept.n order by 1""",
    "bin edits": """
select format('Version %%s of %%s of substrate %%s: history tells of an edit of %%s positions, it has %%s.',
    coalesce(told.version, kept.version), coalesce(told.map, kept.map), coalesce(told.name, kept.name),
    coalesce(told.n, 0), coalesce(kept.n, 0))
from (select h.subject_id as id, h.subject as name, b ->> 'map' as map, cast(b ->> 'version' as int) as version,
             cast(b ->> 'edited' as int) as n
      from (select subject_id, subject, cast(body as jsonb) -> 'after' as b from history
            where subject_kind = 'substrate' and verb in ('downgrade', 'upgrade')) h) told
full join (select s.id, s.name, y.name as map, y.version, length(y.positions) / 4 as n, s.part_of_id
           from layer y join substrate s on s.id = y.substrate_id
           where y.name like 'bin:%%' and not (y.name = 'bin:incoming' and y.version = 1)
             and not exists (select from run r where r.name = y.source)) kept
    on kept.id = told.id and kept.map = told.map and kept.version = told.version
where kept.id is null or told.id is null and kept.part_of_id is null or told.n <> kept.n order by 1""",
    "journals": """
select format('Journal %%s of %%s: records up to %%s were received, %%s of them are stored.', j.name, e.name,
    j.received, count(r.id))
from journal j join equipment e on e.id = j.equipment_id left join received_record r on r.journal_id = j.id
group by j.id, e.id having j.received <> count(r.id) or j.received <> coalesce(max(r.sequence), 0) order by j.id""",
    "outbox": """
select format('%%s events lie in the future of this server, as after a restore by other means than mes db restore: they'
    ' reach nobody until their time; restore anew.', count(*))
from outbox where xid >= pg_snapshot_xmax(pg_current_snapshot()) having count(*) > 0""",
}
"""By name: a query that gives one sentence for each row that breaks the rule."""
