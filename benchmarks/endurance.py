"""An hour of mixed load: what a gateway's memory comes to. Questions of ever new shapes, refusals, streams, new policy.

Paced, so that it is the hour that is looked at and not the machine: as many questions a second as are asked for.
"""

import argparse
import http.client
import os
import random
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import write_section
from benchmarks.serving.databases import Databases, databases
from benchmarks.serving.langqiao import TARGETS, Home, build_bundle, build_home, run_gateway, state_url
from benchmarks.serving.processes import memory
from benchmarks.serving.questions import FIELDS

_MEGABYTE = 1024 * 1024
_STREAM_ROWS = 5_000
_WARM_SHARE = 1 / 6  # of the time: caches fill, every thread has begun
MOST_GROWTH = 150 * _MEGABYTE
_RESIDENT = "/data/public-security.resident"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--residents", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=float, default=2.0, help="60 for the hour")
    parser.add_argument("--callers", type=int, default=12)
    parser.add_argument("--rate", type=float, default=150.0, help="questions a second, of all callers")
    parser.add_argument("--policy-seconds", type=float, default=60.0, help="between two changes of the policy")
    parser.add_argument("--keep", type=Path, help="a folder where the residents' database stays for the next run")


def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    lines, _ = endure(options)
    told = f"--minutes {options.minutes:g} --rate {options.rate:g} --policy-seconds {options.policy_seconds:g}"
    command = f'make bench ARGS="endurance {told}"'
    return write_section("Endurance", command, "\n".join(lines), libraries=("uvicorn", "asyncpg"))


