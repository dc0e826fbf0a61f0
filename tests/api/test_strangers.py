"""What a customer asks with names that another has just read is answered byte for byte as for names of nothing.

Over every route of the application, pages too, with every method; nothing of this list is typed by hand but what the
parts of a path are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import httpx
import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from mes.app import create_app
from mes.definitions.clock import set_plant_clock
from mes.jobs import orders
from mes.lots.experiments import plan
from mes.lots.holds.hold import hold, release_hold
from mes.people.roles import Role
from mes.reports.catalog import REPORTS
from mes.runs.models import Run
from mes.shipments.send import Sending, send
from tests.api.conftest import Api
from tests.shop import BEGIN, Floor, mapped

UNUSED = {"PUT", "DELETE"}
"""Methods that no route has."""
SECRETS = {"beta": "zeta", "SECRET": "ABSENT", "HIDDEN": "NOTHIN", "J-0000002": "J-9999992", "SHP-000001": "SHP-999991"}
"""What beta has read, and as many letters that name nothing."""
OF_LOT, OF_SUBSTRATE = "SECRET", "HIDDEN"
PLACES = {
    "customer": ["beta"], "lot": [OF_LOT], "name": [OF_LOT, OF_SUBSTRATE], "substrate": [OF_SUBSTRATE],
    "job": ["J-0000002"], "record": ["1"], "recipe": ["bake@1"], "experiment": ["E1"], "equipment": ["CELL-1"],
    "route": ["die"], "product": ["die"], "shipment": ["SHP-000001"], "recall": ["RCL-000001"],
    "container": ["T-BETA"], "durable": ["C1"], "carrier": ["FOUP-1"],
    "x": ["1"], "y": ["2"], "extension": ["json", "xml"],
}  # fmt: skip
"""What may stand at the places of a path."""
NOT_THERE = {
    "record": "9",
    "recipe": "bake@9",
    "experiment": "E9",
    "equipment": "CELL-9",
    "route": "pie",
    "product": "pie",
    "container": "T-NONE",
    "durable": "C9",
    "carrier": "FOUP-9",
    "recall": "RCL-9",
}
"""For what is the centre's, names of nothing."""
NEW_EACH_TIME = re.compile(rb'data-now-ms="\d+"|name="once" value="[\w-]+"')
"""Of a page: the time, and by what a form is sent once."""
READ_BY_HAND = {"q", "customer", "lot"}
"""What pages read of a query without declaring it."""
ALWAYS_OTHER = {"date", "content-length"}
"""Headers that may differ; the length of a body is that of the body, which is compared."""


@dataclass(frozen=True)
class Question:
    """A request with the names of beta in it, and its twin with names of nothing."""

    method: str
    there: str
    absent: str


@pytest.fixture
def world(floor: Floor, api: Api) -> Api:
    """Both have a lot at work on the same equipment; beta's has a hold and maps, and its run is J-0000002."""
    with floor.database.transaction() as session:
        set_plant_clock(session, BEGIN, 0)
    floor.arrive("MINE", "die", mapped("OWN", [[1, 1, 1, 1]] * 3))
    secret = floor.arrive(OF_LOT, "die", mapped(OF_SUBSTRATE, [[1, 1, 1, 1]] * 3), customer="beta")
    floor.do(hold, secret, "height", "bump height", "line_engineer")
    floor.do(release_hold, secret, floor.holds(OF_LOT)[0].id, "well", Role.ADMINISTRATOR)
    for lot in ("MINE", OF_LOT):
        run: Run = floor.do(orders.order, floor.wanted("CELL-1", lot))
    assert run.name == "J-0000002"
    theirs = plan.NewExperiment("E1", "hotter", "die/10", (plan.NewLeg("usual"),), (OF_LOT,), "beta")
    floor.do(plan.draft, theirs)
    gone = floor.arrive("GONE", "die", "GONE", customer="beta")
    floor.pass_through("CELL-2", "GONE", "GONE")
    assert floor.do(send, Sending([gone], "elsewhere")).name == "SHP-000001"
    return api


def routes(floor: Floor) -> list[APIRoute]:
    found = [context for context in iter_route_contexts(create_app(floor.database).routes) if context.path != "/static"]
    return list(found)  # type: ignore[arg-type]


def questions(path: str, methods: set[str], dependant: Dependant) -> Iterator[Question]:
    """Every way to ask a route about what is beta's: by its path, and by each text that its query takes."""
    report = "/reports/" in path
    names = re.findall(r"{(\w+)(?::path)?}", path)
    template = re.sub(r"{(\w+)(?::path)?}", r"{\1}", path)
    ways = product(*(list(REPORTS)[:1] if report and name == "name" else PLACES[name] for name in names))
    for way in ways:
        filled = dict(zip(names, way, strict=True))
        if path.endswith("/maps/{name:path}"):
            filled["name"] = "dispositions"
        there = template.format(**filled)
        absent = template.format(**{key: NOT_THERE.get(key, _absent(value)) for key, value in filled.items()})
        if there != absent:
            also = {"HEAD"} if "GET" in methods else set[str]()
            yield from (Question(method, there, absent) for method in sorted(methods | UNUSED | also))
        if "GET" not in methods or path.endswith("/stream"):  # the page of a stream is asked the same
            continue
        for key in sorted(_texts(dependant) | (set() if names else READ_BY_HAND)):
            for name, nothing in SECRETS.items():
                yield Question("GET", f"{there}?{key}={name}", f"{absent}?{key}={nothing}")


