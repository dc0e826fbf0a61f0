"""Two customers with dies on one wafer, over HTTP: neither is told of a position of the other, nor of the wafer."""

from __future__ import annotations

import re

from mes.lots.verbs.part import part
from tests.api.conftest import Api
from tests.api.test_across_owners import _asked, told
from tests.lots.test_projects import OF, shuttle
from tests.shop import Floor

ABSENT = (
    "/lots/{lot}", "/lots/{lot}/history", "/lots/{who}/{lot}", "/substrates/{who}/{wafer}",
    "/substrates/{who}/{wafer}/map.xml", "/substrates/{wafer}/maps/dispositions", "/units/{who}/{wafer}/1/0",
    "/units/{wafer}/1/0/genealogy",
)  # fmt: skip
"""What answers as if nothing of that name were there."""


def own(project: str, customer: str) -> list[str]:
    """All that a customer may look at: programs' answers, pages, files and reports."""
    wafer, lot = f"W1.{project}", f"S.{project}"
    places = [f"/units/{customer}/{wafer}/{x}/{y}" for x, y in ((0, 0), (1, 0))]
    return [
        "/lots", "/events?follow=false", f"/lots/{lot}", f"/lots/{lot}/history", f"/lots/{lot}/genealogy",
        f"/lots/{lot}/maps", f"/lots/{customer}/{lot}", f"/substrates/{customer}/{wafer}",
        f"/substrates/{customer}/{wafer}?layer=bin:incoming", f"/substrates/{customer}/{wafer}/map.xml",
        f"/substrates/{wafer}/maps/dispositions", f"/substrates/{wafer}/maps/bin:incoming", *places,
        f"/units/{wafer}/0/0/genealogy", f"/units/{wafer}/1/0/destinations", "/find?q=W1",
        *(f"/reports/{report}?format=csv" for report in ("yield", "wip", "cycle_time", "throughput")),
    ]  # fmt: skip


def test_neither_sees_the_positions_of_the_other(floor: Floor, api: Api) -> None:
    floor.do(part, shuttle(floor))
    for project, customer, other, stranger in (("a", "alpha", "b", "beta"), ("b", "beta", "a", "alpha")):
        answers = "".join(told(api, customer, *own(project, customer)))
        dies = [f"DIE-{x}-{y}" for x, y in OF[other] | {(1, 1), (3, 1)}]
        hidden = [*dies, stranger, "foundry", f"W1.{other}", f"S.{other}", "shuttle@1"]
        assert [word for word in hidden if word in answers] == []
        assert {f"DIE-{x}-{y}" for x, y in OF[project]} <= {*re.findall(r"DIE-\d-\d", answers)}
        with api.as_user(customer) as client:
            for who, lot, wafer in (("foundry", "S", "W1"), (stranger, f"S.{other}", f"W1.{other}")):
                for path in ABSENT:
                    answer = _asked(client, api.address, path.format(who=who, lot=lot, wafer=wafer))
                    none = path.format(who=who, lot="N" * len(lot), wafer="N" * len(wafer))
                    assert answer.status_code == _asked(client, api.address, none).status_code == 404, path
