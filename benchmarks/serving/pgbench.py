"""pgbench with the same SQL, prepared: what the database gives where nothing stands before it."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.databases import Databases
from benchmarks.serving.questions import FIELDS, LIST_SQL, POINT_SQL, REGION, Question
from benchmarks.serving.wrk import Load

_SAMPLES, _SAMPLED = 5, 0.2  # of the transactions, whose delays are kept
_SQL = {"a": POINT_SQL, "b": LIST_SQL}


@dataclass(frozen=True, slots=True)
class Pgbench:
    """Values come from a table, by number: pgbench can't read a file, and looking one up costs a little."""

    counts: dict[str, int]

    @property
    def pids(self) -> tuple[int, ...]:
        return ()

    @property
    def cases(self) -> frozenset[str]:
        return frozenset(_SQL)

    def check(self, question: Question, databases: Databases) -> float:
        for value in question.values(databases)[:_SAMPLES]:
            sql = _SQL[question.case].replace("%", "%%").replace("$1", "%s").replace("$2", "%s")
            rows = databases.rows(sql, value, REGION)
            question.check(databases, value, [dict(zip(FIELDS, row, strict=True)) for row in rows])
        return 0.0

    def load(self, question: Question, databases: Databases, connections: int, seconds: float) -> Load:
        case, server = question.case, databases.departments.server
        value = f"(SELECT value FROM bench_{case} WHERE number = :number)"
        sql = _SQL[case].replace("$1", value).replace("$2", f"'{REGION}'")
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "script.sql"
            script.write_text(f"\\set number random(1, {self.counts[case]})\n{sql};\n", encoding="utf-8")
            whole = max(1, round(seconds))
            subprocess.run(
                [
                    databases.departments.tree / "bin" / "pgbench", "-h", "127.0.0.1", "-p", str(server.port),
                    "-U", "tester", "-n", "-M", "prepared", "-c", str(connections), "-j", "1", "-T", str(whole),
                    "-f", script, "-l", f"--sampling-rate={_SAMPLED}", "police",
                ],
                check=True, capture_output=True, cwd=folder, env={"PGPASSWORD": server.password},
            )  # fmt: skip
            delays = sorted(
                int(line.split()[2])
                for log in Path(folder).glob("pgbench_log.*")
                for line in log.read_text(encoding="ascii").splitlines()
            )
        if not delays:
            raise RuntimeError("pgbench did nothing")
        p50, p99 = (delays[int(len(delays) * share)] / 1e3 for share in (0.5, 0.99))
        return Load(round(len(delays) / _SAMPLED), whole, p50, p99, 0)


@contextmanager
def pgbench(databases: Databases, folder: Path) -> Iterator[Pgbench]:
    """Its tables of values are made anew."""
    del folder
    values = {"a": databases.ids, "b": databases.communities}
    with databases.departments.server.connect("police") as connection:
        for case, listed in values.items():
            connection.execute(f"DROP TABLE IF EXISTS bench_{case}")
            connection.execute(f"CREATE TABLE bench_{case} (number integer PRIMARY KEY, value text NOT NULL)")
            connection.execute(
                f"INSERT INTO bench_{case} SELECT number, value FROM unnest(%s::text[]) WITH ORDINALITY"
                " AS listed (value, number)",
                (list(listed),),
            )
            connection.execute(f"ANALYZE bench_{case}")
    yield Pgbench({case: len(listed) for case, listed in values.items()})
