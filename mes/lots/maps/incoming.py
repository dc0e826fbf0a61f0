"""Take in the material that map files describe: a lot for each lot they name, all of them or none."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from mes.errors import Malformed, Reason
from mes.history import Act
from mes.lots.create import NewLot, create
from mes.units.arrival import Arrival, arrivals
from mes.units.formats.describe import describe
from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import MapFile


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
    """Create the lots that the files name, and release them if asked to: ``lots`` with substrates, and ``warnings``.

    Raises `MapUnreadable`, `Malformed` (a file that names no lot, or several that name one substrate), and what
    `create` raises.
    """
    lots, warnings = _lots(files)
    odd = tuple(f"{w['file']}, {w['place']}: {w['message']}" for w in warnings)
    for name, arrived in lots.items():
        create(session, NewLot(name, customer, route, tuple(arrived), warnings=odd), act, released=released)
    told = [{"lot": name, "substrates": [a.substrate for a in arrived]} for name, arrived in lots.items()]
    return {"lots": told, "warnings": warnings}


def _lots(files: Iterable[MapIn]) -> tuple[dict[str, list[Arrival]], list[dict[str, str]]]:
    """Lot -> the substrates that the files say are in it, and everything odd about the files."""
    lots: dict[str, list[Arrival]] = {}
    warnings: list[dict[str, str]] = []
    for file in files:
        mapfile = read_map(file)
        warnings += [{"file": file.name, **warning} for warning in describe(mapfile)["warnings"]]
        for arrival in arrivals(mapfile):
            if arrival.map is None or not arrival.map.lot:
                raise Malformed(f"{file.name} does not say in which lot {arrival.substrate} is; let it name one.")
            lots.setdefault(arrival.map.lot, []).append(arrival)
    return lots, warnings


def read_map(file: MapIn) -> MapFile:
    """What the file says. Raises `MapUnreadable`."""
    try:
        return read_any(file.content)
    except MapRefused as error:
        raise MapUnreadable(f"{file.name}: {error}", Reason(error.code, str(error), "caller")) from error
