"""The command `langqiao`: one file a group of commands."""

import typer

from gateway.cli import log_desk as _log_desk  # noqa: F401 - adds commands to `audit`
from gateway.cli import versions as _versions  # noqa: F401 - adds commands to `policy`
from gateway.cli.asking import query
from gateway.cli.audit import audit
from gateway.cli.discovering import discover
from gateway.cli.keys import app_keys, keys
from gateway.cli.policy import catalog, policy
from gateway.cli.reidentification import flags, reidentify
from gateway.cli.reviews import notices, reviews
from gateway.cli.running import demo, serve, token
from gateway.cli.why import explain, who_can

app = typer.Typer(
    help="廊桥 Langqiao: a city's data-sharing gateway.", no_args_is_help=True, pretty_exceptions_enable=False
)
for command in (demo, serve, token, query, explain, discover):
    app.command()(command)
app.command("who-can")(who_can)
app.command()(notices)
app.command()(flags)
app.add_typer(reviews, name="reviews")
app.add_typer(reidentify, name="reidentify")
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.add_typer(catalog, name="catalog")
app.add_typer(policy, name="policy")
app.add_typer(app_keys, name="app-key")


def main() -> None:
    """The entry point."""
    app()
