"""A plant is applied whole or not at all, a second time without effect, and comes back as the same text."""

import hashlib
from pathlib import Path

import pytest
import yaml
from sqlalchemy import URL, func, select
from sqlalchemy.orm import Session

from mes.cli.db_check import check as check_database
from mes.db import Base, Database
from mes.definitions.models import Site
from mes.equipment.models import Equipment, EquipmentStateInterval
from mes.errors import Refused
from mes.history import Act, History
from mes.lots.create import NewLot, create, release
from mes.lots.holds.hold_codes import hold_codes
from mes.lots.models import Lot, Mount
from mes.people.models import User
from mes.plant import Plant, apply, diff, export, load
from mes.plant.apply import PlantRefused
from mes.recipes.models import RecipeVersion
from mes.routes.models import Operation, QueueLimit, RouteVersion
from mes.units.arrival import Arrival
from mes.units.models import Substrate
from tests.plant.plants import ACT, DEMONSTRATION, LATER, SHUTTLE, copied, edit


@pytest.fixture
def plant(database: Database, tmp_path: Path) -> Path:
    """A copy of the demonstration centre, applied."""
    folder = copied(tmp_path)
    put(database, folder)
    return folder


def put(database: Database, folder: Path, act: Act = ACT) -> list[str]:
    """Apply a folder; what changed, as it is told."""
    with database.transaction() as session:
        return [str(difference) for difference in apply(session, load(folder), act)]


def refused(database: Database, folder: Path) -> dict[str, str]:
    """Apply a folder that must be refused and must leave every table as it was; code -> sentence of its reasons."""
    before = counts(database)
    with pytest.raises(PlantRefused) as refusal, database.transaction() as session:
        apply(session, load(folder), LATER)
    assert refusal.value.status == 409
    assert counts(database) == before
    return {reason.code: reason.message for reason in refusal.value.reasons}


def counts(database: Database) -> dict[str, int | None]:
    with database.reading() as session:
        tables = Base.metadata.sorted_tables
        return {t.name: session.scalar(select(func.count()).select_from(t)) for t in tables}


def lot_of(database: Database, route: str = "top_die", customer: str = "narae") -> None:
    """One lot on the line with one wafer."""
    with database.transaction() as session:
        lot = create(session, NewLot("L-1", customer, route, (Arrival("W-1"),)), ACT)
        release(session, lot.id, ACT)


def raised(plant: Path, file: str) -> None:
    """A route's text with its version raised."""
    now = int((plant / file).read_text().partition("version: ")[2].partition("\n")[0])
    edit(plant, file, f"version: {now}", f"version: {now + 1}")


def test_everything_is_there(database: Database, plant: Path) -> None:
    with database.reading() as session:
        bonder = session.scalars(select(Equipment).where(Equipment.name == "tcb-2")).one()
        assert (bonder.state, bonder.state_since, bonder.history_n) == ("SBY", ACT.at, 1)
        stay = session.scalars(
            select(EquipmentStateInterval).where(EquipmentStateInterval.equipment_id == bonder.id)
        ).one()
        assert (stay.state, stay.began_at, stay.ended_at) == ("SBY", ACT.at, None)
        recipe = session.scalars(select(RecipeVersion).where(RecipeVersion.name == "tcb_stack@1")).one()
        assert (recipe.state, recipe.approved_by, recipe.approved_at) == ("approved", "process.engineer", ACT.at)
        assert recipe.sha256 == hashlib.sha256(recipe.body.encode()).hexdigest()
        assert recipe.parameters[2] == {"name": "bond_force", "unit": "N", "target": 100.0, "low": 50.0, "high": 300.0}
        stack = session.scalars(select(Operation).where(Operation.name == "hbm_stack/70")).one()
        assert stack.fills == [[1, 1], [1, 2], [1, 3], [1, 4]]
        assert stack.bins["1"] == {"name": "good", "quality": "pass"}
        assert stack.bins["4"] == {"name": "crack", "quality": "fail"}
        assert session.scalar(select(func.count(Operation.id))) == 88
        limits = session.scalars(select(QueueLimit).where(QueueLimit.from_operation_id == stack.id)).one()
        assert (limits.most_s, limits.warning_s) == (24 * 3600, 18 * 3600)
        assert set(session.scalars(select(User.password_hash))) == {None}


