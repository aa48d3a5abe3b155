"""What a request costs as policy, catalogue and log grow; how long it takes from the command to the first answer."""

import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.serving.bare import bare
from benchmarks.serving.databases import Databases
from benchmarks.serving.http_server import HttpServer, ask
from benchmarks.serving.langqiao import BUNDLE, Home, build_bundle, build_home, run_gateway, state_url
from benchmarks.serving.processes import cpu_seconds, memory
from benchmarks.serving.questions import QUESTIONS
from gateway.administration import open_ring, open_seals
from gateway.app import utc_now
from gateway.audit.encoding import encode_entry
from gateway.audit.probe import probe_entry
from gateway.audit.sequencer import Sequencer
from gateway.model.audit import EntryKind, FieldTrace
from gateway.settings import load_settings
from gateway.store import open_state

CONNECTIONS = 16
_LINES, _BATCH = 8_000, 2_048  # a rule file has at most a mebibyte; entries that are written at a time
_RULES_A_ROLE, _FIELDS, _DATASETS_A_DEPARTMENT = 20, 20, 10
_SETTLE_SECONDS, _IDLE = 600, 0.05
_MEGABYTE = 1024 * 1024
_OWN_DATASETS = 3


@dataclass(frozen=True, slots=True)
class Point:
    """A gateway of some size under load."""

    size: int
    rate: float
    share: float  # of the bare callable's rate, in the same rounds
    cpu: float  # µs a request
    start: float  # seconds to the first answer
    memory: int


def cold_starts(databases: Databases, folder: Path, rounds: int) -> list[str]:
    """From the command to the first answer, of a gateway that has served before, beside the bare callable."""
    home = build_home(folder / "cold", databases, state_url("postgresql", databases, folder))
    ways: dict[str, Callable[[], AbstractContextManager[HttpServer]]] = {
        "**Langqiao**": lambda: run_gateway(home), "bare ASGI": lambda: bare("bare", databases, folder)
    }  # fmt: skip
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, start in ways.items():
            seconds = _first_answer(start, databases)
            if number:
                took[name].append(seconds)
    lines = ["| from the command to the first answer | s (min..max) |", "| --- | --- |"]
    return lines + [
        f"| {name} | {statistics.median(all_):.2f} ({min(all_):.2f}..{max(all_):.2f}) |" for name, all_ in took.items()
    ]


def _first_answer(start: Callable[[], AbstractContextManager[HttpServer]], databases: Databases) -> float:
    begun = time.perf_counter()
    with start() as running:
        ask(running.requests["a"], databases.ids[0])
        return time.perf_counter() - begun


def rules_curve(databases: Databases, folder: Path, sizes: Sequence[int], rounds: int, seconds: float) -> list[str]:
    """Rules of other people: half of them speak of the dataset that is asked for."""
    points = []
    for size in sizes:
        bundle = build_bundle(folder / f"rules-{size}")
        _add_rules(bundle, size - _own_rules())
        points.append(_point(size, bundle, databases, folder, rounds, seconds))
    return _table("rules", points)


def datasets_curve(databases: Databases, folder: Path, sizes: Sequence[int], rounds: int, seconds: float) -> list[str]:
    """Datasets of twenty fields, ten to a department."""
    points = []
    for size in sizes:
        bundle = build_bundle(folder / f"datasets-{size}")
        _add_datasets(bundle, size - _OWN_DATASETS)
        points.append(_point(size, bundle, databases, folder, rounds, seconds))
    return _table("datasets", points)


def log_curve(databases: Databases, folder: Path, sizes: Sequence[int], rounds: int, seconds: float) -> list[str]:
    """One log that grows; the gateway is started anew at each size, and left until its index has caught up."""
    home = build_home(folder / "log", databases, state_url("postgresql", databases, folder))
    points = []
    for size in sizes:
        _fill_log(home, size)
        points.append(_measure(size, home, databases, folder, rounds, seconds))
    return _table("entries in the log", points)


def _point(size: int, bundle: Path, databases: Databases, folder: Path, rounds: int, seconds: float) -> Point:  # noqa: PLR0917 - one point of a curve
    home = build_home(
        folder / f"{bundle.name}-home", databases, state_url("postgresql", databases, folder), bundle=bundle
    )
    try:
        return _measure(size, home, databases, folder, rounds, seconds)
    finally:
        shutil.rmtree(bundle)


