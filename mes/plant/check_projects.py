"""What must fit together in the reticle of a multi-project wafer."""

from collections.abc import Iterator

from mes.plant.gather import Entry, Gathered, unknown
from mes.plant.problems import Problem, choice
from mes.plant.schema_products import Layout

NOBODY = "."
"""A position of no project."""


def project_problems(found: Gathered) -> Iterator[Problem]:
    """Projects of whom or what nobody knows, twice the same letter, letters of no project, grids that differ."""
    for entry in found.entries["product"]:
        if entry.part.reticle is not None:
            yield from _projects(found, entry)
            yield from _rows(entry)


def _projects(found: Gathered, entry: Entry) -> Iterator[Problem]:
    products, layouts = found.named("product"), found.named("layout")
    grid = layouts.get(entry.part.layout)
    seen: set[str] = set()
    for index, project in enumerate(entry.part.reticle.projects):
        at = ("reticle", "projects", index)
        yield from unknown(found, entry, (*at, "customer"), "customer", project.customer)
        yield from unknown(found, entry, (*at, "product"), "product", project.product)
        if project.name in seen:
            yield entry.problem(at, "duplicate_project", f"the project {project.name} stands twice", "rename one")
        seen.add(project.name)
        product = products.get(project.product)
        its = None if product is None else layouts.get(product.layout)
        if product is not None and product.reticle is not None:
            message = f"{product.name} is a multi-project wafer itself"
            yield entry.problem((*at, "product"), "project_of_projects", message, "name what its dies are")
        elif product is not None and grid is not None and its is not None and _size(its) != _size(grid):
            message = f"{product.name} comes on {its.rows} rows and {its.columns} columns, the wafer has others"
            hint = f"let its layout have {grid.rows} rows and {grid.columns} columns"
            yield entry.problem((*at, "product"), "project_grid", message, hint)


def _size(layout: Layout) -> tuple[int, int]:
    return layout.rows, layout.columns


def _rows(entry: Entry) -> Iterator[Problem]:
    reticle = entry.part.reticle
    known = {project.name for project in reticle.projects}
    if len({len(row) for row in reticle.rows}) > 1 or not reticle.rows[0]:
        message = "the rows of the reticle are not of one length"
        yield entry.problem(("reticle", "rows"), "reticle_rows", message, "write a letter or a dot for each position")
    for index, row in enumerate(reticle.rows):
        for letter in sorted(set(row) - known - {NOBODY}):
            at = ("reticle", "rows", index)
            yield entry.problem(at, "unknown_project", f"there is no project {letter}", choice(letter, known))
    for letter in sorted(known - set("".join(reticle.rows))):
        message = f"no position is of project {letter}"
        yield entry.problem(("reticle", "rows"), "empty_project", message, "write its letter, or leave it out")