def test_history_tells_all_of_it(database: Database, plant: Path) -> None:
    with database.reading() as session:
        of = (History.subject_kind, History.verb)
        verbs = session.execute(select(*of, func.count()).group_by(*of))
        assert {(kind, verb): n for kind, verb, n in verbs} == {
            ("equipment", "add"): 38,
            ("recipe_version", "approve"): 50,
            ("route_version", "release"): 13,
            ("site", "apply"): 1,
        }
        told = session.scalars(select(History.body).where(History.subject_kind == "site")).one()
        assert '"class tcb_bonder":{"batch":false' in told
        approval = session.scalars(select(History.body).where(History.subject == "tcb_stack@1")).one()
        assert '"approved_by":"process.engineer"' in approval
        assert '"means":"Equipment may run this body' in approval


def test_a_second_time_changes_nothing(database: Database, plant: Path) -> None:
    before = counts(database)
    assert put(database, plant, LATER) == []
    assert counts(database) == before


def test_export_is_the_same_text(database: Database, plant: Path, tmp_path: Path) -> None:
    with database.reading() as session:
        files = export(session, tmp_path / "out")
    again = load(tmp_path / "out")
    assert contents(again) == contents(load(DEMONSTRATION))
    assert put(database, tmp_path / "out", LATER) == []
    schema = tmp_path / "out" / "schema" / "routes.json"
    assert schema in files
    assert "$schema=../schema/routes.json" in (tmp_path / "out" / "routes" / "module.yaml").read_text()
    with database.reading() as session, pytest.raises(Refused):
        export(session, tmp_path / "out")


def contents(plant: Plant) -> dict[str, dict[str, object]]:
    return {kind: {key: part.content() for key, part in parts.items()} for kind, parts in plant.kinds().items()}


def test_export_keeps_odd_texts(database: Database, plant: Path, tmp_path: Path) -> None:
    for old, new in (("Bonder 1", "'1e3'"), ("Bonder 2", "'no'"), ("Bonder 3", '"ä: #x "'), ("Prober 1", "'007'")):
        edit(plant, "equipment.yaml", f"title: {old}", f"title: {new}")
    (plant / "products" / "shuttle.yaml").write_text(SHUTTLE)
    put(database, plant)
    with database.reading() as session:
        export(session, tmp_path / "out")
    titles = {m["name"]: m["title"] for m in yaml.safe_load((tmp_path / "out/equipment.yaml").read_text())["equipment"]}
    assert [titles[f"tcb-{n}"] for n in (1, 2, 3)] == ["1e3", "no", "ä: #x "]
    assert contents(load(tmp_path / "out")) == contents(load(plant))


def test_changes_are_told_and_made(database: Database, owner_url: URL, plant: Path) -> None:
    edit(plant, "equipment.yaml", "title: Bonder 2\n", "title: Bonder two\n")
    edit(
        plant,
        "equipment.yaml",
        "  - {name: marker-1, title: Laser marker 1, class: marker, area: finish}\n",
        "  - {name: marker-2, title: Laser marker 2, class: marker, area: finish}\n",
    )
    edit(plant, "equipment.yaml", "most_substrates: 60", "most_substrates: 48")
    edit(plant, "site.yaml", "name: gwangju", "name: gwangju-2")
    assert put(database, plant, LATER) == [
        "- site gwangju",
        "+ site gwangju-2",
        "~ class oven: most_substrates 60 -> 48",
        "- equipment marker-1",
        "+ equipment marker-2",
        "~ equipment tcb-2: title 'Bonder 2' -> 'Bonder two'",
    ]
    with database.reading() as session:
        assert session.scalars(select(Site.name)).all() == ["gwangju-2"]
        assert "marker-1" not in session.scalars(select(Equipment.name)).all()
        entries = select(History.verb).where(History.subject == "marker-1").order_by(History.n)
        assert session.scalars(entries).all() == ["add", "remove"]
        assert diff(session, load(plant)) == []
    assert check_database(owner_url.render_as_string(hide_password=False)).problems == []


