"""Who may do what: every route declares it, and the table is as it was typed here by hand."""

from collections.abc import Iterator

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts

from mes.app import create_app
from mes.db import Database
from mes.people.access import OPEN, Anybody, Required, require
from mes.people.permissions import ALLOWED, Permission
from mes.people.roles import Role

OPERATOR, LINE, PROCESS, YIELD = Role.OPERATOR, Role.LINE_ENGINEER, Role.PROCESS_ENGINEER, Role.YIELD_ENGINEER
MANAGER, CUSTOMER, ADMINISTRATOR, EQUIPMENT = Role.MANAGER, Role.CUSTOMER, Role.ADMINISTRATOR, Role.EQUIPMENT

ROUTES = {
    "GET /": None,
    "GET /health/live": None,
    "GET /health/ready": None,
    "GET /metrics": Permission.SEE_METRICS,
    "GET /sign-in": None,
    "POST /sign-in": None,
    "POST /sign-out": Permission.SIGN_OUT,
    "GET /board": Permission.SEE_LINE,
    "GET /board/stream": Permission.SEE_LINE,
    "GET /lots": Permission.SEE_LOTS,
    "GET /lots/stream": Permission.SEE_LOTS,
    "GET /lots/{customer}/{name}": Permission.SEE_LOTS,
    "POST /lots/{customer}/{name}/priority": Permission.CHANGE_LOTS,
    "POST /lots/{customer}/{name}/reserve": Permission.CHANGE_LOTS,
    "POST /lots/{customer}/{name}/lift-reservation": Permission.CHANGE_LOTS,
    "POST /lots/{customer}/{name}/split": Permission.CHANGE_LOTS,
    "POST /lots/hold": Permission.BULK_LOTS,
    "POST /lots/{customer}/{name}/merge": Permission.CHANGE_LOTS,
    "POST /lots/{customer}/{name}/hold": Permission.HOLD_LOTS,
    "POST /lots/{customer}/{name}/release-hold": Permission.RELEASE_HOLDS,
    "POST /lots/{customer}/{name}/dispose-queue-time": Permission.DISPOSE_QUEUE_TIMES,
    "GET /experiments": Permission.SEE_RECIPES,
    "POST /experiments/draft": Permission.PLAN_EXPERIMENTS,
    "POST /experiments/{experiment}/approve": Permission.APPROVE_EXPERIMENTS,
    "POST /experiments/{experiment}/close": Permission.PLAN_EXPERIMENTS,
    "GET /api/v1/experiments": Permission.SEE_RECIPES,
    "GET /api/v1/experiments/{experiment}": Permission.SEE_RECIPES,
    "POST /api/v1/experiments": Permission.PLAN_EXPERIMENTS,
    "POST /api/v1/experiments/{experiment}/approve": Permission.APPROVE_EXPERIMENTS,
    "POST /api/v1/experiments/{experiment}/close": Permission.PLAN_EXPERIMENTS,
    "POST /lots/{customer}/{name}/migrate": Permission.MIGRATE_LOTS,
    "POST /lots/{customer}/{name}/dispose-suspects": Permission.DISPOSE_SUSPECTS,
    "POST /lots/{customer}/{name}/rework": Permission.REWORK_LOTS,
    "POST /lots/{customer}/{name}/future-hold": Permission.HOLD_LOTS,
    "POST /lots/{customer}/{name}/withdraw-future-hold": Permission.RELEASE_HOLDS,
    "POST /lots/{customer}/{name}/ship": Permission.SHIP_LOTS,
    "GET /shipments": Permission.SEE_LOTS,
    "GET /shipments/{shipment}": Permission.SEE_LOTS,
    "GET /shipments/{shipment}/document": Permission.SEE_LOTS,
    "POST /shipments/{shipment}/confirm": Permission.SHIP_LOTS,
    "GET /find": Permission.SEE_LOTS,
    "GET /help": Permission.OWN_ACCOUNT,
    "POST /saved": Permission.OWN_ACCOUNT,
    "POST /saved/remove": Permission.OWN_ACCOUNT,
    "GET /terminal": Permission.WORK_LOTS,
    "GET /terminal/scan": Permission.WORK_LOTS,
    "GET /terminal/stream": Permission.WORK_LOTS,
    "POST /terminal/abort": Permission.WORK_LOTS,
    "POST /terminal/track-in": Permission.WORK_LOTS,
    "POST /terminal/track-out": Permission.WORK_LOTS,
    "GET /substrates/{customer}/{name}": Permission.SEE_LOTS,
    "GET /substrates/{customer}/{name}/reserved": Permission.SEE_LOTS,
    "GET /substrates/{customer}/{name}/stack": Permission.SEE_LOTS,
    "GET /substrates/{customer}/{name}/map.{extension}": Permission.SEE_LOTS,
    "GET /units/{customer}/{substrate}/{x}/{y}": Permission.SEE_LOTS,
    "GET /containers": Permission.SEE_LINE,
    "POST /containers/{name}/thaw": Permission.WORK_MATERIALS,
    "POST /containers/{name}/bake": Permission.WORK_MATERIALS,
    "POST /containers/{name}/open": Permission.WORK_MATERIALS,
    "POST /containers/{name}/mount": Permission.WORK_MATERIALS,
    "POST /containers/{name}/return": Permission.WORK_MATERIALS,
    "POST /containers/{name}/scrap": Permission.KEEP_MATERIALS,
    "GET /equipment": Permission.SEE_LINE,
    "GET /equipment/{name}": Permission.SEE_LINE,
    "POST /equipment/{name}/state": Permission.RUN_EQUIPMENT,
    "POST /equipment/{name}/maintain": Permission.MAINTAIN_EQUIPMENT,
    "GET /durables": Permission.SEE_LINE,
    "POST /durables/{name}/mount": Permission.WORK_MATERIALS,
    "POST /durables/{name}/dismount": Permission.WORK_MATERIALS,
    "POST /durables/{name}/clean": Permission.WORK_MATERIALS,
    "POST /durables/{name}/inspect": Permission.KEEP_MATERIALS,
    "POST /durables/{name}/scrap": Permission.KEEP_MATERIALS,
    "GET /certificates": Permission.SEE_LINE,
    "POST /certificates": Permission.CERTIFY_PEOPLE,
    "POST /certificates/withdraw": Permission.CERTIFY_PEOPLE,
    "GET /jobs": Permission.SEE_JOBS,
    "GET /jobs/records": Permission.SEE_JOBS,
    "GET /jobs/records/{record}": Permission.SEE_JOBS,
    "POST /jobs/records/{record}/set-aside": Permission.MEND_JOBS,
    "POST /jobs/records/{record}/retry": Permission.MEND_JOBS,
    "GET /jobs/{job}": Permission.SEE_JOBS,
    "GET /me": Permission.OWN_ACCOUNT,
    "POST /me/view": Permission.OWN_ACCOUNT,
    "POST /me/password": Permission.OWN_ACCOUNT,
    "POST /me/pin": Permission.OWN_ACCOUNT,
    "GET /permissions": Permission.OWN_ACCOUNT,
    "GET /administration": Permission.ADMINISTER,
    "POST /administration/people": Permission.ADMINISTER,
    "GET /administration/people/{name}": Permission.ADMINISTER,
    "POST /administration/people/{name}/password": Permission.ADMINISTER,
    "POST /administration/people/{name}/role": Permission.ADMINISTER,
    "POST /administration/people/{name}/end": Permission.ADMINISTER,
    "GET /administration/keys": Permission.ADMINISTER,
    "POST /administration/keys": Permission.ADMINISTER,
    "POST /administration/keys/{name}/revoke": Permission.ADMINISTER,
    "GET /administration/system": Permission.ADMINISTER,
    "GET /recipes": Permission.SEE_RECIPES,
    "GET /recipes/{recipe}": Permission.SEE_RECIPES,
    "POST /recipes/{recipe}/draft": Permission.WRITE_RECIPES,
    "POST /recipes/{recipe}/submit": Permission.WRITE_RECIPES,
    "POST /recipes/{recipe}/approve": Permission.APPROVE_RECIPES,
    "POST /recipes/{recipe}/retire": Permission.APPROVE_RECIPES,
    "GET /reports": Permission.SEE_REPORTS,
    "GET /reports/{name}": Permission.SEE_REPORTS,
    "GET /reports/{name}.{extension}": Permission.SEE_REPORTS,
    "GET /api/v1/openapi.json": None,
    "GET /api/v1/clock": None,
    "GET /api/v1/docs": None,
    "POST /api/v1/session": None,
    "GET /api/v1/session": Permission.SIGN_OUT,
    "DELETE /api/v1/session": Permission.SIGN_OUT,
    "GET /api/v1/lots": Permission.SEE_LOTS,
    "POST /api/v1/lots": Permission.CREATE_LOTS,
    "GET /api/v1/lots/{lot}": Permission.SEE_LOTS,
    "GET /api/v1/lots/{lot}/history": Permission.SEE_LOTS,
    "GET /api/v1/lots/{lot}/maps": Permission.SEE_LOTS,
    "GET /api/v1/lots/{lot}/operations": Permission.SEE_LOTS,
    "GET /api/v1/lots/{lot}/genealogy": Permission.SEE_LOTS,
    "GET /api/v1/lots/{lot}/start-check": Permission.SEE_LINE,
    "POST /api/v1/lots/{lot}/release": Permission.CREATE_LOTS,
    "POST /api/v1/lots/{lot}/priority": Permission.CHANGE_LOTS,
    "POST /api/v1/lots/{lot}/reserve": Permission.CHANGE_LOTS,
    "POST /api/v1/lots/{lot}/lift-reservation": Permission.CHANGE_LOTS,
    "POST /api/v1/lots/{lot}/split": Permission.CHANGE_LOTS,
    "POST /api/v1/lots/{lot}/merge": Permission.CHANGE_LOTS,
    "POST /api/v1/lots/{lot}/track-in": Permission.WORK_LOTS,
    "POST /api/v1/lots/{lot}/track-out": Permission.WORK_LOTS,
    "POST /api/v1/lots/{lot}/abort": Permission.WORK_LOTS,
    "POST /api/v1/lots/{lot}/hold": Permission.HOLD_LOTS,
    "POST /api/v1/lots/{lot}/release-hold": Permission.RELEASE_HOLDS,
    "POST /api/v1/lots/{lot}/dispose-queue-time": Permission.DISPOSE_QUEUE_TIMES,
    "POST /api/v1/lots/{lot}/migrate": Permission.MIGRATE_LOTS,
    "GET /api/v1/routes/{route}/migration": Permission.SEE_LINE,
    "POST /api/v1/lots/{lot}/dispose-suspects": Permission.DISPOSE_SUSPECTS,
    "POST /api/v1/lots/{lot}/rework": Permission.REWORK_LOTS,
    "POST /api/v1/lots/{lot}/future-hold": Permission.HOLD_LOTS,
    "POST /api/v1/lots/{lot}/withdraw-future-hold": Permission.RELEASE_HOLDS,
    "POST /api/v1/lots/{lot}/scrap": Permission.DISPOSE_LOTS,
    "POST /api/v1/lots/{lot}/pull-sample": Permission.DISPOSE_LOTS,
    "POST /api/v1/lots/{lot}/store": Permission.DISPOSE_LOTS,
    "GET /api/v1/substrates/{substrate}/maps/{name:path}": Permission.SEE_LOTS,
    "GET /api/v1/units/{substrate}/{x}/{y}/genealogy": Permission.SEE_LOTS,
    "GET /api/v1/units/{substrate}/{x}/{y}/destinations": Permission.SEE_LOTS,
    "GET /api/v1/hold-codes": Permission.SEE_LINE,
    "POST /api/v1/bulk/hold": Permission.BULK_LOTS,
    "POST /api/v1/bulk/release-hold": Permission.BULK_LOTS,
    "POST /api/v1/bulk/priority": Permission.BULK_LOTS,
    "GET /api/v1/materials": Permission.SEE_LINE,
    "GET /api/v1/material-lots": Permission.SEE_LINE,
    "POST /api/v1/material-lots": Permission.KEEP_MATERIALS,
    "GET /api/v1/material-lots/{lot}": Permission.SEE_LINE,
    "GET /api/v1/material-lots/{lot}/genealogy": Permission.SEE_LINE,
    "GET /api/v1/containers": Permission.SEE_LINE,
    "GET /api/v1/containers/{container}": Permission.SEE_LINE,
    "GET /api/v1/containers/{container}/genealogy": Permission.SEE_LINE,
    "POST /api/v1/containers/{container}/thaw": Permission.WORK_MATERIALS,
    "POST /api/v1/containers/{container}/bake": Permission.WORK_MATERIALS,
    "POST /api/v1/containers/{container}/open": Permission.WORK_MATERIALS,
    "POST /api/v1/containers/{container}/mount": Permission.WORK_MATERIALS,
    "POST /api/v1/containers/{container}/return": Permission.WORK_MATERIALS,
    "POST /api/v1/containers/{container}/scrap": Permission.KEEP_MATERIALS,
    "GET /api/v1/substrates/{substrate}/materials": Permission.SEE_LINE,
    "GET /api/v1/equipment": Permission.SEE_LINE,
    "GET /api/v1/equipment/{equipment}": Permission.SEE_LINE,
    "POST /api/v1/equipment/{equipment}/state": Permission.RUN_EQUIPMENT,
    "GET /api/v1/equipment/{equipment}/maintenance": Permission.SEE_LINE,
    "POST /api/v1/equipment/{equipment}/maintain": Permission.MAINTAIN_EQUIPMENT,
    "GET /api/v1/maintenance": Permission.SEE_LINE,
    "GET /api/v1/durable-kinds": Permission.SEE_LINE,
    "GET /api/v1/durables": Permission.SEE_LINE,
    "POST /api/v1/durables": Permission.KEEP_MATERIALS,
    "GET /api/v1/durables/{durable}": Permission.SEE_LINE,
    "GET /api/v1/durables/{durable}/genealogy": Permission.SEE_LINE,
    "POST /api/v1/durables/{durable}/mount": Permission.WORK_MATERIALS,
    "POST /api/v1/durables/{durable}/dismount": Permission.WORK_MATERIALS,
    "POST /api/v1/durables/{durable}/clean": Permission.WORK_MATERIALS,
    "POST /api/v1/durables/{durable}/inspect": Permission.KEEP_MATERIALS,
    "POST /api/v1/durables/{durable}/scrap": Permission.KEEP_MATERIALS,
    "GET /api/v1/substrates/{substrate}/durables": Permission.SEE_LINE,
    "GET /api/v1/certifications": Permission.SEE_LINE,
    "GET /api/v1/certificates": Permission.SEE_LINE,
    "POST /api/v1/certificates": Permission.CERTIFY_PEOPLE,
    "POST /api/v1/certificates/withdraw": Permission.CERTIFY_PEOPLE,
    "POST /api/v1/maps": Permission.CREATE_LOTS,
    "GET /api/v1/shipments": Permission.SEE_LOTS,
    "POST /api/v1/shipments": Permission.SHIP_LOTS,
    "GET /api/v1/shipments/{shipment}": Permission.SEE_LOTS,
    "GET /api/v1/shipments/{shipment}/document": Permission.SEE_LOTS,
    "POST /api/v1/shipments/received": Permission.SHIP_LOTS,
    "POST /api/v1/shipments/{shipment}/confirm": Permission.SHIP_LOTS,
    "GET /api/v1/dispatch": Permission.SEE_LINE,
    "GET /api/v1/jobs": Permission.SEE_JOBS,
    "GET /api/v1/jobs/{job}": Permission.SEE_JOBS,
    "GET /api/v1/jobs/records": Permission.SEE_JOBS,
    "GET /api/v1/jobs/records/{record}": Permission.SEE_JOBS,
    "POST /api/v1/jobs/records/{record}/set-aside": Permission.MEND_JOBS,
    "POST /api/v1/jobs/records/{record}/retry": Permission.MEND_JOBS,
    "GET /api/v1/recipes": Permission.SEE_RECIPES,
    "POST /api/v1/recipes": Permission.WRITE_RECIPES,
    "GET /api/v1/recipes/{recipe}": Permission.SEE_RECIPES,
    "POST /api/v1/recipes/{recipe}/submit": Permission.WRITE_RECIPES,
    "POST /api/v1/recipes/{recipe}/approve": Permission.APPROVE_RECIPES,
    "POST /api/v1/recipes/{recipe}/retire": Permission.APPROVE_RECIPES,
    "GET /api/v1/products": Permission.SEE_LINE,
    "GET /api/v1/routes": Permission.SEE_LINE,
    "GET /api/v1/routes/{route}": Permission.SEE_LINE,
    "GET /api/v1/reports": Permission.SEE_REPORTS,
    "GET /api/v1/reports/{name}": Permission.SEE_REPORTS,
    "GET /api/v1/events": Permission.SEE_LOTS,
}
"""What each route needs; None where it is open."""


