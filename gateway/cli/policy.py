"""`langqiao catalog`, `policy`: the bundle at an officer's desk."""

from pathlib import Path

import typer

from gateway.administration import check_bundle
from gateway.catalog import load_catalog
from gateway.cli.terminal import BundlePath, checked, err

catalog = typer.Typer(help="The catalogue.", no_args_is_help=True)
policy = typer.Typer(help="The policy bundle.", no_args_is_help=True)


@catalog.command("check")
def catalog_check(bundle: BundlePath = Path("policies")) -> None:
    """Read the catalogue; every fault with file, line and fix."""

    def check() -> str:
        read = load_catalog(bundle)
        fields = sum(len(dataset.fields) for dataset in read.datasets.values())
        return f"{len(read.departments)} departments, {len(read.datasets)} datasets, {fields} fields: sound"

    checked(check)


@policy.command("check")
def policy_check(bundle: BundlePath = Path("policies")) -> None:
    """Read the whole bundle and run its decision cases; every fault with file, line and fix."""

    def check() -> str:
        report = check_bundle(bundle)
        for failure in report.failures:
            err.print(f"[red]{failure}[/]", highlight=False)
        if report.failures:
            raise typer.Exit(1)
        return (
            f"{report.rules} rules, {report.purposes} purposes, {report.datasets} datasets, {report.fields} fields, "
            f"decision cases of {report.case_files} files: sound\npolicy {report.version}"
        )

    checked(check)