def test_classes_and_products_that_nothing_needs_go_with_what_uses_them(database: Database, plant: Path) -> None:
    edit(
        plant,
        "products/memory.yaml",
        "products:\n",
        """products:
  - {name: lid, title: Lid, unit: lid, layout: hbm_wafer}
  - {name: lidded, title: Lidded, unit: package, layout: hbm_wafer, attach: [{site: 1, level: 1, product: lid}]}
""",
    )
    edit(
        plant, "equipment.yaml", "equipment:\n", "equipment:\n  - {name: lid-1, title: L, class: lidder, area: bond}\n"
    )
    edit(
        plant,
        "equipment.yaml",
        "classes:\n",
        """classes:
  - {name: lidder, title: Lidder, kind: placement, places: 1, most_substrates: 1, batch: false}
""",
    )
    added = put(database, plant)
    assert [text[:1] for text in added] == ["+"] * 4
    removed = put(database, DEMONSTRATION, LATER)
    assert sorted(text.replace("-", "+", 1) for text in removed) == sorted(added)


def test_released_route_is_refused_until_its_version_is_raised(database: Database, plant: Path) -> None:
    edit(plant, "routes/hbm_stack.yaml", "most_h: 24", "most_h: 36")
    assert refused(database, plant) == {
        "raise_version": "hbm_stack@1 is in force and never changes, but its queue_limits differ; raise the version."
    }
    raised(plant, "routes/hbm_stack.yaml")
    assert put(database, plant, LATER) == ["- route hbm_stack@1 (no new lots)", "+ route hbm_stack@2"]
    assert current(database, "hbm_stack") == {"hbm_stack@1": False, "hbm_stack@2": True}


def test_sampling_and_alternatives_follow_the_text(database: Database, plant: Path, tmp_path: Path) -> None:
    edit(plant, "routes/top_die.yaml", "version: 1", "version: 2")
    other, some = "alternatives: [{class: packer, recipe: pack@1}]", "sampling: {every_lots: 4, substrates: 2}"
    edit(plant, "routes/top_die.yaml", "recipe: receive@1", f"recipe: receive@1, {other}")
    edit(plant, "routes/top_die.yaml", "retest: {bins: [7]", f"{some}\n    retest: {{whole: true, bins: [7]")
    assert [told for told in put(database, plant) if "top_die@2" in told]
    assert put(database, plant) == []
    with database.reading() as session:
        export(session, tmp_path / "again")
    assert "sampling" in (tmp_path / "again/routes/top_die.yaml").read_text()
    assert put(database, tmp_path / "again") == []
    edit(plant, "routes/top_die.yaml", "every_lots: 4", "every_lots: 5")
    assert list(refused(database, plant)) == ["raise_version"]


def test_an_older_route_version_comes_back_as_it_was_or_not_at_all(database: Database, plant: Path) -> None:
    raised(plant, "routes/top_die.yaml")
    put(database, plant, LATER)
    edit(plant, "routes/top_die.yaml", "version: 2", "version: 1")
    edit(plant, "routes/top_die.yaml", "title: Probe", "title: Probing")
    assert "was released before with other content" in refused(database, plant)["raise_version"]
    edit(plant, "routes/top_die.yaml", "title: Probing", "title: Probe")
    put(database, plant, LATER)
    assert current(database, "top_die") == {"top_die@1": True, "top_die@2": False}


def current(database: Database, route: str) -> dict[str, bool]:
    with database.reading() as session:
        return {v.name: v.current for v in session.scalars(select(RouteVersion).where(RouteVersion.route == route))}


