"""The demonstration centre is clean, and each mistake in it is told by file, line and what would be right."""

import random
from pathlib import Path

import pytest

from equipment.sim.defects import BIN_OF, Defect
from equipment.sim.line import read_line
from mes.definitions.models import BY_HAND
from mes.plant import check, json_schemas, load, read_demonstration
from mes.plant.schema import FILES
from mes.plant.schema_demonstration import fed
from mes.routes.states import OperationKind
from tests.plant.mistakes import Mistake, find
from tests.plant.plants import DEMONSTRATION, SHUTTLE, copied, edit


def test_demonstration_centre_is_clean() -> None:
    assert check(DEMONSTRATION) == []
    plant = load(DEMONSTRATION)
    assert [len(route.operations) for route in plant.routes] == [1, 8, 23, 20, 4, 6, 1, 6, 12, 1, 1, 1, 4]
    assert len(plant.equipment) == 38


def test_simulators_take_every_figure_of_the_demonstration_centre() -> None:
    line = {config.name: config for config in read_line(DEMONSTRATION)}
    people_work = {"microscope-1", "microscope-2"}
    assert set(line) == {machine.name for machine in load(DEMONSTRATION).equipment} - people_work
    assert line["tcb-2"].faults == {"stop_in_job": 2}
    assert line["tcb-3"].numbers["collet_wear"] == 0.5
    assert line["plasma-1"].numbers["cleans"] == line["cleaner-1"].numbers["cleans"] == 1


ONLY_BY = {Defect.LOW: {"dispense"}, Defect.THICKNESS: {"removal", "deposition"}, Defect.OVERLAY: {"deposition"}}
"""Defects that units get on equipment of these kinds alone."""


def test_tests_of_the_demonstration_centre_know_every_fail_code() -> None:
    plant = load(DEMONSTRATION)
    kind_of = {one.name: one.kind for one in plant.classes}
    judged = 0
    for route in plant.routes:
        kinds = [kind_of[operation.equipment_class] for operation in route.operations]
        for n, operation in enumerate(route.operations):
            if operation.kind is OperationKind.TEST and kinds[n] != BY_HAND:
                never = {BIN_OF[defect] for defect, only in ONLY_BY.items() if only.isdisjoint(kinds)}
                beyond = {measure.bin for measure in operation.measures if measure.bin is not None}
                assert set(operation.bins) == {1, *BIN_OF.values()} - never | beyond, operation
                judged += 1
    assert judged == 18


def test_lots_are_fed_in_the_pattern_with_new_names() -> None:
    lots = fed(read_demonstration(DEMONSTRATION).lots, 21)
    assert [name for name, _ in lots[:3]] == ["hbm_core-01", "hbm_core-02", "top_die-01"]
    assert lots[19] == ("hbm_core-05", lots[0][1])
    assert len({name for name, _ in lots}) == 21


