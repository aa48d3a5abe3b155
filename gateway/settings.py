"""Settings: one `langqiao.toml` and the environment (`LANGQIAO_*`, nested with `__`)."""

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.errors import SettingsInvalid


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_BATCH_ROWS: Final = 1_000


class Limits(_Strict):
    """Every limit has a number here and a test."""

    url_bytes: PositiveInt = 16_384
    header_bytes: PositiveInt = 32_768
    body_bytes: PositiveInt = 65_536  # control plane; the data plane takes no body
    select_items: PositiveInt = 200
    filter_terms: PositiveInt = 100
    filter_nesting: PositiveInt = 10
    in_values: PositiveInt = 1_000
    pattern_characters: PositiveInt = 500  # of a regular expression or a full-text search
    order_terms: PositiveInt = 20
    embeds: PositiveInt = 20  # of one question, at all levels
    embed_depth: Annotated[int, Field(ge=1, le=20)] = 5
    embed_keys: PositiveInt = 1_000  # values of a key that one fetch of an embed asks for
    page_rows: PositiveInt = 1_000  # default and most; the log names the subjects of every row
    stream_rows: PositiveInt = 1_000_000  # most rows of an answer in NDJSON, CSV or Arrow
    source_rows: PositiveInt = 200_000  # the most that the gateway reads to do what a source can't
    answer_bytes: PositiveInt = 16 * 1024 * 1024
    report_entries: PositiveInt = 200_000  # entries of the log that one report may cover

    @property
    def batch_rows(self) -> int:
        """Rows of a long answer that are read, written down and sent at a time: an entry names all their people."""
        return min(self.page_rows, _BATCH_ROWS)


class Turns(_Strict):
    """How many questions one process works on at a time, so that no app keeps the others waiting."""

    at_once: PositiveInt = 8  # where one app asks: who comes then waits for no more than these
    shared: PositiveInt = 3  # where several ask: all of them together, in equal parts, at least one each
    waiting: PositiveInt = 512  # of one app; more are refused
    # of an app that has more waiting, while another has not: as many times as its last question took, 10 ms at most
    rest: NonNegativeFloat = 1.0


class Timeouts(_Strict):
    """Seconds."""

    source: PositiveFloat = 10.0
    audit: PositiveFloat = 2.0
    total: PositiveFloat = 20.0
    stream: PositiveFloat = 600.0  # an answer in batches, from its first row to its last


class Issuer(_Strict):
    """Who may sign tokens of persons. Keys are a JWK set, from a file."""

    issuer: str
    audience: str = "langqiao"
    jwks_file: Path
    leeway_seconds: Annotated[int, Field(ge=0, le=60)] = 5


class Telemetry(_Strict):
    """Spans are sampled at the head; without an endpoint none are sent."""

    otlp_endpoint: str | None = None
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01
    log_level: str = "INFO"
    metrics_token_file: Path | None = None  # what a reader of /metrics must send; without it there is none


class Witness(_Strict):
    """Who countersigns the log's checkpoints: where it listens, and its public key."""

    url: str
    vkey: str


class Audit(_Strict):
    """The log's name in receipts and checkpoints, its queue, and its witnesses."""

    origin: str = "langqiao.example/demo"
    reader_url: str | None = Field(default=None, repr=False)  # an account that may only read the log (PostgreSQL)
    queue_entries: PositiveInt = 8_192
    batch_entries: PositiveInt = 2_048
    witnesses: tuple[Witness, ...] = ()
    witness_seconds: PositiveFloat = 60.0  # how often new checkpoints are brought to them
    retention_days: PositiveInt = 1_825  # of entries without a purpose that the policy has; the others say their own


class Forwarding(_Strict):
    """A system that gets every entry of the log as well (a SIEM)."""

    kind: Literal["otlp", "syslog-udp", "syslog-tcp", "syslog-tls"]
    address: Annotated[str, Field(pattern=r"^(https?://\S+|[^\s/]+:[0-9]{1,5})$", repr=False)]  # URL of OTLP; host:port
    ca_file: Path | None = None  # who signs its certificate; None: those that the system trusts
    client_certificate: Path | None = None  # certificate and key in one PEM file, for TLS
    people_as_hashes: bool = False  # keyed hashes of who asked, case, trace and subjects; else nothing of them
    from_beginning: bool = True  # False: a target that is new begins with what comes
    batch_entries: Annotated[int, Field(ge=1, le=10_000)] = 256
    enterprise_number: PositiveInt = 32_473  # of the structured data (IANA); the default is for documentation

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.kind == "otlp") != self.address.startswith("http"):
            msg = "otlp has an http address, syslog a host:port"
            raise ValueError(msg)
        return self


class Keys(_Strict):
    """The root key, which wraps every key in the database: from a file, the environment or a key service."""

    root_file: Path = Path("keys/root.key")  # 32 bytes, mode 0600, in a folder of mode 0700
    root: SecretStr | None = None  # base64 of 32 bytes; in the environment only: LANGQIAO_KEYS__ROOT
    kms: str | None = None  # an entry point of the group `langqiao.kms`
    kms_options: dict[str, SecretStr] = Field(default_factory=dict)
    algorithms: Literal["international", "national"] = "international"  # of versions made from now on


