"""Events over HTTP: what happens, as it happens, from wherever the caller was."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request

from mes.events.looks import SubjectKind, look, wanted
from mes.events.outbox import Cursor, Event, head, place
from mes.events.stream import Followers
from mes.http.event_stream import EventStream
from mes.http.shapes import Name
from mes.http.transaction import Tx
from mes.people.access import require, still
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(prefix="/events", tags=["events"])

STREAM = "text/event-stream"
SAID = (
    'id: 1207-1\ndata: {"verb":"hold","at":"2026-03-01T01:00:00Z","recorded_at":"2026-03-01T01:00:01Z",'
    '"subjects":[{"kind":"lot","name":"D1"}],"customer":"hanbit","event":412}\n\n'
)
AS_TEXT = {"schema": {"type": "string"}, "example": SAID}
UNSTORED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Neither kept nor held back by what is between."""


def _begin(
    session: Tx,
    last_event_id: Annotated[
        str | None, Header(max_length=40, description="The `id` that came last; `0-0` begins with the first event.")
    ] = None,
) -> Cursor:
    return head(session) if last_event_id is None else place(session, last_event_id)


@router.get(
    "",
    response_class=EventStream,
    responses={200: {"description": "Messages with `id` and `data`, an `EventLook`.", "content": {STREAM: AS_TEXT}}},
)
async def follow(
    request: Request,
    viewer: Annotated[Person, require(Permission.SEE_LOTS)],
    begin: Annotated[Cursor, Depends(_begin)],
    kind: Annotated[SubjectKind | None, Query(description="Only events about one of this kind.")] = None,
    subject: Annotated[Name | None, Query(description="Only events about what has this name.")] = None,
    follow: Annotated[bool, Query(description="Whether to wait for more where all has been told.")] = True,  # noqa: FBT002
) -> Any:
    """What happens, as server-sent events; a customer's own, or all for the centre's people.

    Each message carries the place after it as `id`. Give the last one as `Last-Event-ID` to go on from there: nothing
    is left out, and nothing comes twice. Without it the stream begins now. Where nothing happens a comment line comes
    every 10 s. A stream ends after 15 minutes, and a reader who takes nothing for 20 s is dropped: connect again.
    """
    followers: Followers = request.app.state.followers
    followers.refuse_too_many()

    def written(event: Event) -> str:
        if not wanted(event, kind, subject):
            return ""
        return f"data: {look(event, centre=viewer.customer_id is None).model_dump_json()}\n"

    return EventStream(
        followers.follow(viewer.scope, begin, written, on=follow), still(request, viewer), headers=UNSTORED
    )
