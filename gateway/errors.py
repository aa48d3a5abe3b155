"""Every way to say no, in one closed tree.

GatewayError
 |- RequestInvalid      GW1xx  the request or its grammar
 |- NameUnknown         GW2xx  names and catalogue (and broken bundles)
 |- NotAuthenticated    GW3xx  who asks
 |- NotAllowed          GW4xx  decision, guard, obligations
 |- SourceFailed        GW5xx  departments' systems
 |- AuditFailed         GW6xx  the log
 |- AdministrationFailed GW7xx  policy, cases, people and apps
 `- Defect              GW9xx  our own fault

Errors are data: a class a case, its fields what the text needs. `message` and `hint` are the public text in both
languages and never tell more than the asker may know: unknown and not-yours are the same class. `operator` is for the
log of the operator; it never holds row values.
"""

from dataclasses import dataclass, fields
from typing import ClassVar, Literal

Language = Literal["zh", "en"]
Words = tuple[str, str]
"""A part of a text in both languages: English, Chinese."""


@dataclass(eq=False, kw_only=True)
class GatewayError(Exception):
    """Base of all. `operator` goes to the operator's log only."""

    code: ClassVar[str]
    status: ClassVar[int]
    postgrest_code: ClassVar[str] = ""  # what PostgREST clients know the case as, where they do
    text: ClassVar[dict[Language, str]]
    mend: ClassVar[dict[Language, str]]
    operator: str = ""

    def _values(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "operator"}

    def message(self, language: Language = "en") -> str:
        """What is wrong, for the asker."""
        return self.text[language].format(**self._values())

    def hint(self, language: Language = "en") -> str:
        """How to mend it, for the asker."""
        return self.mend[language].format(**self._values())

    def __str__(self) -> str:
        """The public English text with its code."""
        return f"{self.code}: {self.message()}"


# ------------------------------------------------------------------ GW1xx request and grammar
class RequestInvalid(GatewayError):
    """The request can't be read."""


@dataclass(eq=False, kw_only=True)
class RequestTooLarge(RequestInvalid):
    """A part of the request is over its limit."""

    code = "GW101"
    status = 413
    text = {"en": "the {part} is larger than {limit} bytes", "zh": "请求的 {part} 超过 {limit} 字节"}
    mend = {"en": "ask for less at a time, for example in pages", "zh": "请分批、分页查询"}
    part: str
    limit: int


@dataclass(eq=False, kw_only=True)
class UriTooLong(RequestInvalid):
    """The URL is over its limit."""

    code = "GW102"
    status = 414
    text = {"en": "the address is longer than {limit} bytes", "zh": "网址超过 {limit} 字节"}
    mend = {"en": "use fewer filters or shorter lists", "zh": "请减少过滤条件或列表长度"}
    limit: int


@dataclass(eq=False, kw_only=True)
class HeadersTooLarge(RequestInvalid):
    """The headers are over their limit."""

    code = "GW103"
    status = 431
    text = {"en": "the headers are larger than {limit} bytes", "zh": "请求头超过 {limit} 字节"}
    mend = {"en": "send only the headers that docs/api.md names", "zh": "请只发送文档列出的请求头"}
    limit: int


@dataclass(eq=False, kw_only=True)
class BodyNotAllowed(RequestInvalid):
    """A reading request carries a body."""

    code = "GW104"
    status = 400
    text = {"en": "this request must not have a body", "zh": "此请求不得带有正文"}
    mend = {"en": "put the question in the address", "zh": "请把查询写在网址中"}


@dataclass(eq=False, kw_only=True)
class MethodNotAllowed(RequestInvalid):
    """Data is read with GET and HEAD only."""

    code = "GW105"
    status = 405
    text = {"en": "the method `{method}` is not offered here", "zh": "此处不支持方法 `{method}`"}
    mend = {"en": "use GET or HEAD", "zh": "请使用 GET 或 HEAD"}
    method: str


@dataclass(eq=False, kw_only=True)
class PathUnknown(RequestInvalid):
    """Nothing is offered at the path."""

    code = "GW106"
    status = 404
    text = {"en": "there is nothing at `{path}`", "zh": "路径 `{path}` 下没有内容"}
    mend = {
        "en": "data is at /data/<dataset>; /openapi.json lists the rest",
        "zh": "数据位于 /data/<数据集>；其余见 /openapi.json",
    }
    path: str


@dataclass(eq=False, kw_only=True)
class QueryMalformed(RequestInvalid):
    """The question does not follow the read grammar. `fault` holds the asker's own text only."""

    code = "GW110"
    status = 400
    postgrest_code = "PGRST100"
    text = {"en": "can't read `{part}`: {fault[0]}", "zh": "无法解析 `{part}`：{fault[1]}"}
    mend = {"en": "{fix[0]}", "zh": "{fix[1]}"}
    part: str
    fault: Words
    fix: Words


@dataclass(eq=False, kw_only=True)
class QueryTooComplex(RequestInvalid):
    """A part of the question is over its limit."""

    code = "GW111"
    status = 400
    text = {"en": "too many {part[0]}: at most {limit}", "zh": "{part[1]}过多：最多 {limit}"}
    mend = {"en": "split the question", "zh": "请拆分查询"}
    part: Words
    limit: int


@dataclass(eq=False, kw_only=True)
class NotAcceptable(RequestInvalid):
    """No offered media type is acceptable."""

    code = "GW112"
    status = 406
    postgrest_code = "PGRST107"
    text = {"en": "none of the media types asked for is offered", "zh": "不支持所请求的媒体类型"}
    mend = {"en": "accept one of {offered}", "zh": "请接受以下之一：{offered}"}
    offered: str


