"""Addresses of pages, made of names that may hold anything."""

from urllib.parse import quote, urlencode


def path(*steps: object) -> str:
    """An address of ours from names that may hold anything."""
    return "".join("/" + quote(str(step), safe="") for step in steps)


def filtered(address: str, **query: str) -> str:
    """The same address with a query."""
    return f"{address}?{urlencode(query)}" if query else address
