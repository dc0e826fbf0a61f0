"""Labels over HTTP: what a scanned code names, and labels to be printed."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from mes.http.shapes import PRINTED, example
from mes.http.transaction import Tx
from mes.labels.find import find
from mes.labels.formats import MEDIA_TYPES, Format, write
from mes.labels.label import MOST_LABELS, Kind, Size, labels_of
from mes.labels.scanned import LONGEST
from mes.people.access import may, require
from mes.people.permissions import Permission
from mes.people.sign_in import Person

router = APIRouter(tags=["labels"])

Viewer = Annotated[Person, require(Permission.SEE_LOTS)]
LOT: dict[str, Any] = {
    "kind": "lot", "name": "L-104", "customer": "hanbit", "form": "Memory stack", "code": "hanbit/L-104",
    "page": "/lots/hanbit/L-104",
}  # fmt: skip
"""A lot in the examples."""


WRITTEN = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()}


class FoundRow(BaseModel):
    """One thing that a code names."""

    model_config = example(**LOT)

    kind: str = Field(description="Such as lot, substrate, unit, equipment, carrier, container, durable or shipment.")
    name: str
    customer: str = Field(description="Whose it is; empty of what belongs to the centre.")
    form: str = Field(description="What it is: the product of a lot, the kind of a substrate, carrier or tool.")
    code: str = Field(description="What names it alone among all of its kind, and stands on its label.")
    page: str = Field(description="The address of its page on this server.")


class FoundAll(BaseModel):
    """All that a code names, at most 50."""

    model_config = example(items=[LOT])

    items: list[FoundRow]


@router.get("/find", response_model=FoundAll)
def find_code(
    session: Tx, viewer: Viewer,
    q: Annotated[str, Query(description="A code as it was scanned or typed, with all that a scanner adds to it.")],
) -> Any:  # fmt: skip
    """What a code names: a name, CUSTOMER/NAME, SUBSTRATE:X,Y or ROUTE/NUMBER. Parts of names find nothing."""
    found = find(session, q, centre=may(viewer, Permission.SEE_LINE))
    return {"items": [{**vars(one), "code": one.code} for one in found]}


Code = Annotated[str, Field(min_length=1, max_length=LONGEST, pattern=PRINTED)]


@router.get("/labels", response_class=Response, responses={200: {"content": WRITTEN}})
def print_labels(
    session: Tx, _: Annotated[Person, require(Permission.SEE_LINE)],
    code: Annotated[list[Code], Query(min_length=1, max_length=MOST_LABELS, description="Each gives a label.")],
    kind: Annotated[Kind | None, Query(description="Of which kind all of them are.")] = None,
    format: Annotated[Format, Query(description="What they are written as.")] = Format.PDF,  # noqa: A002
    width_mm: Annotated[float, Query(ge=10, le=200)] = Size.width_mm,
    height_mm: Annotated[float, Query(ge=5, le=200)] = Size.height_mm,
    dpi: Annotated[int, Query(ge=150, le=1200, description="Dots per inch of the printer.")] = Size.dpi,
) -> Response:  # fmt: skip
    """Labels with a Data Matrix (ECC 200) and text, in the order of their codes.

    The Data Matrix says `CUSTOMER/NAME`, or the name of what is the centre's, which `/find` leads back from.
    """
    size = Size(width_mm, height_mm, dpi)
    written = write(labels_of(session, code, kind), size, format)
    headers = {"content-disposition": f'inline; filename="labels.{format}"'}
    return Response(written, media_type=MEDIA_TYPES[format], headers=headers)
