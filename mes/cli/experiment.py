"""`mes experiment`: plans that vary recipe or set points from substrate to substrate."""

from typing import Annotated, Any

import typer

from mes.cli.database import reading, writing
from mes.cli.output import Json, Why, show, show_one
from mes.cli.remote import server
from mes.lots.experiments.looks import experiment_id, experiments, look
from mes.lots.experiments.plan import NewExperiment, NewLeg
from mes.lots.experiments.plan import approve as approve_plan
from mes.lots.experiments.plan import close as close_plan
from mes.lots.experiments.plan import draft as draft_plan
from mes.lots.experiments.text import read_leg
from mes.people.sign_in import signer

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="EXPERIMENT", help="Name of the experiment.")]


@app.command(name="list")
def list_experiments(*, as_json: Json = False) -> None:
    """All experiments, a line for each leg, the newest first.

    Example: mes experiment list
    """
    if there := server():
        found = there.entries("experiments")
    else:
        with reading() as session:
            found = experiments(session)
    show(found if as_json else _brief(found), as_json=as_json, empty="No experiments.")


def _brief(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept = ("experiment", "operation", "state")
    return [
        {**{key: one[key] for key in kept}, "leg": leg["leg"], "recipe": leg["recipe"],
         "parameters": ", ".join(f"{one['name']}={one['value']:g}" for one in leg["parameters"]),
         "named": len(leg["substrates"]), "ran": leg["ran"], "good": leg["good"], "failed": leg["failed"]}
        for one in found for leg in one["legs"]
    ]  # fmt: skip


@app.command(name="show")
def show_experiment(name: Name, *, as_json: Json = False) -> None:
    """One experiment with its legs, and how many substrates and units ran by each.

    Example: mes experiment show force-1
    """
    if there := server():
        told = there.get("experiments", name)
    else:
        with reading() as session:
            told = look(session, experiment_id(session, name))
    show_one(told, as_json=as_json)


@app.command()
def draft(
    name: Name,
    *,
    operation: Annotated[str, typer.Option(help="What is varied, e.g. hbm_stack/10.")],
    title: Annotated[str, typer.Option(help="What it is to find out.")],
    leg: Annotated[
        list[str], typer.Option(help="NAME: parameter=number, recipe=name@version, substrate=name; repeat.")
    ],
    lot: Annotated[list[str] | None, typer.Option(help="Its substrates are dealt to the legs; repeat.")] = None,
    customer: Annotated[str | None, typer.Option(help="Whose lots, where customers share a name.")] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Write a plan down. Without lots and named substrates all that comes to the operation is in it.

    Nothing runs by it until a process engineer has approved it.

    Example: mes experiment draft force-1 --operation hbm_stack/10 --title "More force" --leg "usual" --leg "high: bond_force=110" --lot D1
    """  # noqa: E501
    legs = tuple(read_leg(line) for line in leg)
    if there := server():
        told_legs = [
            {"leg": one.name, "recipe": one.recipe, "parameters": _points(one), "substrates": one.substrates}
            for one in legs
        ]
        body = {"experiment": name, "title": title, "operation": operation, "legs": told_legs, "lots": lot or []}
        told = there.post("experiments", body=body | {"customer": customer, "why": why})
    else:
        wanted = NewExperiment(name, title, operation, legs, tuple(lot or ()), customer)
        with writing(why) as (session, act):
            told = look(session, draft_plan(session, wanted, act).id)
    show_one(told, as_json=as_json)


def _points(leg: NewLeg) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in (leg.parameters or {}).items()]


@app.command()
def approve(
    name: Name,
    *,
    by: Annotated[str, typer.Option(help="The process engineer who signs.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, envvar="MES_SIGNING_PASSWORD")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Sign that substrates run by the legs of a draft. The signer's password is asked for.

    Example: mes experiment approve force-1 --by process.engineer
    """
    if there := server():
        told = there.post("experiments", name, "approve", body={"signer": by, "password": password, "why": why})
    else:
        with writing(why) as (session, act):
            signs = signer(session, by, password, pin=False)
            told = look(session, approve_plan(session, experiment_id(session, name), signs, act).id)
    show_one(told, as_json=as_json)


@app.command()
def close(name: Name, *, why: Why, as_json: Json = False) -> None:
    """Let nothing start by an experiment any more. What runs goes on, and what ran stays known.

    Example: mes experiment close force-1 --why "24 wafers are enough"
    """
    if there := server():
        told = there.post("experiments", name, "close", body={"why": why})
    else:
        with writing(why) as (session, act):
            told = look(session, close_plan(session, experiment_id(session, name), act).id)
    show_one(told, as_json=as_json)