@dataclass(eq=False, kw_only=True)
class NotSingular(RequestInvalid):
    """A single object was asked for and the answer is not one row."""

    code = "GW113"
    status = 406
    postgrest_code = "PGRST116"
    text = {"en": "the answer is not exactly one row", "zh": "结果不是恰好一行"}
    mend = {"en": "filter by a key, or accept application/json", "zh": "请按主键过滤，或接受 application/json"}


@dataclass(eq=False, kw_only=True)
class RangeUnsatisfiable(RequestInvalid):
    """The page begins after the last row."""

    code = "GW114"
    status = 416
    postgrest_code = "PGRST103"
    text = {"en": "the page begins after the last row", "zh": "起始位置超出结果范围"}
    mend = {"en": "use a smaller offset", "zh": "请减小 offset"}


@dataclass(eq=False, kw_only=True)
class BodyMalformed(RequestInvalid):
    """The JSON body of a control-plane request is wrong."""

    code = "GW115"
    status = 422
    text = {"en": "the body is not as documented: {fault}", "zh": "请求正文不符合文档：{fault}"}
    mend = {"en": "see /openapi.json", "zh": "请参见 /openapi.json"}
    fault: str


@dataclass(eq=False, kw_only=True)
class AnswerTooLarge(RequestInvalid):
    """The answer is over its limit."""

    code = "GW116"
    status = 400
    text = {"en": "the answer would be larger than {limit} bytes", "zh": "结果将超过 {limit} 字节"}
    mend = {"en": "ask for fewer rows or fields at a time", "zh": "请减少每次查询的行数或字段数"}
    limit: int


@dataclass(eq=False, kw_only=True)
class ClientGone(RequestInvalid):
    """The client left before the answer did: nobody reads this text, the log keeps its code."""

    code = "GW117"
    status = 499
    text = {"en": "the client left before the answer was whole", "zh": "客户端在结果返回完毕前已断开"}
    mend = {"en": "ask again", "zh": "请重新查询"}


@dataclass(eq=False, kw_only=True)
class TooManyAtOnce(RequestInvalid):
    """So many questions of one app wait for their turn already."""

    code = "GW118"
    status = 429
    text = {"en": "{limit} questions of this app wait already", "zh": "该应用已有 {limit} 个查询在排队"}
    mend = {"en": "ask fewer at once; try again in a few seconds", "zh": "请减少并发查询，几秒后重试"}
    limit: int


# ------------------------------------------------------------------ GW2xx names and catalogue
class NameUnknown(GatewayError):
    """A name means nothing to this asker: it does not exist, or it is not theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleProblem:
    """One fault in a bundle: where, what, and how to mend it."""

    file: str  # path relative to the bundle
    line: int  # 1-based; 0 where the file as a whole is at fault
    fault: str
    fix: str

    def __str__(self) -> str:
        """`file:line: fault (fix)`."""
        return f"{self.file}:{self.line}: {self.fault} ({self.fix})"


@dataclass(eq=False, kw_only=True)
class FieldUnavailable(NameUnknown):
    """Unknown field and denied field answer alike."""

    code = "GW201"
    status = 403
    postgrest_code = "42501"
    text = {
        "en": "the field `{field}` is not available to you for this purpose",
        "zh": "在此用途下，您无法使用字段 `{field}`",
    }
    mend = {
        "en": "{offered[0]}GET /catalog lists what is; a security officer can change the policy",
        "zh": "{offered[1]}GET /catalog 可列出可用字段；如需变更请联系安全管理员",
    }
    field: str
    offered: Words = ("", "")  # what there is for this asker, and nothing more


@dataclass(eq=False, kw_only=True)
class DatasetUnavailable(NameUnknown):
    """Unknown dataset and dataset without any right answer alike."""

    code = "GW202"
    status = 404
    postgrest_code = "PGRST205"
    text = {
        "en": "the dataset `{dataset}` is not available to you for this purpose",
        "zh": "在此用途下，您无法使用数据集 `{dataset}`",
    }
    mend = {
        "en": "GET /catalog lists what is; a security officer can change the policy",
        "zh": "GET /catalog 可列出可用数据集；如需变更请联系安全管理员",
    }
    dataset: str


@dataclass(eq=False, kw_only=True)
class PurposeUnavailable(NameUnknown):
    """Unknown purpose, expired purpose and purpose of others answer alike."""

    code = "GW203"
    status = 403
    text = {"en": "the purpose `{purpose}` is not available to you", "zh": "您无法使用用途 `{purpose}`"}
    mend = {
        "en": "declare one of your purposes in the header `Purpose`; GET /catalog lists them",
        "zh": "请在请求头 `Purpose` 中声明您的用途；GET /catalog 可列出",
    }
    purpose: str


@dataclass(eq=False, kw_only=True)
class PurposeMissing(NameUnknown):
    """No purpose, no query."""

    code = "GW204"
    status = 400
    text = {"en": "the request declares no purpose", "zh": "请求未声明用途"}
    mend = {"en": "add the header `Purpose`, for example `Purpose: home-visit`", "zh": "请添加请求头 `Purpose`"}


@dataclass(eq=False, kw_only=True)
class CaseUnavailable(NameUnknown):
    """Unknown case, closed case, expired case and case of others answer alike."""

    code = "GW205"
    status = 403
    text = {"en": "the case `{case}` is not open to you", "zh": "案件 `{case}` 对您未开放"}
    mend = {
        "en": "name an approved, open case in the header `Case`",
        "zh": "请在请求头 `Case` 中给出已批准且未结的案件",
    }
    case: str


@dataclass(eq=False, kw_only=True)
class CaseMissing(NameUnknown):
    """The purpose needs a case."""

    code = "GW206"
    status = 400
    text = {"en": "the purpose `{purpose}` needs a case", "zh": "用途 `{purpose}` 必须绑定案件"}
    mend = {"en": "add the header `Case`", "zh": "请添加请求头 `Case`"}
    purpose: str


@dataclass(eq=False, kw_only=True)
class JustificationMissing(NameUnknown):
    """The purpose needs a reason in words."""

    code = "GW207"
    status = 400
    text = {"en": "the purpose `{purpose}` needs a justification", "zh": "用途 `{purpose}` 必须说明理由"}
    mend = {
        "en": "add the header `Justification` with 10 to 500 characters (percent-encoded UTF-8)",
        "zh": "请添加请求头 `Justification`，10 至 500 字（UTF-8 百分号编码）",
    }
    purpose: str


@dataclass(eq=False, kw_only=True)
class ValueMalformed(NameUnknown):
    """A filter's literal does not fit its field's type. The literal is the asker's own."""

    code = "GW208"
    status = 400
    postgrest_code = "22P02"
    text = {
        "en": "`{value}` is no {type} for the field `{field}`",
        "zh": "`{value}` 不是字段 `{field}` 的 {type} 类型的值",
    }
    mend = {"en": "write it as {example}", "zh": "请写成 {example} 的形式"}
    field: str
    value: str
    type: str
    example: str


