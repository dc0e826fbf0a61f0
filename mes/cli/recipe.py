"""`mes recipe`: recipes and their versions."""

from pathlib import Path
from typing import Annotated

import typer

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.equipment.queries import equipment_id
from mes.people.sign_in import signer
from mes.recipes.approve import approve as approve_version
from mes.recipes.approve import retire as retire_version
from mes.recipes.approve import submit as submit_version
from mes.recipes.draft import draft
from mes.recipes.looks import look, select_recipes
from mes.recipes.models import RecipeVersion
from mes.recipes.queries import recipe_version_id
from mes.recipes.states import RecipeState
from mes.recipes.verify import verify as verify_version

app = typer.Typer(no_args_is_help=True)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="name@version.")]


@app.command(name="list")
def list_recipes(
    *,
    state: Annotated[RecipeState | None, typer.Option(help="Only versions of this state.")] = None,
    as_json: Json = False,
) -> None:
    """All recipe versions with state and approval.

    Example: mes recipe list --state approved
    """
    if there := server():
        found = there.rows("recipes", state=state)
    else:
        query = select_recipes().order_by(RecipeVersion.recipe, RecipeVersion.version)
        if state is not None:
            query = query.where(RecipeVersion.state == state)
        with reading() as session:
            found = [dict(row) for row in session.execute(query).mappings()]
    show(found, as_json=as_json, empty="No recipes.")


@app.command(name="show")
def show_recipe(name: RecipeName, *, as_json: Json = False) -> None:
    """One recipe version: parameters with limits, body, and which equipment holds it with which hash.

    Example: mes recipe show tcb_cow@1
    """
    if there := server():
        told = there.get("recipes", name)
    else:
        with reading() as session:
            told = look(session, recipe_version_id(session, name))
    show_one(told, as_json=as_json)


@app.command()
def new(
    like: Annotated[str, typer.Argument(metavar="RECIPE", help="name@version whose class and limits it takes.")],
    *,
    body: Annotated[Path, typer.Option(help="File of what equipment is to run.", exists=True, dir_okay=False)],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Draft the next version of a recipe: another body, inside the limits there are.

    Example: mes recipe new tcb_cow@1 --body tcb_cow.txt --why "more force for the new die"
    """
    written = body.read_text(encoding="utf-8")
    if there := server():
        told = there.post("recipes", body={"like": like, "body": written, "why": why})
    else:
        with writing(why) as (session, act):
            version = draft(session, recipe_version_id(session, like), written, act)
            told = look(session, version.id)
    show_one(told, as_json=as_json)


@app.command()
def submit(name: RecipeName, *, why: Why = "", as_json: Json = False) -> None:
    """Ask for the approval of a draft.

    Example: mes recipe submit tcb_cow@2
    """
    if there := server():
        told = there.post("recipes", name, "submit", body={"why": why})
    else:
        with writing(why) as (session, act):
            version = submit_version(session, recipe_version_id(session, name), act)
            told = look(session, version.id)
    show_one(told, as_json=as_json)


@app.command()
def approve(
    name: RecipeName,
    *,
    by: Annotated[str, typer.Option(help="The process engineer who signs.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="MES_SIGNING_PASSWORD")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Sign that equipment may run a submitted version; it never changes again. The signer's password is asked for.

    Example: mes recipe approve tcb_cow@2 --by process.engineer
    """
    if there := server():
        told = there.post("recipes", name, "approve", body={"signer": by, "password": password, "why": why})
    else:
        with writing(why) as (session, act):
            version_id = recipe_version_id(session, name)
            version = approve_version(session, version_id, signer(session, by, password), act)
            told = look(session, version.id)
    show_one(told, as_json=as_json)


@app.command()
def retire(name: RecipeName, *, why: Why, as_json: Json = False) -> None:
    """Take an approved version out of use: no lot starts with it any more.

    Example: mes recipe retire tcb_cow@1 --why "cracks at this force"
    """
    if there := server():
        told = there.post("recipes", name, "retire", body={"why": why})
    else:
        with writing(why) as (session, act):
            version = retire_version(session, recipe_version_id(session, name), act)
            told = look(session, version.id)
    show_one(told, as_json=as_json)


@app.command()
def verify(
    name: RecipeName,
    equipment: Annotated[str, typer.Argument(metavar="EQUIPMENT", help="On which the approved body is by now.")],
    *,
    why: Why,
    as_json: Json = False,
) -> None:
    """Have what an equipment holds compared anew: the next order does, and is refused if the body still differs.

    Example: mes recipe verify tcb_cow@1 TCB-01 --why "loaded the approved body by hand"
    """
    if there := server():
        told = there.post("recipes", name, "verify", body={"equipment": equipment, "why": why})
    else:
        with writing(why) as (session, act):
            version = verify_version(session, recipe_version_id(session, name), equipment_id(session, equipment), act)
            told = look(session, version.id)
    show_one(told, as_json=as_json)
