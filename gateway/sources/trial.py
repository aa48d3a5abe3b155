"""`source test`: a source tried from the outside in -> findings in plain words. No row leaves this file.

Everything is tried on a connector of its own, not on the one that serves: so it also tells of settings that are not
live yet. Of each table the columns are read as the bundle promises them, one row, and thrown away; where that fails,
column by column, to say which.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast

from gateway.errors import Defect, GatewayError, SourceFailed, SourceRubbish
from gateway.model.ids import DatasetName
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import EVERYTHING
from gateway.spi import Capabilities, Connector, Diagnoses, Finding, Outcome, PromisedTable, TableDescription

ONE_ROW_SECONDS = 10.0
_SEE = ("see docs/errors.md for the code", "请查阅 docs/errors.md")


async def try_source(connector: Connector, promised: Sequence[PromisedTable]) -> AsyncIterator[Finding]:
    """Every finding, in order; ends after what bars the rest."""
    is_barred = False
    if isinstance(connector, Diagnoses):
        async with aclosing(cast("Any", connector.diagnose(promised))) as found:
            async for finding in found:
                is_barred = is_barred or (finding.outcome is Outcome.BAD and finding.step != "files")
                yield finding
    else:
        finding = await _health(connector)
        is_barred = finding.outcome is Outcome.BAD
        yield finding
    if is_barred:
        return
    if not promised:
        yield Finding(
            step="table",
            outcome=Outcome.DOUBTFUL,
            told=("no dataset of the bundle is in this source", "策略包中没有使用此来源的数据集"),
            fix=("describe its tables: `langqiao discover`", "请用 `langqiao discover` 描述其中的表"),
        )
    described = await _described(connector)
    for table in promised:
        for finding in await _table(connector, table, described):
            yield finding


async def _health(connector: Connector) -> Finding:
    began = time.monotonic()
    try:
        await connector.health()
    except SourceFailed as error:
        return _failed("sign-in", "", error)
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    return Finding(step="sign-in", outcome=Outcome.GOOD, told=(f"it answers ({took})", f"可应答（{took}）"))


async def _described(connector: Connector) -> Mapping[str, TableDescription]:
    try:
        return {found.table: found for found in await connector.describe()}
    except SourceFailed:
        return {}  # what can't be described may still be read: that is tried next


async def _table(
    connector: Connector, table: PromisedTable, described: Mapping[str, TableDescription]
) -> list[Finding]:
    findings = _compared(table, described.get(table.table))
    if any(finding.outcome is Outcome.BAD for finding in findings):
        return findings
    began = time.monotonic()
    try:
        has_row = await _reads(connector, table, table.columns)
    except SourceRubbish as whole:
        return [*findings, *await _column_by_column(connector, table, whole)]
    except SourceFailed as error:
        return [*findings, _failed("table", f"{table.dataset}: ", error)]
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    if has_row:
        told = (f"{table.dataset}: a row reads as promised ({took})", f"{table.dataset}：数据行可按目录读取（{took}）")
        findings.append(Finding(step="table", outcome=Outcome.GOOD, told=told))
    else:
        told = (
            f"{table.dataset}: it can be asked, and has no row ({took})",
            f"{table.dataset}：可查询，但没有数据行（{took}）",
        )
        fix = ("check that this is the right table", "请确认表名是否正确")
        findings.append(Finding(step="table", outcome=Outcome.DOUBTFUL, told=told, fix=fix))
    return [*findings, _pushed_down(table, connector.capabilities(table.table))]


def _compared(table: PromisedTable, described: TableDescription | None) -> list[Finding]:
    """The catalogue against what the source says of the table itself, where it says something."""
    if described is None or not described.columns:
        return []
    there = dict(described.columns)
    return [
        Finding(
            step="table",
            outcome=Outcome.BAD,
            told=(
                f"{table.dataset}: the table has no column `{source.column}` (field `{source.field}`)",
                f"{table.dataset}：表中没有列 `{source.column}`（字段 `{source.field}`）",
            ),
            fix=("correct `column` in the catalogue, or ask the department", "请更正目录中的 `column`，或联系部门"),
        )
        for source in table.columns
        if source.column not in there
    ]


async def _column_by_column(connector: Connector, table: PromisedTable, whole: SourceRubbish) -> list[Finding]:
    findings = []
    for source in table.columns:
        try:
            await _reads(connector, table, (source,))
        except SourceFailed as error:
            told = error.operator or error.code
            findings.append(
                Finding(
                    step="table",
                    outcome=Outcome.BAD,
                    told=(
                        f"{table.dataset}: `{source.column}` can't be read as {source.type}: {told}",
                        f"{table.dataset}：列 `{source.column}` 不能按 {source.type} 读取：{told}",
                    ),
                    fix=(
                        "correct the field's `type` or `storage`, or the source",
                        "请更正字段的 `type`、`storage` 或来源",
                    ),
                )
            )
    return findings or [_failed("table", f"{table.dataset}: ", whole)]


async def _reads(connector: Connector, table: PromisedTable, columns: Sequence[SourceColumn]) -> bool:
    """Whether there is a row; raises SourceFailed where it isn't as promised. The row itself goes nowhere."""
    fetch = Fetch(
        dataset=DatasetName(table.dataset),
        table=table.table,
        columns=tuple(FetchColumn(source=source) for source in columns),
        aggregates=(),
        known={source.field: source for source in columns},
        where=EVERYTHING,
        order=(),
        limit=1,
        offset=0,
        time_limit_seconds=ONE_ROW_SECONDS,
        batch_rows=2,
    )
    try:
        async with aclosing(cast("Any", connector.fetch(fetch))) as batches:
            return sum([len(batch) async for batch in batches]) > 0
    except GatewayError as error:
        if isinstance(error, SourceFailed):
            raise
        raise Defect(operator=f"a connector raised {error.code}") from None


def _pushed_down(table: PromisedTable, claimed: Capabilities) -> Finding:
    """What the source will do itself, so that the raw rows stay there."""
    if not claimed.predicates or claimed.columns == frozenset():
        where = ("no filter", "不含过滤")
    elif claimed.columns is None:
        where = ("filters on every column", "所有列的过滤")
    else:
        names = ", ".join(sorted(claimed.columns))
        where = (f"filters on {names}", f"{names} 的过滤")
    more = [
        words
        for words, is_claimed in (
            (("order", "排序"), claimed.can_order),
            (("pages", "分页"), claimed.can_limit),
            (("aggregates", "聚合"), bool(claimed.aggregates)),
            (("masks", "脱敏"), claimed.can_mask),
        )
        if is_claimed
    ]
    en, zh = ", ".join([where[0], *(one[0] for one in more)]), "、".join([where[1], *(one[1] for one in more)])
    told = (f"{table.dataset}: done at the source: {en}", f"{table.dataset}：由来源完成：{zh}")
    return Finding(step="push-down", outcome=Outcome.GOOD, told=told)


def _failed(step: str, where: str, error: SourceFailed) -> Finding:
    why = f" ({error.operator})" if error.operator else ""
    return Finding(
        step=step,
        outcome=Outcome.BAD,
        told=(f"{where}{error.code} {error.message('en')}{why}", f"{where}{error.code} {error.message('zh')}{why}"),
        fix=_SEE,
    )
