"""`langqiao demo`: build the city, serve it, tell the day, stay up."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from gateway.app import Gateway, create_application, utc_now
from gateway.demo.ask import Asker
from gateway.demo.city import MARKET_FILE
from gateway.demo.market_service import create_market_app
from gateway.demo.personas import PERSONA_NAMES, titles
from gateway.demo.prepare import Demo, prepare
from gateway.demo.scenes import DAY
from gateway.demo.serving import free_port, serving
from gateway.demo.telling import SceneFailed, Teller
from gateway.settings import load_settings


def run_demo(*, folder: Path, residents: int, seed: int, port: int, once: bool, console: Console) -> int:
    """Exit status 0 only if every scene went as told."""
    console.print("[bold]廊桥 Langqiao[/]  一座城市的数据廊桥  a covered bridge for a city's data")
    began = time.perf_counter()
    with _progress(console) as told:
        demo = prepare(
            folder,
            residents=residents,
            seed=seed,
            port=port or free_port(),
            market_port=free_port(),
            now=utc_now(),
            progress=told,
        )
    console.print(
        f"city of {residents:,} people in six departments, ready in {time.perf_counter() - began:.1f} s",
        highlight=False,
    )
    with serving_demo(demo):
        teller = Teller(
            console,
            {name: Asker.from_demo(demo.folder, name, utc_now()) for name in PERSONA_NAMES},
            titles(demo.folder),
        )
        failed = 0
        for number, scene in enumerate(DAY, start=1):
            try:
                scene(number, teller, demo)
            except SceneFailed as failure:
                failed += 1
                console.print(f"    [bold red]NOT AS TOLD 未如所述: {failure}[/]")
        console.print(
            f"\n[bold]{len(DAY) - failed} of {len(DAY)} scenes went as told[/], {len(teller.receipts)} receipts\n"
        )
        if once or failed:
            return 1 if failed else 0
        _stay(console, demo)
    return 0


@contextmanager
def serving_demo(demo: Demo, clock: Callable[[], datetime] = utc_now) -> Iterator[None]:
    """The market bureau's service and the gateway, over real HTTP, while the block lasts."""
    market = create_market_app(demo.folder / "city" / MARKET_FILE, demo.market_token)
    gateway = create_application(Gateway(settings=load_settings(demo.settings), clock=clock))
    with ExitStack() as stack:
        stack.enter_context(serving(market, demo.market_port))
        stack.enter_context(serving(gateway, demo.port))
        yield


def _stay(console: Console, demo: Demo) -> None:
    url = f"http://127.0.0.1:{demo.port}"
    console.print(f"[bold green]The gateway stays up at {url}[/]  (Ctrl-C ends it)  网关持续运行")
    console.print("sign in 登录 (a token for eight hours; `langqiao token --help` lists everybody):", highlight=False)
    console.print('  export SIGN_IN="$(.venv/bin/langqiao token grid-worker --headers)"', markup=False, highlight=False)
    console.print("\nthree to try 试一试:", highlight=False)
    for path in (
        "community.need?select=name,phone,need_kind&limit=3",
        "public-security.resident?select=name,age_band,phone&limit=3",
        "community.need?select=name&phone=eq.13800000000",
    ):
        console.print(
            f"  eval curl -s \"$SIGN_IN\" -H \"'Purpose: home-visit'\" \"'{url}/data/{path}'\"",
            soft_wrap=True, highlight=False, markup=False,
        )  # fmt: skip
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("\nbye 再见")


@contextmanager
def _progress(console: Console) -> Iterator["_Told"]:
    columns = (TextColumn("{task.description:<28}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield _Told(bar)


class _Told:
    """Progress as the city tells it: what, how many, of how many."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