def test_approved_recipe_is_refused_until_its_version_is_raised(database: Database, plant: Path) -> None:
    edit(plant, "recipes/handling.yaml", "laser_power = 8 W", "laser_power = 9 W")
    edit(plant, "recipes/handling.yaml", "target: 8, low: 6", "target: 9, low: 6")
    assert refused(database, plant)["raise_version"].startswith("mark@1 is in force")
    edit(plant, "recipes/handling.yaml", "name: mark\n    version: 1", "name: mark\n    version: 2")
    raised(plant, "routes/module.yaml")
    edit(plant, "routes/module.yaml", "mark@1", "mark@2")
    assert "- recipe mark@1 (becomes obsolete)" in put(database, plant, LATER)
    assert "Recipe mark@1 is obsolete in the database" in refused(database, DEMONSTRATION)["raise_version"]


def test_recipes_of_lots_on_the_line_stay(database: Database, plant: Path) -> None:
    lot_of(database)
    text = (plant / "recipes/test.yaml").read_text()
    begin, end = text.index("  - name: probe_top_die"), text.index("  - name: probe_stack")
    newer = text[begin:end].replace("version: 1", "version: 2")
    raised(plant, "routes/top_die.yaml")
    edit(plant, "routes/top_die.yaml", "probe_top_die@1", "probe_top_die@2")
    (plant / "recipes/test.yaml").write_text(text[:begin] + newer + text[end:])
    assert refused(database, plant) == {
        "in_use": "Recipe probe_top_die@1 is needed by lot L-1 on the line; keep it in the text until they have passed."
    }
    (plant / "recipes/test.yaml").write_text(text[:end] + newer + text[end:])
    put(database, plant, LATER)
    with database.transaction() as session:
        ended(session)
    (plant / "recipes/test.yaml").write_text(text[:begin] + newer + text[end:])
    assert put(database, plant, LATER) == ["- recipe probe_top_die@1 (becomes obsolete)"]


def ended(session: Session) -> None:
    for lot in session.scalars(select(Lot)):
        lot.state = "completed"


def test_what_lots_stand_on_stays(database: Database, plant: Path) -> None:
    lot_of(database, "chip_on_wafer")
    with database.transaction() as session:
        prober = session.scalars(select(Equipment.id).where(Equipment.name == "prober-1")).one()
        wafer = session.scalars(select(Substrate.id)).one()
        session.add(Mount(equipment_id=prober, substrate_id=wafer, mounted_at=ACT.at))
    expected = {
        (
            "products/layouts.yaml",
            "rows: 6, columns: 6",
            "rows: 6, columns: 7",
        ): "Layout interposer_wafer is the grid of 1 substrates; give the new grid another name.",
        (
            "products/accelerator.yaml",
            "site: 1, level: 1, product: top_die",
            "site: 1, level: 1, product: hbm_core",
        ): "Lot L-1 of product chip_on_wafer is on the line; its attach sites change when they have passed.",
        (
            "equipment.yaml",
            "title: Prober 1, class: prober",
            "title: Prober 1, class: final_tester",
        ): "Equipment prober-1 has 0 open runs and 1 mounted sources; change its class when it is empty.",
        (
            "equipment.yaml",
            "  - {name: prober-1, title: Prober 1, class: prober, area: test}\n",
            "",
        ): "Equipment prober-1 is used by 1 mount; put it back into the text.",
    }
    for (file, old, new), sentence in expected.items():
        text = (plant / file).read_text()
        edit(plant, file, old, new)
        assert refused(database, plant) == {"in_use": sentence}
        (plant / file).write_text(text)


def test_customers_with_material_stay(database: Database, plant: Path) -> None:
    lot_of(database)
    edit(plant, "site.yaml", "  - {name: narae, title: 'Narae Compute, maker of accelerators'}\n", "")
    edit(
        plant,
        "people.yaml",
        "  - {name: narae.engineer, title: Engineer of Narae Compute, role: customer, customer: narae}\n",
        "",
    )
    for line in [li for li in (plant / "demonstration.yaml").read_text().splitlines(keepends=True) if "narae" in li]:
        edit(plant, "demonstration.yaml", line, line.replace("narae", "hanbit"))
    (plant / "supply.yaml").unlink()
    (plant / "maps.yaml").unlink()
    assert refused(database, plant)["in_use"].startswith("Customer narae is used by ")


