"""Every sentence that pages say, found in the code: what a catalogue must hold."""

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from io import BytesIO
from pathlib import Path
from pkgutil import walk_packages

from babel.messages.extract import extract

import mes
from equipment.interface.states import RecordKind, TransferOutcome
from mes.equipment.maintenance.states import MaintenanceState
from mes.errors import MesError
from mes.genealogy import trace
from mes.jobs.states import Effect, OrderState, RecordState
from mes.labels.find import PAGES
from mes.lots.accounts import ARE, CAME
from mes.lots.carriers.models import KINDS
from mes.lots.experiments.plan import APPROVED_MEANS as EXPERIMENT_MEANS
from mes.lots.gate.dispose_queue_time import MEANS as WAITED_MEANS
from mes.lots.holds.hold_codes import MEANINGS
from mes.lots.maps.map_file import E142_TYPES
from mes.lots.states import LotState, LotVerb, Progress, Work
from mes.lots.verbs.table import VERBS
from mes.materials.durables.states import DurableState
from mes.materials.states import ContainerState
from mes.people.permissions import Permission, meanings
from mes.people.roles import Role
from mes.recipes.approve import APPROVED_MEANS
from mes.recipes.states import RecipeState, RecipeVerb
from mes.reports.catalog import REPORTS
from mes.runs.states import RunState, RunVerb
from mes.units.arithmetic.signatures.signature import Kind
from mes.units.arithmetic.zones import QUADRANTS, RINGS
from mes.units.states import Disposition
from mes.web.board.reading import IN_SHORT
from mes.web.errors import NOT_FOR_ROLE, TITLES
from mes.web.lot_verbs import fields
from mes.web.navigation import NAVIGATION
from mes.web.substrate_legend import QUALITIES, pick

MES = Path(__file__).parents[2] / "mes"
TEMPLATES = MES / "web" / "templates"
ENGLISH_ONLY = {"api.html", "api_fields.html"}
"""Templates for programmers: the interface itself is English."""

Sentence = tuple[str, str]
"""A context, which may be empty, and what stands in the code."""

ENUMS: tuple[type[StrEnum], ...] = (
    LotState, LotVerb, Progress, Work, RunState, RunVerb, OrderState, RecordState, RecordKind, RecipeState, RecipeVerb,
    Role, Permission, ContainerState, Effect, MaintenanceState, DurableState, Kind,
)  # fmt: skip
FOUND = {*PAGES, "unit"}
LADDER = ("at work", "waiting", "done", "left out", "to come")


def templates() -> list[Path]:
    """The templates that people see."""
    return sorted(file for file in TEMPLATES.glob("*.html") if file.name not in ENGLISH_ONLY)


def all_sentences() -> set[Sentence]:
    """All that a catalogue must hold."""
    return {("", text) for text in _of_templates()} | {("", text) for text in _of_code()} | _words() | _reasons()


def _of_templates() -> Iterator[str]:
    options = {"newstyle_gettext": "true", "trimmed": "false", "trim_blocks": "true", "lstrip_blocks": "true"}
    for file in templates():
        found = extract("jinja2.ext:babel_extract", BytesIO(file.read_bytes()), options=options)
        yield from (text if isinstance(text, str) else text[0] for _, text, _, _ in found)


def _of_code() -> Iterator[str]:
    yield from (title for title, _, _ in NAVIGATION)
    yield from IN_SHORT.values()
    yield from meanings().values()
    yield from MEANINGS.values()
    yield from ("may start", APPROVED_MEANS, EXPERIMENT_MEANS, WAITED_MEANS, NOT_FOR_ROLE, "Something went wrong")
    yield from TITLES.values()
    yield from (trace.NO_WORK, trace.FROM_ANOTHER_OWNER, trace.TO_ANOTHER_OWNER, trace.TOO_FAR)
    for verb in VERBS:
        yield from (text for text in (verb.title, verb.says, verb.means) if text)
        yield from (field.label for field in fields(verb))
    for report in REPORTS.values():
        yield from (report.title, report.question)
        yield from (parameter.meaning for parameter in report.parameters)
        for column in report.columns:
            yield from (column.title, column.meaning)


def _words() -> set[Sentence]:
    words = (
        {member.value for enum in ENUMS for member in enum}
        | set(CAME)
        | set(ARE)
        | set(LADDER)
        | FOUND
        | set(KINDS)
        | set(MEANINGS)
    )
    words |= {one.name.lower() for one in (*Disposition, *TransferOutcome)}
    words |= {
        *MEANINGS,
        *E142_TYPES,
        *QUALITIES,
        *RINGS,
        *QUADRANTS,
        *(pick(disposition) for disposition in Disposition),
    }
    words |= {*_literals("record", 1), *_literals("Event", 0)} | {"pull_sample", "scrap"}
    words |= {*_literals("done", 2)} | {verb.name.replace("-", "_") for verb in VERBS}
    words |= {choice for verb in VERBS for field in fields(verb) for choice in field.choices}
    for report in REPORTS.values():
        words |= {choice for p in report.parameters for choice in (p.name, *p.choices) if p.choices}
        words |= {column.unit for column in report.columns if column.unit not in {"", "share"}}
    return {("word", word) for word in words}


def _reasons() -> set[Sentence]:
    """The codes of all reasons and refusals, as they are written in the code."""
    for module in walk_packages(mes.__path__, "mes."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    found = {error.__new__(error).code for error in _subclasses(MesError)}
    return {("reason", code) for code in found | set(_literals("Reason", 0))}


def _literals(called: str, position: int) -> Iterator[str]:
    """The texts that stand at a position in all calls of a function."""
    for file in MES.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == called and len(node.args) > position:
                argument = node.args[position]
                if isinstance(argument, ast.Constant):
                    yield str(argument.value)


def _subclasses(kind: type[MesError]) -> Iterator[type[MesError]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("mes."):
            yield from (one, *_subclasses(one))


def naked(template: str) -> list[str]:
    """Words of a template that stand there without going through the catalogue."""
    told = re.sub(r"\{%-?\s*trans\b.*?endtrans\s*-?%\}|\{#.*?#\}|\{%.*?%\}", "", template, flags=re.DOTALL)
    told = re.sub(r"\{\{.*?\}\}", "", told, flags=re.DOTALL)
    told = re.sub(r"<(code|script|style)\b.*?</\1>", "", told, flags=re.DOTALL)
    spoken = re.findall(r'(?:title|alt|aria-label|placeholder)="([^"]*)"', told)
    return [text for text in [*re.sub(r"<[^>]*>", "\n", told).split("\n"), *spoken] if re.search(r"[A-Za-z]{2}", text)]
