"""Which sender a target's settings ask for."""

from gateway.settings import Forwarding
from gateway.telemetry.otlp_logs import OtlpSender
from gateway.telemetry.records import Sender
from gateway.telemetry.syslog import SyslogSender


def open_sender(settings: Forwarding, origin: str) -> Sender:
    """Connects to nothing yet; raises SettingsInvalid where its extra is missing."""
    return OtlpSender(settings, origin) if settings.kind == "otlp" else SyslogSender(settings, origin)
