"""Messages as canonical text and back: what the MES stores, hashes and compares.

JSON with sorted keys and no spaces. Times are ISO 8601 in UTC with microseconds. An array is
``{"base64", "dtype", "shape"}``, little-endian, row by row; bool arrays are packed eight to a byte, first in the
highest bit. A number that JSON cannot write is the string ``NaN``, ``Infinity`` or ``-Infinity``.
"""

import base64
import binascii
import hashlib
import json
import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from equipment.interface.messages import (
    KIND_OF,
    BadMessage,
    JobOrder,
    PositionMap,
    Record,
    SubstrateResult,
)
from equipment.interface.states import RecordKind

M = TypeVar("M")

MOST_CHARACTERS = 64 * 1024 * 1024
MOST_ELEMENTS = 4_000_000
MOST_NAME_CHARACTERS = 4_000
MOST_ENTRIES = 10_000

_PLANES = {"allowed", "touched", "bins"}
"""Array fields that are rows by columns; every other array is one column of a table."""

_BODY_OF = {kind: body for body, kind in KIND_OF.items()}
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def record_text(record: Record) -> str:
    """The canonical text of a journal record; equal records have equal texts."""
    return message_text(record)


def read_record(text: str) -> Record:
    """The record that `record_text` wrote. Raises `BadMessage` with the field on anything else."""
    return read_message(Record, text)


def order_text(order: JobOrder) -> str:
    """The canonical text of a job order."""
    return message_text(order)


def read_order(text: str) -> JobOrder:
    """The job order that `order_text` wrote. Raises `BadMessage` with the field on anything else."""
    return read_message(JobOrder, text)


def map_text(positions: PositionMap) -> str:
    """The canonical text of a position map."""
    return message_text(positions)


def read_map(text: str) -> PositionMap:
    """The position map that `map_text` wrote. Raises `BadMessage` with the field on anything else."""
    return read_message(PositionMap, text)


def result_text(result: SubstrateResult) -> str:
    """The canonical text of one substrate's result, as it stands in the body of its record."""
    return message_text(result)


def read_result(text: str) -> SubstrateResult:
    """The result that `result_text` wrote. Raises `BadMessage` with the field on anything else."""
    return read_message(SubstrateResult, text)


