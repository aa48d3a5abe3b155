"""Workers that tell of each other: what one wrote, the next one shows; what is old or broken is left out."""

import asyncio
import os
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from gateway.telemetry import Metrics, SharedFigures, SourceFigures
from gateway.telemetry.shared_figures import GONE_SECONDS


def figures(answered: int) -> SourceFigures:
    return SourceFigures(
        name="civil-db", circuit="closed", running=1, waiting=0, answered=answered, failed=0, busy=0, rested=0,
        openings=0, reopened=0, seconds=0.5,
    )  # fmt: skip


def shared(folder: Path, place: int, begun: int = 1) -> SharedFigures:
    return SharedFigures(folder=folder, place=place, begun=begun)


def answered(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["worker"], sample.labels["source"]): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
        if sample.name == "langqiao_source_questions_total" and sample.labels["outcome"] == "answered"
    }


def test_whoever_is_asked_tells_of_all(tmp_path: Path) -> None:
    first, second = (Metrics(lambda n=n: [figures(n)], shared(tmp_path, n)) for n in (0, 1))  # type: ignore[misc]

    async def run() -> None:
        async with first.sharing(), second.sharing():
            for _ in range(200):
                await asyncio.sleep(0.01)
                if len(list(tmp_path.glob("*.json"))) == 2:
                    break
            assert answered(first) == answered(second) == {("1", "civil-db"): 0, ("2", "civil-db"): 1}

    asyncio.run(run())


def test_one_process_alone_has_no_such_label(tmp_path: Path) -> None:
    metrics = Metrics(lambda: [figures(3)])

    async def run() -> None:
        async with metrics.sharing():
            assert b"worker" not in metrics.text()

    asyncio.run(run())
    assert not list(tmp_path.iterdir())


def test_a_worker_that_is_gone_and_a_file_that_is_broken_are_left_out(tmp_path: Path) -> None:
    for place in (1, 2):
        shared(tmp_path, place).write([figures(place)])
    mine = shared(tmp_path, 0)
    assert set(mine.others()) == {"2", "3"}
    old = time.time() - GONE_SECONDS - 1
    os.utime(tmp_path / "1.json", (old, old))
    for text in ("", "{}", "[]", '{"sources":[{"name":1}]}', '{"sources":[1]}', "\x00"):
        (tmp_path / "2.json").write_text(text, encoding="utf-8")
        assert mine.others() == {}
    (tmp_path / "x.json").write_text("{}", encoding="utf-8")
    assert mine.others() == {}


def test_of_two_that_have_one_place_the_later_one_tells(tmp_path: Path) -> None:
    old, new = shared(tmp_path, 1, begun=1), shared(tmp_path, 1, begun=2)
    for one, count in ((old, 1), (new, 2), (old, 3)):
        one.write([figures(count)])
    assert shared(tmp_path, 0).others() == {"2": [figures(2)]}
    (tmp_path / "1.json").write_text("no JSON", encoding="utf-8")
    old.write([figures(4)])
    assert shared(tmp_path, 0).others() == {"2": [figures(4)]}


def test_a_folder_that_is_gone_disturbs_nobody(tmp_path: Path) -> None:
    mine = shared(tmp_path / "gone", 0)
    mine.write([figures(1)])
    assert mine.others() == {}
