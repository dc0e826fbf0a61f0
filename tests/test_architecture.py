"""The house rules that no linter knows: each fails on a planted violation or compares two independent sources."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.engine import URL

from mes import guards
from mes.db import Base
from mes.schema import versions
from migrations.metadata import metadata

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("mes", "equipment", "checks", "migrations")
IMPORT_RULES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["id"]: contract for contract in IMPORT_RULES["contracts"]}
LONGEST_FILE = 400
LONGEST_FUNCTION = 40


def sources(*folders: str) -> Iterator[Path]:
    """Python files of these top-level folders, but no migrations: their length is the schema's."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


# --- order ------------------------------------------------------------------------------------------------

LAYERS = [[name.strip(" ()") for name in layer.split("|")] for layer in CONTRACTS["mes-order"]["layers"]]
HEIGHT = {name: len(LAYERS) - i for i, layer in enumerate(LAYERS) for name in layer}
FEATURE_OF_TABLE = {
    mapper.local_table.name: mapper.class_.__module__.split(".")[1]  # type: ignore[attr-defined]
    for mapper in Base.registry.mappers
}


def test_every_table_belongs_to_a_feature() -> None:
    assert set(metadata.tables) == set(FEATURE_OF_TABLE)


def test_foreign_keys_point_down_the_import_order() -> None:
    upwards = [
        f"{table.name}.{key.parent.name} -> {key.column.table.name}"
        for table in metadata.tables.values()
        for key in table.foreign_keys
        if not _may_know(FEATURE_OF_TABLE[table.name], FEATURE_OF_TABLE[key.column.table.name])
    ]
    assert upwards == []


def test_relationships_point_down_one_way_and_never_query_by_themselves() -> None:
    for mapper in Base.registry.mappers:
        for relation in mapper.relationships:
            target = relation.mapper.class_.__module__.split(".")[1]
            assert _may_know(mapper.class_.__module__.split(".")[1], target), str(relation)
            assert not relation.back_populates, str(relation)
            assert relation.lazy in {"raise", "raise_on_sql"}, str(relation)


def _may_know(feature: str, other: str) -> bool:
    return feature == other or HEIGHT[feature] > HEIGHT[other]


