"""RawRows + ReadPlan -> Disclosure: the seal. Nothing else builds one.

In this order: what the plan left for the gateway (filters, groups, order, and what embeds decide), masks, obligations,
the page, embeds of what is left. Hidden columns end here. Does not promise that anything was written down: that is for
audit.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace

from gateway.disclosure.assembling import Assembler, HashSubjects, Page, names_of
from gateway.disclosure.plain import plain_answer
from gateway.disclosure.reading import Level, Open, read_below, read_in_batches, read_root
from gateway.model.plan import ReadPlan
from gateway.model.rows import Batch, ByColumns, Disclosure
from gateway.obligations import annotating
from gateway.spi import MaskContext

AtOnce = Callable[[ReadPlan], Awaitable[Batch | None]]
"""The whole of a short answer, of exactly the plan's raw columns; None where its source gives batches only."""


async def disclose(
    open_source: Open,
    plan: ReadPlan,
    hash_subjects: HashSubjects,
    mask_context: MaskContext,
    at_once: AtOnce | None = None,
) -> Disclosure:
    """What may leave, at once. `hash_subjects` gives the log's keyed hashes of ID numbers.

    With `at_once` most questions take a shorter way to the same.
    Raises SourceTooBroad, SourceRubbish, whatever the connector raises, what obligations raise (GroupTooSmall),
    LimitReached, ValueUncastable, Defect.
    """
    plain = plain_answer(plan)
    if plain is not None and at_once is not None:
        whole = await at_once(plan)
        if whole is not None:
            return plain.disclosure(plan, whole, hash_subjects, mask_context)
    root = await read_root(plan, open_source)
    assembler = Assembler(hash_subjects, mask_context)
    page = assembler.page(root)
    return await _disclosed(root, page, assembler, open_source)


async def disclose_in_batches(
    open_source: Open, plan: ReadPlan, hash_subjects: HashSubjects, mask_context: MaskContext, rows: int
) -> AsyncGenerator[Disclosure, None]:
    """The same in parts of at most `rows` rows, at least one part; raises as `disclose`.

    Where nothing has to see all rows (`plan.flows`), no more than a batch is held; else the whole is, up to the limit
    of what the gateway reads.
    """
    assembler = Assembler(hash_subjects, mask_context)
    if plan.flows and not assembler.treats(plan):
        async with aclosing(read_in_batches(plan, open_source, rows)) as levels:
            async for level in levels:
                yield await _disclosed(level, Page(places=range(len(level.rows))), assembler, open_source)
        return
    root = await read_root(plan, open_source)
    page = assembler.page(root)
    if page.made is not None or not page.places:
        yield await _disclosed(root, page, assembler, open_source)
        return
    for at in range(0, len(page.places), rows):
        yield await _disclosed(_afresh(root), Page(places=page.places[at : at + rows]), assembler, open_source)


def _afresh(level: Level) -> Level:
    """The level as it was read, to be given what is below other rows of it."""
    below = {name: replace(one, level=_afresh(one.level)) for name, one in level.below.items()}
    return replace(level, below=below)


async def _disclosed(level: Level, page: Page, assembler: Assembler, open_source: Open) -> Disclosure:
    await read_below(level, page.places, open_source)
    rows = assembler.shown(level, page)
    plan = level.plan
    return Disclosure(
        columns=names_of(plan),
        rows=rows if isinstance(rows, ByColumns) else tuple(rows),
        offset=plan.bound.offset,
        total=level.total,
        subjects=assembler.subjects(level, page),
        notices=notices_of(plan),
        parts=assembler.parts(level),
    )


def notices_of(plan: ReadPlan) -> tuple[str, ...]:
    """What the obligations of every level want said, each once."""
    notices = [notice for one in annotating(plan.obligations) for notice in one.notices(plan)]
    return tuple(dict.fromkeys([*notices, *(notice for below in plan.embeds for notice in notices_of(below.plan))]))
