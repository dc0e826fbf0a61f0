"""Reference data: modules of 105 placements each, with all that is on record about them, written straight as rows.

`build` makes it, of any size. Nothing of it is shared with what reads such data.
"""

from bench.reference.build import SMALL, WHOLE, Lots, Reference, build

__all__ = ["SMALL", "WHOLE", "Lots", "Reference", "build"]
