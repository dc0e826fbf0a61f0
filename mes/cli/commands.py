"""The commands by name. What a command needs is imported when it is asked for: none waits for another's libraries."""

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from functools import cache
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from mes.cli.refusals import Refusing

NOUNS: Mapping[str, str] = {
    "demo": "Run the demonstration centre on simulated equipment.",
    "serve": "Serve the pages until Ctrl-C or SIGTERM; requests that run are finished first.",
    "connect": "Connect to all equipment and let the line run, until Ctrl-C or SIGTERM. One connector at a time.",
    "find": "What a scanned or typed code names, and the page of it.",
    "label": "Labels with a Data Matrix and text, at most 100 at once, as PDF or for a label printer as ZPL.",
    "lot": "Find lots and act on them.",
    "carrier": "Carriers: load, clean and move them.",
    "container": "Containers of material: thaw, open, bake, mount and return them.",
    "material": "Kinds of material, and lots as suppliers deliver them.",
    "durable": "Durables: mount, clean and inspect tools that wear.",
    "equipment": "What equipment is and does.",
    "maintenance": "Maintenance of equipment: what is due, and doing it.",
    "job": "What equipment reported, and what became of it.",
    "dispatch": "What starts next, and why not.",
    "recipe": "Recipes and their versions.",
    "experiment": "Plans that vary recipe or set points from substrate to substrate.",
    "map": "Substrate maps: show, import, export, convert, stack, compare.",
    "shipment": "Shipments: lots that leave together and come together.",
    "trace": "Genealogy down to every die, and up to every package.",
    "recall": "Hold every unit that something touched, wherever it is by now.",
    "report": "Figures of the line. Times without a zone are the plant's.",
    "event": "What happens, as it happens.",
    "plant": "The plant as text: check, compare, apply, export.",
    "product": "What lots become.",
    "route": "What a new lot can take, and what is done to it on the way.",
    "user": "Who may sign in.",
    "certificate": "Who is certified for what.",
    "key": "Keys by which programs act over the API.",
    "history": "What happened, and the proof that nothing was altered.",
    "db": "Make, upgrade, prove, back up and restore the database.",
    "settings": "Every setting with its value, default, source and meaning; secrets masked.",
}
"""In the order in which help shows them, with what it says of each.

Each is a module of that name: with an `app` of verbs, or one command that says the same of itself.
"""


class Nouns(Mapping[str, Any]):
    """Every command of `mes`, none of them imported yet."""

    def __getitem__(self, name: str) -> Any:
        if name not in NOUNS:
            raise KeyError(name)
        return _noun(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NOUNS)

    def __len__(self) -> int:
        return len(NOUNS)


class Parts(Mapping[str, Any]):
    """The verbs of a noun that has several modules, none of them imported yet.

    ``modules`` names the verbs of each, in the order in which help shows them. One names none: those that no other
    has are its own, and known when it is imported.
    """

    def __init__(self, modules: Mapping[str, Collection[str]]) -> None:
        self._modules = modules
        (self._rest,) = (module for module, names in modules.items() if not names)

    def __getitem__(self, name: str) -> Any:
        named = (module for module, names in self._modules.items() if name in names)
        return _verbs(next(named, self._rest))[name]

    def __iter__(self) -> Iterator[str]:
        for module, names in self._modules.items():
            yield from names or _verbs(module)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class TopCommand(Refusing):
    """`mes` itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.commands: Any = Nouns()

    def list_commands(self, _: Any) -> list[str]:
        """Their names, which needs none of them."""
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Every command with what is said of it, which needs none of them either."""
        listed = copy(self)
        listed.commands = {name: TyperCommand(name, help=says) for name, says in NOUNS.items()}
        super(TopCommand, listed).format_help(ctx, formatter)


class Several(TyperGroup):
    """A noun with several modules."""

    modules: ClassVar[Mapping[str, Collection[str]]]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.commands: Any = Parts(self.modules)


@cache
def _noun(name: str) -> Any:
    module = _imported(name)
    alone = typer.Typer()
    if hasattr(module, "app"):
        alone.add_typer(module.app, name=name, help=NOUNS[name])
    else:
        alone.command()(getattr(module, name))
    return get_group(alone).commands[name]


@cache
def _verbs(module: str) -> Mapping[str, Any]:
    alone = typer.Typer()
    alone.add_typer(_imported(module).app)
    return get_group(alone).commands


def _imported(module: str) -> Any:
    with for_good():
        return import_module(f"mes.cli.{module}")


@contextmanager
def for_good() -> Iterator[None]:
    """For imports. What is imported stays: it is not searched for garbage, which took a sixth of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
