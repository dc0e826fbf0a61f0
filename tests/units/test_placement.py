"""Moves as arrays do what the same moves do one after the other to plain rows."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sqlalchemy import select

from mes.units.models import Occupancy, Substrate, Transfer
from mes.units.placement import Allowed, Judged, apply_transfers
from mes.units.positions import Mask, Positions, pack, shapes, unpack
from mes.units.states import Disposition
from tests.shop import BEGIN, LOST, PLACED, PUT_BACK, REJECTED, Floor, Move, transfers

WAFER, INTERPOSER = (3, 4), (2, 2)
SOURCES, TARGET = ("W1", "X1"), "I1"
SITES = ((1, 1), (2, 1))
PRODUCT_AT = {1: "W1", 2: "X1", 3: ""}
"""By site: the source that holds what belongs there."""

USABLE, BAD = {2, 5}, {1: "pick_not_for_use", 4: "pick_rejected", 3: "pick_suspect"}
BECOMES: dict[int, int] = {PLACED: 6, REJECTED: 8, LOST: 9}

MOVES = st.tuples(
    st.sampled_from(SOURCES), st.integers(-1, 4), st.integers(-1, 3), st.just(TARGET), st.integers(-1, 2),
    st.integers(-1, 2), st.integers(1, 3), st.just(1), st.integers(0, 3),
    st.sampled_from([PLACED, PLACED, PLACED, PUT_BACK, REJECTED, LOST]),
)  # fmt: skip


@dataclass
class World:
    """Before the moves: what is where, and what the run may do."""

    dispositions: dict[str, NDArray[np.uint8]]
    reserved: dict[str, Mask]
    asked: Mask
    occupied: dict[int, Mask]
    moves: list[Move]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    codes = st.sampled_from([0, 1, 2, 3, 4, 5, 5, 5, 6])
    return World(
        {name: draw(arrays(np.uint8, WAFER, elements=codes)) for name in SOURCES},
        {name: draw(arrays(np.bool_, WAFER)) for name in SOURCES},
        draw(arrays(np.bool_, INTERPOSER)),
        {site: draw(arrays(np.bool_, INTERPOSER)) for site, _ in SITES},
        draw(st.lists(MOVES, min_size=1, max_size=15)),
    )


@dataclass
class Rows:
    """The same in plain rows: one dictionary entry for each position, one move after the other."""

    at: dict[tuple[str, int, int], int]
    full: set[tuple[int, int, int]]
    left: set[tuple[str, int, int]] = field(default_factory=set)
    broken: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def move(self, n: int, move: Move, world: World) -> None:
        source, from_x, from_y, _, to_x, to_y, site, _, _, outcome = move
        place, slot = (source, from_x, from_y), (to_x, to_y, site)
        was = int(world.dispositions[source][from_y, from_x]) if place in self.at else 0
        self._note(n, "pick_absent", was not in USABLE and was not in BAD)
        for code, name in BAD.items():
            self._note(n, name, was == code)
        self._note(n, "pick_not_reserved", was in USABLE and not world.reserved[source][from_y, from_x])
        if outcome != PUT_BACK and place in self.at:
            self._note(n, "pick_twice", place in self.left)
            if place not in self.left and (was in USABLE or was in BAD):
                self.at[place] = BECOMES[outcome]
            self.left.add(place)
        if outcome == PLACED:
            inside = 0 <= to_x < 2 and 0 <= to_y < 2
            self._note(n, "target_outside", not inside)
            self._note(n, "target_not_asked", inside and not world.asked[to_y, to_x])
            self._note(n, "site_taken", slot in self.full)
            self.full |= {slot} if inside else set()
        self._note(n, "site_unknown", site == 3)
        self._note(n, "wrong_product", site != 3 and PRODUCT_AT[site] != source)

    def _note(self, n: int, code: str, broken: bool) -> None:  # noqa: FBT001
        if broken:
            self.broken[code].append(n)


def in_rows(world: World) -> Rows:
    at = {(s, x, y): int(world.dispositions[s][y, x]) for s in SOURCES for y in range(3) for x in range(4)}
    full = {(x, y, s) for s, mask in world.occupied.items() for y in range(2) for x in range(2) if mask[y, x]}
    rows = Rows(at, full)
    for n, move in enumerate(world.moves):
        rows.move(n, move, world)
    return rows


def prepared(floor: Floor) -> int:
    """A run that fills I1 from a wafer of dies and one of caps."""
    if "I1" in floor.substrates():
        return 3
    floor.stock("D1", "die", "W1")
    floor.stock("C1", "cap", "X1")
    floor.arrive("P1", "pair", TARGET)
    return floor.begin("CELL-1", "P1", sources=SOURCES)


@settings(
    max_examples=80, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(worlds())
def test_arrays_do_what_rows_do(floor: Floor, world: World) -> None:
    run = prepared(floor)
    with floor.database.transaction() as session:
        rows = {s.name: s for s in session.scalars(select(Substrate))}
        ids = {name: rows[name].id for name in (*SOURCES, TARGET)}
        shape_of = shapes(session, [rows[name] for name in ids])
        positions = {i: Positions(rows[name], shape_of[i]) for name, i in ids.items()}
        for name in SOURCES:
            positions[ids[name]].now[:] = world.dispositions[name]
        for site, mask in world.occupied.items():
            full = {"substrate_id": ids[TARGET], "site": site, "level": 1, "positions": pack(mask)}
            session.add(Occupancy(customer_id=rows[TARGET].customer_id, **full))
        session.flush()
        product_of = {ids[name]: rows[name].product_id for name in SOURCES}
        allowed = Allowed(
            picks={ids[name]: world.reserved[name] for name in SOURCES},
            targets={ids[TARGET]: world.asked},
            sites={(1, 1): product_of[ids["W1"]], (2, 1): product_of[ids["X1"]]},
            product_of=product_of,
        )
        judged = apply_transfers(session, run, transfers(world.moves), ids, positions, allowed, floor.act())
        session.flush()
        expected = in_rows(world)
        assert judged.broken == expected.broken
        for (name, x, y), disposition in expected.at.items():
            assert positions[ids[name]].now[y, x] == disposition
        assert occupied(session, ids[TARGET]) == expected.full
        assert stored(session, {i: name for name, i in ids.items()}) == by_pair(world, expected)
        conserved(world, positions, ids)
        session.rollback()


def occupied(session: Any, target: int) -> set[tuple[int, int, int]]:
    session.expire_all()
    found = session.scalars(select(Occupancy).where(Occupancy.substrate_id == target)).all()
    masks = {o.site: unpack(o.positions, INTERPOSER) for o in found}
    return {(int(x), int(y), site) for site, mask in masks.items() for y, x in np.argwhere(mask)}


Pairs = dict[str, tuple[list[Move], dict[str, list[int]]]]


def stored(session: Any, name_of: dict[int, str]) -> Pairs:
    """Moves and exceptions of each source, read back from their packed rows."""
    found: Pairs = {}
    for row in session.scalars(select(Transfer)):
        source, target = name_of[row.source_id], name_of[row.target_id]
        from_xy, to_xy = (np.frombuffer(xy, "<i2").reshape(-1, 2).tolist() for xy in (row.from_xy, row.to_xy))
        slots = np.frombuffer(row.slots, np.uint8).reshape(-1, 4).tolist()
        moves = [(source, *a, target, *b, *c) for a, b, c in zip(from_xy, to_xy, slots, strict=True)]
        found[source] = (moves, json.loads(row.suspect or "{}"))
    return found


def by_pair(world: World, rows: Rows) -> Pairs:
    expected: Pairs = {}
    for source in {move[0] for move in world.moves}:
        mine = [n for n, move in enumerate(world.moves) if move[0] == source]
        broken = {code: [mine.index(n) for n in at if n in mine] for code, at in rows.broken.items()}
        moves = [world.moves[n] for n in mine]
        expected[source] = (moves, {code: at for code, at in broken.items() if at})
    return expected


def conserved(world: World, positions: dict[int, Positions], ids: dict[str, int]) -> None:
    """Every die is where it was, or has left by one move; nothing comes out of nothing."""
    for name in SOURCES:
        before, after = world.dispositions[name], positions[ids[name]].now
        gone = before != after
        assert not np.isin(before[gone], [Disposition.NO_UNIT, Disposition.CONSUMED]).any()
        assert np.isin(after[gone], list(BECOMES.values())).all()
        left = {(m[1], m[2]) for m in world.moves if m[0] == name and m[9] != PUT_BACK}
        assert {(int(x), int(y)) for y, x in np.argwhere(gone)} <= left


def test_suspect_says_which_moves_broke_any_rule() -> None:
    judged = Judged()
    judged.note("a", np.array([True, False, False, True]))
    judged.note("b", np.array([False, False, True, True]))
    judged.note("c", np.zeros(4, np.bool_))
    assert judged.broken == {"a": [0, 3], "b": [2, 3]}
    assert judged.suspect(4).tolist() == [True, False, True, True]


def test_nothing_is_stored_for_no_moves_of_a_pair(floor: Floor) -> None:
    """One row for each pair of substrates that exchanged units, none for the others."""
    run = prepared(floor)
    floor.report(run, TARGET, moves=[("W1", 0, 0, TARGET, 0, 0, 1, 1, 0, PLACED)])
    with floor.database.reading() as session:
        (row,) = session.scalars(select(Transfer)).all()
        assert (row.n, row.source_id, row.happened_at > BEGIN) == (1, floor.substrate("W1"), True)