def test_refusals_are_told_by_diff_too_and_all_at_once(database: Database, plant: Path) -> None:
    edit(plant, "routes/module.yaml", "title: Mark", "title: Marking")
    edit(plant, "routes/top_die.yaml", "title: Probe", "title: Probing")
    with database.reading() as session:
        told = [str(difference) for difference in diff(session, load(plant))]
    assert len(told) == 2
    assert all("refused:" in text for text in told)
    with pytest.raises(PlantRefused) as refusal, database.transaction() as session:
        apply(session, load(plant), LATER)
    assert len(refusal.value.reasons) == 2


def test_people_who_were_added_by_hand_stay_until_the_text_names_them(database: Database, plant: Path) -> None:
    with database.transaction() as session:
        apply(session, load(plant), ACT)
        session.add(User(name="kim", title="Kim Minji", role="operator", password_hash="kept"))
    with database.transaction() as session:
        assert apply(session, load(plant), LATER) == []
    line = "  - {name: manager, title: Manager of the centre, role: manager}\n"
    edit(plant, "people.yaml", line, line + "  - {name: kim, title: Kim, role: manager}\n")
    with database.transaction() as session:
        assert [str(one) for one in apply(session, load(plant), LATER)] == ["+ person kim"]
        kim = session.scalars(select(User).where(User.name == "kim")).one()
        assert (kim.role, kim.password_hash) == ("manager", "kept")
    edit(plant, "people.yaml", "  - {name: kim, title: Kim, role: manager}\n", "")
    with database.transaction() as session:
        assert [str(one) for one in apply(session, load(plant), LATER)] == ["- person kim"]


def test_codes_of_holds_follow_the_text(database: Database, plant: Path, tmp_path: Path) -> None:
    """One that leaves it takes no new holds; a plant without the file lets people choose."""
    edit(plant, "holds.yaml", "title: Particles or residue on the surface", "title: Particles")
    edit(plant, "holds.yaml", "name: low_yield", "name: yield_low")
    assert put(database, plant, LATER) == [
        "~ hold_code contamination: title 'Particles or residue on the surface' -> 'Particles'",
        "- hold_code low_yield (no new holds)",
        "+ hold_code yield_low",
    ]
    with database.reading() as session:
        codes = [row["code"] for row in hold_codes(session) if row["may_choose"]]
    assert codes[:2] == ["height", "crack"]
    assert codes[4] == "yield_low"
    (plant / "holds.yaml").unlink()
    assert {text[:12] for text in put(database, plant, LATER)} == {"- hold_code "}
    with database.reading() as session:
        assert not any(row["may_choose"] for row in hold_codes(session))
        export(session, tmp_path / "out")
    assert not (tmp_path / "out" / "holds.yaml").exists()


def test_rules_of_release_follow_the_text(database: Database, plant: Path, tmp_path: Path) -> None:
    rules = "release_rules:\n  - {route: top_die, constant_wip: 3}\n  - {route: hbm_core, constant_wip: 2}\n"
    (plant / "release.yaml").write_text(rules)
    assert put(database, plant, LATER) == ["+ release_rule hbm_core", "+ release_rule top_die"]
    with database.reading() as session:
        export(session, tmp_path / "out")
    assert yaml.safe_load((tmp_path / "out" / "release.yaml").read_text()) == yaml.safe_load(rules)
    edit(plant, "release.yaml", "constant_wip: 2", "constant_wip: 4")
    assert put(database, plant, LATER) == ["~ release_rule hbm_core: constant_wip 2 -> 4"]
    (plant / "release.yaml").unlink()
    assert put(database, plant, LATER) == [
        "- release_rule hbm_core (people release)",
        "- release_rule top_die (people release)",
    ]
