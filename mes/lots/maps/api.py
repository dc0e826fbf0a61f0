"""Maps of substrates over HTTP: out as bytes for a canvas, as JSON, or as E142 XML; in as files."""

import json
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from mes.definitions.clock import act_now
from mes.http.command import CommandRoute
from mes.http.files import BYTES, TAKES_XML, XML, Uploads
from mes.http.shapes import Name, Text, example
from mes.http.transaction import Tx
from mes.lots.maps.incoming import take_in
from mes.lots.maps.map_file import bin_map, exported
from mes.lots.maps.reading import MapIn
from mes.lots.own_lots import own_lots
from mes.people.access import require
from mes.people.permissions import Permission
from mes.people.sign_in import Person
from mes.units.formats.e142_write import write_e142
from mes.units.formats.mapfile import BinCodes, SubstrateMap
from mes.units.queries import substrate_id
from mes.units.warned import Consequence, warnings_of

router = APIRouter(prefix="/substrates", tags=["maps"])
incoming = APIRouter(prefix="/maps", route_class=CommandRoute, tags=["maps"])


class Bin(BaseModel):
    """A code of a map, and how many positions have it."""

    code: int
    name: str | None
    quality: str | None
    count: int


class MapLook(BaseModel):
    """A map: codes row by row from the top left; where none of ``bins`` has the code, there is nothing."""

    model_config = example(
        substrate="W1",
        map="dispositions",
        version=None,
        rows=2,
        columns=2,
        bins=[{"code": 1, "name": "in process", "quality": "Pass", "count": 4}],
        codes=[[1, 1], [1, 1]],
    )

    substrate: str
    map: str
    version: str | None
    rows: int
    columns: int
    bins: list[Bin]
    codes: list[list[int]]


@router.get(
    "/{substrate}/maps/{name:path}",
    response_model=MapLook,
    responses={200: {"content": {BYTES: {"schema": {"type": "string", "format": "binary"}},
                                 XML: {"schema": {"type": "string"}}}}},
)  # fmt: skip
def show(
    session: Tx,
    viewer: Annotated[Person, require(Permission.SEE_LOTS)],
    substrate: Annotated[Name, Path(description="Name of the substrate.")],
    name: Annotated[Name, Path(description="A layer of bins, or `dispositions`: what became of each position.")],
    customer: Annotated[Name | None, Query(description="Whose substrate, where customers share a name.")] = None,
    version: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
    as_it_came: Annotated[bool, Query(description="As E142: drawn and counted like the file it came with.")] = False,  # noqa: FBT002
    accept: Annotated[str, Header()] = "",
) -> Any:
    """A map of a substrate. `Accept` chooses: JSON, E142 XML, or one byte for each position into `Map-Palette`."""
    found = substrate_id(session, substrate, customer)
    with own_lots(session):
        if XML in accept:
            mapfile = exported(
                session, found, name, version=version, owner_id=viewer.customer_id, as_it_came=as_it_came
            )
            return Response(write_e142(mapfile), media_type=XML)
        of, codes = bin_map(session, found, name, version=version)
    return as_bytes(of, codes) if BYTES in accept else JSONResponse(as_json(of, codes))


def _bins(codes: BinCodes) -> list[dict[str, Any]]:
    return [
        {"code": d.code, "name": d.description, "quality": d.quality, "count": d.count or 0} for d in codes.definitions
    ]


def as_json(of: SubstrateMap, codes: BinCodes) -> dict[str, Any]:
    """A map as `MapLook` says."""
    shape = {"rows": of.rows, "columns": of.columns}
    named = {"substrate": of.id, "map": codes.name, "version": codes.version}
    return {**named, **shape, "bins": _bins(codes), "codes": codes.codes.tolist()}


def as_bytes(of: SubstrateMap, codes: BinCodes) -> Response:
    wide = bool(codes.codes.max(initial=0) > np.iinfo(np.uint8).max)
    headers = {
        "Map-Rows": str(of.rows),
        "Map-Columns": str(of.columns),
        "Map-Bytes": "2" if wide else "1",
        "Map-Palette": json.dumps(_bins(codes)),
    }
    return Response(codes.codes.astype("<u2" if wide else "u1").tobytes(), media_type=BYTES, headers=headers)


class LotIn(BaseModel):
    """A lot that files named, with the substrates that they describe."""

    lot: str
    substrates: list[str]


class MapWarning(BaseModel):
    """Something odd in a file, and what it caused by the rules of the plant."""

    model_config = example(
        file="W1.xml", code="bin-count", place="BinDefinition 01", message="It counts 12, the map has 11.",
        caused="held", hold_code="map",
    )  # fmt: skip

    file: str
    code: str
    place: str
    message: str
    caused: Consequence
    hold_code: str | None = None
    """Of the hold that it caused."""


class MapsIn(BaseModel):
    """What was read, and what it caused."""

    model_config = example(
        lots=[{"lot": "D1", "substrates": ["W1", "W2"]}],
        warnings=[
            {"file": "d1.xml", "code": "good-devices", "place": "Wafer W1", "caused": "recorded",
             "message": "GoodDevices declares 900, the bins say 899."}
        ],
    )  # fmt: skip

    lots: list[LotIn]
    warnings: list[MapWarning]


@router.get("/{substrate}/warnings", response_model=list[MapWarning], response_model_exclude_none=True)
def show_warnings(
    session: Tx,
    _: Annotated[Person, require(Permission.SEE_LOTS)],
    substrate: Annotated[Name, Path(description="Name of the substrate.")],
    customer: Annotated[Name | None, Query(description="Whose substrate, where customers share a name.")] = None,
) -> Any:
    """What was odd about the map that a substrate came with, and what that caused."""
    return warnings_of(session, substrate_id(session, substrate, customer))


@incoming.post(
    "", response_model=MapsIn, response_model_exclude_none=True, status_code=201, openapi_extra=TAKES_XML
)  # fmt: skip
def take_maps_in(
    session: Tx,
    by: Annotated[Person, require(Permission.CREATE_LOTS)],
    files: Uploads,
    customer: Annotated[Name, Query(description="Whose material it is.")],
    route: Annotated[Name, Query(description="The route that its lots take.")],
    release: Annotated[bool, Query(description="Release the lots, too.")] = False,  # noqa: FBT002
    declaration: Annotated[
        Name | None, Query(description="The plant's declaration by which plain text is read; told by the content.")
    ] = None,
    why: Annotated[Text, Query()] = "",
) -> Any:
    """Take in the material that map files describe: a lot for each lot they name, all of them or none.

    One file of any format that is read as the body, or several as parts of a form. Refused where a file cannot be
    read or names no lot, or where a rule of the plant stops one for its warnings.
    """
    came = [MapIn(file.name, file.content) for file in files]
    act = act_now(session, by.name, why)
    return take_in(session, came, customer, route, act, released=release, declaration=declaration)
