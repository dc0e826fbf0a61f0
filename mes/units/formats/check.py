"""Does a map file agree with itself? Looks only at the plain data, so every format gets the same questions.

A finding names the overlay, says how many places are concerned and shows the first few; it changes nothing.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mes.units.formats.e142_codes import spell
from mes.units.formats.findings import Findings
from mes.units.formats.frame import Shape
from mes.units.formats.mapfile import BinCodes, DeviceIds, MapFile, Overlay, Sources, SubstrateMap, TransferList

EXAMPLES = 5

_Places: TypeAlias = tuple[int, Iterator[str]]


def check(mapfile: MapFile, findings: Findings) -> None:
    """Adds a finding for every way in which the file contradicts itself."""
    sources = Sources(mapfile.substrates)
    for substrate in mapfile.substrates:
        findings.substrate = substrate.id
        for overlay in substrate.overlays:
            place = f"{substrate.label}, overlay {overlay.name or '(unnamed)'}"
            _references(substrate, overlay, place, findings)
            if isinstance(overlay, BinCodes):
                _bins(overlay, place, findings)
            elif isinstance(overlay, DeviceIds):
                _device_ids(substrate, overlay, place, findings)
            elif isinstance(overlay, TransferList):
                source = sources.of(overlay)
                shape = source.shape if source else _layout_shape(mapfile, overlay)
                _transfers(substrate, overlay, shape, place, findings)
        _good_devices(substrate, findings)
        _targets_never_hit(substrate, findings)
    findings.substrate = None
    _sources_picked_twice(mapfile, findings)


def _references(substrate: SubstrateMap, overlay: Overlay, place: str, findings: Findings) -> None:
    for device in overlay.references:
        if not (0 <= device.x < substrate.columns and 0 <= device.y < substrate.rows):
            where = "X {}, Y {}".format(*substrate.frame.to_file(device.x, device.y, substrate.shape))
            findings.add(
                "reference-outside",
                place,
                f"Reference device {device.name or '(unnamed)'} at {where} is outside {_size(substrate)}.",
            )


def _bins(overlay: BinCodes, place: str, findings: Findings) -> None:
    counted = np.bincount(overlay.codes.ravel(), minlength=1)
    defined: set[int] = set()
    for definition in overlay.definitions:
        code = spell(definition.code, overlay.bin_type)
        found = int(counted[definition.code]) if definition.code < len(counted) else 0
        if definition.code in defined:
            findings.add("definition-duplicate", place, f"Bin code {code} is defined more than once.")
        elif definition.count is not None and definition.count != found:
            findings.add(
                "bin-count",
                place,
                f"Bin code {code} declares {definition.count} positions, the map has {found}.",
            )
        defined.add(definition.code)
    for value in np.flatnonzero(counted).tolist():
        if value not in defined and value != overlay.null_bin:
            code = spell(value, overlay.bin_type)
            findings.add(
                "code-undefined",
                place,
                f"Bin code {code} stands at {counted[value]} positions without a definition.",
            )


def _device_ids(substrate: SubstrateMap, overlay: DeviceIds, place: str, findings: Findings) -> None:
    outside = _outside(substrate.shape, overlay.x, overlay.y)
    _list(
        "id-outside",
        place,
        "device ids are outside " + _size(substrate),
        _at(substrate, overlay, outside),
        findings,
    )
    twice = _repeated(overlay.x, overlay.y)
    _list("id-duplicate", place, "device ids repeat a position", _at(substrate, overlay, twice), findings)


def _transfers(
    substrate: SubstrateMap,
    overlay: TransferList,
    source: Shape | None,
    place: str,
    findings: Findings,
) -> None:
    outside = _outside(substrate.shape, overlay.tx, overlay.ty)
    message = f"transfers end outside {_size(substrate)}"
    _list("target-outside", place, message, _targets(substrate, overlay, outside), findings)
    twice = _repeated(overlay.tx, overlay.ty)
    message = "transfers hit a target that was hit before"
    _list("target-twice", place, message, _targets(substrate, overlay, twice), findings)
    beyond = (overlay.fx < 0) | (overlay.fy < 0) if source is None else _outside(source, *overlay.source_xy(source))
    message = "transfers begin outside " + (f"{source[1]} x {source[0]}" if source else "their source")
    _list("source-outside", place, message, _sources(overlay, beyond), findings)


def _layout_shape(mapfile: MapFile, overlay: TransferList) -> Shape | None:
    """Rows and columns of the source of transfers by its layout, where the file has that."""
    size = mapfile.extent(overlay.from_layout or "")
    return (size[1], size[0]) if size else None


def _sources_picked_twice(mapfile: MapFile, findings: Findings) -> None:
    """Across all overlays of the file: one die leaves its wafer once, whatever strip it goes to."""
    seen: dict[tuple[str | None, str], list[TransferList]] = {}
    for substrate in mapfile.substrates:
        for overlay in substrate.overlays:
            if isinstance(overlay, TransferList):
                seen.setdefault((overlay.from_type, overlay.from_substrate), []).append(overlay)
    for (kind, source), overlays in seen.items():
        fx = np.concatenate([overlay.fx for overlay in overlays])
        fy = np.concatenate([overlay.fy for overlay in overlays])
        twice = np.flatnonzero(_repeated(fx, fy))
        places = (f"FX {fx[i]}, FY {fy[i]}" for i in twice[:EXAMPLES])
        message = "transfers pick a position that was picked before"
        _list("source-twice", f"{kind or 'source'} {source}", message, (len(twice), places), findings)


def _targets_never_hit(substrate: SubstrateMap, findings: Findings) -> None:
    bins = next((o for o in substrate.overlays if isinstance(o, BinCodes)), None)
    lists = [o for o in substrate.overlays if isinstance(o, TransferList)]
    if bins is None or not lists:
        return
    never = np.isin(bins.codes, [d.code for d in bins.definitions if d.good])
    for overlay in lists:
        inside = ~_outside(substrate.shape, overlay.tx, overlay.ty)
        never[overlay.ty[inside], overlay.tx[inside]] = False
    ys, xs = np.nonzero(never)
    places = _file_places(substrate, xs, ys, np.arange(len(xs)), "X {}, Y {}")
    message = "positions are good by their bin, but no transfer ends there"
    _list("target-never", substrate.label, message, places, findings)


def _good_devices(substrate: SubstrateMap, findings: Findings) -> None:
    """GoodDevices must match one of the bin overlays; where no bin says good there is nothing to compare."""
    counts = []
    for overlay in substrate.overlays:
        if isinstance(overlay, BinCodes) and any(d.good for d in overlay.definitions):
            good = [d.code for d in overlay.definitions if d.good]
            counts.append(int(np.isin(overlay.codes, good).sum()))
    if substrate.good_devices is not None and counts and substrate.good_devices not in counts:
        findings.add(
            "good-devices",
            substrate.label,
            f"GoodDevices declares {substrate.good_devices}, the bins say {' or '.join(map(str, counts))}.",
        )


def _size(substrate: SubstrateMap) -> str:
    return f"{substrate.columns} x {substrate.rows}"


def _outside(shape: Shape, x: NDArray[np.int32], y: NDArray[np.int32]) -> NDArray[np.bool_]:
    rows, columns = shape
    return (x < 0) | (x >= columns) | (y < 0) | (y >= rows)


def _repeated(x: NDArray[np.int32], y: NDArray[np.int32]) -> NDArray[np.bool_]:
    """True where the same (x, y) stood before; the first of each is False."""
    key = (x.astype(np.int64) << 32) | (y.astype(np.int64) & 0xFFFFFFFF)
    repeated = np.ones(len(key), np.bool_)
    repeated[np.unique(key, return_index=True)[1]] = False
    return repeated


def _at(substrate: SubstrateMap, overlay: DeviceIds, mask: NDArray[np.bool_]) -> _Places:
    return _file_places(substrate, overlay.x, overlay.y, np.flatnonzero(mask), "X {}, Y {}")


def _targets(substrate: SubstrateMap, overlay: TransferList, mask: NDArray[np.bool_]) -> _Places:
    return _file_places(substrate, overlay.tx, overlay.ty, np.flatnonzero(mask), "TX {}, TY {}")


def _file_places(
    substrate: SubstrateMap, x: NDArray[Any], y: NDArray[Any], found: NDArray[np.intp], spelled: str
) -> _Places:
    """How many were found, and the first of them in the file's own coordinates."""
    shown = found[:EXAMPLES]
    xs, ys = substrate.frame.to_file(x[shown], y[shown], substrate.shape)
    return len(found), map(spelled.format, xs.tolist(), ys.tolist())


def _sources(overlay: TransferList, mask: NDArray[np.bool_]) -> _Places:
    found = np.flatnonzero(mask)
    return len(found), (f"FX {overlay.fx[i]}, FY {overlay.fy[i]}" for i in found[:EXAMPLES])


def _list(code: str, place: str, message: str, places: _Places, findings: Findings) -> None:
    count, examples = places
    if count:
        shown = "; ".join(examples)
        findings.add(code, place, f"{count} {message}: {shown}{'; …' if count > EXAMPLES else ''}.")