def _absent(text: str) -> str:
    for name, nothing in SECRETS.items():
        text = text.replace(name, nothing)
    return text


def _texts(dependant: Dependant) -> set[str]:
    """The names of a query's parameters that could name something."""
    here = {field.alias for field in dependant.query_params if "str" in str(field.field_info.annotation)}
    return here.union(*(_texts(inner) for inner in dependant.dependencies))


def ask(client: httpx.Client, address: str, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body; of a stream that does not end what comes first."""
    headers = {"Last-Event-ID": "0-0", "X-Request-ID": "same", "accept": "application/json"}
    if not path.startswith("/api/"):
        headers["accept"] = "text/html"
    joint = "&" if "?" in path else "?"
    url = f"{address}{path}{joint}follow=false" if "/events" in path else f"{address}{path}"
    body = {"json": {"customer": "beta", "why": "to know"}} if method == "POST" else {}
    with client.stream(method, url, headers=headers, **body) as answer:  # type: ignore[arg-type]
        endless = "event-stream" in answer.headers.get("content-type", "") and "/events" not in path
        content = next(answer.iter_bytes()) if endless else answer.read()
        told = {name: value for name, value in answer.headers.items() if name not in ALWAYS_OTHER}
        return answer.status_code, told, NEW_EACH_TIME.sub(b"", content)


def without_names(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    status, headers, body = answer
    return status, {key: _absent(value) for key, value in headers.items()}, _absent(body.decode("latin-1")).encode()


def test_names_that_another_has_read_answer_as_names_of_nothing(floor: Floor, world: Api) -> None:
    asked, seen_by_beta = 0, set[str]()
    with world.as_user("alpha") as alpha, world.as_user("beta") as beta:
        for route in routes(floor):
            for question in questions(route.path, set(route.methods or ()), route.dependant):
                there = ask(alpha, world.address, question.method, question.there)
                absent = ask(alpha, world.address, question.method, question.absent)
                assert without_names(there) == without_names(absent), question
                asked += 1
                if question.method == "GET" and ask(beta, world.address, "GET", question.there)[0] == 200:
                    seen_by_beta.add(route.path)
    assert asked > 400
    assert {path for path in seen_by_beta if "{" in path and "/reports/" not in path} >= READ_BY_BETA


READ_BY_BETA = {
    "/lots/{customer}/{name}",
    "/substrates/{customer}/{name}",
    "/substrates/{customer}/{name}/map.{extension}",
    "/units/{customer}/{substrate}/{x}/{y}",
    "/api/v1/lots/{lot}",
    "/api/v1/lots/{lot}/history",
    "/api/v1/lots/{lot}/maps",
    "/api/v1/lots/{lot}/map-analysis",
    "/api/v1/substrates/{substrate}/map-analysis",
    "/api/v1/lots/{lot}/operations",
    "/api/v1/lots/{lot}/genealogy",
    "/api/v1/substrates/{substrate}/maps/{name:path}",
    "/api/v1/substrates/{substrate}/warnings",
    "/api/v1/units/{substrate}/{x}/{y}/genealogy",
    "/api/v1/units/{substrate}/{x}/{y}/destinations",
}
"""What beta sees under those very addresses: else nothing would be shown."""


def test_whatever_another_does_all_that_a_customer_sees_stays_as_it_was(floor: Floor, api: Api) -> None:
    """Lists, events, reports in every format, exports, and its own lot on equipment that both use."""
    with floor.database.transaction() as session:
        set_plant_clock(session, BEGIN, 0)
    floor.arrive("MINE", "die", "OWN")
    floor.order("CELL-1", "MINE")
    mine = {"customer": "alpha", "lot": "MINE", "name": "MINE", "substrate": "OWN"}
    formats = ["", "json", "csv", "xlsx", "parquet"]
    paths = [f"/api/v1/reports/{name}?format={form}" for name in REPORTS for form in formats]
    paths += [f"/reports/{name}.{form}" for name in REPORTS for form in formats]
    for route in routes(floor):
        names = re.findall(r"{(\w+)(?::path)?}", route.path)
        if "GET" in (route.methods or ()) and "/reports/" not in route.path and "/metrics" not in route.path:
            one = {name: mine.get(name, PLACES[name][0]) for name in names}
            one |= {"name": "OWN"} if "/substrates/{customer}" in route.path else {}
            one |= {"name": "dispositions"} if "/maps/" in route.path else {}
            paths.append(re.sub(r"{(\w+)(?::path)?}", r"{\1}", route.path).format(**one))
    with api.as_user("alpha") as alpha:
        before = {path: ask(alpha, api.address, "GET", path) for path in paths}
        floor.arrive(OF_LOT, "die", OF_SUBSTRATE, "OWN", customer="beta")
        floor.arrive("MINE", "die", "W7", customer="beta")
        floor.order("CELL-1", OF_LOT)
        for path in paths:
            assert ask(alpha, api.address, "GET", path) == before[path], path
    assert sum(status == 200 for status, _, _ in before.values()) > 30
