"""Containers are received, thawed, opened, mounted, returned and thrown away; first expired goes first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mes.db import as_customer
from mes.equipment.models import Equipment
from mes.errors import Malformed, MesError, NotFound, Refused
from mes.history import Act, History, entry
from mes.materials.baking import bake
from mes.materials.models import Container, MaterialLot
from mes.materials.mounting import mount, return_container
from mes.materials.preparing import open_container, thaw
from mes.materials.receive import Delivery, receive
from mes.materials.scrapping import scrap_container
from mes.materials.states import TRANSITIONS, ContainerState, ContainerVerb
from mes.people.models import Customer
from tests.shop import BEGIN, Floor
from tests.stockroom import BAKE_H, FLOOR_LIFE_H, THAW_H, container, deliver, furnish, now, opened, put_on, ready, step

S, V = ContainerState, ContainerVerb


@pytest.fixture(autouse=True)
def room(floor: Floor) -> None:
    """The store beside the shop."""
    furnish(floor)


def refused(floor: Floor, verb: Any, name: str, *given: Any, **how: Any) -> list[tuple[str, str]]:
    """Code and who of each reason; whatever they are, no row of any table has changed."""
    before = floor.everything()
    with pytest.raises(Refused) as refusal:
        step(floor, verb, name, *given, **how)
    assert floor.everything() == before
    return [(reason.code, reason.who) for reason in refusal.value.reasons]


def test_states_and_verbs_are_those_typed_here() -> None:
    assert {(s.value, v.value): after.value for (s, v), after in TRANSITIONS.table.items()} == {
        ("stored", "thaw"): "thawing", ("stored", "open"): "opened", ("thawing", "open"): "opened",
        ("opened", "bake"): "baking", ("baking", "mount"): "mounted", ("baking", "scrap"): "scrapped",
        ("stored", "mount"): "mounted", ("thawing", "mount"): "mounted", ("opened", "mount"): "mounted",
        ("mounted", "return"): "opened", ("mounted", "use_up"): "empty",
        ("stored", "scrap"): "scrapped", ("thawing", "scrap"): "scrapped", ("opened", "scrap"): "scrapped",
        ("mounted", "scrap"): "scrapped",
    }  # fmt: skip


def test_a_syringe_from_the_cold_to_the_bin(floor: Floor) -> None:
    deliver(floor, "L1", "flux", {"F1": 500}, lasts_h=1000)
    assert refused(floor, open_container, "F1") == [("material_not_thawed", "operator")]
    assert step(floor, thaw, "F1").thawed_at == now(floor) + timedelta(hours=THAW_H)
    assert refused(floor, open_container, "F1") == [("material_not_thawed", "operator")]
    floor.hours += round(THAW_H)
    assert step(floor, open_container, "F1").state == S.OPENED
    one = put_on(floor, "F1")
    assert (one.state, one.equipment_id, one.mounted_at) == (S.MOUNTED, 1, now(floor))
    assert one.floor_ends_at == (one.thawed_at or BEGIN) + timedelta(hours=FLOOR_LIFE_H)
    assert step(floor, scrap_container, "F1", 20).remainder == 480
    one = step(floor, return_container, "F1")
    assert (one.state, one.equipment_id, one.mounted_at) == (S.OPENED, None, None)
    one = step(floor, scrap_container, "F1", None)
    assert (one.state, one.remainder, one.scrapped) == (S.SCRAPPED, 0, 500)
    for verb, given in ((thaw, ()), (open_container, ()), (return_container, ()), (scrap_container, (None,))):
        assert ("container_state", "operator") in refused(floor, verb, "F1", *given)
    with floor.database.reading() as session:
        told = [entry(row) for row in session.query(History).filter(History.subject == "F1").order_by(History.n)]
    verbs = ["receive_material", "thaw", "open_container", "mount", "scrap_container", "return_container"]
    assert [one["verb"] for one in told] == [*verbs, "scrap_container"]
    assert floor.problems() == []


def test_a_reel_is_opened_where_it_is_mounted_and_keeps(floor: Floor) -> None:
    deliver(floor, "L1", "tape", {"T1": 100})
    assert refused(floor, thaw, "T1") == [("not_kept_cold", "operator")]
    one = put_on(floor, "T1")
    assert (one.state, one.opened_at, one.floor_ends_at) == (S.MOUNTED, now(floor), None)


def test_what_lies_in_the_cold_is_not_mounted_but_what_thaws_is(floor: Floor) -> None:
    deliver(floor, "L1", "flux", {"F1": 100}, lasts_h=1000)
    assert refused(floor, mount, "F1", 1) == [("material_not_thawed", "operator")]
    step(floor, thaw, "F1")
    assert put_on(floor, "F1").state == S.MOUNTED


def test_expired_is_a_fact_of_the_clock(floor: Floor) -> None:
    deliver(floor, "L1", "tape", {"T1": 100, "T2": 100}, lasts_h=20)
    put_on(floor, "T1")
    floor.hours = 20
    assert container(floor, "T1").state == S.MOUNTED  # nothing sweeps
    assert refused(floor, open_container, "T2") == [("material_expired", "operator")]
    step(floor, return_container, "T1")


def test_first_expired_goes_first_unless_an_engineer_says_why(floor: Floor) -> None:
    deliver(floor, "L1", "flux", {"F1": 100}, lasts_h=900)
    deliver(floor, "L2", "flux", {"F2": 100}, lasts_h=800)
    deliver(floor, "L3", "flux", {"F3": 100}, lasts_h=700, customer="beta")  # another owner's waits in no line of these
    assert refused(floor, thaw, "F1") == [("expires_later", "line_engineer")]
    step(floor, thaw, "F2")
    step(floor, thaw, "F1")
    floor.hours += 3
    # by its floor life the one that was thawed first is over first
    assert refused(floor, mount, "F1", 1) == [("expires_later", "line_engineer")]
    with pytest.raises(Malformed, match="Say why"):
        put_on(floor, "F1", act=Act("tester", now(floor), " "), out_of_order=True)
    assert put_on(floor, "F1", out_of_order=True).state == S.MOUNTED
    with floor.database.reading() as session:
        row = session.query(History).filter(History.subject == "F1", History.verb == "mount").one()
    assert entry(row)["after"]["out_of_order"] is True
    put_on(floor, "F2")
    assert floor.problems() == []


def test_what_does_not_expire_earlier_or_is_not_ready_holds_up_nothing(floor: Floor) -> None:
    deliver(floor, "L1", "flux", {"F1": 100, "F2": 100}, lasts_h=900)
    ready(floor, "F2")  # F1 lasts as long, and lies in the cold


WRONG: dict[str, tuple[dict[str, Any], type[MesError], str]] = {
    "no container": ({"containers": ()}, Malformed, "at least one container"),
    "one twice": ({"containers": (("F1", 1), ("F1", 2))}, Malformed, "named twice"),
    "nothing in it": ({"containers": (("F1", 0),)}, Malformed, "holds 0"),
    "too much in it": ({"containers": (("F1", 2_000_000_000),)}, Malformed, "holds 2000000000"),
    "no name": ({"lot": " "}, Malformed, "names of 1 to 64"),
    "unknown material": ({"material": "glue"}, NotFound, "the plant has flux, tape"),
    "unknown customer": ({"customer": "gamma"}, NotFound, "no customer gamma"),
    "past": ({"expires_at": BEGIN}, Refused, "not received"),
    "for ever": ({"expires_at": datetime(9999, 12, 31, 23, 59, tzinfo=UTC)}, Malformed, "look at the year"),
    "no certificate": ({"certificate": ""}, Refused, "not received"),
    "again": ({"lot": "L0"}, Refused, "not received"),
    "container again": ({"containers": (("F0", 5),)}, Refused, "not received"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_received_changes_nothing(floor: Floor, case: str) -> None:
    deliver(floor, "L0", "flux", {"F0": 100})
    changed, error, told = WRONG[case]
    words: dict[str, Any] = {"lot": "L1", "material": "flux", "containers": (("F1", 100),), "certificate": "C"}
    before = floor.everything()
    with pytest.raises(error, match=told) as refusal:
        floor.do(receive, Delivery(**(words | changed)))
    assert floor.everything() == before
    if error is Refused:
        codes = {"past": "material_expired", "no certificate": "certificate_missing"}
        assert [reason.code for reason in refusal.value.reasons] == [codes.get(case, "name_taken")]


@pytest.mark.parametrize("amount", [0, -1, 101])
def test_no_more_is_scrapped_than_is_there(floor: Floor, amount: int) -> None:
    deliver(floor, "L1", "tape", {"T1": 100})
    before = floor.everything()
    with pytest.raises(Malformed, match="holds 100"):
        step(floor, scrap_container, "T1", amount)
    assert floor.everything() == before


def test_a_customer_sees_its_own_containers_alone(floor: Floor) -> None:
    deliver(floor, "L1", "tape", {"T1": 100})
    deliver(floor, "L1", "tape", {"T1": 100}, customer="alpha")
    deliver(floor, "L1", "tape", {"T1": 100}, customer="beta")
    for name in ("alpha", "beta"):
        owner = floor.id_of(Customer, name)
        with floor.database.reading(as_customer(owner)) as session:
            assert [one.customer_id for one in session.query(Container)] == [owner]
            assert [one.customer_id for one in session.query(MaterialLot)] == [owner]


def test_what_lay_open_too_long_is_baked_once_and_lasts_again(floor: Floor) -> None:
    deliver(floor, "L1", "lid", {"R1": 50}, lasts_h=200)
    deliver(floor, "L2", "lid", {"R2": 50}, lasts_h=300)
    assert refused(floor, bake, "R1") == [("container_state", "operator")]
    opened(floor, "R1")
    opened(floor, "R2")
    floor.hours += round(FLOOR_LIFE_H)
    here = floor.id_of(Equipment, "CELL-1")
    assert refused(floor, mount, "R1", here) == [("material_expired", "operator")]
    over = step(floor, bake, "R1").baked_at
    assert over == now(floor) + timedelta(hours=BAKE_H)
    assert container(floor, "R1").floor_ends_at == over + timedelta(hours=FLOOR_LIFE_H)
    assert refused(floor, mount, "R1", here) == [("material_bakes", "operator")]
    step(floor, bake, "R2")
    floor.hours += round(BAKE_H)
    assert refused(floor, mount, "R2", here) == [("expires_later", "line_engineer")]
    put_on(floor, "R1")
    assert step(floor, return_container, "R1").state == S.OPENED
    assert refused(floor, bake, "R1") == [("baked_enough", "operator")]
    assert floor.problems() == []


def test_baking_renews_no_shelf_life_and_not_every_material_is_baked(floor: Floor) -> None:
    deliver(floor, "L1", "lid", {"R1": 50}, lasts_h=20)
    deliver(floor, "L2", "tape", {"T1": 50})
    opened(floor, "R1")
    opened(floor, "T1")
    floor.hours += 20
    assert refused(floor, bake, "R1") == [("material_expired", "operator")]
    assert refused(floor, bake, "T1") == [("not_baked", "operator")]
