"""Power modules of three sites: what arrives, what happens to it from which cause, and what it is made of."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from mes.shipments.document import Document
from tests.demo.conftest import SEED, RunTwin
from tests.demo.runs import Ended
from tests.demo.small_plant import edit, keep_lots_alone, with_routes
from tests.demo.twin import Twin

EVENTS = {
    "discrepancy": "select count(*) from hold where code = 'discrepancy'",
    "expired container": """
        select count(*) from history where verb = 'scrap_container' and body like '%"why":"expired"%'""",
    "queue time": "select count(*) from queue_disposition",
    "rework": "select count(*) from rework",
    "suspect": "select count(*) from run_substrate where units_suspect > 0",
}
"""How often each happened."""
ROUTES = ("sic_die", "power_module")


def test_two_sites_send_what_the_modules_are_made_of(undisturbed: Ended, records: psycopg.Connection) -> None:
    received = "select partner, document, differences from shipment where direction = 'received' order by partner"
    (busan, _, none), (gumi, text_of, differences) = records.execute(received).fetchall()
    assert (busan, none, gumi) == ("busan", [], "gumi")
    (lot,) = Document.model_validate_json(text_of).lots
    missing = lot.substrates[-1].substrate
    assert differences == [f"Substrate {missing} of lot {lot.lot} did not come."]
    here = {name for (name,) in records.execute("select name from substrate").fetchall()}
    assert {one.substrate for one in lot.substrates} - here == {missing}
    sent = (undisturbed.folder / "incoming" / lot.lot / "shipment.json").read_bytes()
    assert Document.model_validate_json(sent).certificates[0].name == f"CoC {lot.lot}"
    paste = "select supplier, certificate <> '', c.name from material_lot m join customer c on c.id = m.customer_id"
    assert set(records.execute(paste).fetchall()) == {("gumi", True, "gaon")}


def test_a_document_that_was_altered_on_the_way_is_none(undisturbed: Ended) -> None:
    (file,) = (undisturbed.folder / "incoming").glob("power_module-*/shipment.json")
    told = json.loads(file.read_bytes())
    told["materials"][0]["containers"][0]["amount"] += 1
    with pytest.raises(ValueError, match="is not what was sent"):
        Document.model_validate(told)


def test_modules_leave_when_they_are_packed(undisturbed: Ended, records: psycopg.Connection) -> None:
    (row,) = records.execute("select partner, state from shipment where direction = 'sent'").fetchall()
    assert row == ("gaon drives", "in_transit")
    assert undisturbed.summary["conservation"]["maps"]["totals"]["shipped"] > 0


def test_each_event_happens(records: psycopg.Connection) -> None:
    found = {event: records.execute(query).fetchone() for event, query in EVENTS.items()}
    assert {event for event, (number,) in found.items() if number} == set(EVENTS), found  # type: ignore[misc]  # a count


def send_all(plant: Path) -> None:
    """The box holds what its document says."""
    edit(plant / "demonstration.yaml", partial(_lot, "power_module", missing=0))


def send_fresh(plant: Path) -> None:
    """All paste of the shipment keeps."""

    def change(content: Any) -> None:
        for lot in content["lots"]:
            for sent in lot.get("materials", ()):
                sent["lasts_h"] = 2000

    edit(plant / "demonstration.yaml", change)


def wait_less(plant: Path) -> None:
    """The dryer starts what is small in time."""
    edit(plant / "equipment.yaml", partial(_class, "dryer", most_wait_h=0.5))


def keep_paste(plant: Path) -> None:
    """Paste that does not print less as it grows old."""

    def change(content: Any) -> None:
        (printer,) = (one for one in content["classes"] if one["name"] == "paste_printer")
        printer["simulation"]["fade_pct_per_h"] = 0

    edit(plant / "equipment.yaml", change)


def _lot(route: str, content: Any, **given: Any) -> None:
    for lot in content["lots"]:
        if lot["route"] == route:
            lot.update(given)
            lot["substrates"] -= 1


def _class(name: str, content: Any, **given: Any) -> None:
    (one,) = (one for one in content["classes"] if one["name"] == name)
    one.update(given)


def power_alone(folder: Path) -> Path:
    """The small plant with the routes of power modules alone, and what they need."""
    plant = with_routes(folder, ROUTES)
    for name in ("accelerator", "memory", "fan_out"):
        (plant / "products" / f"{name}.yaml").unlink()
    keep_lots_alone(plant, "people", "care", "taught", "by_hand", "experiments")
    return plant


def happened(twin: Twin) -> set[str]:
    """The events of a run, which must end with modules that are counted."""
    told = twin.summary()
    assert told["conservation"]["equal"], told
    assert told["lots"] == {"in_transit": 1, "stocked": 1}
    with twin.database.reading() as session:
        return {event for event, query in EVENTS.items() if session.scalar(text(query))}


def mend_press(plant: Path) -> None:
    """A press that is as warm as it should be."""

    def change(content: Any) -> None:
        (press,) = (one for one in content["equipment"] if one["name"] == "mould-1")
        del press["faults"]

    edit(plant / "equipment.yaml", change)


CAUSES: dict[str, Callable[[Path], None]] = {
    "discrepancy": send_all, "expired container": send_fresh, "queue time": wait_less, "rework": keep_paste,
    "suspect": mend_press,
}  # fmt: skip


@pytest.mark.parametrize(
    "removed",
    [
        ("expired container", "queue time", "suspect"),
        ("discrepancy", "rework", "suspect"),
        ("expired container", "rework"),
    ],
    ids=" and ".join,
)
def test_an_event_goes_with_its_cause_and_no_other_does(
    in_memory: RunTwin, tmp_path: Path, removed: tuple[str, ...]
) -> None:
    """Several at a time, so that each pair of causes is told apart by some run."""
    plant = power_alone(tmp_path / "plant")
    for event in removed:
        CAUSES[event](plant)
    assert happened(in_memory(plant, len(ROUTES), SEED)) == set(EVENTS) - set(removed)