TABLE = {
    Permission.SEE_LINE: {OPERATOR, LINE, PROCESS, YIELD, MANAGER, ADMINISTRATOR, EQUIPMENT},
    Permission.SEE_LOTS: {OPERATOR, LINE, PROCESS, YIELD, MANAGER, CUSTOMER, ADMINISTRATOR},
    Permission.SEE_REPORTS: {LINE, PROCESS, YIELD, MANAGER, CUSTOMER, ADMINISTRATOR},
    Permission.SIGN_OUT: {OPERATOR, LINE, PROCESS, YIELD, MANAGER, CUSTOMER, ADMINISTRATOR, EQUIPMENT},
    Permission.OWN_ACCOUNT: {OPERATOR, LINE, PROCESS, YIELD, MANAGER, CUSTOMER, ADMINISTRATOR, EQUIPMENT},
    Permission.CREATE_LOTS: {LINE, ADMINISTRATOR},
    Permission.CHANGE_LOTS: {LINE, ADMINISTRATOR},
    Permission.WORK_LOTS: {OPERATOR, LINE, PROCESS, ADMINISTRATOR},
    Permission.HOLD_LOTS: {OPERATOR, LINE, PROCESS, YIELD, ADMINISTRATOR},
    Permission.RELEASE_HOLDS: {OPERATOR, LINE, PROCESS, YIELD, ADMINISTRATOR},
    Permission.BULK_LOTS: {LINE, ADMINISTRATOR},
    Permission.DISPOSE_LOTS: {LINE, YIELD, ADMINISTRATOR},
    Permission.KEEP_MATERIALS: {LINE, ADMINISTRATOR},
    Permission.WORK_MATERIALS: {OPERATOR, LINE, PROCESS, ADMINISTRATOR},
    Permission.SHIP_LOTS: {LINE, ADMINISTRATOR},
    Permission.RUN_EQUIPMENT: {OPERATOR, LINE, PROCESS, ADMINISTRATOR, EQUIPMENT},
    Permission.MAINTAIN_EQUIPMENT: {LINE, ADMINISTRATOR},
    Permission.CERTIFY_PEOPLE: {LINE, PROCESS, ADMINISTRATOR},
    Permission.SEE_JOBS: {OPERATOR, LINE, PROCESS, YIELD, MANAGER, ADMINISTRATOR},
    Permission.MEND_JOBS: {LINE, ADMINISTRATOR},
    Permission.SEE_RECIPES: {OPERATOR, LINE, PROCESS, YIELD, ADMINISTRATOR},
    Permission.WRITE_RECIPES: {PROCESS, ADMINISTRATOR},
    Permission.APPROVE_RECIPES: {PROCESS, ADMINISTRATOR},
    Permission.DISPOSE_SUSPECTS: {PROCESS, ADMINISTRATOR},
    Permission.MIGRATE_LOTS: {PROCESS, ADMINISTRATOR},
    Permission.PLAN_EXPERIMENTS: {PROCESS, YIELD, ADMINISTRATOR},
    Permission.APPROVE_EXPERIMENTS: {PROCESS, ADMINISTRATOR},
    Permission.DISPOSE_QUEUE_TIMES: {PROCESS, ADMINISTRATOR},
    Permission.REWORK_LOTS: {LINE, PROCESS, ADMINISTRATOR},
    Permission.SEE_METRICS: {ADMINISTRATOR},
    Permission.ADMINISTER: {ADMINISTRATOR},
}
"""Who may do what."""


