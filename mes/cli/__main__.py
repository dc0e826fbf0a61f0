"""`python -m mes.cli` is `mes`."""

from mes.cli import app

app()
