"""Requests that schemathesis makes of the description of the API, right and wrong, over a shop that has something of
everything, with the names that there are mixed in among those that it invents."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zlib import crc32

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.transport.serialization import Binary
from sqlalchemy import update

from equipment.interface.messages import AlarmChange, Identity, Record, RecordBatch
from mes.equipment.models import Equipment
from mes.jobs import orders, results
from mes.lots.create import NewLot, create
from mes.people.models import User
from mes.recipes.approve import submit
from mes.recipes.draft import draft
from mes.recipes.models import RecipeVersion
from mes.reports.catalog import REPORTS
from mes.runs.models import Run
from mes.units.arrival import Arrival
from tests.api.test_maps_in import file
from tests.shop import BAKE, BEGIN, Floor, mapped
from tests.web.conftest import PASSWORD, hashed

Schema = dict[str, Any]
Names = Mapping[str, Sequence[Any]]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
EVENTS = "/api/v1/events"

load_all_checks()
CHECKED: list[Any] = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
    ]
)
MEANT_RIGHT = "Positive test case"
"""How a request is described in which nothing was made wrong; putting names into it leaves that as it is."""
MUST_BE_REFUSED = CHECKED[-1]
"""Not of files: with a right one in it a wrong request is right; `test_maps_in` has the wrong ones. Nor where what was
to be wrong became right: a body that lost a field which may be left out."""


def furnish(floor: Floor) -> Names:
    """Something of everything: lots in most states, jobs, records, a draft; by names of parameters, what is there."""
    floor.stock("D0", "die", mapped("S1", [[1, 1, 1, 1]] * 3))
    for n in range(1, 5):
        floor.arrive(f"D{n}", "die", f"W{n}", f"V{n}")
    floor.arrive("D1", "die", "W1", customer="beta")
    floor.arrive("P1", "package", "Q1")
    running = floor.begin("CELL-1", "D2")
    ordered: Run = floor.do(orders.order, floor.wanted("CELL-2", "D3"))
    told = [AlarmChange(code, 700, "odd", is_set=True) for code in ("DOOR", "LAMP")]
    came = tuple(Record("j", n, BEGIN + timedelta(minutes=n), "", body) for n, body in enumerate(told, 1))
    with floor.database.transaction() as session:
        session.execute(update(User).values(password_hash=hashed()))
        journal = results.meet(
            session, floor.id_of(Equipment, "CELL-1"), Identity("CELL-1", "cell", "j", "b", 2), BEGIN
        )
        results.receive(session, journal.id, RecordBatch("j", "b", 2, came))
    floor.do(create, NewLot("C1", "alpha", "die", (Arrival("X1"),)))
    for _ in range(2):
        version = floor.do(draft, floor.id_of(RecipeVersion, "bake@1"), BAKE)
    floor.do(submit, version.id)
    runs = [floor.run(running).name, ordered.name]
    lots, substrates = ["C1", "D0", "D1", "D2", "D3", "D4", "P1"], ["S1", "W1", "W2", "V2", "W3", "W4", "Q1"]
    return {
        "lot": lots, "subject": lots, "q": ["D"], "customer": ["alpha", "beta"], "route": ["die", "package", "board"],
        "product": ["die", "board"], "operation": ["die/10"], "equipment": ["CELL-1", "CELL-2", "OVEN-1"],
        "substrate": substrates, "substrates": substrates, "sources": substrates, "of_class": ["cell", "oven"],
        "run": runs, "job": runs, "record": [1, 2], "hold": [1, 2, 3], "recipe": ["bake@1", "bake@2", "bake@3"],
        "like": ["bake@1"], "body": [BAKE], "signer": ["process_engineer"], "x": [0, 1], "y": [0, 1],
        "name": [*REPORTS, "dispositions", "bin:incoming"], "version": [1], "if-match": ["*", '"3"'],
        "last-event-id": ["0-0"], "password": [PASSWORD], "file": [file("M1"), file("M2", "IN-2"), file("M3", None)],
    }  # fmt: skip


def _named(value: Any, names: Names, luck: int, name: str = "") -> Any:
    """A value with three of four of the names in it that can be known replaced by one that is."""
    if isinstance(value, dict):
        return {key: _named(one, names, luck, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_named(one, names, luck, name) for one in value]
    chosen = crc32(f"{luck} {name} {value!r}".encode(errors="surrogatepass"))
    if isinstance(value, Binary):
        return Binary(names["file"][chosen % 3]) if chosen % 4 else value
    if value is None or name not in names or chosen % 4 == 0:
        return value
    return names[name][chosen // 4 % len(names[name])]


def _with_names(case: Case[Any], names: Names, luck: int) -> None:
    """Let a request be about what is there, in all its parts that are meant to be right."""
    assert case.meta is not None
    right = {where.value for where, part in case.meta.components.items() if part.mode is GenerationMode.POSITIVE}
    for part in ("path_parameters", "query", "headers", "body"):
        of = getattr(case, part)
        if {"path_parameters": "path", "headers": "header"}.get(part, part) in right and isinstance(of, dict | Binary):
            setattr(case, part, _named(of, names, luck))


def _is_wrong(case: Case[Any]) -> bool:
    """Whether some part of a request was made otherwise than described."""
    assert case.meta is not None
    if isinstance(case.body, Binary) or case.meta.phase.data.description == MEANT_RIGHT:
        return False
    return any(part.mode is GenerationMode.NEGATIVE for part in case.meta.components.values())


@dataclass
class Explored:
    """What came of it: how often each status was answered, and what was wrong, each with a request that shows it."""

    statuses: Counter[int] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)
    """Operations that were answered well at least once."""
    wrong: dict[str, str] = field(default_factory=dict)


def explore(described: Schema, names: Names, address: str, key: str, *, examples: int, start: int) -> Explored:
    """Ask every operation, with right and with wrong input, so many times each; the same for the same ``start``."""
    schema = schemathesis.openapi.from_dict({key: of for key, of in described.items() if key != "security"})
    schema.config.update(base_url=address)
    found = Explored()
    for operation in schema.get_all_operations():
        assert isinstance(operation, Ok), operation
        for mode in MODES:
            _ask(operation.ok(), mode, names, found, key, examples, start)
    return found


def _ask(
    operation: Any, mode: GenerationMode, names: Names, found: Explored, key: str, examples: int, start: int
) -> None:
    @seed(start)
    @settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), luck=st.integers(0, 2**16))
    def ask(case: Case[Any], luck: int) -> None:
        _with_names(case, names, luck)
        if operation.path == EVENTS:  # else it waits for what happens
            case.query = {**(case.query or {}), "follow": "false"}
        answer = case.call(headers={"Authorization": f"Bearer {key}"}, timeout=60)
        found.statuses[answer.status_code] += 1
        if answer.status_code < 300:
            found.reached.add(operation.label)
        checks = [check for check in CHECKED if _is_wrong(case) or check is not MUST_BE_REFUSED]
        try:
            case.validate_response(answer, checks=checks)
        except (Failure, FailureGroup) as error:
            found.wrong.setdefault(f"{operation.label} {answer.status_code}", f"{error}\n{case.as_curl_command()}")

    with suppress(Unsatisfiable):  # nothing can be wrong where nothing is taken
        ask()
