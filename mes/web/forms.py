"""What forms of pages take, and how a command that took effect is answered."""

from typing import Annotated, Literal

from fastapi import Form
from fastapi.responses import RedirectResponse

from mes.http.addresses import filtered
from mes.http.shapes import PRINTED, WRITTEN

Field = Annotated[str, Form(min_length=1, max_length=64, pattern=PRINTED)]
"""A name or a code."""
Note = Annotated[str, Form(max_length=2000, pattern=WRITTEN)]
"""What a person writes, or nothing."""
Why = Annotated[str, Form(min_length=1, max_length=2000, pattern=WRITTEN)]
Unchosen = Literal[""]
"""What a choice of a filter sends where nothing is chosen."""


def onwards(address: str, **query: str) -> RedirectResponse:
    """To the page that shows the effect, so that neither reload nor back repeats it."""
    return RedirectResponse(filtered(address, **query), 303)


def local_address(address: str) -> str:
    """A path of ours, never an address elsewhere."""
    ours = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if ours else "/"
