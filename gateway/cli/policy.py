"""`langqiao catalog`, `policy`: the bundle at an officer's desk."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from gateway.administration import check_bundle, lint_bundle, try_cases
from gateway.app import utc_now
from gateway.catalog import load_catalog
from gateway.cli.terminal import BundlePath, checked, err, out, stop_bundle
from gateway.errors import BundleInvalid
from gateway.model.lint import Finding, Severity

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
            f"{report.cases} decision cases of {report.case_files} files: sound\npolicy {report.version}"
        )

    checked(check)


AsJson = Annotated[bool, typer.Option("--json", help="for other programs")]


@policy.command("lint")
def policy_lint(
    bundle: BundlePath = Path("policies"),
    as_json: AsJson = False,
    strict: Annotated[bool, typer.Option("--strict", help="warnings fail too")] = False,
) -> None:
    """Find what loading takes and nobody can have meant; each with file, line and fix. Exit status 1: errors."""
    try:
        findings = lint_bundle(bundle, utc_now())
    except BundleInvalid as error:
        stop_bundle(error)
    standing = [finding for finding in findings if finding.waived is None]
    errors = sum(finding.severity is Severity.ERROR for finding in standing)
    if as_json:
        sys.stdout.write(json.dumps([_told(finding) for finding in findings], ensure_ascii=False, indent=2) + "\n")
    else:
        for finding in standing:
            colour = "red" if finding.severity is Severity.ERROR else "yellow"
            head = f"{finding.file}:{finding.line}: {finding.severity} {finding.id} {finding.name}"
            err.print(f"[{colour}]{head}[/]", highlight=False)
            for fault, fix in zip(finding.fault, finding.fix, strict=True):
                err.print(f"    {fault}\n    → {fix}", highlight=False, markup=False)
        waived = len(findings) - len(standing)
        out.print(f"{errors} errors, {len(standing) - errors} warnings, {waived} meant so", highlight=False)
    if errors or (strict and standing):
        raise typer.Exit(1)


def _told(finding: Finding) -> dict[str, object]:
    """As other programs read it: texts by language."""
    told = asdict(finding)
    for key in ("fault", "fix"):
        told[key] = dict(zip(("en", "zh"), told[key], strict=True))
    return told


@policy.command("test")
def policy_test(
    bundle: BundlePath = Path("policies"),
    as_json: AsJson = False,
    min_coverage: Annotated[float, typer.Option(min=0, max=100, help="percent of the rules; fails below")] = 0,
) -> None:
    """Decide every case of cases/*.yaml, and tell which rules no case exercises. Exit status 1: failed."""
    try:
        report = try_cases(bundle)
    except BundleInvalid as error:
        stop_bundle(error)
    if as_json:
        told = asdict(report) | {"coverage": round(report.coverage, 2)}
        sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=2) + "\n")
    else:
        for failure in report.failures:
            err.print(f"{failure}", style="red", highlight=False, markup=False)
        for rule in report.unexercised:
            err.print(
                f"{rule.file}:{rule.line}: no case exercises {rule.id} 没有用例覆盖", style="yellow", highlight=False
            )
        for rule in report.guards:
            err.print(
                f"{rule.file}:{rule.line}: {rule.id} speaks of no field yet 尚无对应字段", style="dim", highlight=False
            )
        rules = report.exercised + len(report.unexercised)
        out.print(
            f"{report.passed} cases passed, {report.failed} failed; "
            f"{report.exercised} of {rules} rules exercised ({report.coverage:.1f} %)",
            highlight=False,
        )
    if report.failed or report.coverage < min_coverage:
        raise typer.Exit(1)
