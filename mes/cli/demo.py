"""`mes demo`: the demonstration centre, all processes on one embedded database.

With pages and people the plant clock runs at a chosen speed until Ctrl-C. Headless, a conductor steps the clock, the
lots run to their end, and the summary is printed.
"""

import asyncio
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from mes.cli import logs
from mes.cli.centre import Centre
from mes.cli.conductor import Conductor, Settled, Stuck
from mes.cli.headless_summary import show_summary, summary
from mes.cli.output import Json, print_json, refuse, told_time, working
from mes.cli.remote import refuse_address
from mes.errors import Malformed
from mes.settings import Settings

LOTS, SPEED, SEED = 14, 300.0, 7


def demo(
    *,
    headless: Annotated[bool, typer.Option("--headless", help="Step the clock, print the summary, end.")] = False,
    lots: Annotated[int, typer.Option(min=1, max=10_000, help="How many lots to feed at first.")] = LOTS,
    speed: Annotated[float, typer.Option(min=1, max=10_000, help="Plant seconds in a second.")] = SPEED,
    seed: Annotated[int, typer.Option(min=0, help="Of every draw of the simulators.")] = SEED,
    data_dir: Annotated[Path | None, typer.Option(help="Where everything is kept; MES_DATA_DIR if not given.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Of the pages; 0 takes a free one.")] = None,
    plant: Annotated[Path | None, typer.Option(help="Folder of another plant.")] = None,
    as_json: Json = False,
) -> None:
    """Run the demonstration centre on simulated equipment.

    Example: mes demo --headless --lots 14 --seed 7 --json
    """
    settings = Settings()
    refuse_address(settings)
    logs.set_up(settings.log_format)
    plant_dir = plant or settings.plant_dir
    if not (plant_dir / "demonstration.yaml").exists():
        raise Malformed(f"{plant_dir} has no demonstration.yaml; name the folder of a plant with --plant.")
    with _folder(data_dir, settings, headless=headless) as folder:
        centre = Centre(folder, plant_dir, settings, seed=seed, port=0 if headless and port is None else port)
        if headless:
            raise typer.Exit(_headless(centre, lots, as_json=as_json))
        _live(centre, lots, speed)


@contextmanager
def _folder(given: Path | None, settings: Settings, *, headless: bool) -> Iterator[Path]:
    """The data directory. A headless run without one has one of its own, and takes it away."""
    if given is not None:
        yield given.absolute()
    elif headless:
        with tempfile.TemporaryDirectory(prefix="mes-demo-") as folder:
            Path(folder).chmod(0o711)  # the database server may run as another user and must reach its own folder
            yield Path(folder)
    else:
        yield settings.data_dir.absolute()


def _headless(centre: Centre, lots: int, *, as_json: bool) -> int:
    """Run ``lots`` lots to their end. 0: all ended and every way of counting agrees."""
    stop = threading.Event()
    _on_signal(stop)
    with centre.running(speed=0):
        if goes_on := already(centre):
            refuse(goes_on)
        ids = centre.feed(lots)
        try:
            with working("Running the lots", as_json=as_json) as at:
                asyncio.run(_conduct(centre, ids, stop, at))
            stuck = ""
        except Stuck as error:
            stuck = str(error)
        except _Interrupted:
            return 130
        figures = summary(centre)
        if as_json:
            print_json(figures)
        else:
            show_summary(figures)
    if stuck:
        refuse(stuck)
    good = not stuck and figures["conservation"]["equal"]
    return 0 if good else 1


def already(centre: Centre) -> str:
    """A sentence where lots are there before any is fed; they count in the summary, and may wait for equipment."""
    lots = centre.lots()
    if lots == 0:
        return ""
    held = f"{lots} lot" if lots == 1 else f"{lots} lots"
    return f"{centre.folder} already holds {held}: it goes on there, and the summary counts them, too."


class _Interrupted(Exception):
    """Ctrl-C, or a request to end."""


async def _conduct(
    centre: Centre, lot_ids: list[int], stop: threading.Event, at: Callable[[str, int, int], None]
) -> None:
    line = centre.line()
    settled = Settled(centre.database)

    def progress(now: datetime, left: int) -> None:
        if stop.is_set():
            raise _Interrupted
        done, all_of_them = len(lot_ids) - left, len(lot_ids)
        at(f"{told_time(now)} on the plant clock, {left} of {all_of_them} lots left", done, all_of_them)

    try:
        conductor = Conductor(centre.database, line, settled, centre.persons, centre.sign, centre.next_look)
        await conductor.begin()
        centre.connect()
        await conductor.run(lot_ids, progress)
    finally:
        settled.close()
        for equipment in line:
            await equipment.close()


def _live(centre: Centre, lots: int, speed: float) -> None:
    stop = threading.Event()
    _on_signal(stop)
    with centre.running(speed=speed):
        centre.feed_if_low(lots)
        centre.feed_people()
        centre.connect()
        centre.wait_for_pages()
        typer.echo(centre.welcome())
        while not stop.wait(2.0):
            centre.persons_now()
            centre.feed_if_low(lots)
            centre.feed_people()
        typer.echo("Ending ...")


def _on_signal(stop: threading.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
