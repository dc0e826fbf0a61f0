"""`mes certificate`: who is certified for what."""

from datetime import datetime
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.definitions.clock import plant_now
from mes.definitions.models import Certification
from mes.equipment.certification.certify import certify
from mes.equipment.certification.certify import withdraw as withdraw_one
from mes.equipment.certification.looks import select_certificates, select_certifications
from mes.people.models import User
from mes.people.roles import Role

app = typer.Typer(no_args_is_help=True)

EXPIRY = ["%Y-%m-%dT%H:%M%z"]
UserName = Annotated[str, typer.Argument(metavar="USER", help="Whose certificate.")]
For = Annotated[str, typer.Argument(metavar="CERTIFICATION", help="What for.")]


@app.command()
def kinds(*, as_json: Json = False) -> None:
    """What people are certified for, who trains them, and how long a certificate lasts.

    Example: mes certificate kinds
    """
    if there := server():
        found = there.rows("certifications")
    else:
        with reading() as session:
            query = select_certifications().order_by(Certification.name)
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="None; the text of the plant names them in certifications.yaml.")


@app.command(name="list")
def list_certificates(
    *,
    user: Annotated[str | None, typer.Option(help="Only of this person.")] = None,
    certification: Annotated[str | None, typer.Option(help="Only for this.")] = None,
    as_json: Json = False,
) -> None:
    """All certificates, with when they end.

    Example: mes certificate list --user park
    """
    if there := server():
        found = there.rows("certificates", user=user, certification=certification)
    else:
        with reading() as session:
            query = select_certificates(plant_now(session)).order_by(User.name, Certification.name)
            for column, wanted in ((User.name, user), (Certification.name, certification)):
                query = query if wanted is None else query.where(column == wanted)
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="No certificates.")


@app.command()
def grant(
    user: UserName,
    certification: For,
    *,
    expires: Annotated[
        datetime | None, typer.Option(formats=EXPIRY, help="Sooner than the plant's text says: 2027-05-01T00:00+0900.")
    ] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Certify a person for something, or renew the certificate.

    Example: mes certificate grant park bonding --why "trained 2026-02-28"
    """
    body: dict[str, Any] = {"user": user, "certification": certification, "expires_at": expires and expires.isoformat()}
    if there := server():
        told = there.post("certificates", body=body | {"why": why})
    else:
        with writing(why) as (session, act):
            certify(session, certification, user, expires, Role.ADMINISTRATOR, act)
            told = _look(session, user, certification, act.at)
    show_one(told, as_json=as_json)


@app.command()
def withdraw(user: UserName, certification: For, *, why: Why, as_json: Json = False) -> None:
    """Take a certificate back, and tell it as it was.

    Example: mes certificate withdraw park bonding --why "two lots on the wrong recipe"
    """
    if there := server():
        body = {"user": user, "certification": certification, "why": why}
        told = there.post("certificates", "withdraw", body=body)
    else:
        with writing(why) as (session, act):
            told = _look(session, user, certification, act.at)
            withdraw_one(session, certification, user, Role.ADMINISTRATOR, act)
    show_one(told, as_json=as_json)


def _look(session: Session, user: str, certification: str, at: datetime) -> dict[str, Any]:
    session.flush()
    query = select_certificates(at).where(User.name == user, Certification.name == certification)
    row = session.execute(query).mappings().one_or_none()
    return {} if row is None else dict(row)