@dataclass(eq=False, kw_only=True)
class OperatorUnfit(NameUnknown):
    """The operator does not fit the field's type."""

    code = "GW209"
    status = 400
    postgrest_code = "42883"
    text = {
        "en": "the operator `{operator}` does not fit the {type} field `{field}`",
        "zh": "运算符 `{operator}` 不适用于 {type} 字段 `{field}`",
    }
    mend = {"en": "use one of {offered}", "zh": "请使用以下之一：{offered}"}
    field: str
    operator: str  # the asker's own, in place of the text for the operator's log
    type: str
    offered: str

    def _values(self) -> dict[str, object]:
        return {**super()._values(), "operator": self.operator}


@dataclass(eq=False, kw_only=True)
class NameNotInPolicy(NameUnknown):
    """An officer names what the policy doesn't have. Told to who may read the policy, never to askers."""

    code = "GW210"
    status = 422
    text = {"en": "the policy has no {what[0]} `{name}`", "zh": "策略中没有{what[1]} `{name}`"}
    mend = {"en": "{fix[0]}", "zh": "{fix[1]}"}
    what: Words
    name: str
    fix: Words


@dataclass(eq=False, kw_only=True)
class EmbedUnavailable(NameUnknown):
    """Unknown link, link to a dataset of others, and link over a denied field answer alike."""

    code = "GW211"
    status = 400
    postgrest_code = "PGRST200"
    text = {
        "en": "no link `{embed}` leads on from `{dataset}` for you and this purpose",
        "zh": "在此用途下，您没有从 `{dataset}` 到 `{embed}` 的关联",
    }
    mend = FieldUnavailable.mend
    embed: str
    dataset: str
    offered: Words = ("", "")


@dataclass(eq=False, kw_only=True)
class EmbedAmbiguous(NameUnknown):
    """Several of the asker's links fit."""

    code = "GW212"
    status = 300
    postgrest_code = "PGRST201"
    text = {
        "en": "several links lead from `{dataset}` to `{embed}`",
        "zh": "从 `{dataset}` 到 `{embed}` 有多个关联",
    }
    mend = {
        "en": "name one of them: {options}, as in `{embed}!{first}(...)`",
        "zh": "请指明其中之一：{options}，例如 `{embed}!{first}(...)`",
    }
    embed: str
    dataset: str
    options: str
    first: str


@dataclass(eq=False, kw_only=True)
class EmbedUnfit(NameUnknown):
    """What is asked of the embed takes one that has at most one row."""

    code = "GW213"
    status = 400
    postgrest_code = "PGRST118"
    text = {
        "en": "`{embed}` may have several rows for each row: nothing can be ordered or grouped by it",
        "zh": "`{embed}` 对每行可能有多行：不能据此排序或分组",
    }
    mend = {
        "en": "order within it: `{embed}.order=...`, or aggregate there",
        "zh": "请在嵌入内部排序（`{embed}.order=...`）或聚合",
    }
    embed: str


@dataclass(eq=False, kw_only=True)
class ValueUncastable(NameUnknown):
    """A shown value can't become what the cast asks for."""

    code = "GW214"
    status = 400
    postgrest_code = "22P02"
    text = {
        "en": "a value of the field `{field}` is no {type}",
        "zh": "字段 `{field}` 中有值不能转换为 {type}",
    }
    mend = {"en": "leave the cast out, or filter such rows away", "zh": "请去掉类型转换，或过滤掉这些行"}
    field: str
    type: str


@dataclass(eq=False, kw_only=True)
class BundleInvalid(NameUnknown):
    """A bundle can't be taken; the one that serves stays."""

    code = "GW220"
    status = 422
    text = {"en": "the bundle has {count} faults; first: {first}", "zh": "策略包有 {count} 处错误；首个：{first}"}
    mend = {
        "en": "mend the files and check with `langqiao policy check`",
        "zh": "请修改后用 `langqiao policy check` 检查",
    }
    problems: tuple[BundleProblem, ...]

    def _values(self) -> dict[str, object]:
        return {"count": len(self.problems), "first": str(self.problems[0]) if self.problems else ""}


# ------------------------------------------------------------------ GW3xx authentication
class NotAuthenticated(GatewayError):
    """Who asks is not established. The texts never say which part of a credential was wrong."""


@dataclass(eq=False, kw_only=True)
class AppNotAuthenticated(NotAuthenticated):
    """No API key, or none that is good."""

    code = "GW301"
    status = 401
    text = {"en": "the app is not known", "zh": "应用未通过认证"}
    mend = {"en": "send your app's key in the header `apikey`", "zh": "请在请求头 `apikey` 中发送应用密钥"}


