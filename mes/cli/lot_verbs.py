"""`mes lot dispose-suspects` and its like: a command for each verb of the table."""

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from inspect import Parameter, Signature
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from mes.cli.database import writing
from mes.cli.finding import position
from mes.cli.lot_looks import CustomerName, LotName
from mes.cli.output import Json, Why, show_one
from mes.cli.remote import Row, server
from mes.errors import Malformed
from mes.lots.looks import look
from mes.lots.queries import lot_id
from mes.lots.verbs.shapes import SignedBody
from mes.lots.verbs.table import VERBS, Verb
from mes.people.sign_in import signer

app = typer.Typer()

By = Annotated[str, typer.Option(help="Who signs.")]
Password = Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="MES_SIGNING_PASSWORD")]
At = Annotated[list[str] | None, typer.Option("--at", metavar="X,Y", help="A position, from the top left; repeat.")]
ARGUMENTS = ("substrate", "substrates")
"""Fields that are words of their own; all others are options."""
OWN = ("signer", "password", "why")
"""Fields that every command asks for in the same way."""


def _command(verb: Verb) -> Callable[..., None]:
    """The function that typer makes a command of: its parameters are the fields of the verb's body."""

    def act_on(name: str, customer: str | None, why: str, *, as_json: bool, **given: Any) -> None:
        body = _body(verb, why, given)
        show_one(_done(verb, name, customer, body), as_json=as_json)

    parameters = list(_parameters(verb))
    act_on.__signature__ = Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    act_on.__annotations__ = {one.name: one.annotation for one in parameters}
    act_on.__doc__ = f"{verb.says}\n\nExample: mes lot {verb.name} L-104 {verb.example}{_signs(verb)}"
    return act_on


def _signs(verb: Verb) -> str:
    return f" --by {sorted(verb.signers)[0].replace('_', '.')}" if verb.means else ""


def _parameters(verb: Verb) -> Iterator[Parameter]:
    fields = {name: field for name, field in verb.body.model_fields.items() if name not in OWN}
    yield Parameter("name", Parameter.POSITIONAL_OR_KEYWORD, annotation=LotName)
    for name in ARGUMENTS:
        if name in fields:
            yield _parameter(name, fields[name], Parameter.POSITIONAL_OR_KEYWORD)
    for name, field in fields.items():
        if name not in ARGUMENTS:
            yield _parameter(name, field, Parameter.KEYWORD_ONLY)
    signs = {"by": By, "password": Password} if verb.means else {}
    for name, annotation in {**signs, "why": Why}.items():
        yield Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation)
    yield Parameter("customer", Parameter.KEYWORD_ONLY, annotation=CustomerName, default=None)
    yield Parameter("as_json", Parameter.KEYWORD_ONLY, annotation=Json, default=False)


def _parameter(name: str, field: FieldInfo, kind: Any) -> Parameter:
    default = Parameter.empty if field.is_required() else None
    if _is_places(field):
        return Parameter(name, kind, annotation=At, default=default)
    of = _type(name, field.annotation) if field.is_required() else _type(name, field.annotation) | None
    words = field.description or ""
    if name in ARGUMENTS:
        several = "SUBSTRATE..." if name == "substrates" else "SUBSTRATE"
        return Parameter(
            name, kind, annotation=Annotated[of, typer.Argument(metavar=several, help=words)], default=default
        )
    return Parameter(name, kind, annotation=Annotated[of, typer.Option(help=words)], default=default)


def _type(name: str, annotation: Any) -> Any:
    """The type of an option: a choice of words as an enum, else what the field has."""
    kinds = [one for one in get_args(annotation) if one is not type(None)]
    if get_origin(annotation) is Literal:
        return StrEnum(name, {word: word for word in kinds})
    if get_origin(annotation) is list:
        return list[str]
    return _type(name, kinds[0]) if kinds else annotation


def _is_places(field: FieldInfo) -> bool:
    return "Position" in str(field.annotation)


def _body(verb: Verb, why: str, given: Mapping[str, Any]) -> Row:
    """What is asked for, as over HTTP. Raises `Malformed` where it cannot be read."""
    body: Row = {"why": why, **{name: value for name, value in given.items() if value is not None and name != "by"}}
    for name, field in verb.shape.model_fields.items():
        if name in body and _is_places(field):
            body[name] = [{"x": x, "y": y} for x, y in map(position, body[name])]
    return body | ({"signer": given["by"]} if "by" in given else {})


def _done(verb: Verb, name: str, customer: str | None, body: Row) -> Row:
    if there := server():
        return there.post("lots", name, verb.name, body=body, customer=customer)
    try:
        asked: Any = verb.shape.model_validate(body)
    except ValidationError as error:
        raise Malformed("; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from error
    with writing(asked.why) as (session, act):
        if isinstance(asked, SignedBody):
            act = verb.signed_by(signer(session, asked.signer or "", asked.password, pin=False), act)
        return look(session, verb.does(session, lot_id(session, name, customer), asked, act).id)


for _verb in VERBS:
    app.command(_verb.name)(_command(_verb))
