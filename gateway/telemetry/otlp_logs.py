"""Records -> OTLP logs over HTTP (opentelemetry.io/docs/specs/otlp): one request a batch, in protobuf."""

from collections.abc import Sequence
from typing import Final

import httpx2

from gateway.errors import SettingsInvalid
from gateway.settings import Forwarding
from gateway.telemetry.logs import operator_log
from gateway.telemetry.records import ForwardFailed, Record
from gateway.telemetry.syslog import seen

_SEVERITIES: Final = {"info": (9, "INFO"), "notice": (10, "INFO2"), "warning": (13, "WARN")}
_SECONDS: Final = 10.0


class OtlpSender:
    """One HTTP client. Blocking; for one thread."""

    def __init__(self, settings: Forwarding, origin: str) -> None:
        try:
            import opentelemetry.proto.collector.logs.v1.logs_service_pb2 as service
        except ImportError:
            raise SettingsInvalid(
                fault="`forwarding`: OTLP is an extra that is not installed", fix="pip install langqiao[otlp]"
            ) from None
        self._service = service
        self._address = settings.address
        self._origin = origin
        self._client = httpx2.Client(
            timeout=_SECONDS,
            trust_env=False,
            verify=str(settings.ca_file) if settings.ca_file is not None else True,
        )

    def send(self, records: Sequence[Record]) -> None:
        """Return when the collector has answered that it took them; raises ForwardFailed."""
        body = self._request(records)
        try:
            answer = self._client.post(self._address, content=body, headers={"content-type": "application/x-protobuf"})
        except (httpx2.HTTPError, OSError) as error:
            raise ForwardFailed(type(error).__name__) from None
        if answer.status_code != 200:
            raise ForwardFailed(f"status {answer.status_code}")
        told = self._service.ExportLogsServiceResponse()
        try:
            told.ParseFromString(answer.content)
        except Exception:  # noqa: BLE001 - protobuf's own; the collector took them and said something else
            raise ForwardFailed("an answer that is none") from None
        rejected = told.partial_success.rejected_log_records
        if rejected:  # the protocol forbids to send them again
            operator_log().warning("forwarding", detail="records rejected", count=rejected)

    def close(self) -> None:
        """Let connections go."""
        self._client.close()

    def _request(self, records: Sequence[Record]) -> bytes:
        request = self._service.ExportLogsServiceRequest()
        logs = request.resource_logs.add()
        for key, text in (("service.name", "langqiao"), ("langqiao.origin", self._origin)):
            logs.resource.attributes.add(key=key).value.string_value = text
        scope = logs.scope_logs.add()
        scope.scope.name = "langqiao.audit"
        for record in records:
            made = scope.log_records.add()
            made.time_unix_nano = round(record.at.timestamp() * 1_000_000) * 1_000
            made.observed_time_unix_nano = made.time_unix_nano
            made.severity_number, made.severity_text = _SEVERITIES[record.severity]
            made.body.string_value = seen(record.text)
            made.event_name = f"langqiao.{record.name}"
            for name, value in record.attributes.items():
                attribute = made.attributes.add(key=f"langqiao.{name}")
                if isinstance(value, bool):
                    attribute.value.bool_value = value
                elif isinstance(value, int):
                    attribute.value.int_value = value
                else:
                    attribute.value.string_value = seen(value)
        content: bytes = request.SerializeToString()
        return content
