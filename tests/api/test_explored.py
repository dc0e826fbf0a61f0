"""The whole API as schemathesis asks it: no fault, no answer outside the description, and the database sound after.

`python -m bench explored --long` does the same for ten minutes, with other seeds.
"""

from tests.api.conftest import Api
from tests.api.exploring import explore, furnish
from tests.shop import Floor

EXAMPLES, START = 8, 1


def test_every_answer_is_as_described_and_the_database_is_sound(floor: Floor, api: Api) -> None:
    names = furnish(floor)
    with api.as_user("administrator") as client:
        described = client.get("/openapi.json").json()
    found = explore(described, names, api.address, api.keys["administrator"], examples=EXAMPLES, start=START)
    assert not found.wrong, "\n\n".join(f"{where}: {what}" for where, what in found.wrong.items())
    assert {200, 201, 404, 409, 422} <= set(found.statuses)
    assert len(found.reached) > 30
    assert floor.problems() == []
