"""The commands by name. What a command needs is imported when it is asked for: none waits for another's libraries."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Any

import typer
from typer.main import get_group

from mes.cli.refusals import Refusing

NAMES = (
    *("demo", "serve", "connect", "find", "label", "lot", "carrier", "container", "material", "durable"),
    *("equipment", "maintenance", "job", "dispatch", "recipe", "experiment", "map", "shipment", "trace", "report"),
    *("event", "plant", "product", "route", "user", "certificate", "key", "history", "db", "settings"),
)
"""In the order in which help shows them. Each is a module of that name: with an `app` of verbs, or one command."""


class Commands(Mapping[str, Any]):
    """Every command of `mes`, none of them imported yet."""

    def __getitem__(self, name: str) -> Any:
        if name not in NAMES:
            raise KeyError(name)
        return _command(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


class TopCommand(Refusing):
    """`mes` itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.commands: Any = Commands()

    def list_commands(self, _: Any) -> list[str]:
        """Their names, which needs none of them."""
        return list(self.commands)


@cache
def _command(name: str) -> Any:
    module = import_module(f"mes.cli.{name}")
    alone = typer.Typer()
    if hasattr(module, "app"):
        alone.add_typer(module.app, name=name)
    else:
        alone.command()(getattr(module, name))
    return get_group(alone).commands[name]
