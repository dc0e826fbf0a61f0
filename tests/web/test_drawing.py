"""The page that the benchmark of drawing renders by itself is the page that people see."""

from bench.drawing import context
from mes.web.pages import View, render


def test_the_benchmark_gives_the_page_all_that_it_asks_for() -> None:
    assert 'id="map"' in render("substrate.html", View(), **context())
