"""Take in the material that map files describe: a lot for each lot they name, all of them or none."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from mes.errors import Malformed, Reason
from mes.history import Act
from mes.lots.create import NewLot, create_and_tell
from mes.lots.map_rules import MapStopped
from mes.lots.maps.reading import MapIn, Reading
from mes.units.arrival import Arrival, arrivals
from mes.units.warned import Warned


def take_in(
    session: Session, files: Iterable[MapIn], customer: str, route: str, act: Act, *, released: bool = False,
    declaration: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Create the lots that the files name, and release them if asked to: ``lots`` with substrates, and ``warnings``
    with what each caused. ``declaration``: all are plain text, read by the plant's declaration of that name.

    Raises what `Reading` does, `Malformed` (a file that names no lot, or several that name one substrate), `MapStopped`
    with the warnings of all lots that stop it, and what `create` raises.
    """
    lots, stopped, warnings = _lots(session, files, declaration), list[Reason](), list[Warned]()
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


def _lots(session: Session, files: Iterable[MapIn], declaration: str | None) -> dict[str, list[Arrival]]:
    """Lot -> the substrates that the files say are in it."""
    lots, reading = dict[str, list[Arrival]](), Reading(session, declaration)
    for file in files:
        mapfile = reading.read(file)
        for arrival in arrivals(mapfile, file.name):
            if arrival.map is None or not arrival.map.lot:
                raise Malformed(f"{file.name} does not say in which lot {arrival.substrate} is; let it name one.")
            lots.setdefault(arrival.map.lot, []).append(arrival)
    return lots
