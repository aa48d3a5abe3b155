"""The policy engine at a city's size, beside plain pycasbin, Cedar and Cerbos on the same policy in the same run."""

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks.contenders import Cedar, Cerbos, Contender, Langqiao, PlainCasbin, cerbos_server
from benchmarks.policy_city import NOW, City, Question, build_city
from benchmarks.report import write_section
from gateway.administration.policy import without_full_collections
from gateway.decision import PolicyEngine
from gateway.model.catalog import Catalog

SIZES = (100, 1_000, 10_000, 100_000)
CROWD = 1_200
"""Rules that crowd on one dataset; some half of them match for one person."""
MOST_HOT = 24
CACHE = Path(__file__).parent.parent / ".langqiao" / "cerbos"
Times = Sequence[float]
HEADER = (
    "| rules | langqiao cold p50 / p99 ms | warm p50 / p99 µs | pycasbin ms | cedarpy ms | cerbos ms | ratio | agree |"
)
INTRODUCTION = (
    "One question decides `show` for the 20 fields of a dataset. Cold: not asked before; warm: asked before.",
    "The contenders take turns on the same questions; medians, except where p99 is said. `ratio`: the fastest of",
    "them to langqiao cold. `agree`: field decisions on which all gave the same answer. Memory: growth of a fresh",
    "process.",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="rules, separated by commas")
    parser.add_argument("--questions", type=int, default=1_000, help="cold questions to langqiao at each size")
    parser.add_argument("--seconds", type=float, default=20.0, help="for the other contenders at each size")
    parser.add_argument("--swaps", type=int, default=3, help="policies swapped in under load, at the largest size")
    parser.add_argument("--without", default="", help="contenders left out, separated by commas")


