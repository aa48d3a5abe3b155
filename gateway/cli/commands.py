"""Every command of `langqiao`, put together."""

import typer

from gateway.cli import log_desk as _log_desk  # noqa: F401 - adds commands to `audit`
from gateway.cli import log_proofs as _log_proofs  # noqa: F401 - adds commands to `audit`
from gateway.cli import oversight as _oversight  # noqa: F401 - adds commands to `audit`
from gateway.cli import retention as _retention  # noqa: F401 - adds commands to `audit`
from gateway.cli import versions as _versions  # noqa: F401 - adds commands to `policy`
from gateway.cli.asking import query
from gateway.cli.audit import audit
from gateway.cli.discovering import discover
from gateway.cli.keys import app_keys, keys
from gateway.cli.policy import catalog, policy
from gateway.cli.reidentification import flags, reidentify
from gateway.cli.reviews import canaries, notices, reviews
from gateway.cli.running import demo, serve, token
from gateway.cli.sources import source
from gateway.cli.terminals import terminals
from gateway.cli.why import explain, who_can
from gateway.cli.witness import witness

app = typer.Typer(
    help="廊桥 Langqiao: a city's data-sharing gateway.", no_args_is_help=True, pretty_exceptions_enable=False
)
for command in (demo, serve, token, query, explain, discover):
    app.command()(command)
app.command("who-can")(who_can)
app.command()(notices)
app.command()(flags)
app.add_typer(reviews, name="reviews")
app.add_typer(canaries, name="canaries")
app.add_typer(reidentify, name="reidentify")
app.add_typer(source, name="source")
app.add_typer(keys, name="keys")
app.add_typer(terminals, name="terminals")
app.add_typer(audit, name="audit")
app.add_typer(witness, name="witness")
app.add_typer(catalog, name="catalog")
app.add_typer(policy, name="policy")
app.add_typer(app_keys, name="app-key")
