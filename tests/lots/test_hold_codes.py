"""Codes of holds that are in use, and those of the system, are listed with who releases them."""

from mes.lots.hold import hold, release_hold
from mes.lots.hold_codes import MEANINGS, hold_codes
from mes.lots.models import Lot
from mes.people.roles import Role
from tests.shop import Floor


def test_codes_of_the_system_and_those_in_use(floor: Floor) -> None:
    floor.arrive("D1", "die", "W1")
    lot = floor.id_of(Lot, "D1")
    first = floor.do(hold, lot, "height", "low", "line_engineer").id
    floor.do(hold, lot, "height", "low again", "process_engineer")
    floor.do(hold, lot, "exception", "as the system would", "yield_engineer")
    floor.do(release_hold, lot, first, "measured again", Role.LINE_ENGINEER)
    with floor.database.reading() as session:
        found = [tuple(row.values()) for row in hold_codes(session)]
    assert found == [
        ("exception", MEANINGS["exception"], "yield_engineer", 1, 1),
        ("height", "", "process_engineer", 1, 2),
        ("in_doubt", MEANINGS["in_doubt"], "line_engineer", 0, 0),
    ]
