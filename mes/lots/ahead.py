"""Times that people give for what is to come."""

from datetime import datetime

from mes.definitions.clock import check_not_too_far
from mes.errors import Malformed


def check_ahead(at: datetime, now: datetime) -> None:
    """Raise `Malformed` where a time has passed or is too far off."""
    if at <= now:
        raise Malformed(f"{at.isoformat()} has passed; in the plant it is {now.isoformat(timespec='seconds')}.")
    check_not_too_far(at, now)
