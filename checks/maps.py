"""Units counted from the maps alone: dispositions, transfers and occupancy, and whether these agree site by site.

Nothing here reads history or a ledger. Positions of a substrate are counted row by row from the top left; a bit map
has the first position in the highest bit.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

NO_UNIT, NOT_FOR_USE, CONSUMED, SCRAPPED, LOST = 0, 1, 6, 8, 9
ACCOUNT_OF = (
    None, None, "in_process", "in_process", "scrapped", "completed",
    "consumed", "sampled", "scrapped", "lost", "shipped", "returned",
)  # fmt: skip
"""By disposition: the account in which its positions are counted."""

PLACED, PUT_BACK, REJECTED, LOST_ON_THE_WAY = range(4)
LEFT_AS = {PLACED: CONSUMED, REJECTED: SCRAPPED, LOST_ON_THE_WAY: LOST}
"""By outcome of a move: what its source position has become."""

MOVE = np.dtype([
    ("source", "i8"), ("from", "i8"), ("target", "i8"), ("to", "i8"),
    ("site", "u1"), ("level", "u1"), ("outcome", "u1"), ("told", "?"), ("found", "?"),
])  # fmt: skip
"""One move of one unit; ``from`` and ``to`` are positions, ``told`` says that the MES itself recorded it as wrong,
``found`` that the unit was there, but was never meant to be used."""

NEVER_MEANT = "pick_not_for_use"
"""The exception code of such a move."""

NOT_HELD = ("closed", "loading")
"""Progress of a substrate that a lot does not count: left behind, or still being filled."""

ENCODED_BYTES = {"u1": 1, "u2": 2, "f8": 8}

Account = tuple[int, str, int, str]
"""(customer, lot, form, account). Names of lots are unique per customer only."""

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Grid:
    """A substrate: its dispositions in one row, and how many columns it really has."""

    name: str
    columns: int
    positions: NDArray[np.uint8]

    def told(self, places: Places, what: str) -> list[str]:
        """A sentence on these positions; none where there are none."""
        if not len(places):
            return []
        y, x = divmod(int(places[0]), self.columns)
        return [f"Substrate {self.name}: {len(places)} positions {what}; the first is x {x}, y {y}."]


@dataclass(frozen=True)
class Member:
    """A substrate as one form of a lot."""

    lot: int
    substrate: int
    form: int
    progress: str


@dataclass(frozen=True)
class Handover:
    """A substrate went from one lot to another with so many units, those that it once held included."""

    substrate: int
    form: int
    giver: int
    taker: int
    units: int


@dataclass(frozen=True)
class Maps:
    """All that is counted."""

    lots: dict[int, tuple[int, str, int, int, int]]
    """By id: customer, name, current form, substrates, units."""
    grids: dict[int, Grid]
    members: list[Member]
    handovers: list[Handover]
    """In the order in which they were recorded."""
    moves: NDArray[np.void]
    found: Counter[tuple[int, int]]
    """By substrate and lot: units that people put on the map there, where none was."""
    wafers: dict[int, int]
    """By masked copy of a multi-project wafer: that wafer."""


def count(connection: psycopg.Connection[Any]) -> tuple[dict[Account, int], list[str]]:
    """Units of every account, and a sentence for each thing that is wrong. Accounts of zero units are left out."""
    problems: list[str] = []
    grids = _grids(connection, problems)
    maps = Maps(
        {row[0]: tuple(row[1:]) for row in connection.execute(LOTS)},
        grids,
        [Member(*row) for row in connection.execute(MEMBERS)],
        [Handover(*row) for row in connection.execute(HANDOVERS)],
        _moves(connection, grids, problems),
        _put_on(connection),
        dict(connection.execute(COPIES).fetchall()),
    )
    moved_in = _moved_in(maps)
    units = _units(maps, moved_in)
    problems += _sources(maps) + _targets(connection, maps) + _loads(maps, moved_in) + _layers(connection, maps)
    problems += _handed(maps)
    problems += _unbalanced(units, maps) + _quantities(units, maps)
    by_name = {(*maps.lots[lot][:2], form, account): value for (lot, form, account), value in units.items() if value}
    return by_name, problems


LOTS = "select id, customer_id, name, form, substrates, units from lot order by id"
MEMBERS = "select lot_id, substrate_id, form, progress from lot_substrate order by lot_id, substrate_id"
HANDOVERS = "select substrate_id, form, from_id, to_id, units from handover order by id"
GRIDS = """
select s.id, s.name, l.rows, l.columns, s.dispositions
from substrate s join layout l on l.id = s.layout_id order by s.id
"""
COPIES = "select id, part_of_id from substrate where part_of_id is not null"
HAND_CHANGES = "select lot_id, substrate_id, was, now from hand_change order by id"
TRANSFERS = "select id, source_id, target_id, n, from_xy, to_xy, slots, suspect from transfer order by id"
OCCUPANCY = "select substrate_id, site, level, positions from occupancy order by substrate_id, site, level"
LAYERS = """
select substrate_id, name, version, encoding, length(positions), length(body)
from layer order by substrate_id, name, version
"""


def _grids(connection: psycopg.Connection[Any], problems: list[str]) -> dict[int, Grid]:
    grids = {}
    for number, name, rows, columns, stored in connection.execute(GRIDS):
        positions = np.frombuffer(stored, np.uint8)
        if len(positions) != rows * columns:
            problems.append(f"Substrate {name}: {len(positions)} dispositions for {rows} by {columns} positions.")
            positions = np.resize(np.append(positions, np.zeros(rows * columns, np.uint8)), rows * columns)
        grids[number] = Grid(name, columns, positions)
        unknown = np.flatnonzero(positions >= len(ACCOUNT_OF))
        problems += grids[number].told(unknown, "have a disposition that does not exist")
    return grids


def _moves(connection: psycopg.Connection[Any], grids: dict[int, Grid], problems: list[str]) -> NDArray[np.void]:
    """All moves of all transfers in the order in which they were recorded; a position outside its grid becomes -1."""
    found = [np.zeros(0, MOVE)]
    for number, source, target, n, from_xy, to_xy, slots, suspect in connection.execute(TRANSFERS):
        moves = np.zeros(n, MOVE)
        moves["source"], moves["target"] = source, target
        moves["site"], moves["level"], _, moves["outcome"] = np.frombuffer(slots, np.uint8).reshape(n, 4).T
        for side, substrate, packed in (("from", source, from_xy), ("to", target, to_xy)):
            x, y = np.frombuffer(packed, "<i2").reshape(n, 2).astype(np.int64).T
            grid = grids[substrate]
            inside = (x >= 0) & (x < grid.columns) & (y >= 0) & (y < len(grid.positions) // grid.columns)
            moves[side] = np.where(inside, y * grid.columns + x, -1)
        for code, broken in json.loads(suspect or "{}").items():
            moves["told"][broken] = True
            moves["found"][broken] |= code == NEVER_MEANT
        outside = ((moves["from"] < 0) | (moves["to"] < 0)) & ~moves["told"]
        if outside.any():
            problems.append(f"Transfer {number}: {int(outside.sum())} of its moves lie outside their substrates.")
        found.append(moves)
    return np.concatenate(found)


def _units(maps: Maps, moved_in: dict[int, Places]) -> Counter[tuple[int, int, str]]:
    """By lot, form and account: its positions, what it gave away, and the four ways in that this counter knows."""
    units: Counter[tuple[int, int, str]] = Counter()
    found, came = _found(maps), _handed_over(maps, units)
    for member in maps.members:
        counts = np.bincount(maps.grids[member.substrate].positions, minlength=len(ACCOUNT_OF)).tolist()
        for account, positions in zip(ACCOUNT_OF, counts, strict=False):
            if account is not None:
                units[member.lot, member.form, account] += positions
        held = sum(counts) - counts[NO_UNIT] - counts[NOT_FOR_USE]
        gained = {**came.get(member.substrate, {member.lot: 0})}
        gained[member.lot] = gained.get(member.lot, 0) + held
        for lot in gained:
            units[lot, member.form, "bonus"] += maps.found[member.substrate, lot]
            gained[lot] -= maps.found[member.substrate, lot]
        began, *later = gained
        for lot in later:
            units[lot, member.form, "found" if member.form == 1 else "made"] += gained[lot]
        more = sum(gained[lot] for lot in later)
        if member.form == 1:
            units[began, 1, "found"] += found[member.substrate] - more
            units[began, 1, "received"] += gained[began] + more - found[member.substrate]
        else:
            units[began, member.form, "made"] += len(moved_in[member.substrate]) - more
    return units


def _handed_over(maps: Maps, units: Counter[tuple[int, int, str]]) -> dict[int, dict[int, int]]:
    """Post what lots gave each other. By substrate and lot, the first one first: how many units more went than came.

    What a masked copy begins with went from its wafer.
    """
    gained: dict[int, dict[int, int]] = defaultdict(dict)
    for one in maps.handovers:
        units[one.giver, one.form, "split_off"] += one.units
        units[one.taker, one.form, "merged_in"] += one.units
        of = gained[one.substrate]
        begins = one.substrate in maps.wafers and not of
        left = gained[maps.wafers[one.substrate]] if begins else of
        left[one.giver] = left.get(one.giver, 0) + one.units
        of[one.taker] = of.get(one.taker, 0) - one.units
    return gained


def _handed(maps: Maps) -> list[str]:
    """Each handover is from the lot that has the substrate to one that then has it, up to the one that has it now."""
    problems = []
    holder: dict[int, int] = {}
    for one in maps.handovers:
        if holder.get(one.substrate, one.giver) != one.giver:
            name = maps.grids[one.substrate].name
            problems.append(f"Substrate {name}: lot {maps.lots[one.giver][1]} gave it away without having it.")
        holder[one.substrate] = one.taker
    for member in maps.members:
        last = holder.get(member.substrate, member.lot)
        if last != member.lot:
            name, has = maps.grids[member.substrate].name, maps.lots[member.lot][1]
            problems.append(f"Substrate {name}: it is in lot {has}, yet it went to lot {maps.lots[last][1]} last.")
    return problems


def _put_on(connection: psycopg.Connection[Any]) -> Counter[tuple[int, int]]:
    """Positions that a person's change of a map gave a unit, less those from which one took it back."""
    found: Counter[tuple[int, int]] = Counter()
    for lot, substrate, was, now in connection.execute(HAND_CHANGES):
        before, after = (np.frombuffer(side, np.uint8) > NOT_FOR_USE for side in (was, now))
        found[substrate, lot] += int(after.sum()) - int(before.sum())
    return found