# fmt: off
MISTAKES = {
    "class of equipment": Mistake(
        "equipment.yaml", "Bonder 1, class: tcb_bonder", "Bonder 1, class: tcb_bondr", "unknown_class",
        "tcb_bondr,", "did you mean tcb_bonder?"),
    "area": Mistake("equipment.yaml", "area: incoming", "area: incomming", "unknown_area", "incomming", "incoming?"),
    "key": Mistake("equipment.yaml", "    most_substrates: 4 ", "    most_substrate: 4 ", "unknown_key",
                   "most_substrate: 4", "did you mean most_substrates?"),
    "missing key": Mistake("equipment.yaml", "    batch: true\n", "", "missing_key", "name: oven", "add batch:"),
    "not a number": Mistake("equipment.yaml", "most_substrates: 60", "most_substrates: sixty", "wrong_type",
                            "sixty", "write a whole number"),
    "kind of physics": Mistake("equipment.yaml", "kind: thermal", "kind: termal", "wrong_value", "termal",
                               "did you mean thermal?"),
    "no places": Mistake("equipment.yaml", "places: 1", "places: 0", "wrong_value", "places: 0", "greater than"),
    "equipment twice": Mistake("equipment.yaml", "{name: tcb-1,", "{name: plasma-1,", "duplicate_name",
                               "plasma-1, title: Bonder 1", "rename one"),
    "time zone": Mistake("site.yaml", "Asia/Seoul", "Asia/Soul", "unknown_time_zone", "Asia/Soul", "Asia/Seoul?"),
    "criterion": Mistake("site.yaml", "first_in_first_out]", "first_in_first_ot]", "wrong_value", "ranking:",
                         "did you mean first_in_first_out?"),
    "criterion twice": Mistake("site.yaml", "first_in_first_out]", "priority]", "duplicate_criterion", "ranking:",
                               "keep the first"),
    "batch that never fits": Mistake(
        "equipment.yaml", "    batch: true\n", "    batch: true\n    least_substrates: 61\n    most_wait_h: 4\n",
        "batch", "least_substrates: 61", "write 60 or fewer"),
    "batch of one lot": Mistake(
        "equipment.yaml", "    batch: false\n", "    batch: false\n    least_substrates: 2\n    most_wait_h: 4\n",
        "batch", "least_substrates: 2", "batch: true"),
    "batch that waits for ever": Mistake(
        "equipment.yaml", "    batch: true\n", "    batch: true\n    least_substrates: 30\n", "batch",
        "least_substrates: 30", "write both"),
    "role": Mistake("people.yaml", "role: manager", "role: boss", "wrong_value", "boss", "manager"),
    "owner of a code of holds": Mistake(
        "holds.yaml", "owner: yield_engineer", "owner: manager", "owner_role", "manager", "yield_engineer"),
    "another owner of a code": Mistake("holds.yaml", "other_owners: [line_engineer]}", "other_owners: [customer]}",
                                       "owner_role", "customer", "there is administrator"),
    "reason of another role": Mistake(
        "bins.yaml", "upgrade, roles: [process_engineer]", "upgrade, roles: [operator]", "reason_role",
        "upgrade, roles: [operator]", "process_engineer"),
    "code of the system": Mistake("holds.yaml", "name: height", "name: in_doubt", "code_of_the_system", "in_doubt",
                                  "choose another name"),
    "code that would stop": Mistake(
        "holds.yaml", "between two operations, owner", "between two operations, running_job: stop, owner",
        "wrong_value", "running_job: stop", "abort"),
    "supplier": Mistake("supply.yaml", "supplier: hanbit", "supplier: hanbid", "unknown_customer", "hanbid", "hanbit?"),
    "supply to itself": Mistake("supply.yaml", "receiver: narae", "receiver: hanbit", "same_customer",
                                "receiver: hanbit", "name two customers"),
    "what is supplied": Mistake("supply.yaml", "product: hbm_stack", "product: hbm_stock", "unknown_product", "stock",
                                "hbm_stack?"),
    "supply that ends before": Mistake(
        "supply.yaml", "product: hbm_stack,", "product: hbm_stack, since: 2026-02-01, until: 2026-01-31,", "period",
        "until: 2026-01-31", "on its first day"),
    "supplied twice": Mistake(
        "supply.yaml", "supply_agreements:\n",
        "supply_agreements:\n  - {name: first, supplier: hanbit, receiver: narae, product: hbm_stack}\n", "period",
        "name: hbm-for-narae", "when the other has ended"),
    "code twice": Mistake("holds.yaml", "name: crack", "name: height", "duplicate_name", "name: height, title: 'Crack",
                          "rename one"),
    "customer of a person": Mistake("people.yaml", "customer: hanbit", "customer: hanbid", "unknown_customer",
                                    "hanbid", "did you mean hanbit?"),
    "customer without company": Mistake("people.yaml", "role: customer, customer: narae", "role: customer",
                                        "missing_key", "narae.engineer", "add customer:"),
    "layout": Mistake("products/memory.yaml", "layout: hbm_wafer", "layout: hbm_waver", "unknown_layout", "waver",
                      "did you mean hbm_wafer?"),
    "attached product": Mistake("products/memory.yaml", "level: 4, product: hbm_core", "level: 4, product: hbm_cor",
                                "unknown_product", "hbm_cor,", "did you mean hbm_core?"),
    "site twice": Mistake("products/accelerator.yaml", "{site: 5,", "{site: 4,", "duplicate_site",
                          "{site: 4, level: 1, product: hbm_stack}", "keep one"),
    "ring": Mistake("products/accelerator.yaml", "product: chip_on_wafer", "product: module", "product_ring",
                    "attach:", "made before it"),
    "approver": Mistake("recipes/bonding.yaml", "approved_by: process.engineer", "approved_by: operator", "approver",
                        "approved_by: operator", "process.engineer"),
    "unit missing": Mistake("recipes/bonding.yaml", "{name: bond_force, unit: N, target: 100",
                            "{name: bond_force, target: 100", "missing_key", "bond_force, target: 100", "add unit:"),
    "target outside limits": Mistake("recipes/thermal.yaml", "target: 165, low: 150", "target: 165, low: 170",
                                     "limits", "low: 170", "low <= target <= high"),
    "body has another value": Mistake("recipes/thermal.yaml", "time_at_peak = 5 h", "time_at_peak = 4.5 h",
                                      "body_differs", "target: 5,", "the same value"),
    "body has another unit": Mistake("recipes/thermal.yaml", "time_at_peak = 5 h", "time_at_peak = 5 min",
                                     "body_differs", "target: 5,", "the same unit"),
    "body line": Mistake("recipes/thermal.yaml", "profile_time = 6 h", "profile_time 6 h", "body_line",
                         "profile_time 6 h", "name = value unit"),
    "set point without limits": Mistake("recipes/test.yaml", "unit_time = 20 s",
                                        "unit_time = 20 s\n      needles = 5 N", "without_limits", "needles",
                                        "add the parameter"),
    "recipe": Mistake("routes/module.yaml", "recipe: mark@1", "recipe: marc@1", "unknown_recipe", "marc@1", "mark@1?"),
    "recipe version": Mistake("routes/module.yaml", "recipe: mark@1", "recipe: mark@2", "unknown_recipe", "mark@2",
                              "mark@1?"),
    "recipe without version": Mistake("routes/module.yaml", "recipe: mark@1", "recipe: mark", "wrong_value",
                                      "recipe: mark}", "name@version"),
    "recipe of another class": Mistake("routes/module.yaml", "recipe: mark@1", "recipe: pack@1", "recipe_class",
                                       "title: Mark", "mark@1"),
    "order": Mistake("routes/module.yaml", "number: 190", "number: 180", "operation_order", "title: Underfill",
                     "let the numbers grow"),
    "site not in the specification": Mistake(
        "routes/chip_on_wafer.yaml", "- {site: 5, level: 1}", "- {site: 6, level: 1}", "unknown_site", "site: 6",
        "1/1, 2/1, 3/1, 4/1, 5/1"),
    "site filled by nothing": Mistake("routes/hbm_stack.yaml", "      - {site: 1, level: 4}\n", "", "site_unfilled",
                                      "operations:", "add it to the fills"),
    "transfer without layout": Mistake("routes/module.yaml", ", makes: package_tray", "", "without_layout",
                                       "title: Pack", "add makes:"),
    "made layout": Mistake("routes/module.yaml", "makes: package_tray", "makes: package_try", "unknown_layout",
                           "package_try", "did you mean package_tray?"),
    "makes of a process": Mistake("routes/module.yaml", "recipe: mark@1", "recipe: mark@1, makes: package_tray",
                                  "makes", "title: Mark", "leave makes out"),
    "kind of equipment": Mistake("routes/hbm_core.yaml", "title: Bump reflow, kind: process",
                                 "title: Bump reflow, kind: test", "class_kind", "Bump reflow", "there is"),
    "no good bin": Mistake("routes/top_die.yaml", "{1: good,", "{11: good,", "bins", "{11: good", "add 1: good"),
    "retest of a good bin": Mistake("routes/top_die.yaml", "retest: {bins: [7]", "retest: {bins: [1]", "retest",
                                    "bins: [1]", "failing bin"),
    "worst pass of failed units alone": Mistake(
        "routes/top_die.yaml", "retest: {bins: [7]", "retest: {effective: worst, bins: [7]", "retest",
        "effective: worst", "whole: true"),
    "blocks that do not fill a panel": Mistake("products/layouts.yaml", "block_rows: 12", "block_rows: 7", "blocks",
                                               "block_rows: 7", "divided"),
    "blocks without rows": Mistake("products/layouts.yaml", "    block_rows: 12\n", "", "blocks", "fan_out_panel",
                                   "or neither"),
    "stack that is too high": Mistake("products/memory.yaml", "most_height_um: 660", "most_height_um: 200", "height",
                                      "most_height_um: 200", "take away levels"),
    "level without a height": Mistake("products/memory.yaml", "level: 3, product: hbm_core, height_um: 60",
                                      "level: 3, product: hbm_core", "height", "level: 3", "add height_um:"),
    "dummy": Mistake("products/fan_out.yaml", "dummy: silicon_dummy", "dummy: silicon_dumy", "unknown_product",
                     "silicon_dumy", "did you mean silicon_dummy?"),
    "dummies where there are none": Mistake(
        "routes/fan_out_wafer.yaml", "kind: assemble", "kind: assemble\n    dummies: true", "dummies",
        "{site: 1, level: 1}", "name one in the attach specification"),
    "dummies in a test": Mistake("routes/module.yaml", "kind: test", "kind: test\n    dummies: true", "dummies",
                                 "dummies: true", "let it be an assembly"),
    "measured twice": Mistake("routes/fan_out_wafer.yaml", "{name: shift_y_um,", "{name: shift_x_um,",
                              "duplicate_measure", "{name: shift_x_um",
                              "keep one"),
    "limits of nothing": Mistake("routes/fan_out_wafer.yaml", "low: -12", "low: 13", "measure_limits", "low: 13",
                                 "not above high"),
    "bin beyond no limit": Mistake("routes/fan_out_wafer.yaml", "low: -12, high: 12, bin", "bin", "measure_limits",
                                   "shift_x_um, unit: um, bin: 14", "leave bin out"),
    "bin that no test gives": Mistake("routes/fan_out_wafer.yaml", "high: 12, bin: 14", "high: 12, bin: 15",
                                      "measure_bin", "bin: 15", "name a failing bin"),
    "rework to a later operation": Mistake(
        "routes/top_die.yaml", "retest: {bins: [7]",
        "rework: {back_to: 99, most: 1, reasons: [residue]}\n    retest: {bins: [7]", "rework", "back_to: 99",
        "name one of"),
    "rework through an assembly": Mistake(
        "routes/module.yaml", "retest: {bins: [7]",
        "rework: {back_to: 180, most: 1, reasons: [residue]}\n    retest: {bins: [7]", "rework", "back_to: 180",
        "go back to an operation behind it"),
    "sampling of an assembly": Mistake(
        "routes/chip_on_wafer.yaml", "kind: assemble", "kind: assemble\n    sampling: {every_lots: 2}", "sampling",
        "sampling:", "only process and test"),
    "sampling of all": Mistake(
        "routes/top_die.yaml", "retest: {bins: [7]", "sampling: {every_lots: 1}\n    retest: {bins: [7]", "sampling",
        "every_lots: 1", "2 or more"),
    "queue time from what is left out": Mistake(
        "routes/top_die.yaml", "recipe: receive@1", "recipe: receive@1, sampling: {every_lots: 2}", "sampling",
        "{from: 10, to: 20", "all come through"),
    "recipe of an alternative": Mistake(
        "routes/module.yaml", "recipe: mark@1", "recipe: mark@1, alternatives: [{class: marker, recipe: pack@1}]",
        "recipe_class", "title: Mark", "mark@1"),
    "alternative that is the same": Mistake(
        "routes/module.yaml", "recipe: mark@1", "recipe: mark@1, alternatives: [{class: marker, recipe: mark@1}]",
        "duplicate_alternative", "title: Mark", "keep one"),
    "limit to an earlier operation": Mistake("routes/hbm_stack.yaml", "{from: 70, to: 90", "{from: 70, to: 60",
                                             "queue_order", "{from: 70, to: 60", "name a later operation"),
    "limit to nothing": Mistake("routes/hbm_stack.yaml", "{from: 70, to: 90", "{from: 70, to: 95",
                                "unknown_operation", "{from: 70, to: 95", "10, 60, 70, 90"),
    "limit without hours": Mistake("routes/hbm_stack.yaml", ", most_h: 24", "", "queue_hours", "{from: 70, to: 90",
                                   "floor_life: true"),
    "floor life of what has no level": Mistake(
        "routes/module.yaml", "most_h: 36, warning_h: 24", "floor_life: true", "floor_life", "floor_life: true",
        "say the product's moisture_level"),
    "late warning": Mistake("routes/hbm_stack.yaml", "warning_h: 18", "warning_h: 30", "queue_warning", "30}",
                            "warn before"),
    "product of a route": Mistake("routes/module.yaml", "product: module", "product: modul", "unknown_product",
                                  "product: modul", "did you mean module?"),
    "route to feed": Mistake("demonstration.yaml", "route: top_die", "route: topdie", "unknown_route", "topdie",
                             "did you mean top_die?"),
    "operation of an act": Mistake("demonstration.yaml", "operation: 90", "operation: 91", "unknown_operation",
                                   "operation: 91", "it has 10, 35"),
    "key twice": Mistake("site.yaml", "  title: Advanced", "  name: again\n  title: Advanced", "duplicate_key",
                         "name: again", "keep one"),
    "anchor": Mistake("site.yaml", "name: gwangju", "name: &a gwangju", "alias", "&a", "write the value out"),
    "tag": Mistake("site.yaml", "name: gwangju", "name: !!python/name:os.system gwangju", "tag", "!!python",
                   "leave the tag out"),
    "not YAML": Mistake("site.yaml", "  name: gwangju", "  name: {gwangju", "not_yaml", "title: Advanced",
                        "correct the YAML"),
    "a number for a name": Mistake("site.yaml", "name: gwangju", "name: 7", "wrong_type", "name: 7", "write text"),
    "route to review": Mistake(
        "demonstration.yaml", "  - route: power_module\n    operation:", "  - route: power_modul\n    operation:",
        "unknown_route", "route: power_modul", "did you mean power_module?"),
    "operation to review": Mistake("demonstration.yaml", "operation: 30", "operation: 31", "unknown_operation",
                                   "operation: 31", "it has 10, 20, 25, 30,"),
    "leg beyond the limits": Mistake("demonstration.yaml", "time_at_peak: 70", "time_at_peak: 80", "out_of_limits",
                                     "time_at_peak: 80", "write 45 to 75 s"),
    "leg of nothing": Mistake("demonstration.yaml", "time_at_peak: 70", "time_at_peek: 70", "unknown_parameter",
                              "time_at_peek: 70", "did you mean time_at_peak?"),
    "material of a shipment": Mistake(
        "demonstration.yaml", "{material: silver_paste, containers: 3", "{material: silver_past, containers: 3",
        "unknown_material", "{material: silver_past,", "did you mean silver_paste?"),
    "shipment of nobody": Mistake(
        "demonstration.yaml", "due_h: 168}", "due_h: 168, missing: 1}", "without_sender", "missing: 1}", "add sender:"),
    "shipment of nothing": Mistake("demonstration.yaml", "    missing: 1\n", "    missing: 5\n", "nothing_comes",
                                   "missing: 5", "let at least one"),
    "people for the line": Mistake("demonstration.yaml", "{route: top_die, customer", "{route: interposer, customer",
        "by_hand", "route: interposer", "below by_hand:"),
    "equipment for people": Mistake("demonstration.yaml", "{route: interposer, customer", "{route: top_die, customer",
        "by_hand", "substrates: 2", "below by_hand:"),
    "certification of a class": Mistake("equipment.yaml", "certification: microscopy", "certification: microskopy",
        "unknown_certification", "certification: microskopy", "did you mean microscopy?"),
    "certification of an operation": Mistake("routes/top_die.yaml", "retest: {bins: [7]",
        "certification: probing\n    retest: {bins: [7]", "unknown_certification", "n: probing", "microscopy"),
    "durable of an operation": Mistake("routes/top_die.yaml", "retest: {bins: [7]",
        "durables: [probe_card]\n    retest: {bins: [7]", "unknown_durable", "durables", "there is module_boat"),
    "durable that carries loads": Mistake("routes/top_die.yaml", "retest: {bins: [7]",
        "durables: [module_boat]\n    retest: {bins: [7]", "durable_is_holder", "durables", "leave it out"),
    "holder of a layout": Mistake("products/layouts.yaml", "holder: stack_tray", "holder: stack_trey",
                                  "unknown_durable", "stack_trey", "did you mean stack_tray?"),
    "trainer": Mistake("certifications.yaml", "trainer: process_engineer", "trainer: manager", "wrong_value", "manager",
                       "line_engineer"),
    "class of a plan": Mistake("maintenance.yaml", "class: tcb_bonder", "class: tcb_border", "unknown_class",
                               "class: tcb_border", "did you mean tcb_bonder?"),
    "plan without an interval": Mistake("maintenance.yaml", "    every_h: 240\n    every_runs: 120\n", "",
                                        "without_interval", "name: bonder_care", "add every_h:"),
    "check twice": Mistake("maintenance.yaml", "name: flatness", "name: force", "duplicate_check", "Flatness",
                           "rename"),
    "limits without a unit": Mistake("maintenance.yaml", "Vacuum lines cleaned", "Vacuum lines cleaned, low: 1",
                                     "limits", "vacuum_lines", "add unit:"),
    "limits upside down": Mistake("maintenance.yaml", "low: 48", "low: 58", "limits", "low: 58", "smaller"),
    "plan that somebody cares for": Mistake("demonstration.yaml", "plan: bonder_care", "plan: bonder_cure",
        "unknown_maintenance_plan", "bonder_cure", "did you mean bonder_care?"),
    "somebody who is taught": Mistake("demonstration.yaml", "people: [operator,", "people: [operater,",
                                      "unknown_person", "operater", "did you mean operator?"),
    "a list for a map": Mistake("site.yaml", "areas:", "areas: {}\nareas_of_old:", "wrong_type", "areas: {}",
                                "write a list"),
}
# fmt: on


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_one_mistake_is_named_where_it_stands(mistake: Mistake, tmp_path: Path) -> None:
    find(mistake, tmp_path)


