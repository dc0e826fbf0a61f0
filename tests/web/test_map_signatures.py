"""The page of a map names signatures where it is asked for them."""

import re

import numpy as np

from mes.definitions.models import Layout
from tests.shop import Floor, mapped
from tests.web.conftest import Serve, people


def test_signatures_stand_beside_the_map_with_what_failed_in_them(floor: Floor, serve: Serve) -> None:
    with floor.database.transaction() as session:
        people(session)
        session.query(Layout).filter_by(name="dies").update({"rows": 12, "columns": 15})
    codes = np.ones((12, 15), np.uint16)
    codes[4:7, 8:11] = 9
    floor.arrive("D1", "die", mapped("W1", codes.tolist()))
    site = serve()
    with site.client("yield_engineer") as engineer:
        shown = engineer.get("/substrates/alpha/W1?layer=bin:incoming&signatures=yes").text
        told = engineer.get("/api/v1/substrates/W1/map-analysis?layer=bin:incoming").json()["signatures"]
    assert [(one["kind"], one["failed"], one["tested"]) for one in told] == [("cluster", 9, 9)]
    words = re.sub(r"<[^>]*>|\s+", " ", shown)
    assert re.search(r"Cluster +at x 9, y 5 +100\.00 +of 9 +0\.00 +of 171 +\de-\d\d", words)
