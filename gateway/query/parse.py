"""InboundRequest -> Query: the read grammar of PostgREST, as far as it is offered.

Promises a well-formed question within every limit, or a RequestInvalid that names the part at fault and the fix; takes
time linear in the request. Does not promise that any name exists: nothing here has seen a catalogue, so no error of
this page can tell anything of one.

The whole read grammar is in docs/api.md. Filters, order and page of an embed belong to the level of that embed.
"""

from collections.abc import Mapping

from gateway.errors import UriTooLong
from gateway.model.caller import InboundRequest
from gateway.model.query import Counting, Query
from gateway.query._accept import negotiate
from gateway.query._faults import malformed
from gateway.query._filters import FilterReader
from gateway.query._levels import LevelReader
from gateway.query._parameters import read_parameters
from gateway.query._select import read_select
from gateway.settings import Limits

_ROOT = "/data/"
_LONGEST_NAME = 128
_COUNTINGS = {f"count={kind.value}": kind for kind in Counting}
_PREFERENCES = frozenset({*_COUNTINGS, "handling=strict", "handling=lenient"})


def parse(request: InboundRequest, limits: Limits) -> Query:
    """The question. Raises QueryMalformed, QueryTooComplex, NotAcceptable, UriTooLong."""
    if len(request.query_string) > limits.url_bytes:
        raise UriTooLong(limit=limits.url_bytes)
    select: str | None = None
    parameters: list[tuple[str, str]] = []
    for name, value in read_parameters(request.query_string):
        if name != "select":
            parameters.append((name, value))
        elif select is not None:
            raise malformed(name, ("it stands there twice", "参数重复"), ("write it once", "请只写一次"))
        else:
            select = value
    root = LevelReader(read_select(select, limits), limits, FilterReader(limits))
    for name, value in parameters:
        root.take(name, value)
    media_type, strips_nulls = negotiate(request.headers.get("accept"))
    return Query(
        dataset=_dataset(request.path),
        profile=_profile(request.headers),
        root=root.level(request.headers),
        counting=_counting(request.headers),
        media_type=media_type,
        strips_nulls=strips_nulls,
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
    """How rows are counted; with `handling=strict` every other preference is refused (RFC 7240: else ignored)."""
    spoken = headers.get("prefer", "").replace(";", ",").split(",")
    preferences = ["".join(one.split()).lower() for one in spoken if one.strip()]
    unknown = [one for one in preferences if one not in _PREFERENCES]
    if unknown and "handling=strict" in preferences:
        raise malformed(
            unknown[0],
            ("this preference is not offered", "不支持该首选项"),
            (f"use one of {', '.join(sorted(_PREFERENCES))}", f"请使用 {', '.join(sorted(_PREFERENCES))}"),
        )
    return next((kind for one, kind in _COUNTINGS.items() if one in preferences), None)
