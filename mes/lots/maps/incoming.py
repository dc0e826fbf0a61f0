"""Take in the material that map files describe: a lot for each lot they name, all of them or none."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from mes.errors import Malformed, Reason
from mes.history import Act
from mes.lots.create import NewLot, create_and_tell
from mes.lots.map_rules import MapStopped
from mes.units.arrival import Arrival, arrivals
from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import MapFile
from mes.units.warned import Warned


@dataclass(frozen=True)
class MapIn:
    """A file as it came."""

    name: str
    content: bytes


class MapUnreadable(Malformed):
    """A file cannot be read as a whole; ``reasons`` say where and why."""


def take_in(
    session: Session, files: Iterable[MapIn], customer: str, route: str, act: Act, *, released: bool = False
) -> dict[str, Any]:
    """Create the lots that the files name, and release them if asked to: ``lots`` with substrates, and ``warnings``
    with what each caused.

    Raises `MapUnreadable`, `Malformed` (a file that names no lot, or several that name one substrate), `MapStopped`
    with the warnings of all lots that stop it, and what `create` raises.
    """
    lots, stopped, warnings = _lots(files), list[Reason](), list[Warned]()
    for name, arrived in lots.items():
        try:
            _, odd = create_and_tell(session, NewLot(name, customer, route, tuple(arrived)), act, released=released)
            warnings += odd
        except MapStopped as stop:
            stopped += stop.reasons
    if stopped:
        raise MapStopped(list(dict.fromkeys(stopped)))
    told = [{"lot": name, "substrates": [a.substrate for a in arrived]} for name, arrived in lots.items()]
    return {"lots": told, "warnings": [one.told() for one in dict.fromkeys(warnings)]}


def _lots(files: Iterable[MapIn]) -> dict[str, list[Arrival]]:
    """Lot -> the substrates that the files say are in it."""
    lots: dict[str, list[Arrival]] = {}
    for file in files:
        mapfile = read_map(file)
        for arrival in arrivals(mapfile, file.name):
            if arrival.map is None or not arrival.map.lot:
                raise Malformed(f"{file.name} does not say in which lot {arrival.substrate} is; let it name one.")
            lots.setdefault(arrival.map.lot, []).append(arrival)
    return lots


def read_map(file: MapIn) -> MapFile:
    """What the file says. Raises `MapUnreadable`."""
    try:
        return read_any(file.content)
    except MapRefused as error:
        raise MapUnreadable(f"{file.name}: {error}", Reason(error.code, str(error), "caller")) from error
