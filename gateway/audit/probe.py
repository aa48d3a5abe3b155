"""What shows that the log can be written again. Pure."""

from datetime import datetime

from gateway.model.audit import AuditEntry, EntryKind


def probe_entry(now: datetime) -> AuditEntry:
    """The entry that shows that the log can be written again."""
    return AuditEntry(
        kind=EntryKind.PROBE, at=now, trace_id="", principal="", app="", organisation="", roles=(), purpose="",
        legal_basis=(), case="", dataset="", fields=(), filter_shape="", rows=0, subjects=(), outcome="done", code="",
        stage="", rules=(), policy_version="", duration_us=0, response_sha256="", justification="",
        needs_review=False, refers_to=None, detail="the log can be written again",
    )  # fmt: skip
