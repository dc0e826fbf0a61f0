"""Who may sign in, as what: the administrator's pages, and what everybody changes for himself or herself."""

import re

import httpx
import pytest
from playwright.sync_api import expect
from sqlalchemy import func, select
from structlog.testing import capture_logs

from mes.http.models import CommandAnswer
from mes.people.models import ApiKey, SignIn, User
from mes.people.passwords import matches
from mes.people.permissions import ALLOWED, Permission, meanings
from mes.people.roles import Role
from tests.shop import Floor
from tests.web.conftest import PASSWORD, Serve, Site, Visiting, people
from tests.web.test_stories_line import send

NEW, PIN = "battery staple horse", "804216"


@pytest.fixture
def site(floor: Floor, serve: Serve) -> Site:
    with floor.database.transaction() as session:
        people(session)
    return serve()


def user(site: Site, name: str) -> User:
    with site.database.reading() as session:
        return session.scalars(select(User).where(User.name == name)).one()


def person(name: str = "kim", role: str = "operator", **otherwise: str) -> dict[str, str]:
    """The form by which somebody is let in."""
    told = {"name": name, "title": "Kim Minji", "role": role, "password": NEW, "again": NEW}
    return told | otherwise


def entered(site: Site, name: str, password: str) -> int:
    """What a sign-in is answered."""
    with site.client() as client:
        return send(site, client, "/sign-in", name=name, password=password).status_code


def test_an_administrator_lets_a_person_in_who_then_signs_in(site: Site, visit: Visiting) -> None:
    page = visit(site).sign_in("administrator")
    page.goto(f"{site.address}/administration")
    page.get_by_text("Let a person sign in").click()
    for label, value in (("Signs in as", "kim"), ("Name of the person", "Kim Minji"), ("New password again", NEW)):
        page.get_by_label(label).fill(value)
    page.get_by_label("New password, at least").fill(NEW)
    page.locator("select[name=role]").select_option("operator")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="Kim Minji")).to_be_visible()
    own = visit(site).page
    own.goto(site.address)
    own.get_by_label("Name").fill("kim")
    own.get_by_label("Password").fill(NEW)
    own.get_by_role("button", name="Sign in").click()
    expect(own).to_have_url(f"{site.address}/terminal")
    own.get_by_role("link", name="Kim Minji").click()
    own.get_by_label("Language").select_option("ko")
    own.get_by_label("Time zone").select_option("America/New_York")
    own.get_by_role("button", name="Save").click()
    expect(own.locator("html")).to_have_attribute("lang", "ko")
    expect(own.get_by_role("status")).to_contain_text("표시")
    own.goto(f"{site.address}/equipment")
    expect(own.get_by_text("America/New_York")).to_be_visible()


def test_what_is_wrong_with_a_new_person_is_said(site: Site) -> None:
    with site.client("administrator") as client:
        wrong = (
            (person(password="short", again="short"), 422, "at least 10"),
            (person(again="something else"), 422, "not the same"),
            (person(role="customer"), 422, "belongs to a customer"),
            (person(customer="alpha"), 422, "belongs to a customer"),
            (person("operator"), 409, "already a user"),
            (person(role="customer", customer="gamma"), 404, "no customer gamma"),
        )
        for form, status, said in wrong:
            refused = send(site, client, "/administration/people", **form)
            assert (refused.status_code, said in refused.text) == (status, True), refused.text
        made = send(site, client, "/administration/people", **person("lee", "customer", customer="beta"))
        assert made.headers["location"] == "/administration/people/lee"
        assert "beta" in client.get("/administration/people/lee").text


def test_a_role_a_password_and_an_end_count_at_once_and_say_who_did_it(site: Site) -> None:
    here = "/administration/people/operator"
    with site.client("administrator") as client, site.client("operator") as own:
        with capture_logs() as logs:
            assert send(site, client, f"{here}/role", role="manager").status_code == 303
            assert own.get("/terminal").status_code == 403
            assert send(site, client, f"{here}/password", password=NEW, again=NEW).status_code == 303
            assert own.get("/lots").headers["location"].startswith("/sign-in")
            assert entered(site, "operator", NEW) == 303
            send(site, client, f"{here}/end")
        assert entered(site, "operator", NEW) == 401
        told = [(line["event"], line["user"], line["by"]) for line in logs if "by" in line]
        assert told == [
            (event, "operator", "administrator") for event in ("role_given", "password_given", "access_ended")
        ]
        assert NEW not in str(logs)
        only = send(site, client, "/administration/people/administrator/role", role="operator")
        assert (only.status_code, "only administrator" in only.text) == (409, True)
        assert send(site, client, "/administration/people/administrator/end").status_code == 409


