"""What one of several workers may take of what the whole gateway has: its share of the places at each source."""

from gateway.errors import SettingsInvalid
from gateway.settings import Resilience, Settings


def refuse_workers(settings: Settings) -> None:
    """Raises SettingsInvalid where the settings can't be served by so many workers."""
    if settings.workers == 1:
        return
    if settings.state_url.startswith("sqlite"):
        raise SettingsInvalid(
            fault=f"`workers`: {settings.workers} processes need a state on PostgreSQL; SQLite serves one",
            fix="set state_url to postgresql+psycopg://…, or workers to 1",
        )
    for name, source in settings.sources.items():
        if source.resilience.concurrency < settings.workers:
            raise SettingsInvalid(
                fault=f"`sources.{name}.resilience.concurrency`: {source.resilience.concurrency} places can't be "
                f"shared by {settings.workers} workers",
                fix="give the source at least one place a worker, or use fewer workers",
            )


def share_of(settings: Settings, place: int, workers: int) -> Settings:
    """The settings of worker `place` of so many: each source's places are divided, the rest is each one's own."""
    sources = {
        name: source.model_copy(update={"resilience": _divided(source.resilience, place, workers)})
        for name, source in settings.sources.items()
    }
    return settings.model_copy(update={"sources": sources})


def _divided(whole: Resilience, place: int, workers: int) -> Resilience:
    streams = whole.streams or max(1, whole.concurrency // 2)
    return whole.model_copy(
        update={
            "concurrency": _part(whole.concurrency, place, workers),
            "queue": _part(whole.queue, place, workers),
            "streams": _part(streams, place, workers),
            "stream_queue": _part(whole.stream_queue, place, workers),
        }
    )


def _part(whole: int, place: int, workers: int) -> int:
    """Equal parts that add up to the whole, but at least one each."""
    return max(1, whole // workers + (place < whole % workers))
