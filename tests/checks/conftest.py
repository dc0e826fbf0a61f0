"""The miniature shop, worked once; every test gets a copy of its database to plant faults in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import copy as copy_file

import pytest
from sqlalchemy.engine import URL

from mes.postgres import EmbeddedPostgres
from tests.checks.shop import run_shop
from tests.databases import copied, copy, opened, superuser

WORKED = "template_worked"


@pytest.fixture(scope="session")
def worked(postgres: EmbeddedPostgres, migrated: URL, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hidden truth of the shop at work; its database is the template."""
    assert migrated.database is not None
    copy(postgres, migrated.database, WORKED)
    truth = tmp_path_factory.mktemp("truth") / "world.sqlite"
    with opened(migrated.set(database=WORKED)) as database:
        run_shop(database, truth)
    return truth


@dataclass(frozen=True)
class Shop:
    """A copy of the database and of the truth."""

    url: str
    truth: Path
    postgres: EmbeddedPostgres
    name: str

    def plant(self, statement: str) -> None:
        """Change rows as only the owner of the database can, past its guards."""
        with superuser(self.postgres, self.name) as connection:
            connection.execute("set session_replication_role = replica")
            for part in statement.split(";"):
                connection.execute(part.encode())


@pytest.fixture
def shop(worked: Path, postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[Shop]:
    """The shop after its work."""
    copy_file(worked, tmp_path)
    with copied(postgres, WORKED) as url:
        name = str(url.database)
        yield Shop(url.render_as_string(hide_password=False), tmp_path / worked.name, postgres, name)