def _found(maps: Maps) -> Counter[int]:
    """By source: positions that were not for use until their unit left."""
    left = maps.moves[maps.moves["found"] & (maps.moves["outcome"] != PUT_BACK) & (maps.moves["from"] >= 0)]
    return Counter({source: len(np.unique(moves["from"])) for (source,), moves in _groups(left, "source")})


def _moved_in(maps: Maps) -> dict[int, Places]:
    """By load: the positions onto which units of the form before, of its lot or one it parted from, were placed."""
    kin = _kin(maps)
    form_of = {member.substrate: (kin[member.lot], member.form) for member in maps.members}
    places: dict[int, Places] = defaultdict(lambda: np.zeros(0, np.int64))
    for (source, target), moves in _groups(maps.moves[maps.moves["outcome"] == PLACED], "source", "target"):
        lot, form = form_of.get(target, (0, 0))
        if form_of.get(source) == (lot, form - 1):
            places[target] = np.union1d(places[target], moves["to"][moves["to"] >= 0])
    return places


def _kin(maps: Maps) -> dict[int, int]:
    """By lot: one of all the lots with which it ever shared a substrate, the same for each of them."""
    kin = {lot: lot for lot in maps.lots}
    for one in maps.handovers:
        mine, theirs = kin[one.giver], kin[one.taker]
        kin |= {lot: mine for lot, of in kin.items() if of == theirs}
    return kin


