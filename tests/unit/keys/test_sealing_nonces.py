"""No nonce serves twice under a salt, whatever the number of threads that seal, and a salt is changed in time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.audit_logs import seals_in_memory

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize("algorithms", ["international", "national"])
def test_many_threads_never_share_a_nonce(algorithms: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.keys.retention._MOST_OF_A_SALT", 50)
    seals = seals_in_memory(algorithms)
    key = seals.sealing("home-visit", AT)
    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(lambda number: key.seal(b"%d" % number, b"context"), range(2_000)))
    heads = {(part[:8], part[8:20]) for part in sealed}
    assert len(heads) == len(sealed)
    salts = [part[:8] for part in sealed]
    assert max(salts.count(salt) for salt in set(salts)) <= 50
    assert [seals.open(key.name, part, b"context") for part in sealed] == [b"%d" % number for number in range(2_000)]