def test_a_key_is_shown_once_works_and_is_revoked(site: Site) -> None:
    form = {"name": "dashboard", "user": "manager", "scope": "see_reports", "days": "7"}
    with site.client("administrator") as client:
        made = send(site, client, "/administration/keys", **form)
        (token,) = re.findall(r'class="token">(mes_[\w-]+)<', made.text)
        assert token not in client.get("/administration/keys").text
        key = {"authorization": f"Bearer {token}"}
        assert httpx.get(f"{site.address}/api/v1/reports", headers=key).status_code == 200
        assert httpx.get(f"{site.address}/api/v1/equipment", headers=key).status_code == 403
        assert send(site, client, "/administration/keys", **form).status_code == 409
        beyond = send(site, client, "/administration/keys", **form | {"name": "x", "scope": "administer"})
        assert (beyond.status_code, "administer is not" in beyond.text) == (422, True)
        assert send(site, client, "/administration/keys/dashboard/revoke").status_code == 303
        assert httpx.get(f"{site.address}/api/v1/reports", headers=key).status_code == 401
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ApiKey)) == 0
        assert session.scalar(select(func.count()).select_from(CommandAnswer)) == 0


def test_ones_own_password_is_asked_for_and_others_are_signed_out(site: Site) -> None:
    with site.client("alpha") as client, site.client("alpha") as elsewhere:
        form = {"password": NEW, "again": NEW}
        assert send(site, client, "/me/password", **form, secret="a guess").status_code == 403
        assert send(site, client, "/me/password", **form, secret=PASSWORD).headers["location"] == "/me?said=password"
        assert "signed out everywhere else" in client.get("/me?said=password").text
        assert elsewhere.get("/me").status_code == 303
    assert (entered(site, "alpha", PASSWORD), entered(site, "alpha", NEW)) == (401, 303)


def test_a_pin_signs_and_sets_nothing(site: Site) -> None:
    with site.client("process_engineer") as client:
        for pin in ("12345", "777777", "123456", "987654", "890123", "1234567890123", "80421x"):
            refused = send(site, client, "/me/pin", pin=pin, again=pin, secret=PASSWORD)
            assert refused.status_code == 422, pin
        assert send(site, client, "/me/pin", pin=PIN, again=PIN, secret="a guess").status_code == 403
        assert send(site, client, "/me/pin", pin=PIN, again=PIN, secret=PASSWORD).status_code == 303
        assert matches(user(site, "process_engineer").pin_hash, PIN)
        assert entered(site, "process_engineer", PIN) == 401
        assert send(site, client, "/me/password", password=NEW, again=NEW, secret=PIN).status_code == 403
        assert send(site, client, "/me/pin", secret=PASSWORD).headers["location"] == "/me?said=no_pin"
        assert user(site, "process_engineer").pin_hash is None


def test_what_is_remembered_of_a_form_holds_no_hash_of_a_new_secret(site: Site) -> None:
    """A fast hash of what people choose is as good as the thing itself: two secrets leave the same trace."""
    with site.client("operator") as client:
        for number, pin in enumerate((PIN, "270935")):
            form = {"once": f"form-{number}", "pin": pin, "again": pin, "secret": PASSWORD}
            assert send(site, client, "/me/pin", **form).status_code == 303
    with site.database.reading() as session:
        kept = session.scalars(select(CommandAnswer.asked_sha256).where(CommandAnswer.key.like("form-%"))).all()
    assert (len(kept), len(set(kept))) == (2, 1)


def test_language_and_zone_are_checked(site: Site) -> None:
    with site.client("alpha") as client:
        assert send(site, client, "/me/view", language="xx").status_code == 422
        assert send(site, client, "/me/view", time_zone="Mars/Olympus").status_code == 422
        assert send(site, client, "/me/view", language="ko", time_zone="").headers["location"] == "/me?said=view"
        assert '<html lang="ko"' in client.get("/lots").text
    assert (user(site, "alpha").language, user(site, "alpha").time_zone) == ("ko", None)
    assert user(site, "beta").language is None


def test_a_customer_sends_a_form_twice_and_it_counts_once(site: Site) -> None:
    forms = (("/me/view", {"language": "ko"}), ("/saved", {"name": "mine", "address": "/lots?state=queued"}))
    with site.client("alpha") as client:
        for address, form in forms:
            sent = form | {"once": f"once-{address}"}
            told = [client.post(address, data=sent, headers=site.own) for _ in range(2)]
            assert [answer.status_code for answer in told] == [303, 303], address
            assert told[0].headers["location"] == told[1].headers["location"]


def test_everybody_reads_who_may_do_what(site: Site) -> None:
    assert list(meanings()) == list(Permission)
    with site.client("beta") as client:
        told = client.get("/permissions").text
    rows = re.findall(r'<tr><th scope="row">.*?</tr>', told, re.DOTALL)
    assert [row.count("●") for row in rows] == [len(ALLOWED[permission]) for permission in Permission]
    assert meanings()[Permission.HOLD_LOTS] in rows[list(Permission).index(Permission.HOLD_LOTS)]


def test_administration_is_the_administrators(site: Site) -> None:
    pages = ("/administration", "/administration/keys", "/administration/system", "/administration/people/operator")
    with site.client("administrator") as client:
        assert {client.get(page).status_code for page in pages} == {200}
        assert client.get("/administration/people/nobody").status_code == 404
        assert re.search(r"Schema of the database</dt><dd>\d{4}", client.get("/administration/system").text)
        assert "mes connect" in client.get("/administration/system").text
    for role in ("alpha", "process_engineer"):
        with site.client(role) as client:
            assert {client.get(page).status_code for page in pages} == {403}
    with site.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(SignIn)) == 3
    assert set(Role) == {role for roles in ALLOWED.values() for role in roles}
