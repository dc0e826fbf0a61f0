"""The board as a page and as a stream."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from mes.db import STAFF
from mes.definitions.clock import plant_now
from mes.http.event_stream import EventStream
from mes.http.transaction import Tx
from mes.people.access import require, still
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.web.board.reading import read_board
from mes.web.live import Live
from mes.web.pages import View, page, plant_time, render, view_of

router = APIRouter(prefix="/board")
VIEWER = require(Permission.SEE_LINE)


def fragments(session: Session, view: View) -> Mapping[str, str]:
    """The parts of the board that move: the plant clock, the connector, a part per area, the queues."""
    board, plant = read_board(session, plant_now(session)), plant_time(session, view)
    areas = {f"area-{area.name}": render("board_area.html", view, area=area, plant=plant) for area in board.areas}
    return {
        "connector": render("board_connector.html", view, unheard=board.unheard and plant["speed"] > 0),
        "plant-clock": render("plant_clock.html", view, plant=plant),
        **areas,
        "queues": render("board_queues.html", view, board=board, plant=plant),
    }


@router.get("")
def show(request: Request, session: Tx, viewer: Annotated[Person, VIEWER]) -> Response:
    """The line board."""
    return page(request, "board.html", "/board", viewer, parts=fragments(session, view_of(request, viewer)))


@router.get("/stream")
async def stream(request: Request, viewer: Annotated[Person, VIEWER]) -> EventStream:
    """What changes on the board."""
    live: Live = request.app.state.live
    return live.stream(fragments, STAFF, view_of(request, viewer), still(request, viewer))
