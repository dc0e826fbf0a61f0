"""The same commands over HTTP and on the database: what they print, and what they refuse."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook
from sqlalchemy import delete, select, update
from typer.testing import CliRunner

from mes.cli import app
from mes.definitions.models import Site
from mes.history import History
from mes.lots.carriers.carry import register_carrier
from mes.people.models import ApiKey
from mes.units.formats.e142_write import write_e142
from mes.units.formats.mapfile import Layout, MapFile
from tests.api.conftest import Api
from tests.cli.conftest import As, Mes
from tests.materials.tools import equip, tools
from tests.shop import Floor, mapped
from tests.stockroom import deliver, furnish
from tests.upkeep.test_maintenance import plan
from tests.web.conftest import PASSWORD

READS = [
    ("lot", "list"),
    ("lot", "list", "--state", "queued", "--customer", "alpha", "--q", "a", "--no-held"),
    ("lot", "list", "--on-line"),
    ("lot", "list", "--ended"),
    ("lot", "show", "D1"),
    ("lot", "show", "B1", "--customer", "beta"),
    ("lot", "start-check", "A1", "--equipment", "OVEN-1"),
    ("dispatch", "list", "--equipment", "OVEN-1"),
    ("dispatch", "what-if", "--equipment", "OVEN-1", "--ranking", "critical_ratio", "--later-h", "2", "--free"),
    ("equipment", "list"),
    ("equipment", "list", "--class", "oven"),
    ("job", "list", "--equipment", "CELL-1", "--most", "1"),
    ("job", "records"),
    ("recipe", "list", "--state", "approved"),
    ("recipe", "show", "bake@1"),
    ("trace", "unit", "I1:0,0"),
    ("trace", "unit", "alpha/I1:1,1"),
    ("trace", "substrate", "W2", "--at", "0,0"),
    ("report", "wip"),
    ("report", "list"),
    ("route", "list", "--product", "package"),
    ("route", "show", "package"),
    ("route", "migration", "package@1", "--lot", "D1"),
    ("experiment", "list"),
    ("product", "list"),
    ("lot", "maps", "D2"),
    ("map", "analyse", "W1", "--shot", "2x3"),
    ("map", "stack", "--lot", "D1"),
    ("map", "stack", "--product", "die", "--layer", "bin:incoming"),
    ("map", "compare", "D1", "--before", "dispositions", "--after", "dispositions"),
    ("map", "merge", "W1", "--layer", "dispositions", "--layer", "dispositions", "--rule", "worst"),
    ("map", "neighbours", "W1", "--layer", "dispositions", "--least", "2"),
    ("lot", "operations", "D2"),
    ("lot", "hold-codes"),
    ("material", "list"),
    ("material", "lots", "--material", "tape"),
    ("material", "show", "L0"),
    ("map", "warnings", "W1"),
    ("container", "list"),
    ("container", "list", "--material", "tape", "--left", "--q", "t"),
    ("container", "show", "T0"),
    ("certificate", "kinds"),
    ("carrier", "list", "--q", "f"),
    ("carrier", "show", "FOUP-1"),
    ("durable", "kinds"),
    ("durable", "list", "--kind", "collet", "--q", "c"),
    ("durable", "show", "C1"),
    ("trace", "durable", "C1"),
    ("trace", "tools", "W1"),
    ("certificate", "list", "--user", "operator"),
    ("maintenance", "list", "--state", "soon"),
    ("maintenance", "show", "CELL-1"),
    ("trace", "container", "T0"),
    ("trace", "delivery", "L0"),
    ("trace", "used", "W1"),
    ("event", "follow", "--after", "0-0", "--until-now"),
    ("event", "follow", "--after", "0-0", "--until-now", "--kind", "lot", "--subject", "D1"),
]


def test_reads_are_the_same(line: Floor, both: Callable[..., str]) -> None:
    furnish(line)
    deliver(line, "L0", "tape", {"T0": 100})
    plan(line, every_s=1e9)
    line.do(register_carrier, "FOUP-1", "foup", 25, 24.0)
    equip(line)
    tools(line)
    for words in READS:
        assert json.loads("[" + both(*words, "--json").replace("}\n{", "},{") + "]")


def test_report_says_how_many_rows_it_wrote_and_where_data_begin(
    line: Floor, both: Callable[..., str], tmp_path: Path
) -> None:
    file = str(tmp_path / "yield.xlsx")
    for words, said in (
        ((), "2 rows written to"),
        (("--period", "last_month"), "fell into that period; data begin 2026-03-01, the last are of 2026-03-01."),
        (("--kind", "dummy"), "nothing of what was asked for has happened yet."),
    ):
        told = both("report", "yield", "-o", file, *words)
        assert said in told
        assert file in told
    assert load_workbook(file).worksheets[0].max_row == 1
    assert "0 rows: nothing" in both("report", "yield", "--period", "last_month")


FOR_PEOPLE = [
    ("lot", "list"),
    ("lot", "show", "D1"),
    ("dispatch", "list", "--equipment", "OVEN-1"),
    ("trace", "unit", "I1:0,0"),
    ("trace", "material", "D2"),
    ("report", "wip"),
    ("report", "wip", "--format", "csv"),
    ("map", "export", "W2"),
    ("event", "follow", "--after", "0-0", "--until-now"),
]


def test_people_read_the_same_in_the_time_of_the_plant(line: Floor, both: Callable[..., str]) -> None:
    with line.database.transaction() as session:
        session.execute(update(Site).values(time_zone="Asia/Seoul"))
    printed = "".join(both(*words) for words in FOR_PEOPLE)
    assert "2026-03-01 10:00:00+09:00" in printed
    assert "+00:00" not in printed


def test_refusals_are_the_same(line: Floor, both: Callable[..., str], mes: Mes, over_http: As) -> None:
    said = both("lot", "start-check", "D1", "--equipment", "OVEN-1", code=1)
    assert said.count("\n  - ") > 1
    words = ("lot", "track-in", "D1", "--equipment", "OVEN-1")
    assert both(*words, code=1).count("\n  - ") > 1
    assert "[" in mes(*words, code=1).stderr
    for refused in (
        ("lot", "show", "L-9"),
        ("lot", "release", "A1"),
        ("lot", "abort", "A1", "--why", "odd"),
        ("lot", "track-out", "D1", "--fail", "W1:0,0=7"),
        ("lot", "track-out", "D1", "--good", "5"),
        ("equipment", "show", "CELL-9"),
        ("recipe", "retire", "bake@9", "--why", "old"),
        ("report", "moon"),
        ("report", "wip", "--from", "2026-03-01"),
        ("job", "retry", "999"),
        ("trace", "unit", "I1:9,9"),
        ("map", "export", "W2", "--layer", "bin:none"),
        ("event", "follow", "--after", "yesterday"),
    ):
        assert both(*refused, code=1).strip()
    mes("lot", "list", "--state", "lost", code=2)
    over_http("lot", "list", "--state", "lost", code=2)


SIGNED = ("--by", "process_engineer", "--why", "seen")
NEW = ("--customer", "alpha", "--route", "die", "--release", "--priority", "3", "--due", "2026-04-01T00:00+0900")


def refusals(mes: Mes, lot: str) -> Iterator[str]:
    """What is said where a lot has nothing to sign for, and nowhere to go back to."""
    yield mes("lot", "dispose-queue-time", lot, *SIGNED, typed=f"{PASSWORD}\n", code=1).stderr
    suspects = ("lot", "dispose-suspects", lot, f"{lot}.1", "--at", "0,0", "--verdict", "cleared", *SIGNED)
    yield mes("lot", "recount", lot, "--units", "5", "--why", "seen", code=1).stderr
    yield mes("lot", "move", lot, "--operation", "moon/1", *SIGNED, typed=f"{PASSWORD}\n", code=1).stderr
    yield mes(*suspects, typed=f"{PASSWORD}\n", code=1).stderr
    yield mes("lot", "migrate", lot, "--to", "die@1", *SIGNED, typed=f"{PASSWORD}\n", code=1).stderr
    plan = ("--operation", "die/10", "--title", "odd", "--leg", f"usual: substrate={lot}.1")
    yield mes("experiment", "draft", f"E-{lot}", *plan).stdout.replace(lot, "L")
    yield mes("experiment", "show", f"E-{lot}").stdout.replace(lot, "L")
    yield mes("experiment", "approve", f"E-{lot}", *SIGNED, typed=f"{PASSWORD}\n").stdout.replace(lot, "L")
    yield mes("experiment", "close", f"E-{lot}", "--why", "seen").stdout.replace(lot, "L")
    yield mes("lot", "rework", lot, f"{lot}.1", "--reason", "odd", "--why", "seen", code=1).stderr


def recalls(mes: Mes, lot: str) -> Iterator[str]:
    """What commands print of a cause, and of the recall of what it touched, without numbers."""

    def printed(*words: str) -> str:
        return re.sub(r"[\d:+-]+", "#", mes(*words).stdout)

    mes("lot", "create", lot, *NEW, "--substrate", f"{lot}.1", "--substrate", f"{lot}.2")
    words = ("--code", "height", "--why", "low")
    cause = ("--substrate", f"{lot}.1")
    yield printed("recall", "look", *cause, "--at", "1,0", "--all", "--json")
    yield printed("recall", "look", *cause, "--at", "1,0", "--csv")
    yield printed("recall", "look", *cause)
    yield printed("recall", "units", *cause, *words, "--json")
    told = mes("recall", "units", *cause, *words, "--expect", "12", "--json").stdout
    yield re.sub(r"\d+", "#", told)
    name = json.loads(told)["recall"]
    yield printed("recall", "units", *cause, *words, "--expect", "12")
    yield printed("recall", "show", name)
    yield printed("recall", "show", name, "--csv")
    yield printed("recall", "show", name, "--json")


def acts(mes: Mes, lot: str) -> Iterator[str]:
    """What each command prints on the way of a lot, without numbers."""
    hold: list[str] = []
    later: list[str] = []

    def printed(*words: str) -> str:
        said = mes(*words, "--json").stdout
        hold[:] = [str(one["hold"]) for one in json.loads(said).get("holds", ())]
        later[:] = [str(one["future_hold"]) for one in json.loads(said).get("future_holds", ())]
        return re.sub(r"\d+", "#", said)

    yield printed("lot", "create", lot, *NEW, "--substrate", f"{lot}.1", "--substrate", f"{lot}.2")
    yield printed("lot", "hold", lot, "--code", "height", "--why", "low", "--owner", "process_engineer",
                  "--review-by", "2099-12-01T09:00+0900")  # fmt: skip
    yield printed("lot", "release-hold", lot, "--hold", *hold, "--why", "in limits")
    yield printed("lot", "priority", lot, "--priority", "2", "--due", "2099-12-01T09:00+0900", "--why", "in a hurry")
    yield printed(
        "lot", "reserve", lot, "--equipment", "CELL-1", "--until", "2099-12-01T09:00+0900", "--why", "matched"
    )
    yield printed("lot", "lift-reservation", lot, "--why", "no more")
    these = ("--q", lot, "--code", "height", "--why", "low")
    yield printed("lot", "bulk", "hold", *these)
    yield printed("lot", "bulk", "hold", *these, "--route", "die", "--expect", "1")
    yield printed("lot", "bulk", "release-hold", *these)
    yield printed("lot", "bulk", "release-hold", *these, "--held", "--expect", "1")
    yield printed("lot", "bulk", "priority", "--q", lot, "--priority", "1", "--on-line")
    yield printed("lot", "bulk", "priority", "--q", lot, "--priority", "1", "--expect", "1")
    yield printed("lot", "create", f"{lot}.B", *NEW[:2], "--route", "board", "--release")
    yield printed("lot", "future-hold", f"{lot}.B", "board/20", "--code", "height", "--why", "seen")
    yield printed("lot", "withdraw-future-hold", f"{lot}.B", "--future-hold", *later, "--why", "seen elsewhere")
    yield from (said.replace(lot, "#") for said in refusals(mes, lot))
    yield printed("lot", "split", lot, f"{lot}.2", "--into", f"{lot}.7", "--why", "later")
    yield printed("lot", "merge", lot, f"{lot}.7", "--why", "together again")
    yield printed("lot", "split", lot, f"{lot}.2", "--why", "later")
    yield printed("lot", "scrap", lot, f"{lot}.1", "--at", "1,2", "--at", "0,0", "--why", "cracked")
    yield printed("lot", "pull-sample", lot, f"{lot}.1", "--at", "1,1", "--why", "section")
    yield printed("lot", "track-in", lot, "--equipment", "CELL-1", "--substrate", f"{lot}.1")
    yield printed("lot", "abort", lot, "--why", "odd")
    yield printed("lot", "track-in", lot, "--equipment", "CELL-2")
    yield printed("lot", "track-out", lot, "--good", "9")


def test_acts_are_the_same_and_recorded_as_of_who_acts(floor: Floor, mes: Mes, over_http: As) -> None:
    here = list(acts(mes, "L-1"))
    assert list(acts(over_http, "L-2")) == here
    with floor.database.reading() as session:
        actors = select(History.actor).where(History.subject == "L-2").distinct()
        assert session.scalars(actors).all() == ["administrator"]
    over_http("lot", "hold", "L-2", "--code", "odd", "--why", "smells", user="operator")
    assert json.loads(over_http("history", "show", "L-2", "--json").stdout)[-1]["actor"] == "operator"
    assert "smells" in over_http("history", "show", "L-2").stdout


def test_recalls_are_the_same(mes: Mes, over_http: As) -> None:
    here = list(recalls(mes, "L-1"))
    assert list(recalls(over_http, "L-2")) == here
    assert [one["recall"] for one in json.loads(mes("recall", "list", "--json").stdout)] == ["RCL-000002", "RCL-000001"]
    assert over_http("recall", "list").stdout == mes("recall", "list").stdout


def test_equipment_recipes_and_maps_over_http(
    floor: Floor, both: Callable[..., str], over_http: As, tmp_path: Path
) -> None:
    down = json.loads(over_http("equipment", "state", "OVEN-1", "SDT", "--why", "clean", "--json").stdout)
    assert (down["state"], "alarms" in down) == ("SDT", False)
    shown = json.loads(over_http("equipment", "show", "OVEN-1", "--json").stdout)
    assert shown["states"][0]["reason"] == "clean"
    body = tmp_path / "bake.txt"
    body.write_text("peak_temperature = 152.5 Cel\n")
    over_http("recipe", "new", "bake@1", "--body", str(body))
    over_http("recipe", "submit", "bake@2")
    wrong = over_http("recipe", "approve", "bake@2", "--by", "process_engineer", typed="battery staple\n", code=1)
    assert "No user has that name and password" in wrong.stderr
    over_http("recipe", "approve", "bake@2", "--by", "process_engineer", typed=PASSWORD + "\n")
    over_http("recipe", "retire", "bake@2", "--why", "cracks")
    both("recipe", "show", "bake@2")
    files = []
    for name in ("W-1", "W-2"):
        came = mapped(name, [[1, 1, 1, 9]] * 3).map
        assert came is not None
        file = tmp_path / f"{name}.xml"
        named = replace(came, lot="L-7")
        file.write_bytes(write_e142(MapFile(layouts=(Layout("dies", 4, 3, top_level=True),), substrates=(named,))))
        files.append(str(file))
    taken = over_http("map", "import", *files, "--customer", "alpha", "--route", "die", "--release", "--json")
    assert json.loads(taken.stdout)["lots"] == [{"lot": "L-7", "substrates": ["W-1", "W-2"]}]
    over_http("report", "wip", "-o", str(tmp_path / "wip.csv"))
    assert (tmp_path / "wip.csv").read_text().splitlines()[1].startswith("die,")


def test_a_list_has_all_its_pages(line: Floor, over_http: As, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mes.cli.remote.PAGE", 2)
    assert [lot["lot"] for lot in json.loads(over_http("lot", "list", "--json").stdout)] == [
        "P1",
        "D1",
        "A1",
        "B1",
        "D2",
    ]
    assert len(json.loads(over_http("job", "list", "--most", "3", "--json").stdout)) <= 3


def test_a_customer_sees_own_lots_alone(line: Floor, over_http: As) -> None:
    assert [lot["lot"] for lot in json.loads(over_http("lot", "list", "--json", user="beta").stdout)] == ["B1"]
    absent = over_http("lot", "show", "L-9", user="beta", code=1).stderr.replace("L-9", "D1")
    assert over_http("lot", "show", "D1", user="beta", code=1).stderr == absent
    refused = over_http("equipment", "list", user="beta", code=1)
    assert refused.stderr == "This key of beta may not do this (see line); ask the administrator if you need it.\n"


def test_a_key_that_was_revoked_is_refused(floor: Floor, api: Api, over_http: As) -> None:
    with floor.database.transaction() as session:
        session.execute(delete(ApiKey).where(ApiKey.name == "manager"))
    refused = over_http("lot", "list", user="manager", code=1)
    assert refused.stderr == "No such key, or it has expired; ask the administrator for another.\n"
    assert refused.stdout == ""


def test_who_acts_must_be_said_and_kept_from_others(api: Api, over_http: As, mes: Mes) -> None:
    assert "set MES_API_KEY" in CliRunner(env={"MES_ADDRESS": api.address}).invoke(app, ["lot", "list"]).stderr
    for key in ("hunter2", "mes_a\r\nX: y", "mes_ß"):
        refused = over_http("lot", "list", user=key, code=1)
        assert refused.stderr.startswith("That is no key of Interposer")
    for address in ("ftp://mes.example.com", "mes.example.com", "http://kim:secret@127.0.0.1", "http://"):
        refused = over_http("lot", "list", address=address, code=1)
        assert refused.stderr.startswith("MES_ADDRESS is no address")
        assert "secret" not in refused.stderr
    readable = over_http("lot", "list", address="http://mes.example.com", code=1)
    assert "Over http the key could be read on the way to mes.example.com" in readable.stderr
    assert api.keys["administrator"] not in over_http("settings").stdout
    key = api.keys["operator"]
    assert "name the server with --address" in mes("--key", key, "lot", "list", code=1).stderr
    assert mes("--address", api.address, "--key", key, "lot", "list").stdout == "No lots.\n"
    assert mes("lot", "list").stdout == "No lots.\n"


def test_what_works_on_the_database_only_is_refused_over_http(line: Floor, over_http: As, tmp_path: Path) -> None:
    plant = str(Path(__file__).parents[2] / "deploy" / "plants" / "demonstration_centre")
    for words in (
        ("db", "check"), ("db", "init"), ("plant", "diff", plant), ("plant", "apply", plant), ("user", "list"),
        ("key", "list"), ("history", "verify"), ("demo", "--headless"), ("serve", "--port", "0"),
        ("user", "password", "kim"),
    ):  # fmt: skip
        refused = over_http(*words, code=1, typed="correct horse\ncorrect horse\n")
        assert "This works on the database, not over HTTP" in refused.stderr, words
    for lacking in (
        ("lot", "track-in", "A1", "D1", "--equipment", "OVEN-1"),
        ("trace", "material", "D2", "--json"),
        ("trace", "substrate", "W2"),
        ("history", "show", "CELL-1", "--kind", "equipment"),
    ):
        assert "not over HTTP yet" in over_http(*lacking, code=1).stderr
    assert not (tmp_path / "none").exists()
