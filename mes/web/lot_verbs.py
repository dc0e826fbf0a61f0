"""What people do to a lot beside its route, on its page: a form for each verb of the table."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from fastapi import APIRouter, Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.clock import act_now
from mes.definitions.models import Product
from mes.http.addresses import path
from mes.http.command import FormRoute
from mes.http.transaction import Tx
from mes.lots.queries import lot_id
from mes.lots.states import LotState
from mes.lots.verbs.table import VERBS, Verb
from mes.people.access import may, require
from mes.people.sign_in import Person
from mes.people.signing import SIGNED
from mes.web.forms import onwards

router = APIRouter(prefix="/lots/{customer}/{name}", route_class=FormRoute)

POSITION = re.compile(r"(\d+)\s*,\s*(\d+)")


@dataclass(frozen=True)
class FormField:
    """A field of a form: how it is filled in, and whether it must be."""

    name: str
    label: str
    kind: str
    """substrates, substrate, operation, positions, words, choice, number, or text."""
    choices: tuple[str, ...]
    required: bool


def fields(verb: Verb) -> Iterator[FormField]:
    """The fields of the form of a verb, but for why and the signature, which every form asks for alike."""
    for name, field in verb.body.model_fields.items():
        if name != "why":
            kind, choices = _kind(name, field.annotation)
            yield FormField(name, field.title or name, kind, choices, field.is_required())


def _kind(name: str, annotation: Any) -> tuple[str, tuple[str, ...]]:
    kinds = [one for one in get_args(annotation) if one is not type(None)]
    if get_origin(annotation) is Literal:
        return "choice", tuple(kinds)
    if "Position" in str(annotation):
        return "positions", ()
    if name in ("substrates", "substrate", "operation"):
        return name, ()
    if get_origin(annotation) is list:
        return "words", ()
    return "number" if annotation is int or int in kinds else "text", ()


def offered(session: Session, viewer: Person, lot: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The verbs that somebody may do with a lot as it stands, and sign, with their fields."""
    verbs = [
        verb
        for verb in VERBS
        if LotState(lot["state"]) in verb.states and may(viewer, verb.permission)
        if not verb.means or viewer.role in verb.signers
    ]
    if any(verb.of_projects for verb in verbs):
        reticle = session.scalar(select(Product.reticle).where(Product.name == lot["product"]))
        verbs = [verb for verb in verbs if reticle is not None or not verb.of_projects]
    return [
        {"name": verb.name, "title": verb.title, "says": verb.says, "means": verb.means, "fields": [*fields(verb)]}
        for verb in verbs
    ]


Filled = dict[str, list[str]]
"""The texts of a form by the names of its fields; none is empty."""


async def _filled(request: Request) -> Filled:
    found: Filled = {}
    for name, value in (await request.form()).multi_items():
        if isinstance(value, str) and value.strip():
            found.setdefault(name, []).append(value.strip())
    return found


Form = Annotated[Filled, Depends(_filled)]


def _asks(verb: Verb) -> Callable[..., Response]:
    """The path operation of a verb of the table."""

    def ask(session: Tx, form: Form, by: Any, customer: str, name: str) -> Response:
        body = _body(verb, form)
        act = act_now(session, by.name, body.why)
        verb.does(session, lot_id(session, name, customer), body, verb.signed_by(by, act) if verb.means else act)
        return onwards(path("lots", customer, name))

    ask.__annotations__ |= {"by": Annotated[Person, require(verb.permission)]}
    ask.__doc__ = verb.says
    return ask


def _body(verb: Verb, form: Filled) -> Any:
    """What was filled in, as the body of the verb; what was left empty is not given."""
    given: dict[str, Any] = {"why": form.get("why", [""])[0]}
    for field in fields(verb):
        written = form.get(field.name, [])
        if field.kind == "positions" and written:
            given[field.name] = _positions(written[0])
        elif field.kind == "words" and written:
            given[field.name] = written[0].split()
        elif written:
            given[field.name] = written if field.kind == "substrates" else written[0]
    try:
        return verb.body.model_validate(given)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error


def _positions(written: str) -> Any:
    """Positions as ``4,7 5,7``; what is none is left to be refused."""
    found = [{"x": int(x), "y": int(y)} for x, y in POSITION.findall(written)]
    return found if not POSITION.sub("", written).strip(" ;\r\n\t") else written


for _verb in VERBS:
    router.add_api_route(f"/{_verb.name}", _asks(_verb), methods=["POST"], dependencies=[SIGNED] if _verb.means else [])
