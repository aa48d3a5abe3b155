"""What each of several workers may have of a source: together no more than one alone, and everyone something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.shares import refuse_workers, share_of
from gateway.errors import SettingsInvalid
from gateway.settings import Settings

POSTGRESQL = "postgresql+psycopg://langqiao@127.0.0.1/langqiao"


def settings(workers: int, concurrency: int = 8, queue: int = 64, streams: int | None = None) -> Settings:
    resilience = {"concurrency": concurrency, "queue": queue, "stream_queue": queue, "streams": streams}
    source = {"kind": "postgresql", "resilience": {name: each for name, each in resilience.items() if each}}
    return Settings.model_validate({"state_url": POSTGRESQL, "workers": workers, "sources": {"police-db": source}})


@given(
    workers=st.integers(2, 64), concurrency=st.integers(1, 300), queue=st.integers(1, 300), streams=st.integers(1, 300)
)
def test_shares_add_up_to_the_whole(workers: int, concurrency: int, queue: int, streams: int) -> None:
    whole = settings(workers, concurrency, queue, streams)
    shares = [share_of(whole, place, workers).sources["police-db"].resilience for place in range(workers)]
    for name, all_of_it in (("concurrency", concurrency), ("queue", queue), ("streams", streams)):
        parts = [getattr(share, name) for share in shares]
        assert sum(parts) == max(all_of_it, workers)
        assert min(parts) >= 1
        assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize(("workers", "concurrency", "is_refused"), [(1, 1, False), (4, 4, False), (4, 3, True)])
def test_fewer_places_than_workers_are_refused(workers: int, concurrency: int, is_refused: bool) -> None:
    if not is_refused:
        refuse_workers(settings(workers, concurrency))
        return
    with pytest.raises(SettingsInvalid, match="police-db"):
        refuse_workers(settings(workers, concurrency))
