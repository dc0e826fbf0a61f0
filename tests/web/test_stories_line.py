"""Equipment, jobs and recipes on their pages: what an engineer finds there, and does about it."""

import re
from datetime import timedelta

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import update

from equipment.interface.messages import AlarmChange, Identity, Record, RecordBatch
from mes.definitions.clock import set_plant_clock
from mes.equipment.condition import change_state, clear_alarm, set_alarm
from mes.equipment.models import Equipment
from mes.equipment.states import EquipmentState
from mes.history import Act
from mes.jobs import orders, results
from mes.jobs.set_aside import set_aside
from mes.people.models import User
from mes.people.passwords import hash_password
from mes.recipes.approve import submit
from mes.recipes.draft import draft
from mes.recipes.models import RecipeOnEquipment, RecipeVersion
from mes.web.equipment_timeline import PERIODS, timeline
from mes.web.recipe_difference import lines, parameters
from tests.shop import BEGIN, Floor
from tests.web.conftest import PASSWORD, Serve, Site, Visiting, people

PIN = "804216"
END = BEGIN + timedelta(hours=24)


@pytest.fixture
def shop(floor: Floor) -> Floor:
    """Lot D1 runs on CELL-1, which was down for two hours and whose door was open."""
    with floor.database.transaction() as session:
        people(session)
        set_plant_clock(session, END, 0)
    floor.arrive("D1", "die", "W1")
    floor.do(orders.order, floor.wanted("CELL-1", "D1"))
    cell = floor.id_of(Equipment, "CELL-1")
    for hour, state, why in ((4, "UDT", "belt"), (6, "SBY", "belt changed")):
        floor.do(change_state, cell, EquipmentState[state], act=Act("tester", BEGIN + timedelta(hours=hour), why))
    floor.do(set_alarm, cell, "DOOR", 700, "Door open")
    floor.do(clear_alarm, cell, "DOOR")
    floor.do(set_alarm, cell, "LAMP", 300, "Lamp weak")
    return floor


@pytest.fixture
def site(shop: Floor, serve: Serve) -> Site:
    return serve()


def send(site: Site, client: httpx.Client, address: str, **fields: str) -> httpx.Response:
    """Send a form of a page as the browser does."""
    return client.post(address, data=fields, headers=site.own)


def test_an_equipment_is_read_on_its_page(site: Site) -> None:
    with site.client("yield_engineer") as client:
        everything, one = client.get("/equipment").text, client.get("/equipment/CELL-1").text
    assert re.search(r'href="/equipment/OVEN-1"', everything)
    assert "0/1 substrates" in everything
    assert 'href="/lots/alpha/D1"' in one
    assert "Lamp weak" in one
    assert one.index("Lamp weak") < one.index("Alarms that have gone away") < one.index("Door open")
    assert "belt changed" in one
    row = re.search(r"Down <small>UDT</small></th>.*?</tr>", one, re.DOTALL)
    assert row is not None
    assert re.findall(r'class="n">([\d.]+)<', row[0]) == ["2.0", "8.3"]


def test_equipment_is_taken_down_and_given_back_by_hand(site: Site, shop: Floor) -> None:
    with site.client("operator") as client:
        down = {"state": "SDT", "why": "collet change"}
        assert send(site, client, "/equipment/CELL-1/state", **down).headers["location"] == "/equipment/CELL-1"
        told = client.get("/equipment/CELL-1").text
        assert "Scheduled down" in told
        assert "collet change" in told
        assert "Give it back" in told
        assert send(site, client, "/equipment/CELL-1/state", state="SBY", why="").status_code == 422
        send(site, client, "/equipment/CELL-1/state", state="SBY", why="collet changed")
        assert "Take it down" in client.get("/equipment/CELL-1").text
        assert client.get("/equipment/CELL-9").status_code == 404
        assert "Clear alarm LAMP" not in client.get("/equipment/CELL-1").text
    with site.client("line_engineer") as client:
        lamp = {"alarm": "LAMP", "why": "changed"}
        assert "Clear alarm LAMP" in client.get("/equipment/CELL-1").text
        assert send(site, client, "/equipment/CELL-1/clear-alarm", **lamp).status_code == 303
        assert "Clear alarm LAMP" not in client.get("/equipment/CELL-1").text
        assert send(site, client, "/equipment/CELL-1/clear-alarm", **lamp).status_code == 404
    with site.client("manager") as client:
        assert "Take it down" not in client.get("/equipment/CELL-1").text
        assert send(site, client, "/equipment/CELL-1/state", **down).status_code == 403