def test_each_mistake_in_a_reticle_is_named(tmp_path: Path) -> None:
    plant = copied(tmp_path)
    (plant / "products" / "shuttle.yaml").write_text(SHUTTLE)
    assert check(plant) == []
    for old, new, code in (
        ("customer: narae", "customer: narea", "unknown_customer"), ("name: b", "name: a", "duplicate_project"),
        ("customer: hanbit, product: top_die", "customer: hanbit, product: shuttle", "project_of_projects"),
        ("customer: hanbit, product: top_die", "customer: hanbit, product: hbm_core", "project_grid"),
        ("[ab, b.]", "[ab, b]", "reticle_rows"), ("[ab, b.]", "[ab, bc]", "unknown_project"),
        ("[ab, b.]", "[aa, a.]", "empty_project"),
    ):  # fmt: skip
        (plant / "products" / "shuttle.yaml").write_text(SHUTTLE.replace(old, new))
        assert code in {problem.code for problem in check(plant)}, code


def test_what_is_mounted_is_no_holder(tmp_path: Path) -> None:
    plant = copied(tmp_path)
    edit(plant, "durables.yaml", "title: Tray for stacks, counts: fillings, per: load", "title: Tray, counts: picks")
    assert [(p.file, p.code) for p in check(plant)] == [("products/layouts.yaml", "durable_is_no_holder")]


