"""Logs of the processes: lines for people, or JSON for collectors, on standard error."""

import logging
import sys

import structlog
from structlog.typing import Processor


def set_up(log_format: str) -> None:
    """Log as ``text`` or ``json``, stamped with the machine's time in UTC; what libraries log, too."""
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if log_format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(processors=[*steps, renderer], logger_factory=standard_error)
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer], foreign_pre_chain=steps
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for chatty in ("alembic", "asyncua", "httpx", "uvicorn.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def standard_error(*_: object) -> structlog.PrintLogger:
    """Standard error as it is now: what it was when logging was set up may be closed."""
    return structlog.PrintLogger(sys.stderr)
