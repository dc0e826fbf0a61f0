"""The client over OPC UA keeps the contract that its twin in memory keeps, against real server processes."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.equipment.contract import Contract, for_every_contract
from tests.equipment.line_process import LineProcess


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineProcess]:
    data_dir = tmp_path_factory.mktemp("contracts")
    process = LineProcess(data_dir, "-m", "tests.equipment.contract_line", str(data_dir))
    yield process
    process.close()


@for_every_contract
def test_contract(line: LineProcess, contract: Contract) -> None:
    async def keep() -> None:
        bonder = line.client(contract.__name__, "bonder-1")
        try:
            await bonder.connect()
            await contract(bonder)
        finally:
            await bonder.close()

    asyncio.run(keep())
