"""Any code leads to what it names, whatever the scanner adds; rubbish to nothing, and nobody to what is another's."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from mes.db import Database, as_customer
from mes.jobs import orders
from mes.labels.find import find, find_each, holding
from mes.labels.scanned import LONGEST, readings
from mes.lots.carriers.carry import change_carrier, register_carrier
from mes.lots.carriers.models import Carrier
from mes.lots.models import Lot
from mes.people.models import Customer
from mes.shipments.send import Sending, send
from tests.materials.tools import equip, tool
from tests.shop import Floor, build_floor
from tests.stockroom import deliver, furnish
from tests.web.conftest import people, serving

GS, RS, EOT = "\x1d", "\x1e", "\x04"
SUPPLIERS = f"[)>{RS}06{GS}PFLX-9{GS}1TF-2207{GS}Q500{RS}{EOT}"
"""A supplier's label: part, lot and quantity."""


@pytest.fixture(scope="module")
def shop(module_database: Database) -> Floor:
    """One of each kind. Both customers have a lot called D, and alpha one called d; J-0000002 was worked by hand."""
    floor = build_floor(module_database)
    furnish(floor)
    equip(floor)
    for name, customer in (("D", "alpha"), ("D", "beta"), ("d", "alpha"), ("E", "beta"), ("O", "alpha")):
        floor.arrive(name, "die", f"{customer}.{name}", customer=customer)
    floor.stock("S", "die", "W7")
    floor.do(send, Sending([floor.id_of(Lot, "S")], "test house"))
    floor.do(register_carrier, "F1", "foup", 25, None)
    deliver(floor, "F-2207", "flux", {"FLX-9": 500})
    deliver(floor, "L8", "tape", {"T-8": 500}, customer="beta")
    tool(floor, "C1", "collet")
    assert floor.do(orders.order, floor.wanted("CELL-1", "O")).name == "J-0000002"
    return floor


def pages(shop: Floor, scanned: str, customer: str | None = None) -> list[tuple[str, str]]:
    """Kind and page of all that is found, as the centre sees it or a customer."""
    scope = as_customer(shop.id_of(Customer, customer)) if customer else None
    with shop.database.reading(scope) if scope else shop.database.reading() as session:
        return [(one.kind, one.page) for one in find(session, scanned, centre=customer is None)]


NAMED = {
    "E": ("lot", "/lots/beta/E"),
    "beta/D": ("lot", "/lots/beta/D"),
    "BETA/e": ("lot", "/lots/beta/E"),
    "W7": ("substrate", "/substrates/alpha/W7"),
    "alpha/w7": ("substrate", "/substrates/alpha/W7"),
    "W7:3,02": ("unit", "/units/alpha/W7/3/2"),
    "alpha/W7:0,0": ("unit", "/units/alpha/W7/0/0"),
    "cell-1": ("equipment", "/equipment/CELL-1"),
    "F1": ("carrier", "/carriers/F1"),
    "FLX-9": ("container", "/containers?q=FLX-9"),
    "beta/T-8": ("container", "/containers?q=T-8"),
    "F-2207": ("material_lot", "/containers?lot=F-2207"),
    "C1": ("durable", "/durables?q=C1"),
    "SHP-000001": ("shipment", "/shipments/SHP-000001"),
    "J-0000002": ("job", "/jobs/J-0000002"),
    "J-0000001": ("run", "/lots/alpha/S"),
    "die/10": ("operation", "/lots?operation=die%2F10"),
}


def test_each_kind_of_code_leads_to_its_page(shop: Floor) -> None:
    assert {code: pages(shop, code) for code in NAMED} == {code: [page] for code, page in NAMED.items()}


def test_upper_and_lower_case_count_where_both_have_a_name(shop: Floor) -> None:
    assert pages(shop, "d") == [("lot", "/lots/alpha/d")]
    assert pages(shop, "D") == [("lot", "/lots/alpha/D"), ("lot", "/lots/beta/D")]
    assert pages(shop, "ALPHA/D") == [("lot", "/lots/alpha/D"), ("lot", "/lots/alpha/d")]


def test_each_of_many_codes_is_found_as_it_would_be_alone(shop: Floor) -> None:
    with shop.database.reading() as session:
        found = find_each(session, ["alpha/d", "alpha/D", "ALPHA/d", "f1", "D", "E9"], ("lot", "carrier"))
    assert {code: [one.code for one in ones] for code, ones in found.items()} == {
        "alpha/d": ["alpha/d"], "alpha/D": ["alpha/D"], "ALPHA/d": ["alpha/D", "alpha/d"], "f1": ["F1"],
        "D": ["alpha/D", "beta/D"], "E9": [],
    }  # fmt: skip


