"""The gateway's own database: tables, and functions over them grouped by file. It understands none of what it keeps."""

from gateway.store.app_keys import AppKeyRecord, find_key, insert_key, revoke_key
from gateway.store.cases import CaseRecord, extend_case, insert_case, move_case, read_case, read_cases
from gateway.store.cosignatures import (
    CosignatureRow,
    insert_cosignature,
    newest_cosigned_size,
    read_cosignatures,
    read_newest_cosignatures,
)
from gateway.store.data_keys import (
    count_sealed,
    destroy_data_key,
    entries_with,
    insert_data_keys,
    read_data_keys,
    reinstate_data_key,
    replace_wrapped,
    retire_data_key,
)
from gateway.store.flags import FlagKey, claim_flag, read_flags, settle_flag
from gateway.store.log import EntryRow, LogBatch, LogHead, LogStore, LogTransaction, StoreFailed, TileRow
from gateway.store.log_reading import COLUMNS, LogReader, moment_of, reading_log
from gateway.store.policy_versions import (
    PolicyVersionRow,
    insert_policy_version,
    read_policy_version,
    read_policy_versions,
)
from gateway.store.reidentifications import (
    ReidentificationRecord,
    insert_reidentification,
    move_reidentification,
    read_parts,
    read_reidentification,
    read_reidentifications,
)
from gateway.store.reviews import ReviewItem, decide_review, find_review, open_grant, open_reviews, read_notices
from gateway.store.state import State, open_state, open_state_read_only
from gateway.store.usage import charge, charge_release

__all__ = [
    "COLUMNS",
    "AppKeyRecord",
    "CaseRecord",
    "CosignatureRow",
    "EntryRow",
    "FlagKey",
    "LogBatch",
    "LogHead",
    "LogReader",
    "LogStore",
    "LogTransaction",
    "PolicyVersionRow",
    "ReidentificationRecord",
    "ReviewItem",
    "State",
    "StoreFailed",
    "TileRow",
    "charge",
    "charge_release",
    "claim_flag",
    "count_sealed",
    "decide_review",
    "destroy_data_key",
    "entries_with",
    "extend_case",
    "find_key",
    "find_review",
    "insert_case",
    "insert_cosignature",
    "insert_data_keys",
    "insert_key",
    "insert_policy_version",
    "insert_reidentification",
    "moment_of",
    "move_case",
    "move_reidentification",
    "newest_cosigned_size",
    "open_grant",
    "open_reviews",
    "open_state",
    "open_state_read_only",
    "read_case",
    "read_cases",
    "read_cosignatures",
    "read_data_keys",
    "read_flags",
    "read_newest_cosignatures",
    "read_notices",
    "read_parts",
    "read_policy_version",
    "read_policy_versions",
    "read_reidentification",
    "read_reidentifications",
    "reading_log",
    "reinstate_data_key",
    "replace_wrapped",
    "retire_data_key",
    "revoke_key",
    "settle_flag",
]