@dataclass(eq=False, kw_only=True)
class PersonNotAuthenticated(NotAuthenticated):
    """No token, or none that is good."""

    code = "GW302"
    status = 401
    postgrest_code = "PGRST301"
    text = {"en": "the person is not known: no valid token", "zh": "人员未通过认证：没有有效令牌"}
    mend = {
        "en": "sign in and send `Authorization: Bearer <token>`",
        "zh": "请登录并发送 `Authorization: Bearer <令牌>`",
    }


@dataclass(eq=False, kw_only=True)
class TokenExpired(NotAuthenticated):
    """The token was good and is no more."""

    code = "GW303"
    status = 401
    postgrest_code = "PGRST303"
    text = {"en": "the token has expired", "zh": "令牌已过期"}
    mend = {"en": "sign in again", "zh": "请重新登录"}


@dataclass(eq=False, kw_only=True)
class TerminalUnavailable(NotAuthenticated):
    """A terminal that is not the caller's, not approved or revoked; all the same."""

    code = "GW304"
    status = 403
    text = {"en": "the terminal is not one that you may use here", "zh": "该终端不可用"}
    mend = {
        "en": "send the id of your own approved terminal in the header `Terminal`, or leave the header out",
        "zh": "请在请求头 `Terminal` 中发送本人已获批准的终端编号，或不发送该请求头",
    }


# ------------------------------------------------------------------ GW4xx decision, guard, obligations
class NotAllowed(GatewayError):
    """The policy says no."""


@dataclass(eq=False, kw_only=True)
class UseNotAllowed(NotAllowed):
    """The field is visible masked, and this use would tell more than the mask shows."""

    code = "GW401"
    status = 403
    postgrest_code = "42501"
    text = {
        "en": "the field `{field}` is masked for you: it can't be used to {use[0]}",
        "zh": "字段 `{field}` 对您是脱敏的：不能用于{use[1]}",
    }
    mend = {"en": "leave it out of filters, order and groups", "zh": "请勿将其用于过滤、排序或分组"}
    field: str
    use: Words


@dataclass(eq=False, kw_only=True)
class GroupTooSmall(NotAllowed):
    """A group of the answer has fewer rows than the policy's least."""

    code = "GW402"
    status = 403
    text = {"en": "a group has fewer than {least} rows", "zh": "存在少于 {least} 行的分组"}
    mend = {"en": "ask for larger groups", "zh": "请使用更大的分组"}
    least: int


@dataclass(eq=False, kw_only=True)
class OnlyAggregates(NotAllowed):
    """The policy allows counts and sums, not rows."""

    code = "GW403"
    status = 403
    text = {"en": "only aggregates are allowed here", "zh": "此处仅允许聚合查询"}
    mend = {"en": "select count() and group by clear fields", "zh": "请查询 count() 并按明文字段分组"}


@dataclass(eq=False, kw_only=True)
class ExportNotAllowed(NotAllowed):
    """The policy forbids taking this away as a file."""

    code = "GW404"
    status = 403
    text = {"en": "export is not allowed here", "zh": "此处不允许导出"}
    mend = {"en": "accept application/json", "zh": "请接受 application/json"}


@dataclass(eq=False, kw_only=True)
class LimitReached(NotAllowed):
    """A daily limit of the purpose is used up."""

    code = "GW405"
    status = 429
    text = {"en": "the daily limit of {limit} {what[0]} is used up", "zh": "当日{what[1]}上限 {limit} 已用完"}
    mend = {
        "en": "go on tomorrow (UTC), or ask for the purpose's limit to be raised",
        "zh": "请明日（UTC）再试，或申请提高上限",
    }
    what: Words
    limit: int
    flag: str = ""  # the name of the flag that this raises, where it raises one


@dataclass(eq=False, kw_only=True)
class ActionNotAllowed(NotAllowed):
    """A control-plane action is not granted."""

    code = "GW406"
    status = 403
    text = {"en": "you may not do this for this purpose", "zh": "在此用途下，您无权执行此操作"}
    mend = {"en": "a security officer can change the policy", "zh": "如需变更请联系安全管理员"}


@dataclass(eq=False, kw_only=True)
class ObligationNotUnderstood(NotAllowed):
    """An obligation that can't be discharged means deny."""

    code = "GW407"
    status = 403
    text = {"en": "the policy demands what can't be done here", "zh": "策略要求的义务在此无法履行"}
    mend = {"en": "a security officer must mend the policy", "zh": "请安全管理员修正策略"}


@dataclass(eq=False, kw_only=True)
class ReviewOverdue(NotAllowed):
    """An earlier break-glass answer still waits for its review."""

    code = "GW408"
    status = 403
    text = {"en": "the review of your entry {index} is overdue", "zh": "您第 {index} 条紧急访问记录逾期未复核"}
    mend = {"en": "ask a compliance reviewer to decide it", "zh": "请合规审查员完成复核"}
    index: int


@dataclass(eq=False, kw_only=True)
class GrantLapsed(NotAllowed):
    """The reason was first used too long ago."""

    code = "GW409"
    status = 403
    text = {
        "en": "this reason lapsed {minutes} minutes after its first use",
        "zh": "该理由自首次使用 {minutes} 分钟后已失效",
    }
    mend = {"en": "where there is still danger, state the present reason", "zh": "如仍属紧急，请重新说明当前理由"}
    minutes: int


@dataclass(eq=False, kw_only=True)
class PolicyChanged(NotAllowed):
    """An answer in batches ends where another policy begins to serve."""

    code = "GW410"
    status = 409
    text = {"en": "the policy changed while the answer was on its way", "zh": "返回结果期间策略已变更"}
    mend = {"en": "ask again: what left so far is not the whole answer", "zh": "请重新查询：已返回的内容不完整"}


# ------------------------------------------------------------------ GW5xx sources
class SourceFailed(GatewayError):
    """A department's system did not do its part. Names the dataset, never the address."""


