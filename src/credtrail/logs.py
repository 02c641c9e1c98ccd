"""Structured logs to standard error. The only file that sets the log library up.

Called once per process. No log line of this project holds a token, a name, an e-mail address, an address of a
visitor or a query string; standard-library loggers (the HTTP server's, Alembic's) come out in the same form.
"""

import logging
import sys
from typing import Any

import structlog

from credtrail.settings import Settings


def set_up_logs(settings: Settings) -> None:
    """Write lines of the set level and form to standard error."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = settings.log_format == "json"
    # Tracebacks are plain text: the pretty ones show local variables, and among them the request's headers.
    plain = structlog.dev.plain_traceback
    rendering: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        _drop_row_details,
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain),
    ]
    structlog.configure(
        processors=[*shared, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _drop_row_details(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """PostgreSQL's errors quote the row at fault in a line of their own: names and addresses of people."""
    if "exception" in event:
        lines = str(event["exception"]).splitlines()
        event["exception"] = "\n".join(line for line in lines if not line.startswith("DETAIL:"))
    return event
