"""What a conversion leaves out."""

from mes.units.formats import klarf, stdf
from mes.units.formats.mapfile import BinCodes, DeviceIds, MapFile, TransferList

_PASSED_OVER = {
    stdf.FORMAT: "tests, measurements, and parts that were tested again later",
    klarf.FORMAT: "places, sizes, classes and images of defects",
}


def left_out(mapfile: MapFile, *, csv: bool) -> list[str]:
    """What a file says and the one written from it does not: what is not read of its format, or has no place in CSV."""
    passed_over = [_PASSED_OVER[mapfile.format]] if mapfile.format in _PASSED_OVER else []
    return passed_over + (_not_in_csv(mapfile) if csv else [])


def _not_in_csv(mapfile: MapFile) -> list[str]:
    overlays = [overlay for substrate in mapfile.substrates for overlay in substrate.overlays]
    ids = sum(len(overlay.texts) for overlay in overlays if isinstance(overlay, DeviceIds))
    transfers = sum(len(overlay.fx) for overlay in overlays if isinstance(overlay, TransferList))
    references = sum(len(overlay.references) for overlay in overlays)
    described = sum(1 for o in overlays if isinstance(o, BinCodes) for d in o.definitions if d.description)
    sized = sum(1 for layout in mapfile.layouts if layout.pitch_um or layout.device_size_um)
    told = sum(1 for one in mapfile.substrates if one.carrier or one.slot is not None or one.supplier)
    counts = {
        "device ids": ids,
        "transfers": transfers,
        "reference devices": references,
        "descriptions of bins": described,
        "layouts with sizes": sized,
        "layouts with a product": sum(1 for layout in mapfile.layouts if layout.product),
        "substrates with a carrier, slot or supplier": told,
        "versions of maps": sum(1 for overlay in overlays if overlay.version),
    }
    return [f"{count} {what}" for what, count in counts.items() if count]
