"""The operator's log: JSON lines on standard error, with a closed list of keys."""

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# SECURITY: a key that is not here is dropped, so that a careless call can't write data into the log.
ALLOWED = frozenset(
    {
        "app", "code", "count", "dataset", "detail", "event", "exception", "file", "level", "line", "purpose",
        "source", "stage", "status", "timestamp", "trace_id", "version",
    }
)  # fmt: skip


def _drop_unknown(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key in ALLOWED}


class _StandardError:
    """Writes a line to standard error as it is now; a log that can't be written must never stop the audit log."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def msg(self, message: str) -> None:
        """Write one line."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(message + "\n")
            sys.stderr.flush()

    log = debug = info = warn = warning = error = critical = fatal = failure = exception = msg


def configure_logging(level: str) -> None:
    """Set the log's level and format once, at start."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _drop_unknown,
            structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping().get(level.upper(), 20)),
        logger_factory=_StandardError,
        cache_logger_on_first_use=False,
    )


def operator_log() -> structlog.typing.FilteringBoundLogger:
    """The operator's log."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def log_failure(error: BaseException, code: str, detail: str, stage: str, trace_id: str) -> None:
    """A failure in the operator's log, with the place that it arose in; neither its text nor its traceback."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    operator_log().error(
        "refused",
        code=code,
        stage=stage,
        detail=detail,
        trace_id=trace_id,
        file=where.tb_frame.f_code.co_filename.rpartition("/")[2] if where else "",
        line=where.tb_lineno if where else 0,
    )
