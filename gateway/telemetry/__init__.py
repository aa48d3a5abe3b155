"""Spans by stage, metrics and the operator's log. The only room with opentelemetry.

Promises: no attribute, event or log line holds a value of a row, a filter's literal, a token or an identifier of a
person. What may be said is a closed list here.
"""

from gateway.telemetry.figures import SourceFigures
from gateway.telemetry.logs import configure_logging, log_failure, operator_log
from gateway.telemetry.metrics import CONTENT_TYPE, Metrics
from gateway.telemetry.records import ForwardFailed, Record, Sender
from gateway.telemetry.senders import open_sender
from gateway.telemetry.shared_figures import SharedFigures
from gateway.telemetry.spans import Stage, Tracing, read_traceparent

__all__ = [
    "CONTENT_TYPE",
    "ForwardFailed",
    "Metrics",
    "Record",
    "Sender",
    "SharedFigures",
    "SourceFigures",
    "Stage",
    "Tracing",
    "configure_logging",
    "log_failure",
    "open_sender",
    "operator_log",
    "read_traceparent",
]
