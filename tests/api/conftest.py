"""The API over the shop in miniature, asked with the keys of people of each role."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select

from mes.db import Database
from mes.people.keys import create_key
from mes.people.models import Customer, User
from mes.people.permissions import ALLOWED
from mes.people.roles import Role
from tests.shop import Floor
from tests.web.conftest import serving

TERM = timedelta(days=1)
PATIENCE_S = 60.0


def everybody(database: Database) -> dict[str, str]:
    """A user of each role and of each customer, named as those; the key of each, with all that the role may do."""
    with database.transaction() as session:
        users = [User(name=role, title=role, role=role) for role in Role if role is not Role.CUSTOMER]
        for customer in session.scalars(select(Customer)):
            users.append(User(name=customer.name, title=customer.name, role="customer", belongs_to_id=customer.id))
        session.add_all(users)
        session.flush()
        return {
            user.name: create_key(session, user.name, user.name, _scopes(Role(user.role)), TERM, "tester")
            for user in users
        }


def _scopes(role: Role) -> list:  # type: ignore[type-arg]
    return [permission for permission, roles in ALLOWED.items() if role in roles]


@dataclass
class Api:
    """A running server, and callers by the name of a user."""

    address: str
    keys: dict[str, str]

    def as_user(self, name: str, address: str | None = None) -> httpx.Client:
        """A client with the key of that user."""
        headers = {"authorization": f"Bearer {self.keys[name]}"} if name else {}
        return httpx.Client(base_url=f"{address or self.address}/api/v1", headers=headers, timeout=PATIENCE_S)


@pytest.fixture
def api(floor: Floor) -> Iterator[Api]:
    """The API over the floor."""
    keys = everybody(floor.database)
    with serving(floor.database) as site:
        yield Api(site.address, keys)


Caller = Callable[[str], httpx.Client]


@pytest.fixture
def caller(api: Api) -> Iterator[Caller]:
    """Clients by the name of a user, closed in the end."""
    opened: list[httpx.Client] = []

    def call(name: str) -> httpx.Client:
        opened.append(api.as_user(name))
        return opened[-1]

    yield call
    for client in opened:
        client.close()