@dataclass(eq=False, kw_only=True)
class SourceUnavailable(SourceFailed):
    """The source can't be reached or broke off."""

    code = "GW501"
    status = 502
    text = {"en": "the source of `{dataset}` is not reachable", "zh": "数据集 `{dataset}` 的来源无法访问"}
    mend = {"en": "try again later; the department's operator has been told", "zh": "请稍后重试；已通知部门运维"}
    dataset: str


@dataclass(eq=False, kw_only=True)
class SourceTimeout(SourceFailed):
    """The source took longer than its limit."""

    code = "GW502"
    status = 504
    text = {"en": "the source of `{dataset}` did not answer in time", "zh": "数据集 `{dataset}` 的来源未及时响应"}
    mend = {"en": "ask for less, or try again later", "zh": "请缩小查询范围或稍后重试"}
    dataset: str


@dataclass(eq=False, kw_only=True)
class SourceRubbish(SourceFailed):
    """The source answered with what the catalogue does not promise."""

    code = "GW503"
    status = 502
    text = {
        "en": "the source of `{dataset}` gave an answer that can't be used",
        "zh": "数据集 `{dataset}` 的来源返回了无法使用的结果",
    }
    mend = {"en": "the department's operator has been told", "zh": "已通知部门运维"}
    dataset: str


@dataclass(eq=False, kw_only=True)
class SourceTooBroad(SourceFailed):
    """The gateway would have to read more rows than its limit."""

    code = "GW504"
    status = 400
    text = {
        "en": "the question makes the gateway read more than {limit} rows of `{dataset}`",
        "zh": "该查询需要网关读取 `{dataset}` 超过 {limit} 行",
    }
    mend = {"en": "add a filter that the source can run", "zh": "请增加来源可执行的过滤条件"}
    dataset: str
    limit: int


@dataclass(eq=False, kw_only=True)
class SourceBusy(SourceFailed):
    """As many questions as the source is given at a time are with it, and as many as may wait are waiting."""

    code = "GW505"
    status = 503
    text = {
        "en": "too many questions wait for the source of `{dataset}`",
        "zh": "等待数据集 `{dataset}` 来源的查询过多",
    }
    mend = {"en": "try again in a few seconds", "zh": "请几秒后重试"}
    dataset: str


@dataclass(eq=False, kw_only=True)
class SourceResting(SourceFailed):
    """The source failed again and again: it is left alone for a while (the circuit is open)."""

    code = "GW506"
    status = 503
    text = {
        "en": "the source of `{dataset}` failed repeatedly and is left alone for {seconds} seconds",
        "zh": "数据集 `{dataset}` 的来源多次失败，{seconds} 秒内暂不访问",
    }
    mend = {"en": "try again after that; the department's operator has been told", "zh": "请稍后重试；已通知部门运维"}
    dataset: str
    seconds: int


@dataclass(eq=False, kw_only=True)
class SourceDenied(SourceFailed):
    """The source does not accept the gateway's account."""

    code = "GW507"
    status = 502
    text = {
        "en": "the source of `{dataset}` does not let the gateway in",
        "zh": "数据集 `{dataset}` 的来源拒绝了网关的账号",
    }
    mend = {"en": "the department's operator has been told", "zh": "已通知部门运维"}
    dataset: str


@dataclass(eq=False, kw_only=True)
class SourceDeclined(SourceFailed):
    """The source is well, and refused this very question."""

    code = "GW508"
    status = 502
    text = {
        "en": "the source of `{dataset}` refused the question",
        "zh": "数据集 `{dataset}` 的来源拒绝了该查询",
    }
    mend = {
        "en": "the operator has been told: the source's settings need mending",
        "zh": "已通知运维：来源配置需要修正",
    }
    dataset: str


@dataclass(eq=False, kw_only=True)
class CredentialUnavailable(SourceFailed):
    """The secret with which the gateway signs in at the source can't be had."""

    code = "GW509"
    status = 502
    text = {
        "en": "the gateway has no credential for the source of `{dataset}`",
        "zh": "网关没有数据集 `{dataset}` 来源的凭据",
    }
    mend = {"en": "the operator has been told", "zh": "已通知运维"}
    dataset: str


# ------------------------------------------------------------------ GW6xx audit
class AuditFailed(GatewayError):
    """The log could not do its part, so nothing is released."""


@dataclass(eq=False, kw_only=True)
class AuditUnavailable(AuditFailed):
    """No receipt, no release."""

    code = "GW601"
    status = 503
    text = {"en": "the audit log can't be written, so nothing is released", "zh": "审计日志无法写入，因此不予放行"}
    mend = {"en": "try again later; the operator has been told", "zh": "请稍后重试；已通知运维"}


@dataclass(eq=False, kw_only=True)
class AuditOverloaded(AuditFailed):
    """Too many entries wait."""

    code = "GW602"
    status = 503
    text = {"en": "the audit log has too much to write just now", "zh": "审计日志写入繁忙"}
    mend = {"en": "try again in a few seconds", "zh": "请几秒后重试"}


@dataclass(eq=False, kw_only=True)
class EntryTooLarge(AuditFailed):
    """The entry would be over 65,535 bytes."""

    code = "GW603"
    status = 400
    text = {"en": "the question is too large to be logged in one entry", "zh": "该查询过大，无法记入单条日志"}
    mend = {"en": "ask for fewer rows or fields at a time", "zh": "请减少每次查询的行数或字段数"}


@dataclass(eq=False, kw_only=True)
class EntryUnknown(AuditFailed):
    """No such entry in the log."""

    code = "GW604"
    status = 404
    text = {"en": "the log has no entry {index}", "zh": "日志中没有第 {index} 条"}
    mend = {"en": "take the index from a receipt", "zh": "请使用回执中的序号"}
    index: int


