"""`mes lot bulk hold`, `release-hold`, `priority`: acts on all lots that a filter finds."""

from datetime import datetime
from typing import Annotated, Any

import typer

from mes.cli.database import writing
from mes.cli.lot_holds import ReviewBy
from mes.cli.lot_urgency import DUE_FORMATS
from mes.cli.output import Json, Why, print_json, say, show
from mes.cli.remote import server
from mes.lots.looks import LotFilter, Worked
from mes.lots.many import bulk
from mes.lots.states import LotState
from mes.people.roles import Role

app = typer.Typer()
group = typer.Typer(help="Act on all lots that a filter finds, listed and counted first.", no_args_is_help=True)
app.add_typer(group, name="bulk")

State = Annotated[LotState | None, typer.Option(help="Only lots of this state.")]
Operation = Annotated[str | None, typer.Option(help="Only lots at this operation, e.g. module/20.")]
Route = Annotated[str | None, typer.Option(help="Only lots of this route, or one version: name@1.")]
Customer = Annotated[str | None, typer.Option(help="Only lots of this customer.")]
Named = Annotated[str | None, typer.Option("--q", help="Only lots with this in their name.")]
Held = Annotated[bool | None, typer.Option(help="Only lots with a standing hold, or only those without.")]
OnLine = Annotated[bool | None, typer.Option("--on-line/--ended", help="Only lots on the line, or only ended ones.")]
OnEquipment = Annotated[str | None, typer.Option("--equipment", help="Only lots of which it worked on some.")]
Recipe = Annotated[str | None, typer.Option(help="Only lots worked on by it, in all its versions or one: name@1.")]
Used = Annotated[str | None, typer.Option("--container", help="Only lots on which material of it was used.")]
Since = Annotated[
    datetime | None, typer.Option(help="Such work was not over before, with offset.", formats=DUE_FORMATS)
]
Until = Annotated[datetime | None, typer.Option(help="Such work began before, with offset.", formats=DUE_FORMATS)]
Expected = Annotated[
    int | None, typer.Option("--expect", min=1, help="How many lots there are; without it they are listed and counted.")
]
Code = Annotated[str, typer.Option(help="What kind of hold it is: mes lot hold-codes.")]


@group.command()
def hold(
    *, code: Code, why: Why, owner: Annotated[Role | None, typer.Option(help="Who may release them.")] = None,
    review_by: ReviewBy = None, state: State = None, operation: Operation = None, route: Route = None,
    customer: Customer = None, named: Named = None, held: Held = None, on_line: OnLine = None,
    equipment: OnEquipment = None, recipe: Recipe = None, container: Used = None, since: Since = None,
    until: Until = None, expected: Expected = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Hold all lots that a filter finds; without --expect only list and count them.

    Example: mes lot bulk hold --route hbm_core --on-line --code height --why "bath 3 is off" --expect 12
    """
    worked = Worked(equipment, recipe, container, since, until)
    wanted = LotFilter(state, operation, customer, named, held, on_line, route, worked)
    words = {"code": code, "why": why, "owner": owner, "review_by": review_by and review_by.isoformat()}
    if there := server():
        told = there.post("bulk", "hold", body=_asked(wanted, expected, **words))
    else:
        with writing(why) as (session, act):
            which = bulk.to_hold(wanted)
            if expected is not None:
                which = bulk.these(bulk.hold_all(session, wanted, expected, code, why, owner, act, review_by))
            told = _told(bulk.concerned(session, which), expected)
    _show(told, "held", as_json=as_json)


@group.command()
def release_hold(
    *, code: Code, why: Why, state: State = None, operation: Operation = None, route: Route = None,
    customer: Customer = None, named: Named = None, held: Held = None, on_line: OnLine = None,
    equipment: OnEquipment = None, recipe: Recipe = None, container: Used = None, since: Since = None,
    until: Until = None, expected: Expected = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Release every standing hold of a code of all lots that a filter finds; without --expect only list and count them.

    Example: mes lot bulk release-hold --route hbm_core --code height --why "in limits" --expect 12
    """
    worked = Worked(equipment, recipe, container, since, until)
    wanted = LotFilter(state, operation, customer, named, held, on_line, route, worked)
    if there := server():
        told = there.post("bulk", "release-hold", body=_asked(wanted, expected, code=code, why=why))
    else:
        with writing(why) as (session, act):
            which = bulk.to_release(wanted, code)
            if expected is not None:
                done = bulk.release_all(session, wanted, expected, code, why, Role.ADMINISTRATOR, act)
                which = bulk.these(done)
            told = _told(bulk.concerned(session, which), expected)
    _show(told, "released", as_json=as_json)


@group.command()
def priority(
    *, priority: Annotated[int, typer.Option(help="1 is the most urgent, 9 the least.")], why: Why = "",
    state: State = None, operation: Operation = None, route: Route = None, customer: Customer = None,
    named: Named = None, held: Held = None, on_line: OnLine = None, equipment: OnEquipment = None,
    recipe: Recipe = None, container: Used = None, since: Since = None, until: Until = None,
    expected: Expected = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Give all lots on the line that a filter finds a priority; without --expect only list those with another.

    Example: mes lot bulk priority --customer hanbit --priority 2 --expect 12
    """
    worked = Worked(equipment, recipe, container, since, until)
    wanted = LotFilter(state, operation, customer, named, held, on_line, route, worked)
    if there := server():
        told = there.post("bulk", "priority", body=_asked(wanted, expected, priority=priority, why=why))
    else:
        with writing(why) as (session, act):
            which = bulk.to_change(wanted, priority)
            if expected is not None:
                which = bulk.these(bulk.change_priority_of_all(session, wanted, expected, priority, act))
            told = _told(bulk.concerned(session, which), expected)
    _show(told, "changed", as_json=as_json)


def _asked(wanted: LotFilter, expected: int | None, **more: object) -> dict[str, object]:
    worked = {name: _said(value) for name, value in vars(wanted.worked or Worked()).items()}
    which = {name: value for name, value in vars(wanted).items() if name != "worked"} | worked
    return {"which": which, "expected": expected, **more}


def _said(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _told(lots: list[dict[str, Any]], expected: int | None) -> dict[str, Any]:
    return {"done": expected is not None, "count": len(lots), "lots": lots}


def _show(told: dict[str, Any], done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(told)
        return
    kept = ("lot", "customer", "state", "held", "operation", "priority")
    show([{key: lot[key] for key in kept} for lot in told["lots"]], as_json=False, empty="No lots.")
    lots = "1 lot" if told["count"] == 1 else f"{told['count']} lots"
    if told["done"]:
        say(f"{lots} {done}.")
    elif told["count"]:
        say(f"Nothing is changed yet: {lots}; say --expect {told['count']} to act on them.")
