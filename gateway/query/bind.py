"""Query + Catalog -> BoundQuery: every name a known field with its use, every literal of its field's type.

Nothing is allowed yet. What is wrong with a single field, be it unknown or used with a literal of the wrong type, is
not raised here but kept in `faults`: which of several errors an asker meets must not tell a field that is denied from
one that doesn't exist. The same holds for embeds: every link that fits is bound, and one that fits nowhere is simply
missing among them. Only an unknown dataset is raised, as planning raises a denied one.
"""

from gateway.errors import DatasetUnavailable
from gateway.model.catalog import Catalog, Dataset, Purpose
from gateway.model.ids import CaseId, DatasetName, DepartmentName
from gateway.model.query import BoundQuery, Embed, Join, Level, MediaType, Query
from gateway.query._binding import Asked, bind_level
from gateway.query._links import WayFinder
from gateway.settings import Limits

DEFAULT_LIMITS = Limits()
_OWN = DepartmentName("langqiao")  # the gateway's own: its log, its permissions
_DEFAULT_PROFILE = "public"  # what PostgREST's clients send where nobody chose a schema


def bind(
    query: Query,
    catalog: Catalog,
    purpose: Purpose,
    case: CaseId | None,
    *,
    default: DepartmentName | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> BoundQuery:
    """The question with its names resolved. Raises DatasetUnavailable, QueryMalformed for a cast to no known type.

    `default` is the department that a short name means where the asker names none, or `public`; without it, the only
    department with data, where there is just one.
    """
    asked = Asked(
        catalog=catalog,
        purpose=purpose,
        case=case,
        wants_count=query.counting is not None,
        media_type=query.media_type,
        is_head=query.is_head,
        strips_nulls=query.strips_nulls,
        limits=limits,
        finder=WayFinder(catalog),
    )
    return bind_level(_find(query, catalog, default), query.root, asked)


def bind_links(dataset: Dataset, bound: BoundQuery) -> BoundQuery:
    """A question, asked as `bound` is, for every link of the dataset and nothing else."""
    items = tuple(
        Embed(target=name, alias=None, hint=None, join=Join.LEFT, is_spread=False, level=Level(items=()))
        for name in dataset.links
    )
    asked = Asked(
        catalog=bound.catalog,
        purpose=bound.purpose,
        case=bound.case,
        wants_count=False,
        media_type=MediaType.JSON,
        is_head=False,
        strips_nulls=False,
        limits=DEFAULT_LIMITS,
        finder=WayFinder(bound.catalog),
    )
    return bind_level(dataset, Level(items=items), asked)


def _find(query: Query, catalog: Catalog, default: DepartmentName | None) -> Dataset:
    name = query.dataset
    profile = (
        None if query.profile == _DEFAULT_PROFILE and _DEFAULT_PROFILE not in catalog.departments else query.profile
    )
    if "." not in name:
        department = profile or default or _only_department(catalog)
        name = f"{department}.{name}" if department is not None else name
    found = catalog.datasets.get(DatasetName(name))
    is_other = profile is not None and not name.startswith(f"{profile}.")
    if found is None or found.source is None or is_other:
        raise DatasetUnavailable(dataset=name)
    return found


def _only_department(catalog: Catalog) -> DepartmentName | None:
    departments = {one.department for one in catalog.datasets.values() if one.source is not None} - {_OWN}
    return next(iter(departments)) if len(departments) == 1 else None
