"""Chance that belongs to what it happens to, so that nothing depends on who runs first.

A stream per equipment gives other results as soon as two bonders change their order; a stream per key (lot,
operation, visit, substrate) gives the same draw to the same unit, on any equipment, in any process, in any order.
"""

from hashlib import blake2b

import numpy as np


def keyed(seed: int, *key: str | int) -> np.random.Generator:
    """A generator of its own for this seed and key: equal keys give equal draws, in every process and for ever.

    The key is encoded part by part with type and length, so ("a", "bc"), ("ab", "c"), 1 and "1" all differ.
    Draw one array over all positions, not position by position: then the draws of a position do not depend on others.
    """
    digest = blake2b(digest_size=16)
    for part in (seed, *key):
        spelled = str(part).encode()
        digest.update(f"{'s' if isinstance(part, str) else 'i'}{len(spelled)}:".encode() + spelled)
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest.digest(), "big")))
