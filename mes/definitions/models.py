"""What the plant is made of: sites, areas, classes, layouts, products, material, codes, plans, the plant clock."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mes.db import Base, Lockable
from mes.definitions.moisture import LEVELS
from mes.history import Chained


class PlantClockRow(Base):
    """The one row of the plant clock; see `mes.clock.PlantClock`."""

    __tablename__ = "plant_clock"

    id: Mapped[int] = mapped_column(primary_key=True)
    plant_at: Mapped[datetime]
    wall_at: Mapped[datetime]
    speed: Mapped[float]

    __table_args__ = (CheckConstraint("id = 1", name="one_row"), CheckConstraint("speed >= 0", name="forward"))


class Site(Chained, Base):
    """A place of the chain with a time zone for shifts and reports. Its history tells of changes of the plant."""

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    time_zone: Mapped[str]
    ranking: Mapped[list[Any]] = mapped_column(default=list)
    """By which criteria dispatch ranks lots before equipment whose class does not say."""


class Ordered:
    """A row with a place in the plant's text, from 1: boards and exports show it there."""

    ordinal: Mapped[int] = mapped_column(default=0)


class Area(Ordered, Base):
    """A part of a site (ISA-95)."""

    __tablename__ = "area"

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]


BY_HAND = "by_hand"
"""The kind of equipment that people work: it has no connection, and dispatch starts nothing on it."""


class EquipmentClass(Ordered, Base):
    """Equipment that can stand in for one another. ``kind`` is the physics of its simulator, or `BY_HAND`."""

    __tablename__ = "equipment_class"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    kind: Mapped[str]
    places: Mapped[int]
    """How many jobs it runs at once."""
    most_substrates: Mapped[int]
    """How many substrates one job may have."""
    batch: Mapped[bool]
    """Whether one job may take substrates of several lots."""
    least_substrates: Mapped[int] = mapped_column(default=1)
    """Dispatch starts no batch of fewer, until the first of them has waited ``most_wait_s``."""
    most_wait_s: Mapped[float | None]
    ranking: Mapped[list[Any]] = mapped_column(default=list)
    """By which criteria dispatch ranks lots before it; those of its site where there are none."""
    certification: Mapped[str | None]
    """Name of what a person must be certified for who starts lots on it."""

    __table_args__ = (
        CheckConstraint("places > 0 and most_substrates > 0", name="capacity"),
        CheckConstraint("least_substrates between 1 and most_substrates", name="least"),
        CheckConstraint("least_substrates = 1 or (batch and most_wait_s is not null)", name="fills"),
        CheckConstraint("most_wait_s > 0 and most_wait_s < 'infinity'", name="wait"),
    )


class Layout(Base):
    """The grid of a form: rows and columns of positions, pitch in micrometres."""

    __tablename__ = "layout"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    substrate_kind: Mapped[str]
    rows: Mapped[int]
    columns: Mapped[int]
    pitch_x_um: Mapped[float]
    pitch_y_um: Mapped[float]
    holder: Mapped[str | None]
    """The kind of durables that carry loads of it; null where nobody counts what they lie in."""
    block_rows: Mapped[int | None]
    """Of a panel that is made of blocks: rows of positions of each; the block of a position follows from that."""
    block_columns: Mapped[int | None]

    __table_args__ = (
        CheckConstraint(
            "num_nulls(block_rows, block_columns) in (0, 2) and rows % block_rows = 0 and columns % block_columns = 0",
            name="blocks",
        ),
        CheckConstraint("rows > 0 and columns > 0 and rows::bigint * columns <= 4000000", name="size"),
        CheckConstraint("substrate_kind in ('wafer', 'frame', 'strip', 'panel', 'boat', 'tray')", name="kind"),
    )


class Product(Base):
    """What a lot becomes; ``unit`` is the word for one of it (die, stack, module, package)."""

    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    unit: Mapped[str]
    layout_id: Mapped[int] = mapped_column(ForeignKey("layout.id"))
    """The form in which its material arrives."""
    moisture_level: Mapped[str | None]
    """Of a package that takes up moisture, by J-STD-020; null of what needs none."""
    reticle: Mapped[dict[str, Any] | None]
    """Of a multi-project wafer: {projects: [{name, customer, product}], rows: [letters of the positions of a shot]}."""
    most_height_um: Mapped[float | None]
    """What is attached at no site of it is higher, all levels together."""

    layout: Mapped[Layout] = relationship(lazy="raise")

    __table_args__ = (
        CheckConstraint("most_height_um > 0 and most_height_um < 'infinity'", name="height"),
        CheckConstraint(f"moisture_level in ({', '.join(repr(level) for level in LEVELS)})", name="moisture_level"),
    )


class HoldCode(Ordered, Base):
    """A code of holds that people of the plant use: what it means, and who releases such a hold."""

    __tablename__ = "hold_code"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    owner: Mapped[str]
    """The role that a hold belongs to where nobody names another."""
    other_owners: Mapped[list[Any]]
    """Roles that may be named instead."""
    running_job: Mapped[str]
    """What becomes of a job that runs: finish, pause or abort."""

    __table_args__ = (CheckConstraint("running_job in ('finish', 'pause', 'abort')", name="running_job"),)


class BinReason(Ordered, Base):
    """A reason for which people of the plant edit bins: which way, and whose role may give it."""

    __tablename__ = "bin_reason"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    allows: Mapped[str]
    """downgrade or upgrade."""
    roles: Mapped[list[Any]]

    __table_args__ = (CheckConstraint("allows in ('downgrade', 'upgrade')", name="allows"),)


