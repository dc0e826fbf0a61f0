"""Values that no column takes: told as such, not as a server that is away, and never in the server's own words."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError

from mes.db import Database
from mes.errors import Malformed

UNFIT = {
    "a character that is none": ("select cast(:v as text)", "\x00"),
    "half a character": ("select cast(:v as text)", "\udcff"),
    "such a character within JSON": ("select cast(:v as jsonb)", '"\\u0000"'),
    "a number too large": ("select cast(:v as integer)", 10**12),
    "a time zone of nowhere": ("select clock_timestamp() at time zone :v", "localtime"),
    "a text too long for an index": ("insert into connector (name) select string_agg(md5(cast(n as text)), '')"
                                     " from generate_series(1, :v) as n", 4000),
}  # fmt: skip


@pytest.mark.parametrize("value", UNFIT)
def test_value_that_no_column_takes_is_malformed(database: Database, value: str) -> None:
    statement, given = UNFIT[value]
    with pytest.raises(Malformed, match="A value cannot be stored"), database.transaction() as session:
        session.execute(text(statement), {"v": given})
    with database.reading() as session:
        assert session.scalar(text("select 1")) == 1


def test_fault_of_a_query_of_ours_stays_a_fault(database: Database) -> None:
    with pytest.raises(DataError, match="division by zero"), database.reading() as session:
        session.execute(text("select 1 / cast(:v as integer)"), {"v": 0})