def _measure(size: int, home: Home, databases: Databases, folder: Path, rounds: int, seconds: float) -> Point:  # noqa: PLR0917 - one point of a curve
    question = QUESTIONS["a"]
    begun = time.perf_counter()
    with ExitStack() as stack:
        ours = stack.enter_context(run_gateway(home))
        ask(ours.requests["a"], databases.ids[0])
        start = time.perf_counter() - begun
        other = stack.enter_context(bare("bare", databases, folder))
        for one in (ours, other):
            one.check(question, databases)
            one.load(question, databases, CONNECTIONS, seconds)  # warm
        _settle(ours.pid)
        rates, shares, costs = [], [], []
        for _ in range(rounds):
            before = cpu_seconds(ours.pids)
            load = ours.load(question, databases, CONNECTIONS, seconds)
            costs.append((cpu_seconds(ours.pids) - before) / load.requests * 1e6)
            rates.append(load.rate)
            shares.append(load.rate / other.load(question, databases, CONNECTIONS, seconds).rate)
        held = memory(ours.pid)
    point = Point(size, statistics.median(rates), statistics.median(shares), statistics.median(costs), start, held)
    print(f"{point}", flush=True)
    return point


def _settle(pid: int) -> None:
    until = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < until:
        before = cpu_seconds([pid])
        time.sleep(2)
        if (cpu_seconds([pid]) - before) / 2 < _IDLE:
            return


def _table(what: str, points: Sequence[Point]) -> list[str]:
    lines = [
        f"| {what} | requests/s | share of bare ASGI | server µs | start to first answer s | memory MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return lines + [
        f"| {one.size:,} | {one.rate:,.0f} | {one.share:.2f} | {one.cpu:,.0f} | {one.start:.1f}"
        f" | {one.memory / _MEGABYTE:,.0f} |"
        for one in points
    ]


def _own_rules() -> int:
    return sum(
        line.startswith("p,")
        for file in (BUNDLE / "rules").glob("*.csv")
        for line in file.read_text(encoding="utf-8").splitlines()
    )


def _add_rules(bundle: Path, count: int) -> None:
    roles = range(max(0, count) // _RULES_A_ROLE + 1)
    with (bundle / "roles.yaml").open("a", encoding="utf-8") as file:
        file.writelines(f"other/r{role}:\n  title: {{zh: 其他, en: Other}}\n" for role in roles)
    _add_datasets(bundle, 10)
    lines = list(_rules(count))
    for start in range(0, len(lines), _LINES):
        text = "\n".join(lines[start : start + _LINES])
        (bundle / "rules" / f"other-{start:06}.csv").write_text(text + "\n", encoding="utf-8")


def _rules(count: int) -> Iterator[str]:
    shown = ("name", "phone", "address", "sex", "birth_date", "id_number")
    for number in range(count):
        role = f"role:other/r{number // _RULES_A_ROLE}"
        field = (
            f"public-security.resident.{shown[number % len(shown)]}"
            if number % 2
            else f"other-0.d{number % _DATASETS_A_DEPARTMENT}.f{number % _FIELDS}"
        )
        yield (
            f"p, X{number:06}, {role}, app:any, field:{field}, show, pur:home-visit, cn, *, , , , allow, level=redact"
        )


def _add_datasets(bundle: Path, count: int) -> None:
    for first in range(0, count, _DATASETS_A_DEPARTMENT):
        name = f"other-{first // _DATASETS_A_DEPARTMENT}"
        lines = [f"department: {name}", "title: {zh: 其他, en: Other}", "source: police-db", "datasets:"]
        for number in range(min(_DATASETS_A_DEPARTMENT, count - first)):
            lines += [
                f"  d{number}:", "    title: {zh: 其他, en: Other}", f"    table: t{number}", "    key: [f0]",
                "    fields:",
                *(
                    f"      f{place}: {{column: f{place}, type: text, class: internal, title: {{zh: 其他, en: Other}}}}"
                    for place in range(_FIELDS)
                ),
            ]  # fmt: skip
        (bundle / "catalog" / f"{name}.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _fill_log(home: Home, size: int) -> None:
    settings = load_settings(home.settings)
    state = open_state(settings.state_url)
    try:
        ring, seals = open_ring(settings.keys, state, utc_now), open_seals(settings.keys, state, utc_now)
        sequencer = Sequencer(state, ring.log_signer(settings.audit.origin), settings.high_water, utc_now, 30)
        sequencer.recover()
        template = replace(
            probe_entry(utc_now()), kind=EntryKind.READ, principal="grid-worker", app="community-desk",
            organisation="county", roles=("community/grid-worker",), purpose="home-visit", rows=1, outcome="released",
            legal_basis=("个人信息保护法 第三十四条",), dataset="public-security.resident",
            fields=(FieldTrace(field="name", level="partial", uses=("show",)),),
        )  # fmt: skip
        while (begin := sequencer.seen_size) < size:
            numbers = range(begin, min(size, begin + _BATCH))
            sequencer.append(
                [
                    encode_entry(
                        replace(template, trace_id=f"{number:032x}", subjects=(f"{number * 7919 % 1_000_000:032x}",)),
                        seals,
                    )
                    for number in numbers
                ]
            )
        sequencer.mark()
        sequencer.forget()
    finally:
        state.close()