def test_no_hour_counts_twice_and_what_is_not_recorded_is_said() -> None:
    def stay(state: str, begin: float, end: float | None) -> dict[str, object]:
        at = BEGIN + timedelta(hours=begin)
        return {"state": state, "began_at": at, "ended_at": end and BEGIN + timedelta(hours=end), "reason": ""}

    rows = [stay("SBY", 2, 8), stay("PRD", 6, 12), stay("UDT", 12, None)]
    drawn = timeline(rows, BEGIN, END, "24h", "UTC")
    hours = {lane.state.value: lane.hours for lane in drawn.lanes if lane.bars}
    assert hours == {"SBY": 4.0, "PRD": 6.0, "UDT": 12.0}
    assert (drawn.unknown_h, drawn.hours) == (2.0, 24.0)
    assert [lane.percent for lane in drawn.lanes if lane.state == "UDT"] == [50.0]
    assert [(mark.left, mark.label) for mark in drawn.marks][:4] == [
        (12.5, ""),
        (25.0, "06:00"),
        (37.5, ""),
        (50.0, "12:00"),
    ]
    before = timeline([stay("SBY", -9, None)], BEGIN, END, "24h", "UTC")
    assert [(bar.left, bar.width) for lane in before.lanes for bar in lane.bars] == [(0.0, 100.0)]


def test_many_short_stays_are_few_bars_and_keep_their_hours() -> None:
    minute = timedelta(minutes=1)
    ends = [BEGIN + n * minute for n in range(10_080)]
    rows = [
        {"state": ("PRD", "SBY")[n % 2], "began_at": at, "ended_at": at + minute, "reason": ""}
        for n, at in enumerate(ends)
    ]
    drawn = timeline(rows, BEGIN, BEGIN + PERIODS["7d"], "7d", "Asia/Seoul")
    assert sum(len(lane.bars) for lane in drawn.lanes) == 2
    assert [round(lane.hours, 6) for lane in drawn.lanes][:2] == [84.0, 84.0]
    assert [mark.label for mark in drawn.marks][:2] == ["03-02", "03-03"]


@pytest.fixture
def record(shop: Floor) -> int:
    """A record of CELL-1 that was set aside."""
    cell = shop.id_of(Equipment, "CELL-1")
    told = Record("j", 1, BEGIN, "", AlarmChange("LAMP", 700, "odd", is_set=True))
    with shop.database.transaction() as session:
        journal = results.meet(session, cell, Identity("CELL-1", "cell", "j", "b", 1), BEGIN)
        results.receive(session, journal.id, RecordBatch("j", "b", 1, (told,)))
        number = results.pending(session)[0].record_id
        set_aside(session, number, Act("kim", END, "fails since the update"))
    return number


def test_a_line_engineer_lets_a_refused_record_be_tried_again(site: Site, record: int) -> None:
    here = f"/jobs/records/{record}"
    with site.client("line_engineer") as client:
        assert "Rejected records: 1." in client.get("/jobs").text
        listed = client.get("/jobs/records?state=rejected&equipment=CELL-1&run=").text
        assert f'href="{here}"' in listed
        assert "Set aside by kim: fails since the update" in listed
        told = client.get(here).text
        assert "&#34;LAMP&#34;" in told
        assert send(site, client, f"{here}/retry", why="").status_code == 422
        assert send(site, client, f"{here}/retry", why="the update is undone").headers["location"] == here
        assert "waits to take effect" in client.get(here).text
        assert send(site, client, f"{here}/retry", why="once more").status_code == 409
        assert "No such record" in client.get("/jobs/records?state=rejected").text
        assert send(site, client, f"{here}/set-aside", why="still fails").status_code == 303
        assert client.get("/jobs/records?equipment=CELL-9").status_code == 404
    with site.client("operator") as client:
        assert "Try it again" not in client.get(here).text
        assert send(site, client, f"{here}/retry", why="me too").status_code == 403


def test_a_job_is_followed_to_its_substrates_and_its_order(site: Site) -> None:
    with site.client("line_engineer") as client:
        listed = client.get("/jobs?order=to_send").text
        (job,) = set(re.findall(r'href="/jobs/(J-\d+)"', listed))
        told = client.get(f"/jobs/{job}").text
        assert "No such job" in client.get("/jobs?state=ended").text
    assert "bond@1" in told
    assert "characters as stored" in told
    assert "None came yet." in told


def test_what_the_centre_does_is_not_shown_to_customers(site: Site, record: int) -> None:
    pages = (
        "/equipment",
        "/equipment/CELL-1",
        "/jobs",
        "/jobs/records",
        f"/jobs/records/{record}",
        "/recipes",
        "/recipes/bake@1",
    )
    with site.client("alpha") as client:
        assert {client.get(page).status_code for page in pages} == {403}


