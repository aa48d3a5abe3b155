"""wrk: so many connections, as many requests as are answered; every answer must be good."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SCRIPT = Path(__file__).parent / "wrk.lua"


@dataclass(frozen=True, slots=True)
class Load:
    """What one round of one contender came to."""

    requests: int
    seconds: float
    p50: float  # milliseconds
    p99: float
    bytes: int  # of the answers, headers and all

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes of a request, with `{}` where the value comes."""

    port: int
    text: str

    @classmethod
    def get(cls, port: int, target: str, headers: dict[str, str] | None = None) -> "Request":
        """GET of a path and query."""
        lines = [f"GET {target} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        return cls(port, "\r\n".join((*lines, "", "")))

    @classmethod
    def post(cls, port: int, target: str, body: str, length: int, headers: dict[str, str] | None = None) -> "Request":
        """POST of JSON; `length` is the number of characters that each value has."""
        size = len(body.encode()) - len("{}") + length
        lines = [f"POST {target} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json"]
        lines += [f"Content-Length: {size}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        return cls(port, "\r\n".join((*lines, "", body)))


def find_wrk() -> str:
    """Where wrk is; raises RuntimeError."""
    found = shutil.which("wrk")
    if found is None:
        raise RuntimeError("wrk is missing: apt-get install wrk")
    return found


def drive(request: Request, values: Sequence[str], connections: int, seconds: float) -> Load:
    """One round; raises RuntimeError where a request was refused or not answered."""
    with tempfile.TemporaryDirectory() as folder:
        text, listed = Path(folder) / "request", Path(folder) / "values"
        text.write_bytes(request.text.encode())
        listed.write_text("\n".join(values), encoding="utf-8")
        done = subprocess.run(
            [
                find_wrk(), "-t", "1", "-c", str(connections), "-d", f"{seconds:g}s", "--timeout", "20s",
                "-s", _SCRIPT, f"http://127.0.0.1:{request.port}/", "--", text, listed,
            ],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    if told["failed"] or told["not_answered"] or not told["requests"]:
        raise RuntimeError(f"not every request was answered well: {told}")
    return Load(told["requests"], told["microseconds"] / 1e6, told["p50"] / 1e3, told["p99"] / 1e3, told["bytes"])