def endure(options: argparse.Namespace) -> tuple[list[str], bool]:
    """The table, and whether memory stayed within MOST_GROWTH of what it was when the caches had filled."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = stack.enter_context(databases(options.residents, options.keep))
        bundle = build_bundle(folder / "bundle")
        home = build_home(folder / "langqiao", found, state_url("postgresql", found, folder), bundle=bundle)
        gateway = stack.enter_context(run_gateway(home))
        hour = _Hour(home, found, bundle, gateway.pid, options.minutes * 60)
        hour.pass_(options.callers, options.callers / options.rate, options.policy_seconds)
    return hour.table(), hour.growth() <= MOST_GROWTH


@dataclass(slots=True)
class _Hour:
    home: Home
    databases: Databases
    bundle: Path
    pid: int
    seconds: float
    outcomes: Counter[str] = field(default_factory=Counter)
    memories: list[tuple[float, int]] = field(default_factory=list)
    policies: int = 0
    served: set[str] = field(default_factory=set)  # versions of the policy that answered
    _stop: threading.Event = field(default_factory=threading.Event)

    def pass_(self, callers: int, pause: float, policy_seconds: float) -> None:
        with ThreadPoolExecutor(callers) as pool:
            work = [pool.submit(self._ask, random.Random(seed), pause) for seed in range(callers)]
            begun = time.monotonic()
            next_policy, next_word = policy_seconds, 60.0
            while (now := time.monotonic() - begun) < self.seconds:
                self.memories.append((now, memory(self.pid)))
                if now >= next_policy:
                    self._change_policy()
                    next_policy += policy_seconds
                if now >= next_word:
                    print(f"{now / 60:.0f} min: {self.memories[-1][1] / _MEGABYTE:.0f} MB", flush=True)
                    next_word += 60
                self._stop.wait(1.0)
            self._stop.set()
            for each in work:
                self.outcomes += each.result()

    def _change_policy(self) -> None:
        """Another version of the bundle, and the signal that has it taken up."""
        terms = self.bundle / "terms.yaml"
        lines = terms.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = "".join(line for line in lines if not line.startswith("# change "))
        terms.write_text(f"{kept}# change {self.policies}\n", encoding="utf-8")
        os.kill(self.pid, signal.SIGHUP)
        self.policies += 1

    def _ask(self, chance: random.Random, pause: float) -> Counter[str]:
        seen: Counter[str] = Counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.home.port, timeout=120)
        while not self._stop.wait(chance.uniform(0, 2 * pause)):
            kind = chance.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
            target, headers = KINDS[kind][1](self, chance)
            try:
                connection.request("GET", target, headers=dict(headers))
                response = connection.getresponse()
                response.read()
                self.served.add(response.getheader("langqiao-policy", ""))
                seen[f"{kind}: {response.status}"] += 1
            except (OSError, http.client.HTTPException) as error:
                seen[f"{kind}: {type(error).__name__}"] += 1
                connection.close()
                connection = http.client.HTTPConnection("127.0.0.1", self.home.port, timeout=120)
        connection.close()
        return seen

    def growth(self) -> int:
        """Most memory of the last tenth over the most when the caches had filled, in bytes."""
        warm = [held for at, held in self.memories if at <= self.seconds * _WARM_SHARE]
        late = [held for at, held in self.memories if at >= self.seconds * 0.9]
        return max(late) - max(warm)

    def table(self) -> list[str]:
        lines = ["| after | memory |", "| --- | --- |"]
        for share in (0.02, _WARM_SHARE, 1 / 3, 1 / 2, 2 / 3, 5 / 6, 1):
            at, held = min(self.memories, key=lambda one: abs(one[0] - share * self.seconds))
            lines.append(f"| {at / 60:.1f} min | {held / _MEGABYTE:.0f} MB |")
        told = "; ".join(f"{number:,} {outcome}" for outcome, number in sorted(self.outcomes.items()))
        asked = sum(self.outcomes.values())
        return [
            *lines, "",
            f"{asked:,} questions in {self.seconds / 60:g} minutes, {len(self.served)} versions of the policy: {told}.",
            f"Grown after the first {self.seconds * _WARM_SHARE / 60:.0f} minutes: {self.growth() / _MEGABYTE:.0f} MB.",
        ]  # fmt: skip


Asked = tuple[str, Mapping[str, str]]


def _known(case: str) -> Callable[[_Hour, random.Random], Asked]:
    def make(hour: _Hour, chance: random.Random) -> Asked:
        values = hour.databases.ids if case == "a" else hour.databases.communities
        return TARGETS[case].replace("{}", chance.choice(values)), hour.home.headers

    return make


def _new_shape(hour: _Hour, chance: random.Random) -> Asked:
    fields = chance.sample(FIELDS, chance.randint(1, len(FIELDS)))
    order = f"&order={chance.choice(('birth_date', 'sex', 'community_code', 'registered_on'))}"
    limits = f"&limit={chance.randint(1, 50)}&offset={chance.randint(0, 200)}"
    place = f"&community_code=eq.{chance.choice(hour.databases.communities)}"
    return f"{_RESIDENT}?select={','.join(fields)}{place}{order}{limits}", hour.home.headers


def _wrong(hour: _Hour, chance: random.Random) -> Asked:
    name = f"field_{chance.randrange(10**9)}"
    return chance.choice((
        (f"{_RESIDENT}?select={name}", hour.home.headers),
        (f"/data/{name}?select=*", hour.home.headers),
        (f"{_RESIDENT}?select=name&name=eq.{name}", hour.home.headers),
        (f"{_RESIDENT}?select=name", {**hour.home.headers, "authorization": f"Bearer {name}"}),
        (f"{_RESIDENT}?select=name", {**hour.home.headers, "purpose": name}),
    ))  # fmt: skip


def _stream(accept: str) -> Callable[[_Hour, random.Random], Asked]:
    def make(hour: _Hour, chance: random.Random) -> Asked:
        del chance
        target = f"{_RESIDENT}?select={','.join(FIELDS)}&limit={_STREAM_ROWS}"
        return target, {**hour.home.headers, "accept": accept}

    return make


KINDS: Mapping[str, tuple[float, Callable[[_Hour, random.Random], Asked]]] = {
    "one resident": (60, _known("a")),
    "fifty": (12, _known("b")),
    "fifty with two embeds": (4, _known("c")),
    "a new shape": (12, _new_shape),
    "refused": (11, _wrong),
    "CSV": (0.5, _stream("text/csv")),
    "Arrow": (0.5, _stream("application/vnd.apache.arrow.stream")),
}
"""Kinds of question, how often of a hundred, and what makes one."""