@pytest.fixture
def submitted(shop: Floor) -> None:
    """bake@2 and bake@3 wait for a signature; the process engineer has a PIN."""
    with shop.database.transaction() as session:
        like = shop.id_of(RecipeVersion, "bake@1")
        for degrees in (152.5, 151):
            version = draft(session, like, f"# for the new paste\npeak_temperature = {degrees} Cel\n", shop.act())
            submit(session, version.id, shop.act())
        session.execute(update(User).where(User.name == "process_engineer").values(pin_hash=hash_password(PIN)))


def test_a_process_engineer_approves_with_password_and_with_pin(
    site: Site, shop: Floor, submitted: None, visit: Visiting
) -> None:
    visited = visit(site)
    page = visited.sign_in("process_engineer")
    page.goto(f"{site.address}/recipes?state=in_review")
    page.get_by_role("link", name="bake@2").click()
    expect(page.get_by_role("row").filter(has_text="changed").last).to_contain_text("152.5")
    approve = page.get_by_role("button", name="Sign and approve")
    for recipe, wrong, right in (("bake@2", "a guess", PASSWORD), ("bake@3", "000000", PIN)):
        page.goto(f"{site.address}/recipes/{recipe}")
        expect(page.get_by_text("neither changes again")).to_be_visible()
        page.get_by_label("Remark").fill("as the trial showed")
        page.get_by_label("Password or PIN").fill(wrong)
        approve.click()
        expect(page.get_by_role("dialog")).to_contain_text("neither your password nor your PIN")
        page.get_by_role("button", name="Close").click()
        expect(page.get_by_label("Remark")).to_have_value("as the trial showed")
        page.get_by_label("Password or PIN").fill(right)
        approve.click()
        expect(page.get_by_text("approved by process_engineer")).to_be_visible()
    visited.wrong.clear()  # the browser itself remarks on the status 403
    with shop.database.reading() as session:
        versions = session.query(RecipeVersion).where(RecipeVersion.recipe == "bake")
        assert {version.state for version in versions} == {"approved"}


def test_a_version_is_drafted_submitted_verified_and_retired(site: Site, shop: Floor) -> None:
    with shop.database.transaction() as session:
        of = {"equipment_id": shop.id_of(Equipment, "OVEN-1"), "recipe_version_id": shop.id_of(RecipeVersion, "bake@1")}
        session.add(RecipeOnEquipment(sha256="0", verified_at=BEGIN, **of))
    with site.client("process_engineer") as client:
        assert "Verify on OVEN-1" in client.get("/recipes/bake@1").text
        assert send(site, client, "/recipes/bake@1/verify", equipment="OVEN-1", why="loaded").status_code == 303
        assert "Verify on OVEN-1" not in client.get("/recipes/bake@1").text
        body = "peak_temperature = 152 Cel\r\n"
        made = send(site, client, "/recipes/bake@1/draft", body=body, why="for the new paste")
        assert made.headers["location"] == "/recipes/bake%402"
        refused = send(site, client, "/recipes/bake@1/draft", body="hot", why="for the new paste")
        assert refused.status_code == 422
        assert "write name = value unit" in refused.text
        assert "Differences to bake@1" in client.get("/recipes/bake@2").text
        assert send(site, client, "/recipes/bake@2/submit").status_code == 303
        assert send(site, client, "/recipes/bake@2/submit").status_code == 409
        assert send(site, client, "/recipes/bake@1/retire", why="cracks").status_code == 303
        assert "Obsolete" in client.get("/recipes/bake@1").text
    with site.client("administrator") as client:
        assert "waits for the signature of a process engineer" in client.get("/recipes/bake@2").text
        assert send(site, client, "/recipes/bake@2/approve", secret=PASSWORD).status_code == 403
    with site.client("line_engineer") as client:
        assert send(site, client, "/recipes/bake@2/retire", why="me").status_code == 403


def test_two_bodies_stand_side_by_side() -> None:
    before = "\n".join(f"line {n}" for n in range(1, 21))
    after = before.replace("line 10\n", "line ten\nand more\n") + "\nline 21"
    rows = lines(before, after)
    changed = [(row.kind, row.before and row.before.text, row.after and row.after.text) for row in rows]
    assert ("changed", "line 10", "line ten") in changed
    assert ("added", None, "and more") in changed
    assert changed[-1] == ("added", None, "line 21")
    assert [kind for kind, _, _ in changed].count("skipped") == 2
    assert len(changed) == 2 + (3 + 2 + 3) + (3 + 1)
    assert lines(before, before) == []
    moved = lines("force = 40 N", "# for the new die\nforce = 41 N")
    assert [row.kind for row in moved] == ["added", "changed"]
    low = {"name": "force", "unit": "N", "target": 40.0, "low": 30.0, "high": 50.0}
    assert parameters([low], [low]) == []
    assert parameters([low], [low | {"target": 41.0}])[0]["after"]["target"] == 41.0
