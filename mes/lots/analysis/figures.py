"""Figures of maps as people and programs are told them."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np

from mes.errors import Malformed
from mes.lots.analysis.stack import Stack
from mes.units.arithmetic.merging import Pass, Rule, merged
from mes.units.arithmetic.migration import Agreement, bin_migration
from mes.units.arithmetic.neighbours import Neighbourhood, in_bad_neighbourhood
from mes.units.arithmetic.signatures.named import signatures
from mes.units.arithmetic.signatures.signature import Signature
from mes.units.arithmetic.zones import Zone, ZoneYield, block_zones, by_zone, quadrants, ring_zones, shot_zones

MOST_POSITIONS = 250_000
"""Of a map on which signatures are looked for: in seconds, not minutes."""
MOST_IN_SHOT = 1_000

Shot = tuple[int, int]
"""Columns and rows of a shot."""


def analysis(stack: Stack, edge_mm: float | None = None, shot: Shot | None = None) -> dict[str, Any]:
    """Yields by zone and signatures of a stack. Raises `Malformed` of a map too large or a shot that is."""
    failed, tested = stack.counts.totals
    return {
        "layer": stack.layer, "rows": stack.layout.rows, "columns": stack.layout.columns,
        "substrates": len(stack.passes), "good": tested - failed, "tested": tested,
        "zones": [_zone(one) for one in zone_yields(stack, edge_mm, shot)],
        "signatures": [signature(one) for one in found(stack, shot)],
    }  # fmt: skip


def zone_yields(stack: Stack, edge_mm: float | None = None, shot: Shot | None = None) -> list[ZoneYield]:
    """The yield of the edge (``edge_mm`` or one position), middle, centre, quadrants, positions of a shot, blocks."""
    return by_zone(stack.counts, _zones(stack, edge_mm, shot))


def _zones(stack: Stack, edge_mm: float | None, shot: Shot | None) -> Iterator[Zone]:
    outline = stack.outline
    edge_um = None if edge_mm is None else 1000 * edge_mm
    of_shot = () if shot is None else shot_zones(outline, *_checked(stack, shot))
    rows, columns = stack.layout.block_rows, stack.layout.block_columns
    of_block = () if rows is None or columns is None else block_zones(outline, (rows, columns))
    return chain(ring_zones(outline, edge_um), quadrants(outline), of_shot, of_block)


def _checked(stack: Stack, shot: Shot) -> Shot:
    columns, rows = shot
    if columns > stack.layout.columns or rows > stack.layout.rows or columns * rows > MOST_IN_SHOT:
        across = f"{stack.layout.columns} × {stack.layout.rows}"
        raise Malformed(f"A shot of {columns} × {rows} is too large: at most {across} and {MOST_IN_SHOT} positions.")
    return shot


def found(stack: Stack, shot: Shot | None = None) -> list[Signature]:
    """The signatures of a stack; repeaters of that shot alone where one is given."""
    if stack.counts.tested.size > MOST_POSITIONS:
        raise Malformed(f"Signatures are looked for on maps of up to {MOST_POSITIONS:,} positions.")
    return signatures(stack.counts, stack.outline, None if shot is None else _checked(stack, shot))


def _zone(one: ZoneYield) -> dict[str, Any]:
    share = None if one.share is None else round(one.share, 6)
    return {"kind": one.kind, "zone": one.zone, "good": one.good, "tested": one.tested, "yield": share}


def signature(one: Signature) -> dict[str, Any]:
    """A signature as a row."""
    return {
        "kind": str(one.kind), "failed": one.failed, "tested": one.tested,
        "failed_elsewhere": one.failed_elsewhere, "tested_elsewhere": one.tested_elsewhere,
        "chance": one.chance, "positions": int(one.where.sum()), "measures": one.measures,
    }  # fmt: skip


def comparison(before: Stack, after: Stack) -> dict[str, Any]:
    """Bins before against bins after, of the units of substrates that have both."""
    pairs = [(before.passes[i], after.passes[i]) for i in before.passes if i in after.passes]
    agreed = Agreement.of(pairs)
    moved = bin_migration(pairs)
    return {
        "before": before.layer, "after": after.layer, "substrates": len(pairs), "units": agreed.units,
        "good_good": agreed.good_good, "good_bad": agreed.good_bad,
        "bad_good": agreed.bad_good, "bad_bad": agreed.bad_bad,
        "kappa": _rounded(agreed.kappa), "phi": _rounded(agreed.phi),
        "bins": [{"before": b, "after": a, "units": n} for (b, a), n in moved.items()],
    }  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def merge(stacks: Sequence[Stack], rule: Rule) -> dict[str, Any]:
    """Layers of one substrate made one, in the order given."""
    one = merged([next(iter(stack.passes.values())) for stack in stacks], rule)
    return {
        "layers": [stack.layer for stack in stacks], "rule": str(rule),
        "rows": one.codes.shape[0], "columns": one.codes.shape[1],
        "good": int(one.good.sum()), "tested": int(one.tested.sum()),
        "codes": [[code if told else None for code, told in zip(*row, strict=True)] for row in _rows(one)],
    }  # fmt: skip


def _rows(one: Pass) -> Iterator[tuple[list[int], list[bool]]]:
    return zip(one.codes.tolist(), one.tested.tolist(), strict=True)


def proposals(stack: Stack, rule: Neighbourhood) -> dict[str, Any]:
    """Units of one substrate that passed in a bad neighbourhood; nothing is changed."""
    (one,) = stack.passes.values()
    where = in_bad_neighbourhood(one.tested & ~one.good, one.tested, rule)
    places = [{"x": x, "y": y} for y, x in np.argwhere(where).tolist()]
    return {"layer": stack.layer, "tested": int(one.tested.sum()), "good": int(one.good.sum()), "units": places}
