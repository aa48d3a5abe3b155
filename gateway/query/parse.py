"""InboundRequest -> Query: the read grammar of PostgREST, as far as it is offered.

Promises a well-formed question within every limit, or a RequestInvalid that names the part at fault and the fix; takes
time linear in the request. Does not promise that any name exists: nothing here has seen a catalogue, so no error of
this page can tell anything of one.

Offered: `select` with aliases and aggregates, the operators eq neq gt gte lt lte like ilike in is with `not.`, trees
of `and` and `or`, `order`, `limit`, `offset`, `Range`, `Prefer: count=exact`, `Accept`, `Accept-Profile`, HEAD.
"""

from collections.abc import Mapping

from gateway.errors import UriTooLong
from gateway.model.caller import InboundRequest
from gateway.model.query import Counting, Level, Query
from gateway.query._accept import negotiate
from gateway.query._faults import malformed
from gateway.query._filters import FilterReader
from gateway.query._paging import read_page
from gateway.query._parameters import read_parameters
from gateway.query._select import read_order, read_select
from gateway.settings import Limits

_ROOT = "/data/"
_ONCE = ("select", "order", "limit", "offset")
_LONGEST_NAME = 128


def parse(request: InboundRequest, limits: Limits) -> Query:
    """The question. Raises QueryMalformed, QueryTooComplex, NotAcceptable, UriTooLong."""
    if len(request.query_string) > limits.url_bytes:
        raise UriTooLong(limit=limits.url_bytes)
    once: dict[str, str] = {}
    filters = FilterReader(limits)
    where = []
    for name, value in read_parameters(request.query_string):
        if name not in _ONCE:
            where.append(filters.read(name, value))
        elif name in once:
            raise malformed(name, ("it stands there twice", "参数重复"), ("write it once", "请只写一次"))
        else:
            once[name] = value
    select = read_select(once.get("select"), limits)
    limit, offset = read_page(once.get("limit"), once.get("offset"), request.headers)
    return Query(
        dataset=_dataset(request.path),
        profile=_profile(request.headers),
        root=Level(
            items=select,
            where=tuple(where),
            order=read_order(once.get("order"), select, limits),
            limit=limit,
            offset=offset,
        ),
        counting=_counting(request.headers),
        media_type=negotiate(request.headers.get("accept")),
        strips_nulls=False,
        is_head=request.method == "HEAD",
    )


def _dataset(path: str) -> str:
    name = path.removeprefix(_ROOT)
    if not path.startswith(_ROOT) or not _is_dataset_name(name):
        raise malformed(
            path,
            ("the path names no dataset", "路径未指明数据集"),
            (
                "ask `/data/department.dataset`, or `/data/dataset` with `Accept-Profile: department`",
                "请使用 `/data/部门.数据集`，或 `/data/数据集` 并加请求头 `Accept-Profile: 部门`",
            ),
        )
    return name


def _profile(headers: Mapping[str, str]) -> str | None:
    profile = headers.get("accept-profile")
    if profile is None:
        return None
    profile = profile.strip()
    if not _is_dataset_name(profile):
        raise malformed(
            "Accept-Profile",
            ("this is no department's name", "不是部门名称"),
            ("write `Accept-Profile: civil-affairs`", "请写成 `Accept-Profile: civil-affairs` 的形式"),
        )
    return profile


def _is_dataset_name(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_NAME and all(character.isalnum() or character in "_-." for character in text)


def _counting(headers: Mapping[str, str]) -> Counting | None:
    # preferences that are not understood are ignored: RFC 7240 section 2
    preferences = headers.get("prefer", "").replace(";", ",").split(",")
    is_exact = any("".join(preference.split()).lower() == "count=exact" for preference in preferences)
    return Counting.EXACT if is_exact else None