@dataclass(eq=False, kw_only=True)
class ExportRefused(AuditFailed):
    """The folder is not one that this log can be exported into."""

    code = "GW607"
    status = 409
    text = {
        "en": "the log can't be exported into this folder: {fault[0]}",
        "zh": "无法将日志导出到此文件夹：{fault[1]}",
    }
    mend = {
        "en": "give a new folder; keep this one as it is, for it may be evidence",
        "zh": "请另选新文件夹；此文件夹请原样保留，可能是证据",
    }
    fault: Words


@dataclass(eq=False, kw_only=True)
class ProofFailed(AuditFailed):
    """A proof does not show what it should."""

    code = "GW608"
    status = 409
    text = {"en": "not proved: {fault[0]}", "zh": "未能证明：{fault[1]}"}
    mend = {
        "en": "keep receipt, checkpoint and answer as they are, and tell the log's operator and its witness",
        "zh": "请原样保留回执、检查点与答复，并告知日志运营方与见证方",
    }
    fault: Words


@dataclass(eq=False, kw_only=True)
class SizesUnknown(AuditFailed):
    """A consistency proof between sizes that the log never had."""

    code = "GW609"
    status = 404
    text = {
        "en": "the log has no proof from {older} to {newer} entries",
        "zh": "日志没有从 {older} 条到 {newer} 条的证明",
    }
    mend = {
        "en": "take both sizes from checkpoints, the older one first; it must not be 0",
        "zh": "两个大小均请取自检查点，旧者在前，且不得为 0",
    }
    older: int
    newer: int


@dataclass(eq=False, kw_only=True)
class EntryErased(AuditFailed):
    """What an entry said of people is erased: its retention key is destroyed."""

    code = "GW610"
    status = 410
    text = {
        "en": "what the entry said of people is erased: the retention key {key} is destroyed",
        "zh": "该条目的个人部分已销毁：留存密钥 {key} 已不存在",
    }
    mend = {
        "en": "its public part and its proofs remain; an entry of kind `erasure` says who erased it and when",
        "zh": "其公开部分与证明仍在；`erasure` 类条目记载何人何时销毁",
    }
    key: str


@dataclass(eq=False, kw_only=True)
class EntryArchived(AuditFailed):
    """An entry's bytes are in an archive, no longer in the database."""

    code = "GW611"
    status = 410
    text = {"en": "entry {index} is in the archive {archive}", "zh": "第 {index} 条已归档于 {archive}"}
    mend = {
        "en": "read it there, or bring the archive back with `langqiao audit restore`",
        "zh": "请查阅该归档，或以 `langqiao audit restore` 取回",
    }
    index: int
    archive: str


@dataclass(eq=False, kw_only=True)
class ErasureRefused(AuditFailed):
    """What is in the log of people may not be erased, or not now."""

    code = "GW612"
    status = 409
    text = {"en": "nothing is erased: {why[0]}", "zh": "未予销毁：{why[1]}"}
    mend = {
        "en": "`langqiao audit retention due` shows what falls due and what holds it back",
        "zh": "`langqiao audit retention due` 列出到期内容及冻结原因",
    }
    why: Words


@dataclass(eq=False, kw_only=True)
class ArchiveRefused(AuditFailed):
    """An archive can't be written, is not sound, or is of another log."""

    code = "GW613"
    status = 409
    text = {"en": "the archive is not used: {why[0]}", "zh": "归档未予采用：{why[1]}"}
    mend = {
        "en": "verify it with `langqiao audit verify --archive FOLDER`; the database keeps all until then",
        "zh": "请以 `langqiao audit verify --archive 目录` 验证；完好之前请保留数据库内容",
    }
    why: Words


@dataclass(eq=False, kw_only=True)
class SearchInvalid(AuditFailed):
    """A search of the log that can't be answered as it stands."""

    code = "GW614"
    status = 400
    text = {"en": "the search of the log: {fault[0]}", "zh": "日志检索条件有误：{fault[1]}"}
    mend = {"en": "{fix[0]}", "zh": "{fix[1]}"}
    fault: Words
    fix: Words


@dataclass(eq=False, kw_only=True)
class CursorInvalid(AuditFailed):
    """A page's cursor that this gateway didn't give for this search."""

    code = "GW615"
    status = 400
    text = {"en": "the cursor is not one of this search", "zh": "分页标记不属于本次检索"}
    mend = {
        "en": "give the cursor as it came with the same search, or begin again without one",
        "zh": "请原样传回同一检索给出的分页标记，或从头检索",
    }


@dataclass(eq=False, kw_only=True)
class IndexBehind(AuditFailed):
    """Too many entries are not indexed yet to be searched one by one."""

    code = "GW616"
    status = 503
    text = {
        "en": "the log's index is being built: {waiting} entries wait for it",
        "zh": "日志索引正在建立：尚有 {waiting} 条待索引",
    }
    mend = {"en": "try again in a minute", "zh": "请一分钟后重试"}
    waiting: int


# ------------------------------------------------------------------ GW7xx administration
class AdministrationFailed(GatewayError):
    """A change of policy, cases, people or apps can't be made."""


@dataclass(eq=False, kw_only=True)
class CaseConflict(AdministrationFailed):
    """The case's state does not admit the step."""

    code = "GW701"
    status = 409
    text = {"en": "the case is {state}: this step is not possible", "zh": "案件状态为 {state}，无法执行此步骤"}
    mend = {"en": "read the case and take the step that fits its state", "zh": "请查看案件状态后再操作"}
    state: str


@dataclass(eq=False, kw_only=True)
class FourEyesNeeded(AdministrationFailed):
    """Who opened it can't approve it."""

    code = "GW702"
    status = 403
    text = {"en": "somebody else must approve this", "zh": "须由他人批准"}
    mend = {"en": "ask a colleague who may approve", "zh": "请有权限的同事批准"}


