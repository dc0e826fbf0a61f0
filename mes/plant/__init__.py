"""The plant as text: read, check, compare, apply, export.

Read first: `schema` (what may stand in the files), then `check` (what must fit together). `stored` reads the database
into the same shapes, so that `diff` compares like with like, `apply` writes differences and `export` writes files.
"""

from mes.plant.apply import apply
from mes.plant.check import check, load, read_demonstration
from mes.plant.diff import Difference, diff
from mes.plant.export import export
from mes.plant.problems import PlantProblems, Problem
from mes.plant.schema import Plant, json_schemas
from mes.plant.schema_demonstration import Demonstration

__all__ = [
    "Demonstration",
    "Difference",
    "Plant",
    "PlantProblems",
    "Problem",
    "apply",
    "check",
    "diff",
    "export",
    "json_schemas",
    "load",
    "read_demonstration",
]
