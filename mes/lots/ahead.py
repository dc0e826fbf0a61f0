"""Times that people give for what is to come."""

from datetime import datetime, timedelta

from mes.errors import Malformed

LONGEST = timedelta(days=36525)
"""From now to such a time: beyond it is a slip of the pen."""


def check_ahead(at: datetime, now: datetime) -> None:
    """Raise `Malformed` where a time has passed or is too far off."""
    if at <= now:
        raise Malformed(f"{at.isoformat()} has passed; in the plant it is {now.isoformat(timespec='seconds')}.")
    if at > now + LONGEST:
        raise Malformed(f"{at.isoformat()} is more than a hundred years from now; look at the year.")