def _sources(maps: Maps) -> list[str]:
    """Each position that left its source did so by one move, and each move left its trace on the source."""
    problems = []
    gone = maps.moves[(maps.moves["outcome"] != PUT_BACK) & (maps.moves["from"] >= 0)]
    for source, moves in _by_substrate(maps, gone, "source"):
        grid = maps.grids[source]
        taken, times = np.unique(moves["from"][~moves["told"]], return_counts=True)
        problems += grid.told(taken[times > 1], "were picked more than once")
        for outcome, disposition in LEFT_AS.items():
            left = moves["from"][(moves["outcome"] == outcome) & ~moves["told"]]
            wrong = np.unique(left[grid.positions[left] != disposition])
            problems += grid.told(wrong, f"left by a move with outcome {outcome}, yet their map says otherwise")
        placed = moves["from"][moves["outcome"] == PLACED]
        consumed = np.flatnonzero(grid.positions == CONSUMED)
        problems += grid.told(np.setdiff1d(consumed, placed), "are consumed, yet no transfer placed their unit")
    return problems


def _targets(connection: psycopg.Connection[Any], maps: Maps) -> list[str]:
    """No site and level is filled twice, and occupancy is what the placed transfers say."""
    problems = []
    occupied: dict[tuple[int, ...], bytes] = {
        (s, site, level): packed for s, site, level, packed in connection.execute(OCCUPANCY)
    }
    placed = maps.moves[(maps.moves["outcome"] == PLACED) & (maps.moves["to"] >= 0)]
    filled: dict[tuple[int, ...], NDArray[np.void]] = dict(_groups(placed, "target", "site", "level"))
    for key in sorted(filled.keys() | occupied.keys()):
        target, site, level = key
        grid, where = maps.grids[target], f"at site {site}, level {level}"
        moves = filled.get(key, placed[:0])
        hit, times = np.unique(moves["to"][~moves["told"]], return_counts=True)
        problems += grid.told(hit[times > 1], f"{where} were filled more than once")
        bits = np.unpackbits(np.frombuffer(occupied.get(key, b""), np.uint8))
        there = np.flatnonzero(bits)
        problems += grid.told(np.setdiff1d(moves["to"], there), f"{where} were filled, yet occupancy says empty")
        problems += grid.told(np.setdiff1d(there, moves["to"]), f"{where} are occupied, yet no transfer filled them")
    return problems


