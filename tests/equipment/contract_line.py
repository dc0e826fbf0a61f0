"""A line with one fresh bonder for every contract: ``python -m tests.equipment.contract_line DATA_DIR``."""

import sys
from pathlib import Path

from equipment.interface.pki import make_connector, make_credentials, make_server
from equipment.sim.device import Device
from equipment.sim.server_line import Line, free_ports
from equipment.sim.server_process import Post
from tests.equipment.contract import CONTRACTS
from tests.equipment.shop import Shop

DATA_DIR = Path(sys.argv[1])


def fresh_bonder(place: str) -> Device:
    """A bonder in a shop of its own, made in the process that runs it."""
    folder = DATA_DIR / "shops" / place
    folder.mkdir(parents=True)
    return Shop(folder).device()


if __name__ == "__main__":
    make_connector(DATA_DIR)
    make_credentials(DATA_DIR)
    places = [contract.__name__ for contract in CONTRACTS]
    posts = [
        Post(place, f"opc.tcp://127.0.0.1:{port}/", make_server(DATA_DIR, place), DATA_DIR, None)
        for place, port in zip(places, free_ports(len(places), None), strict=True)
    ]
    Line(DATA_DIR, posts, fresh_bonder).run(lambda: print("serving", flush=True))  # noqa: T201
