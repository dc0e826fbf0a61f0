"""People start only what they are certified for; who trains them certifies them, until a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from mes.definitions.models import Certification, EquipmentClass, Layout
from mes.equipment.certification.certify import certify, withdraw
from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotFound, Refused, StartRefused
from mes.history import Act, History, entry
from mes.lots.gate import start_gate
from mes.lots.models import Lot
from mes.lots.work.track_in import track_in
from mes.people.models import User
from mes.people.roles import Role
from mes.recipes.models import RecipeVersion
from tests.shop import BEGIN, Floor, _product, _route

VALID_H = 100
PEOPLE = {"kim": Role.OPERATOR, "lee": Role.LINE_ENGINEER, "choi": Role.PROCESS_ENGINEER, "bot": Role.EQUIPMENT}


@pytest.fixture(autouse=True)
def school(floor: Floor) -> None:
    """Cells and the operation that plates need a certificate each; lee trains for cells, choi for plating."""
    with floor.database.transaction() as session:
        session.add(Certification(name="cells", title="Work at cells", trainer="line_engineer"))
        plating = {"trainer": "process_engineer", "valid_s": VALID_H * 3600.0, "ordinal": 1}
        session.add(Certification(name="plating", title="Plating", **plating))
        session.execute(update(EquipmentClass).where(EquipmentClass.name == "cell").values(certification="cells"))
        session.add_all(User(name=name, title=name.title(), role=role) for name, role in PEOPLE.items())
        product = _product(session, "plate", session.scalars(select(Layout).where(Layout.name == "dies")).one())
        cell = session.scalars(select(EquipmentClass.id).where(EquipmentClass.name == "cell")).one()
        recipe = session.scalars(select(RecipeVersion.id).where(RecipeVersion.name == "bond@1")).one()
        step = {"kind": "process", "class_id": cell, "recipe_version_id": recipe, "certification": "plating"}
        _route(session, product, "completed", step)
    floor.arrive("P", "plate", "W")


def by(floor: Floor, who: str, why: str = "trained") -> Act:
    floor.hours += 1
    return Act(who, BEGIN + timedelta(hours=floor.hours), why)


def certified(floor: Floor, what: str, whom: str, who: str, **how: Any) -> None:
    until = how.get("until")
    with floor.database.transaction() as session:
        certify(session, what, whom, until, PEOPLE[who], by(floor, who))


def against(floor: Floor, who: str | None, equipment: str = "CELL-1") -> list[tuple[str, str, str]]:
    """Why somebody may not start lot P."""
    with floor.database.reading() as session:
        lot, on = floor.id_of(Lot, "P"), floor.id_of(Equipment, equipment)
        found = start_gate.reasons(session, lot, on, BEGIN + timedelta(hours=floor.hours), who)
        return [(r.code, r.message, r.who) for r in found]


def test_class_and_operation_ask_for_a_certificate_each(floor: Floor) -> None:
    assert against(floor, "kim") == [
        ("not_certified", "kim is not certified for Work at cells; let a line engineer train and certify.",
         "line_engineer"),
        ("not_certified", "kim is not certified for Plating; let a process engineer train and certify.",
         "process_engineer"),
    ]  # fmt: skip
    before = floor.everything()
    with pytest.raises(StartRefused) as refusal:
        floor.do(track_in, floor.wanted("CELL-1", "P"), act=by(floor, "kim"))
    assert [r.code for r in refusal.value.reasons] == ["not_certified", "not_certified"]
    assert floor.everything() == before
    certified(floor, "cells", "kim", "lee")
    certified(floor, "plating", "kim", "choi")
    assert against(floor, "kim") == []
    assert [code for code, *_ in against(floor, "lee")] == ["not_certified", "not_certified"]
    assert [code for code, *_ in against(floor, "kim", "OVEN-1")] == ["wrong_class"]
    floor.hours += VALID_H
    said = "The certificate of kim for Plating ended 2026-03-05 09:00 UTC; let a process engineer renew it."
    assert against(floor, "kim")[0][:2] == ("certificate_expired", said)
    certified(floor, "plating", "kim", "choi")
    floor.do(track_in, floor.wanted("CELL-1", "P"), act=by(floor, "kim"))
    assert floor.problems() == []


@pytest.mark.parametrize("who", [None, "bot", "connector"])
def test_equipment_that_starts_by_itself_needs_no_certificate(floor: Floor, who: str | None) -> None:
    assert against(floor, who) == []


REFUSED: dict[str, tuple[str, str, str, list[tuple[str, str]]]] = {
    "of another": ("cells", "kim", "choi", [("trained_by_another", "line_engineer")]),
    "one's own": ("cells", "lee", "lee", [("own_certificate", "line_engineer")]),
    "both": ("plating", "lee", "lee", [("trained_by_another", "process_engineer"),
                                       ("own_certificate", "process_engineer")]),
}  # fmt: skip


def test_certificates_are_granted_by_who_trains_and_to_others(floor: Floor) -> None:
    for what, whom, who, reasons in REFUSED.values():
        with pytest.raises(Refused) as refusal:
            certified(floor, what, whom, who)
        assert [(r.code, r.who) for r in refusal.value.reasons] == reasons
    wrong: list[tuple[Callable[[], None], type[MesError], str]] = [
        (lambda: certified(floor, "boats", "kim", "lee"), NotFound, "the plant has cells, plating"),
        (lambda: certified(floor, "cells", "nobody", "lee"), NotFound, "no user nobody"),
        (lambda: certified(floor, "cells", "kim", "lee", until=BEGIN), Malformed, "which is past"),
        (lambda: certified(floor, "plating", "kim", "choi", until=BEGIN + timedelta(days=9)), Malformed, "longest"),
    ]
    before = floor.everything()
    for step, error, said in wrong:
        with pytest.raises(error, match=said):
            step()
    assert floor.everything() == before


def test_what_is_withdrawn_is_gone_and_told(floor: Floor) -> None:
    for what, who in (("cells", "lee"), ("plating", "choi")):
        certified(floor, what, "kim", who)
    until = BEGIN + timedelta(hours=50)
    certified(floor, "cells", "kim", "lee", until=until)
    with floor.database.transaction() as session, pytest.raises(Malformed, match="Say why"):
        withdraw(session, "cells", "kim", Role.LINE_ENGINEER, by(floor, "lee", ""))
    with floor.database.transaction() as session:
        withdraw(session, "cells", "kim", Role.ADMINISTRATOR, by(floor, "boss", "two lots on the wrong recipe"))
    assert [code for code, *_ in against(floor, "kim")] == ["not_certified"]
    with floor.database.transaction() as session, pytest.raises(NotFound, match="kim is not certified"):
        withdraw(session, "cells", "kim", Role.LINE_ENGINEER, by(floor, "lee"))
    with floor.database.reading() as session:
        of = History.subject == "cells"
        told = [entry(row) for row in session.scalars(select(History).where(of).order_by(History.n))]
    verbs = ["certify", "certify", "withdraw_certificate"]
    assert [(one["verb"], one["after"].get("expires_at")) for one in told] == list(
        zip(verbs, [None, until.isoformat(), None], strict=True)
    )
    assert floor.problems() == []
