"""A recipe version from draft to retirement: inside its limits, signed by who may, told by history, never changed."""

import json

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from equipment.interface.codec import sha256_of
from mes.equipment.models import Equipment
from mes.errors import NotAllowed, NotFound, WrongState
from mes.history import History
from mes.lots.gate import start_gate
from mes.lots.models import Lot
from mes.people.roles import Role
from mes.people.sign_in import Person
from mes.recipes.approve import APPROVED_MEANS, approve, retire, submit
from mes.recipes.draft import MOST_CHARACTERS, BodyRefused, draft
from mes.recipes.models import RecipeVersion
from tests.shop import BAKE, Floor

HOTTER = "# for the new paste\npeak_temperature = 152.5 Cel\n"
ENGINEER = Person("lee", "Lee", Role.PROCESS_ENGINEER, None)


def version(floor: Floor, name: str) -> RecipeVersion:
    with floor.database.reading() as session:
        return session.scalars(select(RecipeVersion).where(RecipeVersion.name == name)).one()


def bake(floor: Floor) -> int:
    return floor.id_of(RecipeVersion, "bake@1")


def test_draft_is_the_next_version_with_the_targets_of_its_body(floor: Floor) -> None:
    floor.do(draft, bake(floor), HOTTER)
    made = version(floor, "bake@2")
    assert (made.state, made.sha256, made.approved_by) == ("draft", sha256_of(HOTTER), None)
    assert made.parameters == [{"name": "peak_temperature", "unit": "Cel", "target": 152.5, "low": 145, "high": 155}]
    assert made.class_id == version(floor, "bake@1").class_id
    floor.do(draft, bake(floor), BAKE)
    assert version(floor, "bake@3").parameters[0]["target"] == 150


@pytest.mark.parametrize(
    ("body", "sentences"),
    [
        ("peak_temperature = 160 Cel", ["Line 1 sets peak_temperature to 160; its limits are 145 to 155."]),
        ("peak_temperature = 150 K", ["Line 1 sets peak_temperature in K; its limits are in Cel."]),
        (
            "hot\nforce = 3 N",
            [
                "Line 1 is 'hot'; write name = value unit.",
                "Line 2 sets force, which has no limits in bake@1.",
                "It does not set peak_temperature.",
            ],
        ),
        (BAKE + "\n" + BAKE, ["Line 2 sets peak_temperature again; keep one."]),
        (BAKE + "\n#" + "x" * MOST_CHARACTERS, [f"It has more than {MOST_CHARACTERS} characters"]),
    ],
)
def test_body_outside_its_limits_is_refused_with_every_reason(floor: Floor, body: str, sentences: list[str]) -> None:
    with pytest.raises(BodyRefused) as refused:
        floor.do(draft, bake(floor), body)
    assert [reason.message for reason in refused.value.reasons] == sentences
    with pytest.raises(NotFound):
        floor.do(draft, 999, BAKE)


def test_version_runs_from_its_signature_to_its_retirement(floor: Floor) -> None:
    made = floor.do(draft, bake(floor), HOTTER).id
    floor.do(submit, made)
    floor.do(approve, made, ENGINEER)
    assert (version(floor, "bake@2").approved_by, version(floor, "bake@2").state) == ("lee", "approved")
    floor.do(retire, made)
    with floor.database.reading() as session:
        query = select(History.verb, History.actor, History.body).where(History.subject == "bake@2").order_by(History.n)
        told = [(verb, actor, json.loads(body)["after"]) for verb, actor, body in session.execute(query)]
    assert [(verb, actor) for verb, actor, _ in told] == [
        ("draft", "tester"),
        ("submit", "tester"),
        ("approve", "lee"),
        ("retire", "tester"),
    ]
    assert told[2][2]["means"] == APPROVED_MEANS
    assert told[2][2]["sha256"] == sha256_of(HOTTER)
    assert floor.problems() == []


def test_only_a_process_engineer_signs_and_only_what_was_submitted(floor: Floor) -> None:
    made = floor.do(draft, bake(floor), HOTTER).id
    with pytest.raises(WrongState):
        floor.do(approve, made, ENGINEER)
    floor.do(submit, made)
    with pytest.raises(NotAllowed):
        floor.do(approve, made, Person("kim", "Kim", Role.OPERATOR, None))
    assert version(floor, "bake@2").state == "in_review"


def test_signed_body_never_changes(floor: Floor) -> None:
    with pytest.raises(IntegrityError, match="refuses update"), floor.database.transaction() as session:
        session.execute(update(RecipeVersion).where(RecipeVersion.id == bake(floor)).values(body=HOTTER))


def test_lot_does_not_start_with_a_retired_version(floor: Floor) -> None:
    floor.arrive("B1", "board", "P1")
    floor.do(retire, bake(floor))
    with floor.database.reading() as session:
        lot = session.scalars(select(Lot.id).where(Lot.name == "B1")).one()
        found = start_gate.reasons(session, lot, floor.id_of(Equipment, "OVEN-1"), floor.act().at)
    assert [reason.code for reason in found] == ["recipe_not_approved"]
