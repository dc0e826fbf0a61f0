"""Every bad input is one edit from a passing twin, and changes no row of any table."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import update

from mes.definitions.models import Product
from mes.jobs.set_aside import set_aside
from mes.lots.models import Lot
from mes.lots.store import store
from mes.lots.taking import scrap
from mes.people.models import User
from mes.recipes.approve import submit
from mes.recipes.draft import draft
from mes.recipes.models import RecipeVersion
from mes.shipments.document import Certificate, Content, SentLot, SentSubstrate, sealed
from tests.api.conftest import Api, Caller
from tests.api.keeping import kept
from tests.api.test_line import records  # noqa: F401
from tests.api.test_lots import problem
from tests.api.test_maps_in import XML, file
from tests.lots.test_migration import version
from tests.shop import BAKE, BEGIN, Floor, mapped
from tests.stockroom import deliver, furnish, opened
from tests.web.conftest import PASSWORD, hashed

Schema = dict[str, Any]
ABSENT = "ABSENT"
NAMES = {
    "customer",
    "lots",
    "product",
    "route",
    "equipment",
    "substrate",
    "substrates",
    "sources",
    "run",
    "like",
    "signer",
    "material",
    "certification",
    "user",
    "plan",
    "kind",
    "operation",
    "lot",
}
"""Keys that name what must be there."""
COUNTED = {"sign_in_try", "sign_in"}
"""Tables that also count what was refused, and those of whom a new sign-in makes forget what has expired."""


@dataclass
class Command:
    """A command that passes: its path, its query or its body."""

    path: str
    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    status: int = 200

    def names(self, key: str) -> bool:
        """Whether a key names what must be there."""
        return key in NAMES and not (self.path == "/lots" and key == "substrates")


def commands(floor: Floor, numbers: list[int]) -> dict[str, Command]:
    """By the name of its operation a command of each kind, each about something of its own."""
    for n in range(1, 9):
        floor.arrive(f"D{n}", "die", mapped(f"W{n}", [[1, 1, 1, 1]] * 3))
    run = floor.run(floor.begin("CELL-2", "D2")).name
    floor.order("CELL-1", "D3")
    floor.do(set_aside, numbers[1])
    versions = [floor.do(draft, floor.id_of(RecipeVersion, "bake@1"), BAKE).id for _ in range(2)]
    floor.do(submit, versions[1])
    why, at = {"why": "a reason"}, {"at": [{"x": 0, "y": 1}]}
    return {
        "lots_create": Command("/lots", why | {
            "id": "N1", "customer": "alpha", "product": "die", "route": "die", "kind": "production",
            "substrates": ["N1.1", "N1.2"], "priority": 3, "due_at": "2099-04-01T00:00:00Z", "release": False,
        }, status=201),
        "lots_release": Command("/lots/N1/release", why),
        **changes(why),
        **late(floor, why), **experiment(why),
        "lots_track_in": Command("/lots/D1/track-in", why | {"equipment": "CELL-1", "substrates": ["W1"]}),
        "lots_track_out": Command(
            "/lots/D2/track-out", why | {"run": run, "good": 12, "substrates": [{"id": "W2", "bins": []}]}
        ),
        "lots_abort": Command("/lots/D3/abort", why),
        **holds(floor, why),
        "lots_scrap": Command("/lots/D5/scrap", why | at | {"substrate": "W5"}),
        "lots_pull_sample": Command("/lots/D6/pull-sample", why | at | {"substrate": "W6"}),
        "lots_store": Command("/lots/D7/store", why),
        **on_all(why), **on_material(floor, why), **keeping(floor, why), **shipments(floor, why),
        "equipment_state": Command("/equipment/OVEN-1/state", why | {"state": "UDT"}),
        "maps_create": Command("/maps", query={"customer": "alpha", "route": "die", "release": "true"}, status=201),
        "jobs_records_set_aside": Command(f"/jobs/records/{numbers[0]}/set-aside", why),
        "jobs_records_retry": Command(f"/jobs/records/{numbers[1]}/retry", why),
        "recipes_create": Command("/recipes", why | {"like": "bake@1", "body": BAKE}, status=201),
        "recipes_submit": Command("/recipes/bake@2/submit", why),
        "recipes_approve": Command(
            "/recipes/bake@3/approve", why | {"signer": "process_engineer", "password": PASSWORD}
        ),
        "recipes_retire": Command("/recipes/bake@3/retire", why),
        "session_create": Command("/session", {"name": "operator", "password": PASSWORD}, status=201),
    }  # fmt: skip


def keeping(floor: Floor, why: dict[str, str]) -> dict[str, Command]:
    """What keeps people, equipment, tools and carriers ready."""
    return {name: Command(path, why | body, status=status) for name, (path, body, status) in kept(floor).items()}


def holds(floor: Floor, why: dict[str, str]) -> dict[str, Command]:
    """Commands about what stops a lot, now or further on."""
    floor.arrive("F1", "board", "F1.S")
    said = why | {"code": "height", "owner": "line_engineer"}
    planned = said | {"operation": "board/20"}
    return {
        "lots_hold": Command("/lots/D4/hold", said | {"review_by": "2099-04-01T00:00:00Z"}),
        "lots_release_hold": Command("/lots/D4/release-hold", why | {"hold": 2}),  # the first is that of Q2
        "lots_future_hold": Command("/lots/F1/future-hold", planned),
        "lots_withdraw_future_hold": Command("/lots/F1/withdraw-future-hold", why | {"future_hold": 1}),
    }


def late(floor: Floor, why: dict[str, str]) -> dict[str, Command]:
    """The signature for what waited too long: it left the oven years before the present of the plant."""
    floor.arrive("Q1", "board", "Q1.S")
    floor.pass_through("OVEN-1", "Q1", "Q1.S")
    said = {"substrates": ["Q1.S"], "until": "2099-04-01T00:00:00Z"}
    signed = {"signer": "process_engineer", "password": PASSWORD}
    back = why | {"substrates": ["Q1.S"], "reason": "residue"}
    floor.arrive("Q2", "board", "Q2.S")
    run = floor.begin("OVEN-1", "Q2")
    floor.report(run, "Q2.S", energy_kwh=-1.0)
    floor.end(run)
    version(floor, 2, (10, {}), (20, {}), current=False)
    floor.arrive("Q3", "board", "Q3.S")
    return {
        "lots_migrate": Command("/lots/Q3/migrate", why | signed | {"to": "board@2"}),
        "lots_dispose_suspects": Command(
            "/lots/Q2/dispose-suspects",
            why | signed | {"substrate": "Q2.S", "at": [{"x": 0, "y": 1}], "verdict": "cleared"},
        ),
        **beside(floor, why, signed | {"signer": "line_engineer"}),
        "lots_skip": Command("/lots/K1/skip", why | signed | {"substrates": ["K1.S"], "operation": "board/10"}),
        "lots_move": Command("/lots/K1/move", why | signed | {"substrates": ["K1.S"], "operation": "board/10"}),
        "lots_dispose_queue_time": Command("/lots/Q1/dispose-queue-time", why | said | signed),
        "lots_rework": Command("/lots/Q1/rework", back),
    }


def beside(floor: Floor, why: dict[str, str], signed: dict[str, str]) -> dict[str, Command]:
    """Commands on and off the route, on maps, to the end of a lot and back."""
    for n in range(1, 7):
        floor.arrive(f"K{n}", "board", mapped(f"K{n}.S", [[1, 1], [1, 9]]))
    scrapped = floor.do(scrap, floor.id_of(Lot, "K2"), "K2.S", [(0, 0)])
    floor.do(store, floor.id_of(Lot, "K3"))
    failed = {"substrate": "K6.S", "map": "bin:incoming", "at": [{"x": 0, "y": 0}], "bin": 9, "reason": "seen"}
    of, at = {"substrate": "K2.S"}, {"at": [{"x": 1, "y": 1}]}
    with floor.database.transaction() as session:
        reticle = {"projects": [{"name": "a", "customer": "beta", "product": "die"}], "rows": ["a"]}
        session.execute(update(Product).where(Product.name == "die").values(reticle=reticle))
    floor.stock("K7", "die", "K7.S")
    return {
        "lots_renumber": Command("/lots/K2/renumber", why | of | {"at": [{"x": 1, "y": 0}], "ids": ["M-1"]}),
        "lots_downgrade": Command("/lots/K6/downgrade", why | failed),
        "lots_upgrade": Command(
            "/lots/K6/upgrade", why | signed | {"signer": "process_engineer"} | failed | {"bin": 1}
        ),
        "lots_recount": Command("/lots/K2/recount", why | of | {"units": 2}),
        "lots_correct": Command("/lots/K2/correct", why | signed | {"record": scrapped.history_n}),
        "lots_bonus": Command("/lots/K2/bonus", why | signed | of | at),
        "lots_withdraw": Command("/lots/K3/withdraw", why),
        "lots_terminate": Command("/lots/K3/terminate", why | signed | {"left": "lost"}),
        "lots_reopen": Command("/lots/K3/reopen", why | signed | {"operation": "board/20"}),
        "lots_change_owner": Command(
            "/lots/K6/change-owner", why | signed | {"to": "beta", "substrates": ["K6.S"], "into": "K6-SOLD"}
        ),
        "lots_part": Command("/lots/K7/part", why | signed),
        "lots_destroy": Command("/lots/K4/destroy", why | {"witness": "lee"}),
        "lots_return_to_owner": Command("/lots/K5/return-to-owner", why),
    }


def changes(why: dict[str, str]) -> dict[str, Command]:
    """Commands that change a lot otherwise than by work on it."""
    return {
        "lots_priority": Command("/lots/N1/priority", why | {"priority": 2, "due_at": "2099-04-01T00:00:00Z"}),
        "lots_reserve": Command("/lots/N1/reserve", why | {"equipment": "CELL-1", "until": "2099-04-01T00:00:00Z"}),
        "lots_lift_reservation": Command("/lots/N1/lift-reservation", why),
        "lots_split": Command("/lots/N1/split", why | {"substrates": ["N1.2"], "into": "N1.9"}),
        "lots_merge": Command("/lots/N1/merge", why | {"lot": "N1.9"}),
    }


def experiment(why: dict[str, str]) -> dict[str, Command]:
    """The plan of an experiment, from its draft to its end."""
    legs = [
        {
            "leg": "hot",
            "recipe": "bake@1",
            "parameters": [{"name": "peak_temperature", "value": 154.0}],
            "substrates": ["F1.S"],
        }
    ]
    plan = {"experiment": "E1", "title": "hotter", "operation": "board/10", "lots": ["F1"], "customer": "alpha"}
    return {
        "experiments_create": Command("/experiments", why | plan | {"legs": legs}, status=201),
        "experiments_approve": Command(
            "/experiments/E1/approve", why | {"signer": "process_engineer", "password": PASSWORD}
        ),
        "experiments_close": Command("/experiments/E1/close", why),
    }


def on_material(floor: Floor, why: dict[str, str]) -> dict[str, Command]:
    """The commands on containers, which stand in the store of the shop."""
    furnish(floor)
    deliver(floor, "L0", "tape", {"T1": 100})
    deliver(floor, "L2", "lid", {"R1": 100})
    opened(floor, "R1")
    late = {"out_of_order": True}
    return {
        "material_lots_create": Command("/material-lots", why | {
            "id": "L1", "material": "flux", "supplier": "Maker", "certificate": "COA-1", "customer": "alpha",
            "expires_at": "2099-04-01T00:00:00Z", "containers": [{"id": "F1", "amount": 100}],
        }, status=201),
        "containers_thaw": Command("/containers/F1/thaw", why | late),
        "containers_mount": Command("/containers/F1/mount", why | late | {"equipment": "CELL-1"}),
        "containers_return": Command("/containers/F1/return", why),
        "containers_scrap": Command("/containers/F1/scrap", why | {"amount": 10}),
        "containers_open": Command("/containers/T1/open", why),
        "containers_bake": Command("/containers/R1/bake", why),
    }  # fmt: skip


def on_all(why: dict[str, str]) -> dict[str, Command]:
    """The commands for all lots that a filter finds."""
    some = {"expected": 1, "which": {"q": "D8", "route": "die", "on_line": True}}
    return {
        "bulk_hold": Command("/bulk/hold", why | some | {"code": "height", "owner": "line_engineer"}),
        "bulk_release_hold": Command("/bulk/release-hold", why | some | {"code": "height"}),
        "bulk_priority": Command("/bulk/priority", why | some | {"priority": 2}),
        "recalls_create": Command(
            "/recalls",
            why
            | {
                "cause": {"lot": "D8", "customer": "alpha"},
                "expected": 12,
                "code": "height",
                "owner": "line_engineer",
            },
        ),
    }


def shipments(floor: Floor, why: dict[str, str]) -> dict[str, Command]:
    """Commands about what leaves and what comes."""
    floor.stock("S1", "die", "S1.W")
    bare = SentLot(lot="R1", product="die", substrates=(SentSubstrate(substrate="R1.W", units=12),))
    certificate = Certificate(name="CoC 17", text="fine")
    content = Content(
        shipment="X-1", sender="else", receiver="here", customer="alpha", sent_at=BEGIN, reference="waybill",
        certificates=(certificate,), lots=(bare,),
    )  # fmt: skip
    leaves = {"lots": ["S1"], "customer": "alpha", "to": "else", "reference": "waybill 7"}
    comes = {"document": sealed(content).model_dump(mode="json"), "customer": "alpha", "route": "die", "release": True}
    return {
        "shipments_create": Command(
            "/shipments", why | leaves | {"certificates": [certificate.model_dump()]}, status=201
        ),
        "shipments_confirm": Command("/shipments/SHP-000001/confirm", why | {"differences": ["W1 is broken"]}),
        "shipments_received": Command("/shipments/received", why | comes, status=201),
    }


def edits(described: Schema, schema: Schema, right: Any) -> Iterator[tuple[str, Any]]:
    """Every value that is one edit from the right one, and wrong by the schema, with what was done."""
    schema = _resolved(described, schema)
    yield "another type", {"no": "such"} if schema.get("type") != "object" else "text"
    if schema.get("type") == "object":
        yield "an unknown key", right | {"colour": "red"}
        for key in schema.get("required", ()):
            yield f"without {key}", {name: value for name, value in right.items() if name != key}
        for key, value in right.items():
            for done, edited in edits(described, schema["properties"][key], value):
                yield f"{key}: {done}", right | {key: edited}
    elif schema.get("type") == "array":
        if right:
            yield "too many", right * (schema["maxItems"] + 1)
            for done, edited in edits(described, schema["items"], right[0]):
                yield f"[0]: {done}", [edited, *right[1:]]
        if schema.get("minItems"):
            yield "empty", []
    elif schema.get("type") == "string" and "enum" in schema:
        yield "another word", "toy"
    elif schema.get("type") == "string" and schema.get("format"):
        yield "no date", "tomorrow"
    elif schema.get("type") == "string":
        yield "NUL", f"a\0{right}"
        yield "ESC", f"a\x1b[2J{right}"
        yield from [("too long", "x" * (schema["maxLength"] + 1))] if "maxLength" in schema else ()
        yield from [("empty", "")] if schema.get("minLength") else ()
    for limit, step in (("minimum", -1), ("maximum", 1), ("exclusiveMaximum", 0)):
        if limit in schema:
            yield f"beyond its {limit}", schema[limit] + step


def _resolved(described: Schema, schema: Schema) -> Schema:
    """What a schema refers to; of what may be null, what else it may be."""
    schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    if "$ref" in schema:
        return dict(described["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return schema


def absent(command: Command) -> Iterator[tuple[str, Any]]:
    """The body with one name in it of what is not there."""
    for key, value in command.body.items():
        if command.names(key) and isinstance(value, list):
            yield f"{key}: not there", command.body | {key: [{"id": ABSENT} if isinstance(value[0], dict) else ABSENT]}
        elif command.names(key) or key == "hold":
            yield f"{key}: not there", command.body | {key: ABSENT if isinstance(value, str) else 999_999}


@pytest.fixture
def described(caller: Caller) -> Schema:
    schema: Schema = caller("").get("/openapi.json").json()
    return schema


def test_every_command_refuses_what_is_one_edit_from_right_and_changes_nothing(
    floor: Floor, api: Api, described: Schema, records: list[int]  # noqa: F811
) -> None:  # fmt: skip
    with floor.database.transaction() as session:
        session.execute(update(User).values(password_hash=hashed()))
    table = commands(floor, records)
    ways = [way for of_path in described["paths"].values() for way in of_path.items()]
    operations = {operation["operationId"]: operation for method, operation in ways if method == "post"}
    assert set(table) == set(operations)
    tried = 0
    with api.as_user("administrator") as client:

        def ask(command: Command, **other: Any) -> Any:
            sent = {"content": file("M1"), "headers": XML} if command.path == "/maps" else {"json": command.body}
            return client.post(**{"url": command.path, "params": command.query, **sent, **other})

        def unchanged() -> dict[str, list[Any]]:
            return {name: rows for name, rows in floor.everything().items() if name not in COUNTED}

        for name, command in table.items():
            before = unchanged()
            for what, wrong in _wrongs(described, operations[name], command):
                told = ask(command, **wrong)
                assert 400 <= told.status_code < 500, f"{name}, {what}: {told.status_code} {told.text}"
                problem(told, told.status_code, told.json()["code"])
                tried += 1
            assert unchanged() == before, f"{name}: one of the wrong ones changed something"
            right = ask(command)
            assert right.status_code == command.status, f"{name}: {right.text}"
    assert tried > 200
    assert floor.problems() == []


def _wrongs(described: Schema, operation: Schema, command: Command) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a client would send otherwise, with what is wrong about it."""
    base, name, verb = ["", "", *command.path.rsplit("/", 2)][-3:]
    if base:
        yield "not there", {"url": f"{base}/{999_999 if name.isdecimal() else ABSENT}/{verb}"}
        yield "NUL in its name", {"url": f"{base}/a%00b/{verb}"}
    yield "a key that is too long", {"headers": {**XML, "Idempotency-Key": "k" * 201}}
    if command.query:
        for key in ("customer", "route"):
            yield f"without {key}", {"params": {k: v for k, v in command.query.items() if k != key}}
            for value in (ABSENT, "x" * 65, "a\0b"):
                yield f"{key} {value[:6]!r}", {"params": command.query | {key: value}}
        yield "no yes or no", {"params": command.query | {"release": "perhaps"}}
        yield "no map", {"content": b"<Map/>"}
        return
    (content,) = operation["requestBody"]["content"].values()
    for what, body in [*edits(described, content["schema"], command.body), *absent(command)]:
        yield what, {"json": body}
    yield "no JSON", {"json": None, "content": b'{"why": '}
