"""The live line board: equipment by area, what runs on it, and what waits for it."""

from mes.web.board.pages import router

__all__ = ["router"]
