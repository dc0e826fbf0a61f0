"""Each role against each route, asked for in truth: allowed and refused as the table says that was typed by hand."""

import httpx
import pytest

from mes.people.permissions import Permission
from mes.people.roles import Role
from tests.api.conftest import Api
from tests.people.test_access import ROUTES, TABLE
from tests.shop import Floor

NAMES = {role: role.value if role is not Role.CUSTOMER else "alpha" for role in Role}
NO_MATTER = {"{x}": "1", "{y}": "1", "{record}": "1", "{extension}": "json"}


SIGNED_FIRST = {
    "POST /recipes/{recipe}/approve",
    "POST /lots/{customer}/{name}/dispose-queue-time",
    "POST /lots/{customer}/{name}/dispose-suspects",
    "POST /lots/{customer}/{name}/upgrade",
    "POST /lots/{customer}/{name}/migrate",
    "POST /experiments/{experiment}/approve",
    "POST /lots/{customer}/{name}/skip",
    "POST /lots/{customer}/{name}/move",
    "POST /lots/{customer}/{name}/bonus",
    "POST /lots/{customer}/{name}/correct",
    "POST /lots/{customer}/{name}/reopen",
    "POST /lots/{customer}/{name}/terminate",
    "POST /lots/{customer}/{name}/change-owner",
    "POST /lots/{customer}/{name}/part",
    "POST /me/password",
    "POST /me/pin",
}
"""Of pages: whoever is signed in signs; with a key nobody may."""


def filled(route: str) -> tuple[str, str]:
    """Method and path of a route, about nothing that is there."""
    method, path = route.split(" ")
    for place, text in NO_MATTER.items():
        path = path.replace(place, text)
    while "{" in path:
        path = path[: path.index("{")] + "nothing" + path[path.index("}") + 1 :]
    return method, path


def refused(client: httpx.Client, method: str, address: str) -> str:
    """The code with which the role or the caller is refused; empty where what was asked is looked at."""
    headers = {"accept": "application/json"}
    with client.stream(method, address, headers=headers, json={} if method == "POST" else None) as answer:
        assert answer.status_code < 500, address
        if answer.status_code not in (401, 403):
            return ""
        answer.read()
        return str(answer.json()["code"])


@pytest.mark.parametrize("role", [*Role, None])
def test_each_role_is_allowed_what_the_table_says(floor: Floor, api: Api, role: Role | None) -> None:
    with api.as_user(NAMES[role] if role else "") as client:
        for route, permission in ROUTES.items():
            method, path = filled(route)
            allowed = permission is None or (role is not None and role in TABLE[Permission(permission)])
            allowed = allowed and route not in SIGNED_FIRST
            expected = "" if allowed else "not_allowed" if role else "not_signed_in"
            assert refused(client, method, f"{api.address}{path}") == expected, route
