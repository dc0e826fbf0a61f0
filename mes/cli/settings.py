"""`mes settings`: what is set, and where it came from."""

from dataclasses import asdict

from mes.cli.output import Json, show
from mes.settings import Settings, told


def settings(*, as_json: Json = False) -> None:
    """Every setting with its value, default, source and meaning; secrets masked.

    Example: MES_PORT=8080 mes settings
    """
    show([asdict(setting) for setting in told(Settings())], as_json=as_json)
