"""``python -m equipment.sim``: every equipment of a plant as an OPC UA server of its own.

The data directory gets ``endpoints.json``, ``pki``, ``disks`` (what each equipment must remember) and ``truth``
(what really happened; only checks read it). It serves until it gets SIGTERM or SIGINT.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from equipment.interface.endpoints import FILE
from equipment.interface.nodesets import NodeSetError
from equipment.interface.pki import make_connector, make_credentials, make_server
from equipment.sim.line import TRUTH_FILE, BadLine
from equipment.sim.server_line import Line, LineError, free_ports
from equipment.sim.server_process import TRUTH, DeviceMaker, Post, RunningClock, configs_of
from equipment.sim.world import World


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the line. 0: ended by a signal; 1: it could not be started, with the reason on standard error."""
    options = _options(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    data_dir: Path = options.data_dir.resolve()
    try:
        names = list(configs_of(options.plant))
        clock = None if options.stepped else RunningClock(options.epoch, options.wall0, options.speed)
        posts = _posts(data_dir, names, options.port_base, clock)
        Line(data_dir, posts, DeviceMaker(options.plant, data_dir, options.seed), fork=not options.spawn).run(
            lambda: print(f"{len(posts)} equipment serving, see {data_dir / FILE}", flush=True)  # noqa: T201
        )
    except (BadLine, LineError, NodeSetError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _posts(data_dir: Path, names: list[str], port_base: int | None, clock: RunningClock | None) -> list[Post]:
    data_dir.mkdir(parents=True, exist_ok=True)
    make_connector(data_dir)
    make_credentials(data_dir)
    (data_dir / TRUTH).mkdir(exist_ok=True)
    # made once here: processes that make it side by side lock each other out
    World(data_dir / TRUTH / TRUTH_FILE).close()
    ports = free_ports(len(names), port_base)
    return [
        Post(name, f"opc.tcp://127.0.0.1:{port}/", make_server(data_dir, name), data_dir, clock)
        for name, port in zip(names, ports, strict=True)
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m equipment.sim", description="The simulated equipment of a plant.")
    parser.add_argument("--plant", type=Path, required=True, help="folder with equipment.yaml")
    parser.add_argument("--data-dir", type=Path, required=True, help="where disks, keys and endpoints are kept")
    parser.add_argument("--seed", type=int, required=True, help="of every draw")
    parser.add_argument("--port-base", type=int, help="first of a block of ports; a free block where it is missing")
    parser.add_argument("--spawn", action="store_true", help="start every process from scratch, as where none can fork")
    parser.add_argument("--stepped", action="store_true", help="a conductor moves the clock")
    parser.add_argument("--epoch", type=_plant_time, help="plant time, ISO 8601, at --wall0")
    parser.add_argument("--wall0", type=float, help="seconds of the Unix epoch at which the plant clock began to run")
    parser.add_argument("--speed", type=float, help="plant seconds in a second")
    return parser


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    running = [value is not None for value in (options.epoch, options.wall0, options.speed)]
    if any(running) if options.stepped else not all(running):
        parser.error("give either --stepped or all of --epoch, --wall0 and --speed")
    return options


def _plant_time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