def sha256_of(text: str) -> str:
    """SHA-256 of the text as UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def message_text(message: object) -> str:
    """The canonical text of any message of this interface."""
    return json.dumps(_plain(message), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def read_message(wanted: type[M], text: str) -> M:
    """The message of type ``wanted`` in ``text``. Raises `BadMessage` with the field on anything malformed."""
    if len(text) > MOST_CHARACTERS:
        raise BadMessage(f"the text has {len(text)} characters; at most {MOST_CHARACTERS} are read")
    try:
        plain = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"the text is not JSON: {error}") from error
    message = _read(wanted, plain, wanted.__name__)
    assert isinstance(message, wanted)
    return message


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} stands without quotes")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if is_dataclass(value):
        return _plain_dataclass(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _plain_dataclass(value: Any) -> dict[str, Any]:
    members = {}
    kind: Any = type(value)
    for name, hint in _hints(kind).items():
        member = getattr(value, name)
        if name in _left_out(kind) and member == ():
            continue
        # A whole number in a field for fractions must not give another text than what is read back.
        members[name] = _plain(float(member) if hint is float else member)
    return members | {"kind": value.kind.value} if isinstance(value, Record) else members


def _plain_array(array: NDArray[Any]) -> dict[str, Any]:
    if array.dtype == np.bool_:
        content = np.packbits(array).tobytes()
    else:
        content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    return {
        "base64": base64.b64encode(content).decode("ascii"),
        "dtype": array.dtype.name,
        "shape": list(array.shape),
    }


def _read(wanted: Any, plain: Any, path: str) -> Any:
    origin = get_origin(wanted)
    if origin in (Union, types.UnionType):
        return None if plain is None else _read(_only(wanted), plain, path)
    if origin is tuple:
        return _read_tuple(get_args(wanted), plain, path)
    if origin is np.ndarray:
        return _read_array(get_args(get_args(wanted)[1])[0], plain, path)
    if is_dataclass(wanted):
        return _read_dataclass(wanted, plain, path)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return _made(lambda: wanted(plain), f"one of {', '.join(str(m.value) for m in wanted)}", plain, path)
    return _SCALARS[wanted](plain, path)


def _only(union: Any) -> Any:
    """The one type of an optional field."""
    (wanted,) = (member for member in get_args(union) if member is not types.NoneType)
    return wanted


def _read_dataclass(wanted: Any, plain: Any, path: str) -> Any:
    if not isinstance(plain, dict):
        raise _bad(path, "an object", plain)
    hints = dict(_hints(wanted))
    if wanted is Record:
        kind = _read(RecordKind, plain.get("kind"), f"{path}.kind")
        hints |= {"body": _BODY_OF[kind], "kind": RecordKind}
    known = {name: plain.get(name, []) for name in hints if name in plain or name in _left_out(wanted)}
    if set(plain) | set(known) != set(hints):
        wrong = sorted((set(plain) | set(known)) ^ set(hints))[0]
        raise BadMessage(f"{path}.{wrong[:80]} is {'missing' if wrong in hints else 'not known here'}")
    members = {name: _read(hint, known[name], f"{path}.{name}") for name, hint in hints.items()}
    members.pop("kind", None)
    _check_shapes(members, path)
    return wanted(**members)


@lru_cache
def _hints(wanted: type) -> Mapping[str, Any]:
    hints = get_type_hints(wanted)
    return {f.name: hints[f.name] for f in fields(wanted)}


@lru_cache
def _left_out(of: type) -> frozenset[str]:
    """Lists that stand in no text of that message where they are empty."""
    return frozenset(f.name for f in fields(of) if f.metadata.get("left_out"))


def _check_shapes(members: Mapping[str, Any], path: str) -> None:
    """Arrays of one message belong together: the planes have one shape, x, y and value one length."""
    arrays = {name: value for name, value in members.items() if isinstance(value, np.ndarray)}
    for name, array in arrays.items():
        dimensions = 2 if name in _PLANES else 1
        if array.ndim != dimensions:
            raise BadMessage(f"{path}.{name} has {array.ndim} dimensions; it must have {dimensions}")
    if len({array.shape for array in arrays.values()}) > 1:
        told = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise BadMessage(f"{path}: arrays of one message must have one shape, not {told}")


def _read_tuple(members: tuple[Any, ...], plain: Any, path: str) -> tuple[Any, ...]:
    if not isinstance(plain, list) or len(plain) > MOST_ENTRIES:
        raise _bad(path, f"a list of at most {MOST_ENTRIES}", plain)
    if members[-1] is Ellipsis:
        members = (members[0],) * len(plain)
    if len(plain) != len(members):
        raise _bad(path, f"a list of {len(members)}", plain)
    return tuple(_read(w, p, f"{path}[{i}]") for i, (w, p) in enumerate(zip(members, plain, strict=True)))


def _read_array(scalar: type[np.generic], plain: Any, path: str) -> NDArray[Any]:
    if not isinstance(plain, dict) or set(plain) != {"base64", "dtype", "shape"}:
        raise _bad(path, "an array of base64, dtype and shape", plain)
    dtype = np.dtype(scalar)
    if plain["dtype"] != dtype.name:
        raise _bad(f"{path}.dtype", dtype.name, plain["dtype"])
    shape = _read_tuple((int, Ellipsis), plain["shape"], f"{path}.shape")
    count = math.prod(shape)
    if not 1 <= len(shape) <= 2 or min(shape) < 0 or max(shape) > MOST_ELEMENTS or count > MOST_ELEMENTS:
        raise _bad(f"{path}.shape", f"one or two sizes and at most {MOST_ELEMENTS} elements", plain["shape"])
    size = (count + 7) // 8 if dtype == np.bool_ else count * dtype.itemsize
    content = _read_bytes(plain["base64"], size, f"{path}.base64")
    if dtype == np.bool_:
        bits = np.unpackbits(np.frombuffer(content, np.uint8), count=count).astype(np.bool_)
        bits.flags.writeable = False
        return bits.reshape(shape)
    return np.frombuffer(content, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)


def _read_bytes(plain: Any, size: int, path: str) -> bytes:
    if not isinstance(plain, str) or len(plain) != (size + 2) // 3 * 4:
        raise _bad(path, f"{size} bytes in base64", plain)
    try:
        content = base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad(path, f"{size} bytes in base64", plain) from error
    if len(content) != size:
        raise _bad(path, f"{size} bytes in base64", plain)
    return content


def _read_str(plain: Any, path: str) -> str:
    if not isinstance(plain, str) or len(plain) > MOST_NAME_CHARACTERS or _UNSTORABLE.search(plain):
        raise _bad(path, f"text of at most {MOST_NAME_CHARACTERS} characters without NUL and lone surrogates", plain)
    return plain


def _read_int(plain: Any, path: str) -> int:
    if type(plain) is not int or abs(plain) >= 1 << 63:
        raise _bad(path, "a whole number", plain)
    return plain


def _read_bool(plain: Any, path: str) -> bool:
    if type(plain) is not bool:
        raise _bad(path, "true or false", plain)
    return plain


def _read_float(plain: Any, path: str) -> float:
    if isinstance(plain, str) and plain in _NON_FINITE:
        return _NON_FINITE[plain]
    if type(plain) not in (int, float):
        raise _bad(path, "a number", plain)
    return _made(lambda: float(plain), "a number", plain, path)


def _read_time(plain: Any, path: str) -> datetime:
    expected = "a time with its zone, such as 2026-01-01T00:00:00.000000+00:00"
    written = _read_str(plain, path)
    time = _made(lambda: datetime.fromisoformat(written), expected, plain, path)
    if time.tzinfo is None:
        raise _bad(path, expected, plain)
    return _made(lambda: time.astimezone(UTC), expected, plain, path)


_SCALARS: Mapping[Any, Callable[[Any, str], Any]] = {
    str: _read_str,
    int: _read_int,
    bool: _read_bool,
    float: _read_float,
    datetime: _read_time,
}


def _made(make: Callable[[], M], expected: str, plain: Any, path: str) -> M:
    try:
        return make()
    except (ValueError, TypeError, OverflowError) as error:
        raise _bad(path, expected, plain) from error


def _bad(path: str, expected: str, plain: Any) -> BadMessage:
    return BadMessage(f"{path} must be {expected}, not {repr(plain)[:80]}")