VIOLATIONS = {
    "mes-order": ("mes/units/models.py", "import mes.lots.models"),
    "lots-order": ("mes/lots/holds/hold.py", "import mes.lots.work.track_in"),
    "equipment-order": ("equipment/interface/messages.py", "import equipment.client"),
    "equipment-alone": ("equipment/interface/messages.py", "import mes.clock"),
    "no-simulator": ("mes/jobs/models.py", "import equipment.sim"),
    "checks-alone": ("checks/__init__.py", "import equipment.interface"),
    "opcua-place": ("mes/jobs/models.py", "import asyncua"),
    "http-place": ("mes/lots/models.py", "import fastapi"),
    "settings-place": ("mes/lots/models.py", "import mes.settings"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code to plant violations in."""
    copy = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in PACKAGES:
        for file in sources(package):
            target = copy / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    return copy


def lint_imports(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    program = "from importlinter.cli import lint_imports_command as lint; lint()"
    return subprocess.run(
        [sys.executable, "-c", program, "--no-cache", *options],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def broken(tree: Path) -> dict[str, str]:
    """What is said of each contract, by its name, where all of them are violated."""
    innocent = {tree / place: (tree / place).read_text() for place, _ in VIOLATIONS.values()}
    for place, line in VIOLATIONS.values():
        (tree / place).write_text(f"{(tree / place).read_text()}\n{line}\n")
    refused = lint_imports(tree)
    for path, source in innocent.items():
        path.write_text(source)
    assert refused.returncode == 1, refused.stdout + refused.stderr
    _, _, told = refused.stdout.partition("Broken contracts")
    heads = "|".join(re.escape(contract["name"]) for contract in CONTRACTS.values())
    _, *parts = re.split(rf"^({heads})$", told, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_contract_has_a_planted_violation() -> None:
    assert set(VIOLATIONS) == set(CONTRACTS)


def test_every_contract_is_kept_where_none_is_planted(tree: Path) -> None:
    kept = lint_imports(tree)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in kept.stdout


@pytest.mark.parametrize("contract", VIOLATIONS)
def test_contract_catches_its_planted_violation(broken: dict[str, str], contract: str) -> None:
    place, line = VIOLATIONS[contract]
    importer = place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    assert f"{importer} -> {line.removeprefix('import ')} " in broken[CONTRACTS[contract]["name"]]


def test_new_feature_without_a_place_in_the_order_is_refused(tree: Path) -> None:
    stray = tree / "mes" / "stray.py"
    stray.touch()
    refused = lint_imports(tree, "--contract", "mes-order")
    stray.unlink()
    assert refused.returncode == 1
    assert "mes.stray" in refused.stdout


# --- one way to do each thing -------------------------------------------------------------------------------


@pytest.mark.parametrize("thing", [r"\.commit\(", r"(?i)with_for_update|\bfor (no key )?update\b"])
def test_commits_and_row_locks_stand_in_one_file(thing: str) -> None:
    files = [*sources("mes", "equipment"), *(ROOT / "mes").rglob("*.sql")]
    found = {str(file.relative_to(ROOT)) for file in files if re.search(thing, file.read_text())}
    assert found == {"mes/db.py"}


# The edge, where people, networks and processes are: it hands time in, and it may wait.
EDGE = {"cli", "app", "web", "events", "jobs", "http", "postgres"}
OWN_TIME_OR_CHANCE = re.compile(
    r"\b(?:datetime|date)\.(?:now|today|utcnow)\(|\btime\.(?:time|monotonic|sleep)\(|\bdefault_rng\(|\bimport random\b"
    r"|(?<![.\w])hash\("
)


def domain_sources() -> Iterator[Path]:
    """Code of the MES below its edge."""
    for file in sources("mes"):
        feature = file.relative_to(ROOT / "mes").parts[0].removesuffix(".py")
        if feature not in EDGE:
            yield file


def test_the_domain_knows_no_event_loop() -> None:
    loops = re.compile(r"^\s*async def|^\s*(?:import|from) asyncio", re.MULTILINE)
    assert [str(file) for file in domain_sources() if loops.search(file.read_text())] == []


def test_time_and_chance_come_from_outside() -> None:
    devices = [f for f in sources("equipment/sim") if not f.name.startswith("server") and f.name != "__main__.py"]
    files = [*domain_sources(), *devices]
    assert devices
    found = {str(file.relative_to(ROOT)) for file in files if OWN_TIME_OR_CHANCE.search(file.read_text())}
    assert found == {"mes/clock.py"}


def test_bodies_of_maps_are_read_only_when_asked_for() -> None:
    always_read = {
        f"{mapper.local_table}.{column.key}"
        for mapper in Base.registry.mappers
        for column in mapper.column_attrs
        if isinstance(column.columns[0].type, BYTEA) and not column.deferred
    }
    small = {f"{mapper.local_table}.history_hash" for mapper in Base.registry.mappers}
    assert always_read - small == {
        "api_key.token_sha256",
        "command_answer.asked_sha256",
        "command_answer.body",
        "history.hash",
        "occupancy.positions",
        "sign_in.token_sha256",
        "sign_in_try.name_sha256",
    }


# --- budgets and words --------------------------------------------------------------------------------------


def test_no_file_is_longer_than_its_budget() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for file in sources("mes", "equipment", "checks", "bench", "tests")
    }
    assert {file: lines for file, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_longer_than_its_budget() -> None:
    too_long = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for file in sources("mes", "equipment", "checks", "bench", "tests")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert too_long == []


def undocumented_members(source: str) -> list[str]:
    """Members of the enums in `source` that no docstring follows."""
    bare = []
    for enum in ast.walk(ast.parse(source)):
        if isinstance(enum, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in enum.bases):
            for member, after in zip(enum.body, [*enum.body[1:], None], strict=True):
                told = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                if isinstance(member, ast.Assign) and not told:
                    bare.append(f"{enum.name}.{ast.unparse(member.targets[0])}")
    return bare


def test_every_state_says_what_it_means() -> None:
    files = [file for file in sources("mes", "equipment") if file.name == "states.py"]
    assert files
    assert [(str(f.relative_to(ROOT)), bare) for f in files if (bare := undocumented_members(f.read_text()))] == []


def test_state_without_a_word_is_found() -> None:
    source = 'class State(StrEnum):\n    A = "a"\n    """Told."""\n    B = "b"\n    C = "c"\n    """Told."""\n'
    assert undocumented_members(source) == ["State.B"]


# --- the schema: migrations from empty equal the models ------------------------------------------------------

CATALOGUE = {
    "columns": """select table_name, column_name, data_type, is_nullable, column_default, is_identity
        from information_schema.columns where table_schema = 'public'""",
    "constraints": """select conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        from pg_constraint where connamespace = 'public'::regnamespace""",
    "indexes": "select tablename, indexname, indexdef from pg_indexes where schemaname = 'public'",
    "row security": """select relname, relrowsecurity, relforcerowsecurity
        from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'm', 'p')""",
    "policies": """select tablename, policyname, permissive, roles::text, cmd, qual, with_check
        from pg_policies where schemaname = 'public'""",
    "triggers": """select tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid)
        from pg_trigger where not tgisinternal""",
    "functions": """select proname, pg_get_functiondef(oid), proacl::text
        from pg_proc where pronamespace = 'public'::regnamespace""",
    "views": "select viewname, definition from pg_views where schemaname = 'public'",
    "sequences": """select sequencename, data_type::text, start_value, increment_by, cycle
        from pg_sequences where schemaname = 'public'""",
    "view options": "select relname, reloptions::text from pg_class where reloptions is not null",
    "grants": """select relname, relkind, coalesce(grantee.rolname, 'public'), privilege_type
        from pg_class, aclexplode(relacl) acl left join pg_roles grantee on grantee.oid = acl.grantee
        where relnamespace = 'public'::regnamespace""",
}


def catalogue(connection: Connection) -> dict[str, set[tuple[object, ...]]]:
    """What the database has, but for what alembic keeps for itself."""
    return {
        kind: {tuple(row) for row in connection.execute(text(query)) if "alembic_version" not in str(row[0])}
        for kind, query in CATALOGUE.items()
    }


def test_migrations_from_empty_equal_the_models(owner_url: URL, empty_url: URL) -> None:
    """Also what `alembic check` does not see: CHECKs, policies, triggers, views, functions and grants."""
    with create_engine(empty_url, poolclass=NullPool).begin() as connection:
        metadata.create_all(connection)
        for statement in guards.statements(metadata):
            connection.execute(text(statement))
        declared = catalogue(connection)
    with create_engine(owner_url, poolclass=NullPool).connect() as connection:
        migrated = catalogue(connection)
    for kind in CATALOGUE:
        assert migrated[kind] == declared[kind], kind
    assert all(declared[kind] for kind in CATALOGUE)


def test_names_of_migrations_tell_their_versions_in_order() -> None:
    walked = ScriptDirectory.from_config(Config(ROOT / "alembic.ini")).walk_revisions()
    assert versions() == [script.revision for script in walked][::-1]


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_alembic_sees_nothing_to_migrate(owner_url: URL) -> None:
    config = Config(ROOT / "alembic.ini")
    with create_engine(owner_url, poolclass=NullPool).connect() as connection:
        config.attributes["connection"] = connection
        command.check(config)
