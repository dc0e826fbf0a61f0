"""What somebody tried who meant harm, and what must come of it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Barrier

import httpx
import pytest
from sqlalchemy import select

from mes.history import Act
from mes.http import event_stream
from mes.http.problem import BODY_LIMIT, STRANGERS_LIMIT
from mes.lots.holds.hold import hold
from mes.lots.models import Lot
from mes.people import watchers
from mes.people.keys import create_key
from mes.people.permissions import Permission
from mes.people.users import end_access
from mes.recipes.models import RecipeVersion
from tests.reports.line import utc
from tests.web.conftest import PASSWORD, Site

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("path", ["/api/v1/lots", "/api/v1/maps", "/sign-in", "/lots/alpha/A1/hold"])
def test_a_stranger_sends_little(bare_site: Site, path: str) -> None:
    with bare_site.client() as client:
        body = b"[" * (STRANGERS_LIMIT + 1)
        assert client.post(path, content=body, headers={**bare_site.own, **JSON}).status_code == 413
        forged = {"authorization": "Bearer mes_of_nobody"}
        assert client.post(path, content=body, headers={**bare_site.own, **JSON, **forged}).status_code == 413


def test_a_password_without_an_end_is_read_in_no_time(site: Site) -> None:
    with site.client("line_engineer") as client:
        body = b'{"password":"' + b"a" * (BODY_LIMIT - 100) + b'"'
        before = time.process_time()
        answer = client.post("/api/v1/lots", content=body, headers={**site.own, **JSON})
        assert answer.status_code == 422
        assert time.process_time() - before < 5  # seconds of both sides; a search that goes back took fifteen


@contextmanager
def following(client: httpx.Client, path: str) -> Iterator[Callable[[str], None]]:
    """A stream that is read until a text has come."""
    with client.stream("GET", path, headers={"accept": "text/event-stream"}) as answer:
        chunks = answer.iter_text()

        def until(text: str) -> None:
            seen = ""
            while text not in seen:
                seen += next(chunks)
                assert "The database does not answer" not in seen

        yield until


@pytest.mark.parametrize("asked", ["after=garbage", "after=WyJhIl0%3D"])
def test_a_page_that_cannot_be_made_harms_no_other(site: Site, asked: str) -> None:
    with ExitStack() as stack:
        customer, engineer = (stack.enter_context(site.client(name)) for name in ("alpha", "line_engineer"))
        board = stack.enter_context(following(engineer, "/board/stream"))
        board("connector")
        bad = stack.enter_context(customer.stream("GET", f"/lots/stream?{asked}"))
        assert "hx-partial" not in bad.read().decode()  # it ends: there is nothing to show
        body = {"state": "UDT", "why": "seen on the board"}
        assert engineer.post("/api/v1/equipment/OV-2/state", json=body, headers=site.own).is_success
        board("seen on the board")


@pytest.mark.parametrize("mate", ["operator", "alpha"])
def test_nobody_signs_in_the_name_of_another(site: Site, mate: str) -> None:
    with site.database.transaction() as session:
        key = create_key(session, "k", "process_engineer", [Permission.APPROVE_RECIPES], timedelta(days=1), by="test")
        version = session.scalars(select(RecipeVersion)).all()[0]
        version.state, version.approved_by, version.approved_at = "in_review", None, None
        name = version.name
    with site.client(mate) as client:
        form, own = {"secret": PASSWORD, "once": mate}, {**site.own, "authorization": f"Bearer {key}"}
        assert client.post(f"/recipes/{name}/approve", data=form, headers=own).status_code == 403
    with site.database.reading() as session:
        assert session.scalars(select(RecipeVersion.state).where(RecipeVersion.name == name)).one() == "in_review"


def test_a_key_that_may_look_changes_nothing_that_its_user_keeps(site: Site) -> None:
    form = {"name": "mine", "address": "/lots?state=queued"}
    with site.client("alpha") as alpha, site.client(accept="application/json") as program:
        assert alpha.post("/saved", data=form, headers=site.own).status_code == 303
        for scope, told in ((Permission.SEE_LOTS, 403), (Permission.OWN_ACCOUNT, 303)):
            with site.database.transaction() as session:
                key = create_key(session, scope, "alpha", [scope], timedelta(days=1), by="test")
            bearer = {"authorization": f"Bearer {key}"}
            assert program.post("/saved", data=form, headers=bearer).status_code == told
            assert program.post("/saved/remove", data=form, headers=bearer).status_code == told
        assert "mine" not in alpha.get("/lots").text


def test_guesses_of_a_signature_come_one_after_the_other(site: Site) -> None:
    with site.database.transaction() as session:
        key = create_key(session, "k", "process_engineer", [Permission.APPROVE_RECIPES], timedelta(days=1), by="test")
        version = session.scalars(select(RecipeVersion)).all()[0]
        version.state, version.approved_by, version.approved_at = "in_review", None, None
        name = version.name
    together = Barrier(16)

    def guess(n: int) -> int:
        with httpx.Client(base_url=site.address, headers={"authorization": f"Bearer {key}"}, timeout=30) as client:
            together.wait(30)
            body = {"signer": "process_engineer", "password": f"guess {n}"}
            return client.post(f"/api/v1/recipes/{name}/approve", json=body).status_code

    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(guess, range(16)))
    assert set(told) <= {403, 429}
    assert told.count(403) <= 4  # three are free; the fourth is judged where the first pause, of a second, has passed


def test_who_may_look_no_more_is_told_no_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "ASKED_S", 0.0)
    monkeypatch.setattr(watchers, "FRESH_S", 0.0)
    with site.database.transaction() as session:
        key = create_key(session, "k", "line_engineer", [Permission.SEE_LOTS], timedelta(days=1), by="test")
    with ExitStack() as stack:
        engineer, program = (stack.enter_context(site.client(name)) for name in ("line_engineer", ""))
        program.headers["authorization"] = f"Bearer {key}"
        lines = stack.enter_context(program.stream("GET", "/api/v1/events")).iter_lines()
        assert next(lines).startswith("id: ")
        lots = stack.enter_context(following(engineer, "/lots/stream"))
        lots("plant-clock")
        with site.database.transaction() as session:
            end_access(session, "line_engineer", "test")
        with site.database.transaction() as session:
            lot = session.scalars(select(Lot).where(Lot.name == "A2")).one()
            hold(session, lot.id, "x", "after the end", "operator", Act("tester", utc("02T20:00")))
        assert "hold" not in "".join(lines)
        with pytest.raises(StopIteration):
            lots("after the end")
