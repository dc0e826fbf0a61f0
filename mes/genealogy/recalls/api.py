"""Causes and recalls over HTTP: up from what was bad to every unit that it touched, and the hold of them all."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime

from mes.definitions.clock import act_now
from mes.genealogy.recalls.causes import Cause
from mes.genealogy.recalls.looks import NEWEST_FIRST, look, rows, select_recalls
from mes.genealogy.recalls.recall import concern, recall
from mes.genealogy.recalls.shapes import COORDINATE, ConcernLook, RecallBody, RecallLook, RecallReport, RecallRow
from mes.http import paging
from mes.http.command import CommandRoute
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

OF_THE_CENTRE = [require(Permission.SEE_LINE)]
router = APIRouter(prefix="/genealogy", tags=["genealogy"], dependencies=OF_THE_CENTRE)
of_recalls = APIRouter(prefix="/recalls", route_class=CommandRoute, tags=["genealogy"])

Recaller = Annotated[Person, require(Permission.RECALL_UNITS)]
Viewer = Annotated[Person, require(Permission.SEE_LINE)]
InFull = Annotated[bool, Query(alias="all", description="Also the position of every unit.")]
Coordinate = Annotated[int | None, Query(ge=0, lt=COORDINATE)]


def _cause(
    material: Annotated[Name | None, Query(description="A lot of material: all its containers.")] = None,
    container: Annotated[Name | None, Query(description="Of material that was used.")] = None,
    durable: Annotated[Name | None, Query(description="That was used.")] = None,
    recipe: Annotated[Name | None, Query(description="In all its versions, or name@version.")] = None,
    equipment: Annotated[Name | None, Query(description="That worked on the units, or moved them.")] = None,
    head: Annotated[int | None, Query(ge=0, le=255, description="Of the equipment: what it moved.")] = None,
    since: Annotated[AwareDatetime | None, Query(alias="from", description="It worked then or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(alias="to", description="And before.")] = None,
    substrate: Annotated[Name | None, Query(description="All its units, also those that have left it.")] = None,
    x: Coordinate = None, y: Coordinate = None,
    lot: Annotated[Name | None, Query(description="All units with which it began.")] = None,
    customer: Annotated[Name | None, Query(description="Whose it is, where owners share a name.")] = None,
) -> Cause:  # fmt: skip
    return Cause(material, container, durable, recipe, equipment, head, since, until, substrate, x, y, lot, customer)


@router.get("", response_model=ConcernLook, response_model_exclude_unset=True)
def concerned(session: Tx, cause: Annotated[Cause, Depends(_cause)], in_full: InFull = False) -> Any:  # noqa: FBT002
    """Every unit that a cause touched, by the lot that has it now: where it is, whether it is held, who has it.

    What is given must hold of the same run; a substrate or a lot stands for all its units and is named alone.
    """
    return rows(concern(session, cause), in_full=in_full)


@of_recalls.get("", response_model=paging.Page[RecallRow])
def list_recalls(session: Tx, _: Viewer, asked: paging.Asked) -> Any:
    """Recalls, the newest first."""
    return paging.paged(session, select_recalls(), NEWEST_FIRST, asked, newest_first=True)


@of_recalls.get("/{recall}", response_model=RecallReport, response_model_exclude_unset=True)
def show_recall(
    session: Tx, _: Viewer, recall: Annotated[Name, Path(description="Name of the recall.")],
    in_full: InFull = False,  # noqa: FBT002
) -> Any:  # fmt: skip
    """A recall, and where the units are that its cause has touched by now."""
    return look(session, recall, in_full=in_full)


@of_recalls.post("", response_model=RecallLook, response_model_exclude_unset=True)
def recall_units(session: Tx, by: Recaller, body: RecallBody) -> Any:
    """Hold every unit that a cause touched, or without `expected` list what that would be.

    Only these units are held, and a whole lot where all that is there was touched. What runs goes on, and what it takes
    of them is suspect. Asked for again, it holds only what no recall of the same cause holds.
    """
    cause = body.cause.cause
    if body.expected is None:
        return {**rows(concern(session, cause)), "recall": None}
    act = act_now(session, by.name, body.why)
    done, found = recall(session, cause, body.expected, body.code, body.why, body.owner, act, body.review_by)
    return {**rows(found), "recall": done and done.name}