class Resilience(_Strict):
    """What one source is given, and when it is left alone."""

    concurrency: PositiveInt = 8  # questions that are with it at a time
    queue: PositiveInt = 64  # that may wait for a place
    wait_seconds: PositiveFloat = 2.0  # for a place
    streams: PositiveInt | None = None  # places that answers in batches may hold at a time; None: half of all
    stream_queue: PositiveInt = 256
    stream_wait_seconds: PositiveFloat = 60.0
    batch_seconds: PositiveFloat = 15.0  # for the first batch and each one after
    failures: PositiveInt = 5  # of the last `window` outcomes that open its circuit
    window: PositiveInt = 10
    open_seconds: PositiveFloat = 5.0  # until it is probed; twice as long after each failed probe
    most_open_seconds: PositiveFloat = 60.0
    probes: PositiveInt = 1  # answered ones that close the circuit


class Source(BaseModel):
    """One department's system: `kind` names a connector's entry point; the rest are its options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str
    resilience: Resilience = Resilience()

    def options(self) -> dict[str, object]:
        """Everything but the kind and the limits."""
        return dict(self.model_extra or {})

    def __repr__(self) -> str:
        """Kind only: options may hold a secret."""
        return f"<Source {self.kind}>"

    __str__ = __repr__


class SecretStore(BaseModel):
    """A place where secrets are kept: `kind` names an entry point; the rest are its options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: str

    def options(self) -> dict[str, object]:
        """Everything but the kind."""
        return dict(self.model_extra or {})

    def __repr__(self) -> str:
        """Kind only."""
        return f"<SecretStore {self.kind}>"

    __str__ = __repr__


class Settings(BaseSettings):
    """All of it. Relative paths are relative to the file they were read from."""

    model_config = SettingsConfigDict(
        env_prefix="LANGQIAO_", env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1  # processes behind the port; more than one need PostgreSQL
    public_url: str | None = None  # as other systems reach it; the AuthZEN metadata names it
    default_department: str | None = None  # whose datasets short names mean where the asker names no department
    review_hours: PositiveInt = 72  # to decide a review; of break-glass an overdue one bars its person from it
    review_answer_hours: PositiveInt = 48  # to answer what one is asked in a review
    watch_seconds: Annotated[float, Field(ge=0, le=3600)] = 2.0  # between two looks at the log; 0: not by this gateway
    time_zone: str = "Asia/Shanghai"  # of days and hours in flags and reports
    flags: dict[str, dict[str, Any]] = Field(default_factory=dict)  # parameters of each detector, by its name
    reidentification_hours: PositiveInt = 24  # an approved re-identification not opened by then has lapsed
    bundle: Path = Path("policies")
    state_url: str = Field(default="sqlite:///langqiao.db", repr=False)  # SQLite or postgresql+psycopg
    keys: Keys = Keys()
    high_water: Path = Path("high-water.json")  # refuses a restored old log
    issuers: tuple[Issuer, ...] = ()
    sources: dict[str, Source] = Field(default_factory=dict, repr=False)
    secrets: dict[str, SecretStore] = Field(default_factory=dict, repr=False)
    forwarding: dict[str, Forwarding] = Field(default_factory=dict)
    networks: dict[str, tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]] = Field(default_factory=dict)
    audit: Audit = Audit()
    limits: Limits = Limits()
    turns: Turns = Turns()
    timeouts: Timeouts = Timeouts()
    telemetry: Telemetry = Telemetry()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment beats file (the file comes in as initial values)."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def load_settings(path: Path | None) -> Settings:
    """Read and validate; raises SettingsInvalid that names the setting, never its value."""
    values: dict[str, Any] = {}
    home = Path.cwd()
    if path is not None:
        home = path.resolve().parent
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsInvalid(
                fault=f"can't read {path}: {type(error).__name__}", fix="give a readable TOML file with --settings"
            ) from None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsInvalid(fault=f"`{where}`: {first['msg']}", fix="see docs/settings.md") from None
    return settings.model_copy(
        update={
            "bundle": home / settings.bundle,
            "keys": settings.keys.model_copy(update={"root_file": home / settings.keys.root_file}),
            "high_water": home / settings.high_water,
            "telemetry": settings.telemetry.model_copy(
                update={"metrics_token_file": home / settings.telemetry.metrics_token_file}
                if settings.telemetry.metrics_token_file is not None
                else {}
            ),
            "issuers": tuple(
                issuer.model_copy(update={"jwks_file": home / issuer.jwks_file}) for issuer in settings.issuers
            ),
            "forwarding": {
                name: target.model_copy(
                    update={
                        setting: home / path
                        for setting in ("ca_file", "client_certificate")
                        if (path := getattr(target, setting)) is not None
                    }
                )
                for name, target in settings.forwarding.items()
            },
            "sources": {
                name: source.model_copy(update={"folder": str(home / str(source.options()["folder"]))})
                if "folder" in source.options()
                else source
                for name, source in settings.sources.items()
            },
        }
    )
