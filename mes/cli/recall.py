"""`mes recall`: hold every unit that a cause touched, wherever it is by now."""

from typing import Annotated, Any

import typer

from mes.cli.causes import (
    AsCsv,
    At,
    Delivery,
    Head,
    InFull,
    OfLot,
    OnEquipment,
    OnSubstrate,
    Owner,
    Recipe,
    Since,
    Tool,
    Until,
    Used,
    show_concern,
)
from mes.cli.database import reading, writing
from mes.cli.finding import position
from mes.cli.lot_holds import ReviewBy
from mes.cli.output import Json, Why, print_json, say, show
from mes.cli.remote import server
from mes.genealogy.recalls.causes import Cause
from mes.genealogy.recalls.looks import cause_of, look, rows, select_recalls
from mes.genealogy.recalls.recall import concern, recall
from mes.lots.holds.models import Recall
from mes.people.roles import Role

app = typer.Typer(no_args_is_help=True)

Expected = Annotated[
    int | None, typer.Option("--expect", min=1, help="How many units it touched; without it they are only told.")
]


@app.command(name="look")
def look_up(
    *, material: Delivery = None, container: Used = None, durable: Tool = None, recipe: Recipe = None,
    equipment: OnEquipment = None, head: Head = None, since: Since = None, until: Until = None,
    substrate: OnSubstrate = None, at: At = None, lot: OfLot = None, customer: Owner = None,
    in_full: InFull = False, as_csv: AsCsv = False, as_json: Json = False,
) -> None:  # fmt: skip
    """Every unit that a cause touched, by the lot that has it now: where it is, whether it is held, who has it.

    Example: mes recall look --equipment tcb-1 --head 2 --from 2026-11-20T00:00+0900 --to 2026-11-21T00:00+0900
    """
    x, y = (None, None) if at is None else position(at)
    cause = Cause(material, container, durable, recipe, equipment, head, since, until, substrate, x, y, lot, customer)
    show_concern(_looked_up(cause, in_full=in_full or as_csv), cause, as_json=as_json, as_csv=as_csv)


@app.command()
def units(
    *, code: Annotated[str, typer.Option(help="What kind of hold it is: mes lot hold-codes.")], why: Why,
    owner: Annotated[Role | None, typer.Option(help="Who may release the holds.")] = None, review_by: ReviewBy = None,
    material: Delivery = None, container: Used = None, durable: Tool = None, recipe: Recipe = None,
    equipment: OnEquipment = None, head: Head = None, since: Since = None, until: Until = None,
    substrate: OnSubstrate = None, at: At = None, lot: OfLot = None, customer: Owner = None,
    expected: Expected = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Hold every unit that a cause touched: these units, or their lot where all of it was; without --expect only tell.

    Example: mes recall units --container FLX-31 --code height --why "bad flux" --expect 36
    """
    x, y = (None, None) if at is None else position(at)
    cause = Cause(material, container, durable, recipe, equipment, head, since, until, substrate, x, y, lot, customer)
    if there := server():
        words = {"code": code, "why": why, "owner": owner, "review_by": review_by and review_by.isoformat()}
        told = there.post("recalls", body={"cause": cause.given(), "expected": expected, **words})
    elif expected is None:
        told = {**_looked_up(cause), "recall": None}
    else:
        with writing(why) as (session, act):
            done, found = recall(session, cause, expected, code, why, owner, act, review_by)
            told = {**rows(found), "recall": done and done.name}
    show_concern(told, cause, as_json=as_json)
    if not as_json:
        _say_done(told, expected)


def _looked_up(cause: Cause, *, in_full: bool = False) -> dict[str, Any]:
    if there := server():
        return there.get("genealogy", all=in_full, **cause.given())
    with reading() as session:
        return rows(concern(session, cause), in_full=in_full)


def _say_done(told: dict[str, Any], expected: int | None) -> None:
    if told["recall"]:
        say(f"Recall {told['recall']} holds them.")
    elif expected is not None:
        say("Nothing was left to hold.")
    elif told["touched"]:
        say(f"Nothing is held yet; say --expect {told['touched']} to hold them.")


@app.command(name="list")
def list_recalls(*, as_json: Json = False) -> None:
    """Recalls, the newest first.

    Example: mes recall list
    """
    if there := server():
        found = there.rows("recalls")
    else:
        with reading() as session:
            query = select_recalls().order_by(Recall.id.desc())
            found = [dict(row) for row in session.execute(query).mappings()]
    if not as_json:
        found = [row | {"cause": ", ".join(f"{k} {v}" for k, v in row["cause"].items())} for row in found]
    show(found, as_json=as_json, empty="No recalls.")


@app.command(name="show")
def show_recall(
    name: Annotated[str, typer.Argument(metavar="RECALL", help="Name of the recall.")], *, in_full: InFull = False,
    as_csv: AsCsv = False, as_json: Json = False,
) -> None:  # fmt: skip
    """A recall, and where the units are that its cause has touched by now.

    Example: mes recall show RCL-000001 --csv
    """
    in_full = in_full or as_csv
    if there := server():
        told = there.get("recalls", name, all=in_full)
    else:
        with reading() as session:
            told = look(session, name, in_full=in_full)
    if as_json:
        print_json(told)
        return
    show_concern(told["now"], cause_of(told["cause"]), as_csv=as_csv)
    if not as_csv:
        say(f"{told['standing']} of its {told['holds']} holds stand ({told['code']}: {told['why']}).")
