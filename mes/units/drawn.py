"""How the file that a substrate came with draws and counts it: kept, so that a map of it can be given back likewise."""

from dataclasses import asdict, replace
from typing import Any

from mes.units.formats.frame import DEFAULT, Axis, Frame, Origin, Side
from mes.units.formats.from_one import counts_from_one
from mes.units.formats.mapfile import ReferenceDevice, SubstrateMap


def drawn(came: SubstrateMap) -> dict[str, Any] | None:
    """The frame of the file with its reference devices on the substrate; None where both are as in any other file."""
    named = dict.fromkeys(device for overlay in came.overlays for device in overlay.references)
    inside = [one for one in named if 0 <= one.x < came.columns and 0 <= one.y < came.rows]
    if came.frame == DEFAULT and not inside:
        return None
    return {**asdict(came.frame), "references": [asdict(one) for one in inside]}


def redrawn(of: SubstrateMap, kept: dict[str, Any]) -> SubstrateMap:
    """A map drawn and counted as `drawn` has kept it; from 0 where nothing in the map proves that it counts from 1."""
    frame = Frame(Side(kept["side"]), kept["orientation"], Origin(kept["origin"]), Axis(kept["axis"]), kept["first"])
    references = tuple(_reference(**one) for one in kept["references"])
    first, *others = of.overlays
    framed = replace(of, frame=frame, overlays=(replace(first, references=references), *others))
    return framed if counts_from_one(framed) or not frame.first else replace(framed, frame=replace(frame, first=0))


def _reference(x: int, y: int, name: str | None, position_um: list[float] | None) -> ReferenceDevice:
    return ReferenceDevice(x, y, name, (position_um[0], position_um[1]) if position_um else None)