def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    without = set(options.without.split(",")) - {""}
    sizes = [int(size) for size in options.sizes.split(",")]
    rows = [measure(size, options, without) for size in sizes]
    largest = max(sizes)
    crowded = measure_crowd(largest, options.questions // 5)
    swapped = measure_swap(largest, options.swaps)
    text = "\n".join(
        [
            *INTRODUCTION,
            "",
            HEADER,
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *(row["decisions"] for row in rows),
            "",
            "| rules | load and index s | memory MB | cedarpy parses in s | cerbos is ready after s |",
            "| --- | --- | --- | --- | --- |",
            *(row["loading"] for row in rows),
            "",
            crowded,
            "",
            swapped,
        ]
    )
    command = f'make bench ARGS="policy --sizes {options.sizes} --questions {options.questions}"'
    return write_section("Policy engine", command, text, libraries=("pycasbin", "cedarpy"))


def measure(size: int, options: argparse.Namespace, without: set[str]) -> dict[str, str]:
    """One row of each table."""
    say(f"{size:,} rules")
    city = build_city(size)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as servers:
        bundle = city.write(Path(folder) / "bundle")
        seconds, megabytes = load_alone(size)
        engine = load(bundle, city.catalog)
        questions = city.questions(min(options.questions, size * 2), seed=7)
        # before the others are there: a server that starts takes the processors
        cold = [spent(engine, question) for question in questions]
        warm = [spent(engine, question) for _ in range(3) for question in questions]
        others: list[Contender] = [] if "pycasbin" in without else [PlainCasbin(engine)]
        parsed = ready = "left out"
        if "cedarpy" not in without:
            began = time.perf_counter()
            others.append(Cedar(city, engine.hierarchies))
            parsed = f"{time.perf_counter() - began:.1f}"
        if "cerbos" not in without:
            url, after = servers.enter_context(cerbos_server(city, engine.hierarchies, CACHE))
            ready = f"{after:.1f}" if url else f"not within {after:.0f}"
            if url:
                others.append(Cerbos(url, city, engine.hierarchies))
        theirs, agreement = compare(bundle, city, questions, others, options.seconds)
    ours = statistics.median(cold)
    best = min((statistics.median(times) for times in theirs.values() if times), default=None)
    cells = [f"{statistics.median(theirs[name]) * 1e3:,.1f}" if theirs.get(name) else "-" for name in OTHERS]
    ratio = f"{best / ours:,.0f}" if best else "-"
    return {
        "decisions": f"| {size:,} | {ours * 1e3:.2f} / {p99(cold) * 1e3:.2f} | {statistics.median(warm) * 1e6:.1f} / "
        f"{p99(warm) * 1e6:.0f} | {' | '.join(cells)} | {ratio} | {agreement} |",
        "loading": f"| {size:,} | {seconds:.2f} | {megabytes:.0f} | {parsed} | {ready} |",
    }


OTHERS = ("pycasbin", "cedarpy", "cerbos")


def compare(
    bundle: Path, city: City, questions: Sequence[Question], others: Sequence[Contender], seconds: float
) -> tuple[dict[str, list[float]], str]:
    """Every contender in turn on the same questions, until the time is spent; an engine of its own for ours."""
    ours = Langqiao(load(bundle, city.catalog))
    theirs: dict[str, list[float]] = {other.name: [] for other in others}
    same = total = 0
    end = time.perf_counter() + seconds
    for number, question in enumerate(questions):
        if number >= 3 and time.perf_counter() > end:
            break
        expected = ours.decide(question)
        answers = []
        for other in others:
            began = time.perf_counter()
            answers.append(other.decide(question))
            theirs[other.name].append(time.perf_counter() - began)
        same += sum(all(answer[place] == verdict for answer in answers) for place, verdict in enumerate(expected))
        total += len(expected)
    return theirs, f"{same:,} of {total:,}"


def measure_crowd(size: int, count: int) -> str:
    """A sentence on a dataset that hundreds of rules crowd on."""
    say("skew")
    city = build_city(size, skew=min(CROWD, size // 2))
    with tempfile.TemporaryDirectory() as folder:
        bundle = city.write(Path(folder) / "bundle")
        engine = load(bundle, city.catalog)
        questions = city.questions(min(count, MOST_HOT), seed=11, hot=True)
        cold: list[float] = []
        for _ in range(max(1, count // len(questions))):
            engine.outcomes = type(engine.outcomes)()
            cold += [spent(engine, question) for question in questions]
        matched = statistics.median(
            len(verdict.rules)
            for question in questions
            for verdict in engine.decide(question.bound, question.caller, None, NOW).fields.values()
        )
    return (
        f"Skew: where {matched:.0f} rules match each of the 20 fields (median), a cold decision takes "
        f"{statistics.median(cold) * 1e3:.1f} ms at the median and {p99(cold) * 1e3:.1f} ms at the 99th percentile."
    )


def measure_swap(size: int, swaps: int) -> str:
    """A sentence on policies swapped in while questions are asked: wrong answers, and the longest pause."""
    say("swap under load")
    with tempfile.TemporaryDirectory() as folder:
        cities = [build_city(size, seed=seed) for seed in (2026, 2027)]
        bundles = [city.write(Path(folder) / str(number)) for number, city in enumerate(cities)]
        catalogs = [city.catalog for city in cities]
        built = {city.catalog.version: load(bundle, city.catalog) for city, bundle in zip(cities, bundles, strict=True)}
        asked = {city.catalog.version: city.questions(200, seed=13) for city in cities}
        right = {
            version: [decide(built[version], question) for question in questions]
            for version, questions in asked.items()
        }
        serving = [load(bundles[0], catalogs[0])]
        is_over = threading.Event()
        pauses: list[float] = []
        wrong = 0

        def ask() -> None:
            nonlocal wrong
            number = 0
            last = time.perf_counter()
            while not is_over.is_set():
                engine = serving[0]
                number += 1
                place = number % 200
                answer = decide(engine, asked[engine.version][place])
                wrong += answer != right[engine.version][place]
                now = time.perf_counter()
                pauses.append(now - last)
                last = now

        built.clear()
        gc.collect()
        asking = threading.Thread(target=ask)
        asking.start()
        loads = []
        for number in range(1, swaps + 1):
            began = time.perf_counter()
            turn = number % 2
            engine = load(bundles[turn], catalogs[turn])
            loads.append(time.perf_counter() - began)
            serving[0] = engine
            del engine
            time.sleep(1.0)
        is_over.set()
        asking.join()
    return (
        f"Swap under load at {size:,} rules: {swaps} policies loaded (median {statistics.median(loads):.1f} s beside a "
        f"thread that asks without pause) and swapped in: {len(pauses):,} decisions, {wrong} wrong, longest pause "
        f"{max(pauses) * 1e3:.1f} ms, 99.9th percentile {sorted(pauses)[int(len(pauses) * 0.999)] * 1e3:.2f} ms."
    )


def load_alone(size: int) -> tuple[float, float]:
    """Seconds and megabytes that loading takes in a process of its own; medians of three."""
    script = f"from benchmarks.policy_engine import load_and_tell; load_and_tell({size})"
    told = [
        json.loads(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)
        for _ in range(3)
    ]
    return statistics.median(each["seconds"] for each in told), statistics.median(each["megabytes"] for each in told)


def load_and_tell(size: int) -> None:
    """In a process of its own: print what loading took."""
    city = build_city(size)
    with tempfile.TemporaryDirectory() as folder:
        bundle = city.write(Path(folder) / "bundle")
        catalog = city.catalog
        del city
        gc.collect()
        before = resident()
        began = time.perf_counter()
        engine = load(bundle, catalog)
        seconds = time.perf_counter() - began
        grown = resident() - before
        sys.stdout.write(json.dumps({"seconds": seconds, "megabytes": grown, "rules": len(engine.judge.rules)}))


def resident() -> float:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def decide(engine: PolicyEngine, question: Question) -> list[bool]:
    """The verdicts, as the other contenders give them."""
    decision = engine.decide(question.bound, question.caller, None, NOW)
    return [verdict.verdict.value != "deny" for verdict in decision.fields.values()]


def load(bundle: Path, catalog: Catalog) -> PolicyEngine:
    """As the gateway does it."""
    with without_full_collections():
        return PolicyEngine.load(bundle, catalog)


def spent(engine: PolicyEngine, question: Question) -> float:
    """Seconds of one decision."""
    began = time.perf_counter()
    engine.decide(question.bound, question.caller, None, NOW)
    return time.perf_counter() - began


def p99(times: Times) -> float:
    """The 99th percentile."""
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def say(text: str) -> None:
    """Progress."""
    sys.stderr.write(f"… {text}\n")
