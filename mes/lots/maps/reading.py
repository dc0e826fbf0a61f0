"""Reads incoming map files: plain text by a declaration of the plant, which is named or told by the content."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from mes.definitions.models import MapDeclaration
from mes.errors import Malformed, Reason
from mes.units.formats.detect import read_any
from mes.units.formats.findings import MapRefused
from mes.units.formats.mapfile import MapFile
from mes.units.formats.text import decoded
from mes.units.formats.unpack import declare, unpack

HEAD = 16 * 1024
"""Bytes of a file in which a line is looked for that tells its declaration."""


@dataclass(frozen=True)
class MapIn:
    """A file as it came."""

    name: str
    content: bytes


class MapUnreadable(Malformed):
    """A file cannot be read as a whole; ``reasons`` say where and why."""


@dataclass
class Reading:
    """Map files that come together; the plant's declarations are asked for once, where one is needed."""

    session: Session
    declaration: str | None = None
    """By which all are read; each by its content where it is None."""

    def read(self, file: MapIn) -> MapFile:
        """What the file says. Raises `MapUnreadable`, and `Malformed` where the plant has no such declaration."""
        try:
            if self.declaration is not None:
                return read_any(declare(file.content, self._named(self.declaration)))
            return self._by_content(file.content)
        except MapRefused as error:
            raise MapUnreadable(f"{file.name}: {error}", Reason(error.code, str(error), "caller")) from error

    @cached_property
    def _declared(self) -> Sequence[MapDeclaration]:
        return self.session.scalars(select(MapDeclaration).order_by(MapDeclaration.ordinal, MapDeclaration.id)).all()

    def _named(self, name: str) -> bytes:
        texts = {one.name: one.text for one in self._declared}
        if name not in texts:
            known = f"choose one of {', '.join(texts)}" if texts else "the plant has none"
            raise Malformed(f"There is no declaration {name}; {known}.")
        return texts[name].encode()

    def _by_content(self, content: bytes) -> MapFile:
        try:
            return read_any(content)
        except MapRefused as refused:
            if refused.code != "format-unknown":
                raise
            lines = [line.strip() for line in decoded(unpack(content).head[:HEAD]).split("\n")]
            for one in self._declared:
                if one.told_by and any(line.startswith(one.told_by) for line in lines):
                    return read_any(declare(content, one.text.encode()))
            raise
