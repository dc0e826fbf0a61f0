"""The HTTP application: lists the routers, nothing else."""

import time
from functools import cache

from fastapi import APIRouter, FastAPI

from mes.db import Database
from mes.definitions import api as definitions_api
from mes.dispatch import api as dispatch_api
from mes.equipment import api as equipment_api
from mes.equipment.certification import api as certification_api
from mes.equipment.maintenance import api as maintenance_api
from mes.events import api as events_api
from mes.genealogy import api as genealogy_api
from mes.genealogy.recalls import api as recalls_api
from mes.http.openapi import Application, operation_id
from mes.http.server import install
from mes.jobs import api as jobs_api
from mes.labels import api as labels_api
from mes.lots import api as lots_api
from mes.lots.analysis import api as analysis_api
from mes.lots.carriers import api as carriers_api
from mes.lots.experiments import api as experiments_api
from mes.lots.many import api as many_lots_api
from mes.lots.maps import api as maps_api
from mes.lots.routing import api as routing_api
from mes.materials import api as materials_api
from mes.materials.durables import api as durables_api
from mes.people import access
from mes.people.watchers import Watchers
from mes.recipes import api as recipes_api
from mes.reports import api as reports_api
from mes.routes import api as routes_api
from mes.shipments import api as shipments_api
from mes.web import (
    administration,
    api_docs,
    board,
    bulk_commands,
    carriers,
    certificates,
    containers,
    durables,
    equipment,
    errors,
    experiments,
    find,
    health,
    help,  # noqa: A004
    jobs,
    live,
    lot,
    lot_commands,
    lot_verbs,
    lots,
    me,
    metrics,
    pages,
    recalls,
    recipes,
    reports,
    saved,
    session,
    shipments,
    sign_in,
    substrate,
    terminal,
    unit,
)

PAGES = (
    health.router,
    metrics.router,
    find.router,
    help.router,
    terminal.router,
    sign_in.router,
    board.router,
    equipment.router,
    containers.router,
    durables.router,
    carriers.router,
    certificates.router,
    jobs.router,
    recipes.router,
    experiments.router,
    administration.router,
    me.router,
    lots.router,
    bulk_commands.router,
    lot.router,
    lot_commands.router,
    lot_verbs.router,
    shipments.router,
    recalls.router,
    substrate.router,
    unit.router,
    reports.router,
    saved.router,
    api_docs.router,
)
API = (
    session.router,
    labels_api.router,
    lots_api.router,
    lots_api.codes,
    experiments_api.router,
    routing_api.router,
    routing_api.versions,
    many_lots_api.router,
    carriers_api.router,
    maps_api.router,
    maps_api.incoming,
    analysis_api.router,
    shipments_api.router,
    genealogy_api.of_lots,
    genealogy_api.router,
    genealogy_api.of_containers,
    genealogy_api.of_material_lots,
    genealogy_api.of_substrates,
    equipment_api.router,
    maintenance_api.router,
    maintenance_api.line,
    certification_api.kinds,
    certification_api.router,
    materials_api.kinds,
    materials_api.lots,
    materials_api.router,
    durables_api.kinds,
    durables_api.router,
    genealogy_api.of_durables,
    recalls_api.router,
    recalls_api.of_recalls,
    dispatch_api.router,
    jobs_api.router,
    recipes_api.router,
    routes_api.router,
    definitions_api.router,
    definitions_api.clock,
    reports_api.router,
    events_api.router,
)


def create_app(database: Database) -> FastAPI:
    """Pages and API over a database, to be run by `mes.http.server.Server`. The caller closes the database."""
    app = Application(
        title="Interposer", version="1", lifespan=live.lifespan, openapi_url=None, redirect_slashes=False,
        routes=[*_edge().routes],
    )  # fmt: skip
    app.state.watchers = Watchers(database, time.monotonic)
    install(app, database, errors.error_page, access.known)
    app.mount("/static", pages.STATIC)
    return app


@cache
def _edge() -> APIRouter:
    """The routes of every application in this process: what they take and give is worked out once."""
    edge = APIRouter()
    for router in PAGES:
        edge.include_router(router, include_in_schema=False)
    for router in API:
        edge.include_router(router, prefix="/api/v1", generate_unique_id_function=operation_id)
    return edge