def _loads(maps: Maps, moved_in: dict[int, Places]) -> list[str]:
    """A load has units exactly where units of the form before were moved to."""
    problems = []
    for member in maps.members:
        if member.form > 1:
            grid, came = maps.grids[member.substrate], moved_in[member.substrate]
            there = np.flatnonzero(grid.positions != NO_UNIT)
            problems += grid.told(np.setdiff1d(there, came), "have a unit that no transfer brought")
            problems += grid.told(np.setdiff1d(came, there), "have no unit, yet a transfer brought one")
    return problems


def _layers(connection: psycopg.Connection[Any], maps: Maps) -> list[str]:
    """Versions count from 1 without gaps, and each covers the positions it says it covers."""
    problems = []
    before: tuple[object, object, int] = (None, None, 0)
    for substrate, name, version, encoding, positions, body in connection.execute(LAYERS):
        grid = maps.grids[substrate]
        last = before[2] if before[:2] == (substrate, name) else 0
        if version != last + 1:
            problems.append(f"Substrate {grid.name}, layer {name}: version {version} follows version {last}.")
        covered = len(grid.positions) if positions is None else positions // 4
        if encoding in ENCODED_BYTES and body != covered * ENCODED_BYTES[encoding]:
            problems.append(f"Substrate {grid.name}, layer {name}, version {version}: {body} bytes for {covered}.")
        before = (substrate, name, version)
    return problems


def _unbalanced(units: Counter[tuple[int, int, str]], maps: Maps) -> list[str]:
    problems = []
    for lot, form in sorted({key[:2] for key in units}):
        came = sum(units[lot, form, way] for way in ("received", "merged_in", "made", "bonus", "found"))
        are = sum(units[lot, form, account] for account in {*ACCOUNT_OF, "split_off"} if account is not None)
        if came != are:
            problems.append(f"Lot {maps.lots[lot][1]}, form {form}: {came} units came, {are} are somewhere.")
    return problems


def _quantities(units: Counter[tuple[int, int, str]], maps: Maps) -> list[str]:
    """What a lot says it has is what its maps have."""
    problems = []
    members: dict[int, list[Member]] = defaultdict(list)
    for member in maps.members:
        members[member.lot].append(member)
    for number, (_, name, form, substrates, said) in maps.lots.items():
        forms = {member.form for member in members[number]}
        have = sum(units[number, f, account] for f in forms for account in ("in_process", "completed"))
        if said != have:
            problems.append(f"Lot {name} says it has {said} units, its maps have {have}.")
        held = [member.form for member in members[number] if member.progress not in NOT_HELD]
        if substrates != len(held) or form != max(held, default=form):
            problems.append(f"Lot {name} says it has {substrates} substrates, the last of form {form}; it has {held}.")
    return problems


def _by_substrate(maps: Maps, moves: NDArray[np.void], side: str) -> Iterator[tuple[int, NDArray[np.void]]]:
    """Every substrate with the moves on that side of it, also those without one."""
    found = {key[0]: group for key, group in _groups(moves, side)}
    for substrate in maps.grids:
        yield substrate, found.get(substrate, moves[:0])


def _groups(moves: NDArray[np.void], *names: str) -> Iterator[tuple[tuple[int, ...], NDArray[np.void]]]:
    """Moves that agree in these columns, and the values in which they agree."""
    if not len(moves):
        return
    ordered = moves[np.lexsort([moves[name] for name in reversed(names)])]
    differs = np.zeros(len(ordered) - 1, np.bool_)
    for name in names:
        differs |= ordered[name][1:] != ordered[name][:-1]
    for group in np.split(ordered, np.flatnonzero(differs) + 1):
        yield tuple(int(group[name][0]) for name in names), group
