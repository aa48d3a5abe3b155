"""Key ring, signing, sealing, keyed hashes, tokens. The only room with cryptography.

Nothing here shows a key: not a repr, not an error, not a log line.
"""

from gateway.keys.api_keys import new_api_key, read_api_key, same_digest
from gateway.keys.cosignatures import CosignatureVerifier, Cosigner
from gateway.keys.notes import LogSigner, NoteVerifier, is_key_name, read_base64, split_note
from gateway.keys.retention import RetentionKeys, RetentionOpener, SealingKey, rewrap_retention
from gateway.keys.ring import STALE_SECONDS, KeyRing, make_ring, rewrap
from gateway.keys.roots import LocalRoot, RootKey, open_root
from gateway.keys.tokens import Issuer, judge_times, times_of, verify_token

__all__ = [
    "STALE_SECONDS",
    "CosignatureVerifier",
    "Cosigner",
    "Issuer",
    "KeyRing",
    "LocalRoot",
    "LogSigner",
    "NoteVerifier",
    "RetentionKeys",
    "RetentionOpener",
    "RootKey",
    "SealingKey",
    "is_key_name",
    "judge_times",
    "make_ring",
    "new_api_key",
    "open_root",
    "read_api_key",
    "read_base64",
    "rewrap",
    "rewrap_retention",
    "same_digest",
    "split_note",
    "times_of",
    "verify_token",
]
