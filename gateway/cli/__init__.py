"""The command `langqiao`: one file a group of commands."""

import gc
import sys


def main() -> None:
    """The entry point: imports what the command needs, while the collector rests."""
    gc.disable()
    if sys.argv[1:2] == ["serve"]:
        from gateway.cli.running import serving as app
    elif sys.argv[1:3] == ["audit", "verify"]:
        from gateway.cli.verifying import app
    else:
        from gateway.cli.commands import app
    gc.freeze()  # modules stay for ever
    gc.enable()
    app()
