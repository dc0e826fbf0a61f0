"""Maps from four clients at once: each wafer gets its own, once."""

import httpx

from bench.maps_in import Line, exchange, flips, wafers
from tests.api.conftest import Api
from tests.shop import Floor


def test_every_wafer_gets_its_own_map_once_and_a_flipped_rule_flips_the_outcome(floor: Floor, api: Api) -> None:
    key = {"authorization": f"Bearer {api.keys['line_engineer']}"}
    line = Line(
        {"customer": "alpha", "route": "die"}, lambda: httpx.Client(base_url=api.address, headers=key, timeout=60)
    )
    sent = wafers(20, (3, 4))
    assert exchange(line, floor.database, sent).total() == 0
    assert list(flips(line, floor.database, sent[0])) == ["recorded", "map_stopped", "recorded"]
    assert floor.problems() == []
