"""Reference data: modules of 105 placements each, with all that is on record about them, written straight as rows.

`build` makes it, of any size; `run` measures how it is kept and read. Nothing of it is shared with what reads it.
"""

from bench.reference.build import SMALL, WHOLE, Lots, Reference, build
from bench.reference.run import run

__all__ = ["SMALL", "WHOLE", "Lots", "Reference", "build", "run"]
