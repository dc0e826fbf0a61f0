"""Passwords as argon2id hashes. Each takes 64 MiB for a moment, so that at most two are computed at once."""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE = 2
"""Hashes computed at the same time in one process: 128 MiB at most."""

_HASHER = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=1)
_TURN = BoundedSemaphore(AT_ONCE)

NOBODYS = "$argon2id$v=19$m=65536,t=3,p=1$r0ZUQuH2BHXkH/X4bazc8Q$BnohvbHwxJNRhLT/xpMwzd1qHz9GlSJb+q3lYHQRufk"
"""What is verified where there is no user, so that the answer takes as long."""


def hash_password(password: str) -> str:
    """The argon2id hash of a password, with its parameters and a salt of its own."""
    with _TURN:
        return _HASHER.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Whether a password has that hash. Never where there is none, at the same cost."""
    with _TURN:
        try:
            _HASHER.verify(password_hash or NOBODYS, password)
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None
