"""What keeps material, people and equipment ready does the same on the database and over HTTP."""

import json
import re
from collections.abc import Callable, Iterator

from mes.definitions.models import Certification
from tests.cli.conftest import As, Mes
from tests.materials.tools import equip
from tests.shop import Floor
from tests.stockroom import deliver, furnish
from tests.upkeep.test_maintenance import plan


def keeping(mes: Mes, box: str) -> Iterator[str]:
    """What each command prints on the way of a container, without numbers."""
    for words in (
        (
            "material",
            "receive",
            f"L{box}",
            f"{box}=100",
            "--material",
            "flux",
            "--certificate",
            "C",
            "--supplier",
            "Maker",
        ),
        ("container", "thaw", box, "--out-of-order", "--why", "for the night"),
        ("container", "mount", box, "--equipment", "CELL-1", "--out-of-order", "--why", "for the night"),
        ("container", "scrap", box, "--amount", "10", "--why", "purged"),
        ("container", "return", box, "--why", "end of the shift"),
    ):
        yield re.sub(r"\d+", "#", mes(*words, "--json").stdout)


def test_material_is_kept_the_same(floor: Floor, mes: Mes, over_http: As, both: Callable[..., str]) -> None:
    furnish(floor)
    deliver(floor, "L0", "tape", {"T0": 100})
    assert list(keeping(mes, "1")) == list(keeping(over_http, "2"))
    assert "is mounted" not in both("container", "mount", "1", "--equipment", "CELL-9", code=1)
    assert "write CONTAINER=AMOUNT" in mes("material", "receive", "L9", "F9", "--material", "flux", code=1).stderr
    assert "thaw it first" not in both("container", "thaw", "T0", code=1)
    told = over_http("container", "open", "T0", "--json", user="operator").stdout
    assert json.loads(told)["state"] == "opened"
    assert "may not do this" in over_http("container", "scrap", "T0", "--why", "x", user="operator", code=1).stderr
    assert (
        "may not do this"
        in over_http("container", "mount", "T0", "--equipment", "CELL-1", user="manager", code=1).stderr
    )


def caring(mes: Mes | As, name: str) -> Iterator[str]:
    """What commands that keep people and equipment able print, numbers left out."""
    for words in (
        ("certificate", "grant", "operator", "cells", "--expires", "2099-05-01T00:00+0900", "--why", "trained"),
        ("certificate", "withdraw", "operator", "cells", "--why", "gone"),
        ("maintenance", "do", "CELL-1", "weekly", "force=50.2", "lines=yes"),
        ("durable", "register", name, "--kind", "collet", "--count", "3"),
        ("durable", "mount", name, "--equipment", "CELL-1"),
        ("durable", "clean", name),
        ("durable", "inspect", name, "--fit"),
        ("durable", "dismount", name),
        ("durable", "scrap", name, "--why", "worn"),
        ("carrier", "register", name, "--kind", "foup", "--slots", "2"),
        ("carrier", "load", name, "D", "W=2"),
        ("carrier", "move", name, "stocker 1"),
        ("carrier", "unload", name, "D"),
        ("carrier", "clean", name),
    ):
        yield re.sub(r"\d+", "#", mes(*words, "--json").stdout)


def test_people_and_equipment_are_kept_able_the_same(
    floor: Floor, mes: Mes, over_http: As, both: Callable[..., str]
) -> None:
    plan(floor, every_runs=5)
    with floor.database.transaction() as session:
        session.add(Certification(name="cells", title="Cells", trainer="line_engineer"))
    equip(floor)
    floor.arrive("D", "die", "W")
    assert list(caring(mes, "C1")) == list(caring(over_http, "C2"))
    assert "write CHECK=VALUE" in both("maintenance", "do", "CELL-1", "weekly", "force=much", code=1)
    assert "write SUBSTRATE=SLOT" in both("carrier", "load", "C1", "D", "W", code=1)
    assert "lines is missing" in both("maintenance", "do", "CELL-1", "weekly", "force=1", code=1)
    assert "the plant has cells" in both("certificate", "grant", "operator", "boats", code=1)
