"""All tables, so that migrations and tests see one metadata."""

import mes.definitions.models
import mes.dispatch.models
import mes.equipment.certification.models
import mes.equipment.maintenance.models
import mes.equipment.models
import mes.history
import mes.http.models
import mes.jobs.models
import mes.lots.carriers.models
import mes.lots.experiments.models
import mes.lots.holds.models
import mes.lots.models
import mes.lots.routing.models
import mes.lots.verbs.models
import mes.lots.work.models
import mes.materials.durables.models
import mes.materials.models
import mes.people.models
import mes.recipes.models
import mes.routes.models
import mes.runs.models
import mes.shipments.models
import mes.units.models  # noqa: F401
from mes.db import Base

metadata = Base.metadata
