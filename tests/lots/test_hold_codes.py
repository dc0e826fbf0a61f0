"""Codes of holds: the plant's say whose a hold is, and where it has any no other is taken; all there are are listed."""

import pytest

from mes.errors import Malformed
from mes.lots.holds.hold import hold, release_hold
from mes.lots.holds.hold_codes import MEANINGS, hold_codes
from mes.lots.models import Lot
from mes.people.roles import Role
from tests.shop import Floor, code_of_holds


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
        ("discrepancy", MEANINGS["discrepancy"], "line_engineer", [], "finish", False, 0, 0),
        ("equipment_refused", MEANINGS["equipment_refused"], "line_engineer", [], "finish", False, 0, 0),
        ("exception", MEANINGS["exception"], "yield_engineer", [], "finish", False, 1, 1),
        ("height", "", "process_engineer", [], "finish", True, 1, 2),
        ("in_doubt", MEANINGS["in_doubt"], "line_engineer", [], "finish", False, 0, 0),
    ]


@pytest.fixture
def coded(floor: Floor) -> Floor:
    """A floor with two codes of its own, the second of which lets another role own its holds, and one lot."""
    with floor.database.transaction() as session:
        code_of_holds(session, "height", "process_engineer", "line_engineer", place=2)
        code_of_holds(session, "dust", "operator", place=1)
    floor.arrive("D1", "die", "W1")
    return floor


def test_the_code_says_whose_a_hold_is_unless_it_lets_another_own_it(coded: Floor) -> None:
    lot = coded.id_of(Lot, "D1")
    assert coded.do(hold, lot, "height", "low", None).owner_role == "process_engineer"
    assert coded.do(hold, lot, "height", "low", "line_engineer").owner_role == "line_engineer"
    assert coded.do(hold, lot, "dust", "grey", "operator").owner_role == "operator"


@pytest.mark.parametrize(
    ("code", "owner", "says"),
    [
        ("hight", None, "The code hight is none of the plant; choose one of dust, height."),
        ("in_doubt", None, "The code in_doubt is set by the system alone; choose one of dust, height."),
        ("height", "yield_engineer", "belongs to one of process_engineer, line_engineer, not to yield_engineer"),
        ("dust", "customer", "does not belong to customer, but to one of operator"),
    ],
)
def test_other_codes_and_owners_are_refused_with_those_there_are(
    coded: Floor, code: str, owner: str | None, says: str
) -> None:
    with pytest.raises(Malformed, match=says):
        coded.do(hold, coded.id_of(Lot, "D1"), code, "low", owner)
    assert coded.holds("D1") == []


def test_codes_of_the_plant_come_first_in_its_order_and_alone_may_be_chosen(coded: Floor) -> None:
    coded.do(hold, coded.id_of(Lot, "D1"), "height", "low", "line_engineer")
    with coded.database.reading() as session:
        found = {row.pop("code"): row for row in hold_codes(session)}
    assert list(found) == ["dust", "height", "discrepancy", "equipment_refused", "exception", "in_doubt"]
    assert [code for code, row in found.items() if row["may_choose"]] == ["dust", "height"]
    assert (found["height"]["owner"], found["height"]["meaning"]) == ("process_engineer", "Height")
    assert (found["height"]["standing"], found["dust"]["placed"]) == (1, 0)
