"""The document of a shipment: what is in it, with maps and certificates, and a hash over all of that.

It is JSON, so that any site and any other system can write and read it. The hash is the SHA-256 of what is left without
``sha256``, written as JSON with keys in the order of the alphabet, without spaces, in UTF-8.
"""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    model_validator,
)

from mes.http.shapes import WRITTEN, Name, Text

FORMAT: Final = "interposer-shipment/1"
MOST_LOTS, MOST_CERTIFICATES = 100, 20
MOST_SUBSTRATES = 10_000
"""Of one lot."""
MOST_MATERIALS, MOST_CONTAINERS = 20, 200
LONGEST_MAP = 16_000_000
"""Characters of one map: one of 60,000 positions has 10 million at most."""


class _Told(BaseModel):
    """A part of a document: what it does not know is refused, for the hash would not cover it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Certificate(_Told):
    """What the sender certifies, in words, or where that stands."""

    name: Name
    text: Annotated[str, Field(max_length=20_000, pattern=WRITTEN)] = ""


class SentSubstrate(_Told):
    """A substrate with its good units, and its map as E142 where it has one."""

    substrate: Name
    units: Annotated[int, Field(ge=0, lt=2**31)]
    map: Annotated[str, Field(max_length=LONGEST_MAP, pattern=WRITTEN)] | None = None


class SentLot(_Told):
    """A lot of one product."""

    lot: Name
    product: Name
    substrates: Annotated[tuple[SentSubstrate, ...], Field(min_length=1, max_length=MOST_SUBSTRATES)]


class SentContainer(_Told):
    """A container of material, and how much is in it, in the unit of the material."""

    container: Name
    amount: Annotated[int, Field(ge=1, le=1_000_000_000)]


class SentMaterial(_Told):
    """A lot of material in its containers, with the reference of its certificate and the end of its shelf life."""

    lot: Name
    material: Name
    certificate: Annotated[Text, Field(max_length=200)] = ""
    expires_at: datetime | None = None
    containers: Annotated[tuple[SentContainer, ...], Field(min_length=1, max_length=MOST_CONTAINERS)]


class Content(_Told):
    """All of a document but its hash."""

    format: Literal["interposer-shipment/1"] = FORMAT
    shipment: Name
    sender: Name
    receiver: Name
    customer: Name
    sent_at: AwareDatetime
    reference: Text = ""
    certificates: Annotated[tuple[Certificate, ...], Field(max_length=MOST_CERTIFICATES)] = ()
    lots: Annotated[tuple[SentLot, ...], Field(min_length=1, max_length=MOST_LOTS)]
    materials: Annotated[tuple[SentMaterial, ...], Field(max_length=MOST_MATERIALS)] = ()


def _with_example(schema: dict[str, Any]) -> None:
    schema["examples"] = [EXAMPLE.model_dump(mode="json")]


class Document(Content):
    """A document as it travels. One whose hash is not that of its content is no document."""

    model_config = ConfigDict(json_schema_extra=_with_example)

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    _told: Any = PrivateAttr()

    @property
    def as_sent(self) -> str:
        """The JSON as its sender wrote it: times and numbers in the sender's words, so that the hash is right of it."""
        return json.dumps(self._told, ensure_ascii=False)

    @model_validator(mode="wrap")
    @classmethod
    def _as_sent(cls, told: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        document = read(told)
        if hash_of({name: part for name, part in told.items() if name != "sha256"}) != document.sha256:
            raise ValueError("the content is not what was sent: its SHA-256 is another; ask the sender for it again")
        document._told = told
        return document


def hash_of(content: Any) -> str:
    """The SHA-256 of a content as JSON has it, hexadecimal."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sealed(content: Content) -> Document:
    """The document of this content."""
    told = content.model_dump(mode="json")
    return Document.model_validate({**told, "sha256": hash_of(told)})


EXAMPLE = sealed(
    Content(
        shipment="SHP-000003", sender="materials", receiver="packaging", customer="alpha",
        sent_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        certificates=(Certificate(name="CoC 17", text="within specification"),),
        lots=(SentLot(lot="M-1", product="die", substrates=(SentSubstrate(substrate="W-1", units=12),)),),
    )
)  # fmt: skip
"""A document as another site might have made it."""
