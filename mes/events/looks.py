"""Events as people and programs look at them."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from mes.events.outbox import Event


class SubjectKind(StrEnum):
    """What an event is about."""

    LOT = "lot"
    SUBSTRATE = "substrate"
    RUN = "run"
    MATERIAL_LOT = "material_lot"
    CONTAINER = "container"
    CARRIER = "carrier"
    DURABLE = "durable"
    EQUIPMENT = "equipment"
    CERTIFICATION = "certification"
    RECIPE_VERSION = "recipe_version"
    ROUTE_VERSION = "route_version"
    EXPERIMENT = "experiment"
    SITE = "site"
    SHIPMENT = "shipment"
    RECALL = "recall"


class Subject(BaseModel):
    """One of those that an event is about."""

    kind: SubjectKind
    name: str


class EventLook(BaseModel):
    """The data of an event. ``at`` is plant time, ``recorded_at`` true time."""

    verb: str
    at: datetime
    recorded_at: datetime
    subjects: list[Subject]
    customer: str | None = Field(description="Whose subjects they are; null: the centre's.")
    event: int | None = Field(description="Its number in history; for the centre's people only.")


def wanted(event: Event, kind: SubjectKind | None, subject: str | None) -> bool:
    """Whether it is about one of that kind and name; None is any."""
    return any(kind in (None, of) and subject in (None, name) for of, name in event.body["subjects"])


def look(event: Event, *, centre: bool) -> EventLook:
    """What a reader is told; but for the centre's people not the number in history, which counts the events of all."""
    return EventLook(
        verb=event.verb,
        at=event.body["at"],
        recorded_at=event.recorded_at,
        subjects=[Subject(kind=kind, name=name) for kind, name in event.body["subjects"]],
        customer=event.customer,
        event=event.body["event"] if centre else None,
    )
