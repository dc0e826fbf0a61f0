"""What may stand in a plant's text of how equipment is kept able: what people are certified for, and maintenance."""

from typing import Literal

from pydantic import Field

from mes.plant.part import Count, Name, Part, Title


class Certification(Part):
    name: Name
    title: Title
    trainer: Literal["line_engineer", "process_engineer"] = Field(
        description="The role that certifies people for it, beside the administrator"
    )
    valid_h: float | None = Field(default=None, gt=0, description="How long a certificate lasts; for ever if not said")


class CertificationFile(Part):
    """``certifications.yaml``: what people are certified for. Operations and equipment classes name it."""

    certifications: list[Certification]


class MaintenanceCheck(Part):
    """One line of a check-list: a value with its unit and limits, or, without a unit, something that is done or not."""

    name: Name
    title: Title
    unit: str | None = Field(
        default=None, pattern=r"^\S{1,32}$", description="UCUM; without it the check is done or not"
    )
    low: float | None = Field(default=None, description="The least value that is as it should be")
    high: float | None = Field(default=None, description="The greatest such value")


class MaintenancePlan(Part):
    name: Name
    title: Title
    equipment_class: Name = Field(alias="class")
    every_h: float | None = Field(default=None, gt=0, description="It is due so many hours after it was done")
    every_runs: Count | None = Field(default=None, description="It is due after so many runs")
    every_units: int | None = Field(default=None, ge=1, le=1_000_000_000, description="It is due after so many units")
    warning: float = Field(default=0.9, gt=0, le=1, description="Share of these after which people are warned")
    checks: list[MaintenanceCheck] = Field(min_length=1, max_length=100)


class MaintenanceFile(Part):
    """``maintenance.yaml``: what is done to equipment of which class, and how often: whichever comes first."""

    maintenance_plans: list[MaintenancePlan]


class Taught(Part):
    """People of the demonstration who have been certified, and are again when the time is over."""

    certification: Name
    trainer: Name = Field(description="Who certifies them")
    people: list[Name] = Field(min_length=1)


class KeptHolders(Part):
    """Boats or trays that people of the demonstration keep ready: clean, and enough of them."""

    kind: Name = Field(description="Of durables that carry loads")
    who: Name = Field(description="Cleans them")
    keeper: Name = Field(description="Registers more")
    free: int = Field(ge=1, le=1_000, description="So many are free and fit at least")


class CaredFor(Part):
    """A plan that people of the demonstration go through whenever it is nearly due and the equipment stands by."""

    plan: Name
    who: Name
