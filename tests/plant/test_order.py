"""Areas, classes and equipment stand in the order of the text, also after that has changed."""

from pathlib import Path

from mes.db import Database
from mes.history import History
from mes.plant import apply, diff, export, load
from mes.plant.stored import stored
from mes.web.board.reading import read_board
from tests.demo.small_plant import edit
from tests.plant.plants import ACT, LATER, copied

ORDERED = ("areas", "classes", "equipment")


def order(plant: object) -> list[list[str]]:
    return [[part.name for part in getattr(plant, kind)] for kind in ORDERED]


def reverse(folder: Path) -> None:
    """Turn the text of the line upside down, and give it a new first equipment."""

    def turned(content: dict[str, list[dict[str, object]]]) -> None:
        for kind in ORDERED:
            if kind in content:
                content[kind].reverse()
        if "equipment" in content:
            content["equipment"].insert(0, {**content["equipment"][-1], "name": "a-new-one"})

    edit(folder / "site.yaml", turned)
    edit(folder / "equipment.yaml", turned)


def test_the_database_and_the_board_keep_the_order_of_the_text(database: Database, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    for _ in range(2):
        plant = load(folder)
        with database.transaction() as session:
            apply(session, plant, ACT)
        with database.reading() as session:
            assert order(stored(session)) == order(plant)
            areas = read_board(session, LATER.at).areas
            export(session, tmp_path / f"exported_{plant.equipment[0].name}")
        used = {one.area for one in plant.equipment}
        assert [area.name for area in areas] == [area.name for area in plant.areas if area.name in used]
        for area in areas:
            shown = [one.name for one in area.equipment]
            assert shown == [one.name for one in plant.equipment if one.area == area.name]
        reverse(folder)
    assert len({order(load(exported))[2][0] for exported in tmp_path.glob("exported_*")}) == 2


def test_another_order_alone_is_no_difference_and_no_history(database: Database, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    with database.transaction() as session:
        apply(session, load(folder), ACT)
        entries = session.query(History).count()

    def turned(content: dict[str, list[object]]) -> None:
        content["equipment"].reverse()

    edit(folder / "equipment.yaml", turned)
    plant = load(folder)
    with database.transaction() as session:
        assert diff(session, plant) == apply(session, plant, LATER) == []
        assert session.query(History).count() == entries
    with database.reading() as session:
        assert order(stored(session)) == order(plant)
