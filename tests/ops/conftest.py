"""The line with its people, as for the tests of pages."""

from tests.web.conftest import line

__all__ = ["line"]
