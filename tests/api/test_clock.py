"""The plant clock over HTTP: whoever reads plant times can tell what time it is there, and in which zone."""

from datetime import timedelta

from mes.definitions.clock import set_plant_clock
from tests.api.conftest import Caller
from tests.api.test_lots import ok
from tests.shop import BEGIN, Floor


def test_the_plant_clock_is_told_with_its_zone(floor: Floor, caller: Caller) -> None:
    with floor.database.transaction() as session:
        set_plant_clock(session, BEGIN + timedelta(hours=7), 0)
    told = {"plant_now": "2026-03-01T07:00:00Z", "speed": 0.0, "time_zone": "UTC"}
    assert ok(caller("alpha").get("/clock")) == ok(caller("").get("/clock")) == told