class SupplyAgreement(Ordered, Base):
    """Units of a product may go from one customer into products of another; and what each is shown of the other's half.

    In force from the day ``since`` to the day ``until``, of UTC, each open where it is null.
    """

    __tablename__ = "supply_agreement"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    supplier_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    receiver_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    since: Mapped[date | None]
    until: Mapped[date | None]
    receiver_sees: Mapped[list[Any]]
    """Of a unit that it got: id, grade, origin."""
    supplier_sees: Mapped[list[Any]]
    """Of a unit that it gave, beside that it was used and when: result."""

    __table_args__ = (
        CheckConstraint("supplier_id <> receiver_id", name="parties"),
        CheckConstraint("since <= until", name="period"),
        Index(None, "product_id"),
    )


class MapRule(Ordered, Base):
    """What warnings of maps cause that come for a customer and an operation, or for all of either where it is null."""

    __tablename__ = "map_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    for_customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    operation: Mapped[str | None]
    """The first of a route, by its name; a text, since it is the same in all versions of the route."""
    stops: Mapped[list[Any]]
    """Codes of warnings by which the file is not taken in."""
    holds: Mapped[list[Any]]
    """Codes of warnings by which the lot is held."""
    hold_code: Mapped[str | None]

    __table_args__ = (
        CheckConstraint("hold_code is not null or holds = '[]'", name="hold_code"),
        Index(None, "for_customer_id"),
    )


class MapDeclaration(Ordered, Base):
    """How maps of one supplier or equipment are read that are plain text: the YAML that else stands beside a file."""

    __tablename__ = "map_declaration"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    told_by: Mapped[str | None]
    """A line of its files begins so; null where they are told by nothing, and who sends one names it."""
    text: Mapped[str]


class MaterialKind(Ordered, Base):
    """A kind of material that operations use up: flux, underfill, paste. Amounts are whole numbers of ``unit``."""

    __tablename__ = "material_kind"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    unit: Mapped[str]
    thaw_s: Mapped[float | None]
    """How long a container thaws that comes out of the cold; null of material that is not kept there."""
    floor_life_s: Mapped[float | None]
    """How long a container may be used from when it has thawed, or, not kept in the cold, from when it is opened."""
    bake_s: Mapped[float | None]
    """How long an open container is baked, which gives it its floor life again; null of material that is not baked."""
    bakes: Mapped[int | None]
    """How often a container may be baked; null: as often as needed."""
    certificate: Mapped[bool]
    """Whether it is received only with a certificate."""

    __table_args__ = (
        CheckConstraint("thaw_s > 0 and floor_life_s > 0 and bake_s > 0 and bakes > 0", name="times"),
        CheckConstraint("bakes is null or bake_s is not null", name="bakes"),
    )


class Certification(Lockable, Chained, Ordered, Base):
    """What people are certified for. Its history tells who was certified by whom."""

    __tablename__ = "certification"
    lock_order: ClassVar[int] = 0

    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    trainer: Mapped[str]
    """The role that certifies people, beside the administrator."""
    valid_s: Mapped[float | None]
    """How long a certificate lasts; null: until it is withdrawn."""

    __table_args__ = (CheckConstraint("valid_s > 0 and valid_s < 'infinity'", name="valid"),)


class MaintenancePlan(Ordered, Base):
    """What is maintained on equipment of a class, and how often: by time, by use, or by whichever comes first."""

    __tablename__ = "maintenance_plan"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    class_id: Mapped[int] = mapped_column(ForeignKey("equipment_class.id"), index=True)
    every_s: Mapped[float | None]
    every_runs: Mapped[int | None]
    every_units: Mapped[int | None]
    warning: Mapped[float]
    """Share of any of these after which people are warned."""
    checks: Mapped[list[Any]]
    """What is looked at: [{name, title, unit, low, high}]; without a unit it is done or not, limits may be null."""

    __table_args__ = (
        CheckConstraint("num_nonnulls(every_s, every_runs, every_units) > 0", name="interval"),
        CheckConstraint("every_s > 0 and every_s < 'infinity' and every_runs > 0 and every_units > 0", name="positive"),
        CheckConstraint("warning > 0 and warning <= 1", name="warning"),
    )


class DurableKind(Ordered, Base):
    """A kind of tool that wears: collet, blade, stencil, boat, tray. What one has done is counted up to ``most``."""

    __tablename__ = "durable_kind"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    counts: Mapped[str]
    """The word for what is counted: touchdowns, shots, cuts."""
    per: Mapped[str]
    """Whether each unit counts, or each substrate, or each load: that is a holder, which carries one at a time."""
    most: Mapped[int]
    clean_every: Mapped[int | None]
    inspect_every: Mapped[int | None]

    __table_args__ = (
        CheckConstraint("per in ('unit', 'substrate', 'load')", name="per"),
        CheckConstraint("most > 0 and clean_every > 0 and inspect_every > 0", name="positive"),
    )


class AttachSite(Base):
    """One site of a product's attach specification: what belongs there, at which level (1 is the lowest).

    Where the position is bad a dummy belongs there instead, if the product has one for it.
    """

    __tablename__ = "attach_site"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    site: Mapped[int]
    level: Mapped[int]
    die_product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    height_um: Mapped[float | None]
    """By how much a position grows with it, its joint included."""
    dummy_product_id: Mapped[int | None] = mapped_column(ForeignKey("product.id"))

    __table_args__ = (
        CheckConstraint("height_um > 0 and height_um < 'infinity'", name="height"),
        UniqueConstraint("product_id", "site", "level"),
        CheckConstraint("site between 0 and 255 and level between 1 and 255", name="range"),
    )
