"""Which sender a target's settings ask for."""

from gateway.settings import Forwarding
from gateway.telemetry.records import Sender
from gateway.telemetry.syslog import SyslogSender


def open_sender(settings: Forwarding, origin: str) -> Sender:
    """Connects to nothing yet; raises SettingsInvalid where its extra is missing."""
    if settings.kind == "otlp":
        from gateway.telemetry.otlp_logs import OtlpSender

        return OtlpSender(settings, origin)
    return SyslogSender(settings, origin)