@dataclass(eq=False, kw_only=True)
class SettingsInvalid(AdministrationFailed):
    """The settings can't be used. `fault` names the setting, never a secret."""

    code = "GW703"
    status = 500
    text = {"en": "settings: {fault}", "zh": "配置错误：{fault}"}
    mend = {"en": "{fix}", "zh": "{fix}"}
    fault: str
    fix: str


@dataclass(eq=False, kw_only=True)
class PolicyNotKept(AdministrationFailed):
    """A policy version could not be kept, so it does not serve."""

    code = "GW721"
    status = 503
    text = {
        "en": "the policy version {version} can't be kept: it does not serve",
        "zh": "策略版本 {version} 无法存档，未予启用",
    }
    mend = {
        "en": "the operator must mend the gateway's database, then take the bundle again",
        "zh": "请运维修复网关数据库后重新加载策略",
    }
    version: str


@dataclass(eq=False, kw_only=True)
class PolicyVersionUnknown(AdministrationFailed):
    """No version of this name is kept, or what is kept under the name isn't it."""

    code = "GW722"
    status = 404
    text = {"en": "no sound policy version `{version}` is kept", "zh": "存档中没有完好的策略版本 `{version}`"}
    mend = {
        "en": "`langqiao policy versions` lists those that are kept",
        "zh": "`langqiao policy versions` 列出已存档的版本",
    }
    version: str


@dataclass(eq=False, kw_only=True)
class NotRedecidable(AdministrationFailed):
    """An entry can't be decided again."""

    code = "GW723"
    status = 409
    text = {"en": "entry {index} can't be decided again: {why[0]}", "zh": "第 {index} 条无法重新决策：{why[1]}"}
    mend = {
        "en": "take an entry of version 2 or later that tells of a decision about data",
        "zh": "请选择版本 2 及以上、记有数据决策的条目",
    }
    index: int
    why: Words


@dataclass(eq=False, kw_only=True)
class PolicyBehind(AdministrationFailed):
    """This process has not got the policy that serves, and must not go on with the one that was replaced."""

    code = "GW724"
    status = 503
    text = {
        "en": "this process has not got the policy that serves now, so it decides nothing",
        "zh": "本进程尚未取得现行策略，因此不作任何判定",
    }
    mend = {"en": "try again in a few seconds; the operator has been told", "zh": "请几秒后重试；已通知运维"}


@dataclass(eq=False, kw_only=True)
class PolicyContested(AdministrationFailed):
    """Somebody else changes the policy just now."""

    code = "GW725"
    status = 409
    text = {
        "en": "another process is changing the policy just now; this bundle was not taken",
        "zh": "另一进程正在变更策略；本次策略包未启用",
    }
    mend = {
        "en": "look at what serves now, then take the bundle again",
        "zh": "请先查看现行策略，再重新加载",
    }


@dataclass(eq=False, kw_only=True)
class NotReversible(AdministrationFailed):
    """What is asked for isn't a token of that answer: whatever the reason, the text is the same."""

    code = "GW731"
    status = 403
    text = {
        "en": "only a token that the named answer showed can be turned back",
        "zh": "仅可还原所指答复中出现的令牌",
    }
    mend = {
        "en": "name the answer's entry, the dataset and the field, and copy the token as it was shown",
        "zh": "请注明该答复的日志序号、数据集与字段，并原样填写令牌",
    }


@dataclass(eq=False, kw_only=True)
class ReidentificationUnknown(AdministrationFailed):
    """No such request for this purpose, or not this person's to open."""

    code = "GW732"
    status = 404
    text = {
        "en": "you have no re-identification `{request}` for this purpose",
        "zh": "在此用途下没有您可办理的还原申请 `{request}`",
    }
    mend = {
        "en": "`langqiao reidentify list` lists those of the purpose; only who asked may open one",
        "zh": "`langqiao reidentify list` 列出该用途的申请；仅申请人可开启",
    }
    request: str


@dataclass(eq=False, kw_only=True)
class ReidentificationConflict(AdministrationFailed):
    """The request's state does not admit the step."""

    code = "GW733"
    status = 409
    text = {"en": "the re-identification is {state[0]}", "zh": "该还原申请{state[1]}"}
    mend = {
        "en": "what is refused, opened or lapsed is over: ask anew, with a reason",
        "zh": "已驳回、已开启或已失效的申请不可再用，请重新申请并说明理由",
    }
    state: Words


@dataclass(eq=False, kw_only=True)
class KeysUnreadable(AdministrationFailed):
    """The key ring can't be used now: its table is out of reach or too long unread."""

    code = "GW741"
    status = 503
    text = {"en": "the keys can't be used: {why[0]}", "zh": "密钥暂不可用：{why[1]}"}
    mend = {"en": "the operator must mend the gateway's database", "zh": "请运维修复网关数据库"}
    why: Words


@dataclass(eq=False, kw_only=True)
class KeyUnavailable(AdministrationFailed):
    """A key's version is not in a state for this."""

    code = "GW742"
    status = 409
    text = {
        "en": "version {version} of the key `{use}` is {state}: this is not possible",
        "zh": "密钥 {use} 第 {version} 版状态为 {state}，无法执行此操作",
    }
    mend = {
        "en": "`langqiao keys list` shows each version and its state; a retired one can be reinstated",
        "zh": "`langqiao keys list` 列出各版本及状态；已停用的版本可以恢复",
    }
    use: str
    version: int
    state: str


