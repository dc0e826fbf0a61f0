"""Whether this process lives, and whether it can answer."""

from fastapi import APIRouter
from sqlalchemy import text

from mes.http.transaction import Tx
from mes.people.access import OPEN

router = APIRouter(prefix="/health", dependencies=[OPEN])


@router.get("/live")
def live() -> dict[str, str]:
    """The process runs; it needs nothing else to say so."""
    return {"status": "live"}


@router.get("/ready")
def ready(session: Tx) -> dict[str, str]:
    """The database answers; else 503."""
    session.execute(text("select 1"))
    return {"status": "ready"}