def test_dummies_go_before_dies_and_use_up_nothing(tmp_path: Path) -> None:
    plant = copied(tmp_path)
    use = "materials: [{material: flux, amount: 1}]"
    edit(plant, "routes/fan_out_panel.yaml", "    dummies: true\n", "")
    attach = "title: Attach dies on good sites\n"
    edit(plant, "routes/fan_out_panel.yaml", attach, f"{attach}    dummies: true\n    {use}\n")
    assert sorted((p.code, p.hint) for p in check(plant)) == [
        ("dummies", "leave materials out"), ("dummies", "put dummies there before anything is attached"),
    ]  # fmt: skip


def test_critical_ratio_asks_for_the_times_of_a_whole_route(tmp_path: Path) -> None:
    plant = copied(tmp_path)
    edit(plant, "equipment.yaml", "kind: by_hand", "kind: by_hand\n    ranking: [critical_ratio, priority]")
    assert [(p.file, p.code, p.hint) for p in check(plant)] == [
        ("routes/interposer.yaml", "process_time", "add process_h:, or take critical_ratio out of the ranking")
    ]
    edit(plant, "routes/interposer.yaml", "    kind: test", "    kind: test\n    process_h: 0.5")
    assert check(plant) == []
    assert {r.route: r for r in load(plant).routes}["interposer"].content()["operations"][0]["process_h"] == 0.5