def test_the_table_of_who_may_do_what() -> None:
    assert dict(ALLOWED) == TABLE


def test_every_route_declares_its_permission(database: Database) -> None:
    declared = dict(declarations(create_app(database)))
    assert declared == ROUTES


def test_a_route_without_a_declaration_is_found() -> None:
    app, router = FastAPI(openapi_url=None), APIRouter()
    router.add_api_route("/open", lambda: None, dependencies=[OPEN])
    router.add_api_route("/kept", lambda: None, dependencies=[require(Permission.SEE_LOTS)])
    app.include_router(router)
    assert dict(declarations(app)) == {"GET /open": None, "GET /kept": Permission.SEE_LOTS}
    app.add_api_route("/forgotten", lambda: None)
    with pytest.raises(AssertionError, match="/forgotten declares 0"):
        dict(declarations(app))


def declarations(app: FastAPI) -> Iterator[tuple[str, Permission | None]]:
    """Every route of an application, but for the assets, with its one permission; None where it is open."""
    for route in iter_route_contexts(app.routes):
        if route.path == "/static":
            continue
        assert isinstance(route.original_route, APIRoute), f"{route} is no route that could declare anything"
        found = [call for call in _calls(route.dependant) if isinstance(call, Required | Anybody)]
        assert len(found) == 1, f"{route.path} declares {len(found)} permissions; it needs one"
        for method in route.methods or ():
            yield f"{method} {route.path}", getattr(found[0], "permission", None)


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)
