"""What is wrong with a substrate map file: the whole of it refused, or discrepancies in one that was read."""

from dataclasses import dataclass

MAX_LISTED = 1_000
"""Discrepancies listed for one file; more are only counted."""


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


class Findings:
    """Collects discrepancies and stays small however broken the file is."""

    def __init__(self) -> None:
        self._listed: list[Discrepancy] = []
        self._unlisted = 0

    def add(self, code: str, place: str, message: str) -> None:
        """Lists the finding, or only counts it once `MAX_LISTED` are listed."""
        if len(self._listed) < MAX_LISTED:
            self._listed.append(Discrepancy(code, place, message))
        else:
            self._unlisted += 1

    def listed(self) -> tuple[Discrepancy, ...]:
        """All findings in the order met; the last one says how many more there were."""
        if not self._unlisted:
            return tuple(self._listed)
        more = Discrepancy("more", "the file", f"{self._unlisted} more discrepancies are not listed.")
        return (*self._listed, more)
