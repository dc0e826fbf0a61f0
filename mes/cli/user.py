"""`mes user`: who may sign in."""

from typing import Annotated

import typer

from mes.cli.database import reading, writing
from mes.cli.output import Json, show, show_one
from mes.people.roles import Role
from mes.people.users import NewUser, create_user, end_access, give_password, give_role, select_users

app = typer.Typer(no_args_is_help=True)

Password = Annotated[
    str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, envvar="MES_NEW_PASSWORD")
]
UserName = Annotated[str, typer.Argument(metavar="NAME", help="What the person signs in with.")]
WhatRole = Annotated[Role, typer.Option(help="What the person is on the line.")]
Company = Annotated[str | None, typer.Option(help="The company a customer's user belongs to.")]


@app.command(name="list")
def list_users(*, as_json: Json = False) -> None:
    """All users with their roles.

    Example: mes user list --json
    """
    with reading() as session:
        found = [dict(row) for row in session.execute(select_users()).mappings()]
    show(found, as_json=as_json, empty="Nobody yet; mes user create makes the first.")


@app.command()
def create(
    name: UserName,
    *,
    role: WhatRole,
    password: Password,
    title: Annotated[str, typer.Option(help="The person's name; as the log-in if not given.")] = "",
    customer: Company = None,
    as_json: Json = False,
) -> None:
    """Let a person sign in. The password is asked for, or taken from MES_NEW_PASSWORD.

    Example: mes user create kim --role process_engineer --title "Kim Minji"
    """
    with writing("") as (session, act):
        create_user(session, NewUser(name, title, role, customer, password), act.actor)
    show_one({"name": name, "title": title or name, "role": role.value, "customer": customer}, as_json=as_json)


@app.command()
def password(name: UserName, *, password: Password, as_json: Json = False) -> None:
    """Give a user a new password and end the user's sign-ins.

    Example: mes user password kim
    """
    with writing("") as (session, act):
        give_password(session, name, password, act.actor)
    show_one({"name": name, "password": "changed"}, as_json=as_json)


@app.command()
def role(name: UserName, *, role: WhatRole, customer: Company = None, as_json: Json = False) -> None:
    """Let a user be something else on the line, from now on.

    Example: mes user role kim --role yield_engineer
    """
    with writing("") as (session, act):
        give_role(session, name, role, customer, act.actor)
    show_one({"name": name, "role": role.value, "customer": customer}, as_json=as_json)


@app.command()
def end(name: UserName, *, as_json: Json = False) -> None:
    """Let a user sign in no more: password, PIN, sign-ins and keys end now. A new password lets the user in again.

    Example: mes user end kim
    """
    with writing("") as (session, act):
        end_access(session, name, act.actor)
    show_one({"name": name, "access": "ended"}, as_json=as_json)