def test_all_mistakes_are_told_at_once_and_none_follows_from_another(tmp_path: Path) -> None:
    plant = copied(tmp_path)
    edit(plant, "equipment.yaml", "    most_substrates: 60", "    most_substrates: many")  # the class oven is broken
    edit(plant, "routes/module.yaml", "recipe: mark@1", "recipe: marc@1")
    edit(plant, "people.yaml", "role: operator", "role: opperator")
    assert sorted((p.file, p.code) for p in check(plant)) == [
        ("equipment.yaml", "wrong_type"),
        ("people.yaml", "wrong_value"),
        ("routes/module.yaml", "unknown_recipe"),
    ]


def test_a_file_that_cannot_be_read_is_the_only_mistake(tmp_path: Path) -> None:
    plant = copied(tmp_path)
    for path in sorted(plant.rglob("*.yaml")):
        text, file = path.read_text(), path.relative_to(plant).as_posix()
        path.write_text("{")
        assert [(p.file, p.code) for p in check(plant)] == [(file, "not_yaml")]
        path.write_text(text)


def test_unknown_and_missing_files_are_named(tmp_path: Path) -> None:
    plant = copied(tmp_path)
    (plant / "people.yaml").rename(plant / "poeple.yaml")
    problems = {p.code: p for p in check(plant)}
    assert problems["unknown_file"].file == "poeple.yaml"
    assert problems["unknown_file"].hint == "did you mean people.yaml?"
    assert problems["missing_file"].file == "people.yaml"
    assert {p.code for p in check(tmp_path / "nowhere")} == {"missing_file"}


def test_no_edit_of_a_line_breaks_the_checker(tmp_path: Path) -> None:
    plant = copied(tmp_path)
    chance = random.Random(7)
    files = sorted(p for p in plant.rglob("*.yaml"))
    for _ in range(120):
        path = chance.choice(files)
        text = path.read_text()
        lines = text.splitlines()
        at = chance.randrange(len(lines))
        head = lines[at].partition(":")[0]
        lines[at] = chance.choice(["", lines[at] * 2, head + ": []", head + ": 7", head + ":", head + ": {a: [b]}"])
        path.write_text("\n".join(lines))
        for problem in check(plant):
            told = (plant / problem.file).read_text().splitlines()
            assert 1 <= problem.line <= len(told) + 1
            assert problem.message
            assert problem.hint
        path.write_text(text)


def test_every_file_has_a_json_schema_that_names_its_keys() -> None:
    schemas = json_schemas()
    assert set(schemas) == set(FILES)
    assert set(schemas["routes/*.yaml"]["properties"]) >= {"route", "version", "operations", "queue_limits"}
    assert {"from", "to"} <= set(schemas["routes/*.yaml"]["$defs"]["QueueLimit"]["properties"])
    assert schemas["equipment.yaml"]["additionalProperties"] is False
