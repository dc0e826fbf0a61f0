"""Penny Fab Two reckoned event by event with the draws of the simulators: no database, no equipment, no dispatch."""

import heapq

from equipment.sim.chance import keyed

STATIONS = ((10, 2, 1), (20, 5, 2), (30, 10, 6), (40, 3, 2))
"""Operation, mean hours, machines."""
HOUR_MS = 3_600_000

Times = dict[str, float]


def reckoned(wip: int, lots: int, seed: int) -> tuple[Times, Times]:
    """Hours of release and of end by lot, with exponential times; who came first, or of equals by name, goes first."""
    names = iter([f"penny-{n:02d}" for n in range(1, lots + 1)])
    queues: list[list[tuple[int, str]]] = [[] for _ in STATIONS]
    free = [machines for _, _, machines in STATIONS]
    running: list[tuple[int, int, str]] = []
    released, ended = Times(), Times()

    def release(at: int) -> None:
        if name := next(names, ""):
            released[name] = at / HOUR_MS
            heapq.heappush(queues[0], (at, name))

    def begin(at: int) -> None:
        for station, queue in enumerate(queues):
            while free[station] and queue:
                _, name = heapq.heappop(queue)
                free[station] -= 1
                heapq.heappush(running, (at + _time_ms(name, station, seed), station, name))

    for _ in range(wip):
        release(0)
    begin(0)
    while running:
        at = running[0][0]
        while running and running[0][0] == at:
            _, station, name = heapq.heappop(running)
            free[station] += 1
            if station + 1 < len(STATIONS):
                heapq.heappush(queues[station + 1], (at, name))
            else:
                ended[name] = at / HOUR_MS
                release(at)
        begin(at)
    return released, ended


def _time_ms(name: str, station: int, seed: int) -> int:
    number, hours, _ = STATIONS[station]
    draw = keyed(seed, name, f"penny/{number}", 1, f"{name}-01", "process_time").standard_exponential()
    return max(1, round(hours * HOUR_MS * float(draw)))
