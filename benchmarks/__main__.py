"""`make bench`: every benchmark in turn, or the one that ARGS names with its options."""

import argparse
import signal
import sys

from benchmarks import audit, audit_search, discovery, endurance, masks, policy_engine, pressure, serving

BENCHMARKS = {
    "policy": policy_engine, "masks": masks, "audit": audit, "audit-search": audit_search, "serving": serving,
    "discovery": discovery, "pressure": pressure, "endurance": endurance,
}  # fmt: skip


def main() -> None:
    """Measure and write RESULTS.md. Who is told to end, ends what was started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    parser = argparse.ArgumentParser(prog="make bench ARGS=")
    commands = parser.add_subparsers(dest="name")
    for name, benchmark in BENCHMARKS.items():
        benchmark.arguments(commands.add_parser(name, help=benchmark.__doc__))
    chosen = parser.parse_args()
    names = [chosen.name] if chosen.name else list(BENCHMARKS)
    for name in names:
        options = chosen if chosen.name else parser.parse_args([name])
        sys.stdout.write(BENCHMARKS[name].run(options))


if __name__ == "__main__":
    main()
