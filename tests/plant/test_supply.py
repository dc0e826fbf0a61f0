"""Agreements on supply follow the plant's text, and stay once something was supplied by them."""

from pathlib import Path

import yaml
from sqlalchemy import select

from mes.db import Database
from mes.definitions.models import SupplyAgreement
from mes.plant import export
from mes.plant.refusals import refusal
from mes.units.models import Transfer
from tests.plant.plants import LATER, copied, edit
from tests.plant.test_apply import put
from tests.shop import PLACED, Floor


def test_agreements_on_supply_follow_the_text(database: Database, tmp_path: Path) -> None:
    plant = copied(tmp_path)
    put(database, plant)
    edit(plant, "supply.yaml", "supplier_sees: [result]", "until: 2030-01-31")
    assert put(database, plant, LATER) == [
        "~ supply_agreement hbm-for-narae: until None -> '2030-01-31', supplier_sees ['result'] -> []"
    ]
    edit(
        plant,
        "supply.yaml",
        "hbm-for-narae, supplier: hanbit, receiver: narae",
        "other, supplier: narae, receiver: hanbit",
    )
    edit(plant, "supply.yaml", "hbm_stack, until: 2030-01-31", "top_die, since: 2026-01-02")
    assert put(database, plant, LATER) == [
        "- supply_agreement hbm-for-narae (nothing more is supplied)",
        "+ supply_agreement other",
    ]
    with database.reading() as session:
        export(session, tmp_path / "out")
    (told,) = yaml.load((tmp_path / "out" / "supply.yaml").read_text(), yaml.BaseLoader)["supply_agreements"]
    assert told == {
        "name": "other", "supplier": "narae", "receiver": "hanbit", "product": "top_die", "since": "2026-01-02",
        "receiver_sees": ["grade", "id"],
    }  # fmt: skip


def test_who_agreed_stays_once_units_were_supplied(floor: Floor) -> None:
    """Its days and what is seen may change, its parties not, and it stays in the text."""
    floor.stock("D1", "die", "W1", customer="beta")
    floor.arrive("P1", "package", "I1")
    run = floor.begin("CELL-1", "P1", sources=["W1"])
    floor.report(run, "I1", moves=[("W1", 0, 0, "I1", 0, 0, 1, 1, 0, PLACED)], touched=[[1, 0], [0, 0]])
    with floor.database.reading() as session:
        name = session.scalars(
            select(SupplyAgreement.name).join(Transfer, Transfer.agreement_id == SupplyAgreement.id)
        ).one()
        text = {"supplier": "beta", "receiver": "alpha", "product": "die", "until": None}
        said = refusal(session, "supply_agreement", name, text, text | {"receiver": "gamma"})
        gone = refusal(session, "supply_agreement", name, text, None)
        assert refusal(session, "supply_agreement", name, text, text | {"until": "2030-01-01"}) is None
    assert said is not None
    assert gone is not None
    assert (said.code, gone.code) == ("in_use", "in_use")
    assert said.message.startswith(f"Units were supplied by {name}; its receiver stay")
    assert gone.message == f"Supply agreement {name} is used by 1 transfer; put it back into the text."
