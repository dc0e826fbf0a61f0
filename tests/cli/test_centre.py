"""The running demonstration centre, beside its processes."""

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mes import plant as plants
from mes.cli import feeder, persons
from mes.cli.centre import BEGINS, Centre
from mes.cli.demo import SPEED
from mes.cli.persons import Looked
from mes.cli.signatures import Signature
from mes.db import Database
from mes.definitions.clock import set_plant_clock
from mes.definitions.models import BY_HAND, EquipmentClass
from mes.equipment.models import Equipment
from mes.errors import Refused
from mes.history import Act
from mes.lots.models import Lot
from mes.lots.work.hand_work import Told, finish
from mes.lots.work.track_in import LotPart, TrackIn, track_in
from mes.reports.period import Period, span
from mes.settings import Settings
from tests.cli.conftest import DEMONSTRATION
from tests.shop import BEGIN, Floor


class Unlucky(Centre):
    """A centre whose people find a substrate taken by the line between looking and reaching for it."""

    def persons(self, session: Session, at: datetime) -> Looked:
        raise Refused("Substrate W-1 is ordered; wait until its run ends.")


def test_person_who_comes_too_late_does_not_end_the_centre(database: Database, tmp_path: Path) -> None:
    centre = Unlucky(tmp_path, DEMONSTRATION, Settings(), seed=1, port=0)
    centre.database = database
    with database.transaction() as session:
        set_plant_clock(session, BEGIN, 300)
    centre.persons_now()


class Reluctant(Centre):
    """A centre of which one person cannot sign."""

    signed: list[str]

    def persons(self, session: Session, at: datetime) -> Looked:
        return Looked(done=False, to_sign=[Signature(who, "/", {}, at) for who in ("lee", "kim")])

    def sign(self, signature: Signature) -> None:
        if signature.who == "lee":
            raise Refused("lee cannot sign this.")
        self.signed.append(signature.who)


def test_what_one_cannot_sign_keeps_nobody_else_from_it(database: Database, tmp_path: Path) -> None:
    centre = Reluctant(tmp_path, DEMONSTRATION, Settings(), seed=1, port=0)
    centre.database, centre.signed = database, []
    with database.transaction() as session:
        set_plant_clock(session, BEGIN, 300)
    centre.persons_now()
    assert centre.signed == ["kim"]


def people_work(floor: Floor, name: str, *, yes: bool) -> None:
    """Have a class of equipment worked by hand, or no more."""
    with floor.database.transaction() as session:
        kind = BY_HAND if yes else "handling"
        session.execute(update(EquipmentClass).where(EquipmentClass.name == name).values(kind=kind))


def goes_on(floor: Floor) -> bool:
    with floor.database.reading() as session:
        return feeder.goes_on(session, BEGIN + timedelta(hours=floor.hours))


def test_line_on_which_all_wait_for_material_is_fed(floor: Floor) -> None:
    """Five lots that wait for dies would wait for good if they kept the next dies away."""
    for n in range(5):
        floor.arrive(f"P{n}", "package", f"I{n}")
    assert not goes_on(floor)
    floor.arrive("D1", "die", "W1")
    assert goes_on(floor)
    run_id = floor.begin("CELL-1", "D1")
    assert goes_on(floor)
    people_work(floor, "cell", yes=True)
    assert not goes_on(floor), "a person may be long about it"
    people_work(floor, "cell", yes=False)
    floor.report(run_id, "W1")
    floor.end(run_id)
    assert goes_on(floor)


def test_first_week_of_a_demonstration_ends_in_a_few_minutes_of_its_speed() -> None:
    """Late enough that memory dies have been probed and stacked by then."""
    seoul = ZoneInfo("Asia/Seoul")
    assert span(Period.LAST_WEEK, BEGINS + timedelta(hours=15), seoul)[0] <= BEGINS
    assert span(Period.LAST_WEEK, BEGINS + timedelta(hours=14), seoul)[1] < BEGINS
    assert timedelta(hours=15).total_seconds() / SPEED <= 180


def test_lots_for_people_are_kept_waiting_beside_those_of_the_line(database: Database, tmp_path: Path) -> None:
    centre = Centre(tmp_path, DEMONSTRATION, Settings(), seed=1, port=0)
    centre.database = database
    centre.incoming.mkdir()
    with database.transaction() as session:
        set_plant_clock(session, BEGINS, 300)
        plants.apply(session, plants.load(DEMONSTRATION), Act("administrator", BEGINS))
    centre.feed_people()
    centre.feed_people()
    centre.feed(2)
    assert names(database) == ["hbm_core-01", "hbm_core-02", "interposer-01", "interposer-02", "interposer-03"]
    with database.transaction() as session:
        persons.act(session, plants.read_demonstration(DEMONSTRATION), BEGINS)  # whoever starts it is certified
        lot = session.scalars(select(Lot).where(Lot.name == "interposer-02")).one()
        on = session.scalars(select(Equipment.id).where(Equipment.name == "microscope-1")).one()
        run = track_in(session, TrackIn(on, (LotPart(lot.id),)), Act("operator", BEGINS))
        finish(session, run, lot.id, Told(), Act("operator", BEGINS))
    centre.feed_people()
    assert names(database)[-1] == "interposer-04"
    with database.reading() as session:
        ended = session.scalars(select(Lot).where(Lot.name == "interposer-02")).one()
        assert (ended.state, ended.substrates) == ("stocked", 3)


def names(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Lot.name).order_by(Lot.name)))
