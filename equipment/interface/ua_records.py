"""Journal records as OPC UA structures and back, exact to the microsecond and to the bit."""

from collections.abc import Callable
from typing import Any

import numpy as np

from equipment.interface.messages import (
    TRANSFER_COLUMNS,
    AlarmChange,
    BadMessage,
    Body,
    EquipmentChange,
    JobChange,
    Measured,
    Record,
    SubstrateResult,
    Transfers,
)
from equipment.interface.states import E10State, JobState, Outcome
from equipment.interface.ua_messages import as_variant, grid, parameter_from_ua, parameter_to_ua, structure


def record_to_ua(record: Record) -> Any:
    """A RecordDataType; its journal is named once for the whole answer."""
    return structure(
        "RecordDataType",
        Sequence=record.sequence,
        HappenedAt=record.happened_at,
        JobOrderID=record.job_order_id,
        Body=as_variant(BODY_TO_UA[type(record.body)](record.body)),
    )


def record_from_ua(journal: str, value: Any) -> Record:
    """The inverse of `record_to_ua`. Raises `BadMessage` where the body is none of the four."""
    body = value.Body.Value
    read = BODY_FROM_UA.get(type(body).__name__)
    if read is None:
        raise BadMessage(f"record {value.Sequence} has a body {body!r}; known are {', '.join(BODY_FROM_UA)}")
    return Record(journal, int(value.Sequence), value.HappenedAt, str(value.JobOrderID or ""), read(body))


def record_size_bytes(record: Record) -> int:
    """About how many bytes the record is on the wire."""
    body = record.body
    if not isinstance(body, SubstrateResult):
        return 200
    transfers = 16 * len(body.transfers) if body.transfers is not None else 0
    return 500 + 2 * body.touched.size + transfers + sum(12 * len(m.value) for m in body.measured)


def _job_to_ua(body: JobChange) -> Any:
    return structure("JobChangeDataType", StateNumber=int(body.state), Reason=body.reason)


def _job_from_ua(value: Any) -> JobChange:
    return JobChange(JobState(value.StateNumber), str(value.Reason or ""))


def _equipment_to_ua(body: EquipmentChange) -> Any:
    return structure("EquipmentChangeDataType", E10State=int(body.state), Reason=body.reason)


def _equipment_from_ua(value: Any) -> EquipmentChange:
    return EquipmentChange(E10State(value.E10State), str(value.Reason or ""))


def _alarm_to_ua(body: AlarmChange) -> Any:
    return structure(
        "AlarmChangeDataType",
        Code=body.code,
        Severity=body.severity,
        Text=body.text,
        IsSet=body.is_set,
    )


def _alarm_from_ua(value: Any) -> AlarmChange:
    return AlarmChange(str(value.Code or ""), int(value.Severity), str(value.Text or ""), bool(value.IsSet))


def _result_to_ua(body: SubstrateResult) -> Any:
    rows, columns = body.touched.shape
    return structure(
        "SubstrateResultDataType",
        Lot=body.lot,
        Substrate=body.substrate,
        Visit=body.visit,
        Outcome=body.outcome.value,
        StartedAt=body.started_at,
        EndedAt=body.ended_at,
        EnergyKwh=body.energy_kwh,
        Rows=rows,
        Columns=columns,
        Touched=body.touched.astype(np.uint8).tobytes(),
        Bins=None if body.bins is None else body.bins.astype(np.uint8).tobytes(),
        Transfers=None if body.transfers is None else _transfers_to_ua(body.transfers),
        Measured=[_measured_to_ua(m) for m in body.measured],
        Parameters=[parameter_to_ua(p) for p in body.parameters],
    )


def _result_from_ua(value: Any) -> SubstrateResult:
    rows, columns = int(value.Rows), int(value.Columns)
    return SubstrateResult(
        lot=str(value.Lot or ""),
        substrate=str(value.Substrate or ""),
        visit=int(value.Visit),
        outcome=Outcome(value.Outcome),
        started_at=value.StartedAt,
        ended_at=value.EndedAt,
        energy_kwh=float(value.EnergyKwh),
        touched=grid(value.Touched, rows, columns, "Touched").astype(np.bool_),
        bins=None if value.Bins is None else grid(value.Bins, rows, columns, "Bins"),
        transfers=None if value.Transfers is None else _transfers_from_ua(value.Transfers),
        measured=tuple(_measured_from_ua(m) for m in value.Measured or []),
        parameters=tuple(parameter_from_ua(p) for p in value.Parameters or []),
    )


def _transfers_to_ua(transfers: Transfers) -> Any:
    columns = {_field(name): _column_to_ua(getattr(transfers, name), kind) for name, kind in TRANSFER_COLUMNS.items()}
    return structure(
        "TransfersDataType",
        Sources=list(transfers.sources),
        Targets=list(transfers.targets),
        **columns,
    )


def _transfers_from_ua(value: Any) -> Transfers:
    columns = {name: _column_from_ua(getattr(value, _field(name)), kind) for name, kind in TRANSFER_COLUMNS.items()}
    return Transfers(sources=tuple(value.Sources or ()), targets=tuple(value.Targets or ()), **columns)


def _column_to_ua(column: Any, kind: type) -> object:
    exact = column.astype(kind)
    return exact.tobytes() if kind is np.uint8 else exact.tolist()


def _column_from_ua(values: Any, kind: type) -> Any:
    if kind is np.uint8:
        return np.frombuffer(values or b"", np.uint8).copy()
    return np.array(values or [], kind)


def _field(column: str) -> str:
    return "".join(part.capitalize() for part in column.split("_"))


def _measured_to_ua(measured: Measured) -> Any:
    return structure(
        "MeasuredDataType",
        Name=measured.name,
        Unit=measured.unit,
        X=measured.x.tolist(),
        Y=measured.y.tolist(),
        Value=measured.value.tolist(),
    )


def _measured_from_ua(value: Any) -> Measured:
    return Measured(
        str(value.Name or ""),
        str(value.Unit or ""),
        np.array(value.X or [], np.int16),
        np.array(value.Y or [], np.int16),
        np.array(value.Value or [], np.float64),
    )


BODY_TO_UA: dict[type[Body], Callable[[Any], Any]] = {
    JobChange: _job_to_ua,
    EquipmentChange: _equipment_to_ua,
    AlarmChange: _alarm_to_ua,
    SubstrateResult: _result_to_ua,
}
BODY_FROM_UA: dict[str, Callable[[Any], Body]] = {
    "JobChangeDataType": _job_from_ua,
    "EquipmentChangeDataType": _equipment_from_ua,
    "AlarmChangeDataType": _alarm_from_ua,
    "SubstrateResultDataType": _result_from_ua,
}
