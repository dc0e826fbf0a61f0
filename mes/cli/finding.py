"""What people type to name a place or a thing, taken apart."""

from mes.errors import Malformed


def position(text: str) -> tuple[int, int]:
    """``X,Y`` as numbers, counted from 0 at the top left. Raises `Malformed`."""
    try:
        x, y = (int(part) for part in text.split(","))
    except ValueError:
        raise Malformed(f"{text} is no position; write X,Y, counted from 0 at the top left.") from None
    return x, y


def owned(name: str) -> tuple[str | None, str]:
    """The customer and the name of ``CUSTOMER/NAME``; no customer where none is named."""
    customer, slash, own = name.rpartition("/")
    return (customer, own) if slash else (None, name)
