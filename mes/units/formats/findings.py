"""What is wrong with a substrate map file: the whole of it refused, or discrepancies in one that was read."""

from dataclasses import dataclass

MAX_LISTED = 1_000
"""Discrepancies listed for one file; more are only counted."""

MEANINGS = {
    "axis-assumed": "The file does not say in which direction coordinates count; the usual one was taken.",
    "bin-count": "A bin declares another number of positions than the map has.",
    "code-missing": "A position has no bin code; it counts as empty.",
    "code-undefined": "A bin code stands on the map and no definition says what it means.",
    "counts-from-one": "Coordinates were read as counted from 1, since they fit so alone.",
    "defect-count": "The summary declares another number of defects than was read.",
    "defect-off-plan": "Defects are on dies that the sample plan does not name.",
    "definition-duplicate": "A bin code is defined more than once.",
    "die-count": "The file declares another number of dice than the map has.",
    "dimension-missing": "Rows or columns are not said; they were counted in the picture.",
    "frame-spelling": "Orientation, origin, axis or side are spelled in another way than the standard's.",
    "good-bins": "What should list the good bins names something that is no bin code.",
    "good-devices": "The file declares another number of good units than its bins say.",
    "header-duplicate": "A line of the head is given again; the first one counts.",
    "id-duplicate": "Device ids repeat a position.",
    "id-outside": "Device ids are outside the map.",
    "layout-duplicate": "A layout is defined again; the first one counts.",
    "layout-missing": "The map names no layout of the file; its size was taken from the picture.",
    "more": "There are more discrepancies than are listed.",
    "namespace-unknown": "The namespace is none of E142-1; the file was read by the names of elements.",
    "not-read": "An element, attribute or line is not known, and not read.",
    "orientation-assumed": "The file does not say where flat or notch is; the bottom was taken.",
    "part-without-place": "Parts have no coordinates; they are not on the map.",
    "part-without-wafer": "Parts are on no wafer; they are not read.",
    "plan-missing": "No sample plan says which dies were looked at; those with defects were.",
    "position-outside": "Positions are outside the declared size; they are not read.",
    "position-twice": "Several lines give the same position; the last one counts.",
    "quality-mixed": "A bin holds units that passed and units that failed; it is taken as a failure.",
    "record-cut": "The file ends inside a record; what stands before it was read.",
    "reference-empty": "No reference device is on a unit, and all would be if coordinates counted from 1.",
    "reference-outside": "A reference device is outside the map.",
    "row-count": "The picture has another number of rows than the layout.",
    "row-length": "Rows of the picture have another length than the layout; what is missing is empty.",
    "size-unread": "A size is none; it is not read.",
    "source-outside": "Transfers begin outside their source.",
    "source-twice": "Transfers pick a position that was picked before.",
    "substrate-duplicate": "A substrate is listed twice; the first entry counts.",
    "substrate-unlisted": "A map is of a substrate that the file does not list.",
    "substrate-without-map": "A substrate is listed and has no map.",
    "target-never": "Positions are good by their bin, and no transfer ends there.",
    "target-outside": "Transfers end outside the map.",
    "target-twice": "Transfers hit a target that was hit before.",
    "type-unknown": "The type of substrate is none of the standard's; it was kept as it is.",
    "unit-unknown": "A unit of length is not known; the size is not read.",
    "wafer-empty": "A wafer has no sample plan and no defects; it has no map.",
}
"""Every code of a discrepancy. Codes are stable: rules of plants name them."""


class MapRefused(ValueError):
    """The file cannot be read, or the map cannot be written, as a whole.

    `code` is stable, `place` says where in the file, `message` what is so there and what would be right.
    """

    def __init__(self, code: str, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.code = code
        self.place = place
        self.message = message


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Something in a file that contradicts the file itself or the standard; it was read all the same."""

    code: str
    place: str
    message: str
    substrate: str | None = None
    """Of which it is; None where it is of the file."""


class Findings:
    """Collects discrepancies and stays small however broken the file is."""

    def __init__(self) -> None:
        self.substrate: str | None = None
        """Of which findings are that are added now."""
        self._listed: list[Discrepancy] = []
        self._unlisted = 0

    def add(self, code: str, place: str, message: str) -> None:
        """Lists the finding, or only counts it once `MAX_LISTED` are listed."""
        assert code in MEANINGS, code
        if len(self._listed) < MAX_LISTED:
            self._listed.append(Discrepancy(code, place, message, self.substrate))
        else:
            self._unlisted += 1

    def listed(self) -> tuple[Discrepancy, ...]:
        """All findings in the order met; the last one says how many more there were."""
        if not self._unlisted:
            return tuple(self._listed)
        more = Discrepancy("more", "the file", f"{self._unlisted} more discrepancies are not listed.")
        return (*self._listed, more)