@dataclass(eq=False, kw_only=True)
class KeyFixed(AdministrationFailed):
    """The use has one key for good."""

    code = "GW743"
    status = 409
    text = {
        "en": "the key `{use}` is not rotated, retired or destroyed",
        "zh": "密钥 {use} 不轮换、不停用、不销毁",
    }
    mend = {
        "en": "begin a new log with a new `audit.origin`, database and root key, and keep the old one to be read",
        "zh": "请以新的 audit.origin、数据库和根密钥另立新日志，旧日志留存备查",
    }
    use: str


@dataclass(eq=False, kw_only=True)
class ConfirmationMissing(AdministrationFailed):
    """A destruction that does not repeat what it destroys."""

    code = "GW744"
    status = 422
    text = {
        "en": "destroying is for good, and `confirm` does not say what is destroyed",
        "zh": "销毁不可恢复，而 confirm 未写明所销毁的密钥",
    }
    mend = {
        "en": "read what will be lost, then give `confirm` as `{use} {version}`",
        "zh": "请先查看将丢失的内容，再将 confirm 写为 `{use} {version}`",
    }
    use: str
    version: int


@dataclass(eq=False, kw_only=True)
class TerminalKeyInvalid(AdministrationFailed):
    """What was registered is no public key of a terminal."""

    code = "GW745"
    status = 422
    text = {"en": "the terminal can't be registered: {fault}", "zh": "终端登记失败：{fault}"}
    mend = {
        "en": "make a key pair on the device and send its public key as a JWK: EC with P-256, or OKP with X25519",
        "zh": "请在设备上生成密钥对，以 JWK 发送其公钥：EC（P-256）或 OKP（X25519）",
    }
    fault: str


@dataclass(eq=False, kw_only=True)
class TerminalStepInvalid(AdministrationFailed):
    """A step that the terminal's state does not admit, or one terminal too many."""

    code = "GW746"
    status = 409
    text = {
        "en": "this can't be done with the terminal {terminal}",
        "zh": "终端 {terminal} 无法执行此操作",
    }
    mend = {
        "en": "`langqiao terminals list` shows each terminal and its state; a person has at most five, each key once",
        "zh": "`langqiao terminals list` 列出各终端及状态；每人至多五台，同一公钥只登记一次",
    }
    terminal: str


@dataclass(eq=False, kw_only=True)
class CatalogDrifted(AdministrationFailed):
    """A source is no longer what the catalogue says of it."""

    code = "GW761"
    status = 409
    text = {
        "en": "the source and the catalogue have drifted apart in {count} places",
        "zh": "来源与目录有 {count} 处不一致",
    }
    mend = {
        "en": "mend the catalogue, or pass what is meant so with --ignore",
        "zh": "请修订目录；确属有意的，以 --ignore 忽略",
    }
    count: int


@dataclass(eq=False, kw_only=True)
class SourceNotCatalogued(AdministrationFailed):
    """The bundle to compare with reads no dataset from this source."""

    code = "GW762"
    status = 404
    text = {
        "en": "the bundle has no dataset of this department and source",
        "zh": "策略包中没有该部门、该来源的数据集",
    }
    mend = {
        "en": "name the department or the source as the catalogue does: --department, --source",
        "zh": "请按目录中的名称指定 --department 或 --source",
    }


# ------------------------------------------------------------------ GW9xx defects
@dataclass(eq=False, kw_only=True)
class ReviewConflict(AdministrationFailed):
    """The review's state does not admit the step."""

    code = "GW751"
    status = 409
    text = {"en": "the review is {state[0]}", "zh": "该复核{state[1]}"}
    mend = {
        "en": "`langqiao reviews list` shows where each review stands",
        "zh": "`langqiao reviews list` 列出各复核所处阶段",
    }
    state: Words


@dataclass(eq=False, kw_only=True)
class FlagUnknown(AdministrationFailed):
    """No flag of a detector has this id or index."""

    code = "GW752"
    status = 404
    text = {
        "en": "the log has no flag `{flag}` that can be made again",
        "zh": "日志中没有可复现的告警 `{flag}`",
    }
    mend = {
        "en": "take the index of a flag from `langqiao flags`; those of the daily limits are no detector's",
        "zh": "请使用 `langqiao flags` 所列的序号；每日上限的告警不由检测器产生",
    }
    flag: str


@dataclass(eq=False, kw_only=True)
class ReportTooLarge(AdministrationFailed):
    """The report would hold more than one may."""

    code = "GW753"
    status = 413
    text = {
        "en": "the report would hold more than {limit} {what[0]}",
        "zh": "报表超出上限：{what[1]}最多 {limit}",
    }
    mend = {"en": "ask for a shorter time, several times", "zh": "请分几次选取较短的时间段"}
    what: Words
    limit: int


@dataclass(eq=False, kw_only=True)
class ReportFormatMissing(AdministrationFailed):
    """This gateway can't write the format: a package or a font is missing."""

    code = "GW754"
    status = 501
    text = {"en": "{format} can't be made here: {missing[0]}", "zh": "此处无法生成 {format}：{missing[1]}"}
    mend = {
        "en": "ask for html, or have the operator install what is missing",
        "zh": "请改用 html 格式，或请运维安装所缺组件",
    }
    format: str
    missing: Words


@dataclass(eq=False, kw_only=True)
class CanaryUnknown(AdministrationFailed):
    """Nobody watches for this canary."""

    code = "GW755"
    status = 404
    text = {"en": "there is no canary `{subject}`", "zh": "没有诱饵 `{subject}`"}
    mend = {
        "en": "`langqiao canaries list` has those that are watched for",
        "zh": "`langqiao canaries list` 列出在用的诱饵",
    }
    subject: str


@dataclass(eq=False, kw_only=True)
class Defect(GatewayError):
    """Our own fault. Says nothing but that."""

    code = "GW901"
    status = 500
    text = {"en": "the gateway has a defect", "zh": "网关内部错误"}
    mend = {"en": "tell the operator the trace id", "zh": "请将追踪编号告知运维"}