def test_what_a_scanner_adds_is_left_out(shop: Floor) -> None:
    for scanned in ("E\r\n", "]d1E\r", f"]d2{GS}E{EOT}", "\x00E\x00", "  E\t", "]C0E", "E\udcff"):
        assert pages(shop, scanned) == [NAMED["E"]], repr(scanned)
    assert pages(shop, SUPPLIERS) == pages(shop, f"]d1{SUPPLIERS}\r") == [NAMED["FLX-9"], NAMED["F-2207"]]
    assert pages(shop, "E\rFLX-9\r") == [NAMED["E"], NAMED["FLX-9"]]


@pytest.mark.parametrize(
    "rubbish",
    ["", " ", "\x00", GS * 10_000, "X" * 10_000, "E" + "X" * LONGEST, "]d2", "[)>", "'; drop table lot", "%", "_", "/",
     "//", ":", "W7:", "W7:1", "W7:99999999,1", "W7:4,0", "W7:0,3", ":1,2",
     "beta/", "/D", "\ud800", "\x85\u2028", "e" + "/e" * 5_000],
)  # fmt: skip
def test_rubbish_finds_nothing(shop: Floor, rubbish: str) -> None:
    assert pages(shop, rubbish) == []


def test_a_scan_has_so_many_readings_and_no_more() -> None:
    assert readings("\r".join(map(str, range(1000)))) == [str(n) for n in range(20)]


def test_a_customer_finds_own_lots_substrates_and_shipments_alone(shop: Floor) -> None:
    assert pages(shop, "D", "beta") == [("lot", "/lots/beta/D")]
    assert {code: found for code in NAMED if (found := pages(shop, code, "beta"))} == {
        code: [NAMED[code]] for code in ("E", "beta/D", "BETA/e")
    }
    owns = {code: found for code in NAMED if (found := pages(shop, code, "alpha"))}
    assert owns == {code: [NAMED[code]] for code in ("W7", "alpha/w7", "W7:3,02", "alpha/W7:0,0", "SHP-000001")}


def test_a_part_of_a_name_finds_lots_and_substrates_for_people(shop: Floor) -> None:
    with shop.database.reading() as session:
        assert [one.code for one in holding(session, "]d1ta.")] == ["beta/beta.D", "beta/beta.E"]
        assert holding(session, "X" * 10_000) == holding(session, "%") == holding(session, "\x00") == []


def test_pages_and_programs_are_led_alike(shop: Floor) -> None:
    """The field Find, the terminal and HTTP; at the terminal a substrate and a carrier stand for the lot."""
    with shop.database.transaction() as session:
        people(session)
    shop.do(change_carrier, shop.id_of(Lot, "E"), shop.id_of(Carrier, "F1"), None)
    at_lot = "/terminal?lot=E&customer=beta"
    led = {
        "E\r": at_lot, "]d1beta.E": at_lot, "F1": at_lot, "CELL-1": "/terminal?equipment=CELL-1",
        "D": "/terminal?said=unknown&run=D", "C1": "/terminal?said=unknown&run=C1",
        "X" * 5000: "/terminal?said=unknown&run=",
    }  # fmt: skip
    with serving(shop.database) as site, site.client("operator") as client:
        assert {code: client.get("/terminal/scan", params={"code": code}).headers["location"] for code in led} == led
        assert client.get("/find", params={"q": "]d1F1\r"}).headers["location"] == "/carriers/F1"
        told = [client.get("/find", params={"q": rubbish}) for rubbish in ("\x1d" * 5000, "X" * 5000, "D")]
        assert [answer.status_code for answer in told] == [200, 200, 200]
        found = {code: client.get("/api/v1/find", params={"q": code}).json()["items"] for code in ("]d1F1", "X" * 5000)}
    carrier = {"kind": "carrier", "name": "F1", "customer": "", "form": "foup", "code": "F1", "page": "/carriers/F1"}
    assert found == {"]d1F1": [carrier], "X" * 5000: []}


def test_a_code_is_found_by_one_statement_and_what_is_only_alike_by_four(shop: Floor) -> None:
    asked: list[str] = []
    with shop.database.reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *told: asked.append(told[2]))
        for code, statements in (("D", 1), ("alpha/D\rF1\rFLX-9", 1), ("f1", 4), ("ABSENT", 4)):
            asked.clear()
            find(session, code, centre=True)
            assert len(asked) == statements, code


def test_no_code_asks_the_database_for_more_than_a_few_names(shop: Floor) -> None:
    """It takes 65,535 values at once; a code of slashes alone could be a customer's name and another 200 times."""
    codes = ["/" * (LONGEST - 2) + f"{number:02}" for number in range(100)]
    asked: list[int] = []
    with shop.database.reading() as session:
        event.listen(session.connection(), "before_cursor_execute", lambda *told: asked.append(len(told[3])))
        assert find_each(session, codes, ["lot"]) == {code: [] for code in codes}
        assert find(session, GS.join(codes[:20]), centre=True) == []
    assert max(asked) < 5000
