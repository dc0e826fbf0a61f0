"""Files that come with a request: one as the body, or several as parts of a form."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from mes.errors import Malformed

BYTES, XML, FORM = "application/octet-stream", "application/xml", "multipart/form-data"
MOST_FILES = 100

_ONE = {"type": "string", "format": "binary"}
_MANY = {"type": "object", "required": ["file"], "properties": {"file": {"type": "array", "items": _ONE}}}
TAKES_XML: dict[str, Any] = {
    "requestBody": {"required": True, "content": {kind: {"schema": _ONE} for kind in (XML, BYTES)}
                    | {FORM: {"schema": _MANY}}}
}  # fmt: skip
"""What a route of XML files says of its body."""


@dataclass(frozen=True)
class Upload:
    """A file as it came; the body has no name of its own."""

    name: str
    content: bytes


async def _uploads(request: Request) -> list[Upload]:
    """Raises `Malformed` where a form holds something else than files."""
    if not request.headers.get("content-type", "").startswith(FORM):
        return [Upload("body", await request.body())]
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FILES) as form:
        parts = [part for _, part in form.multi_items()]
        files = [part for part in parts if not isinstance(part, str)]
        if not files or len(files) < len(parts):
            raise Malformed("The form holds no files, or more than files; send each file as a part of its own.")
        return [Upload(file.filename or "file", await file.read()) for file in files]


Uploads = Annotated[list[Upload], Depends(_uploads)]
"""The files of a request."""
