"""All settings, from `FRONTDESK_*` variables and a YAML file named by `FRONTDESK_CONFIG`; variables win. Secrets are never in that
file, but in variables or in the folder `FRONTDESK_SECRETS`."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster, Mechanism, Protocol
from frontdesk.agents.settings_safety import unsafe
from frontdesk.agents.settings_sources import SecretsFolder, SettingsFile

OTHERS = frozenset({"FRONTDESK_DATA"})
"""Variables that are no settings: where tests and benches find public data."""

BUNDLED_POLICY = Path(__file__).parent.parent / "policies" / "retail"


class Settings(BaseSettings):
    """Frozen after loading. Durations are seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix="FRONTDESK_", frozen=True, extra="forbid")

    config: Path | None = Field(None, description="YAML file with any of these settings but secrets")
    secrets: Path | None = Field(
        None, description="folder with secrets: a file each, named as its variable; variables win"
    )

    # Kafka
    broker: str = Field("127.0.0.1:9092", description="bootstrap servers, host:port, comma-separated")
    kafka_security_protocol: Protocol = Field(
        "PLAINTEXT", description="of the listener: PLAINTEXT, SSL, SASL_SSL"
    )
    kafka_ca: Path | None = Field(
        None, description="PEM file of the CA of the brokers' certificates; none: the machine's CAs"
    )
    kafka_certificate: Path | None = Field(
        None, description="PEM file of our own certificate, for mutual TLS"
    )
    kafka_key: Path | None = Field(None, description="PEM file of its key; none: in the certificate's file")
    kafka_key_password: SecretStr | None = Field(None, description="of that key, where it is encrypted")
    kafka_sasl_mechanism: Mechanism = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_sasl_unencrypted: bool = Field(
        False, description="SASL without TLS after all: for tests, to brokers on this machine alone"
    )
    application: str = Field("frontdesk", description="consumer group and prefix of the transactional ids")
    guarantee: Literal["exactly_once", "at_least_once"] = "exactly_once"
    schema_registry_url: SecretStr | None = Field(
        None,
        description="Confluent-compatible; user and password stand in it, or in the two settings that follow",
    )
    schema_registry_user: str | None = None
    schema_registry_password: SecretStr | None = None
    schema_registry_ca: Path | None = Field(
        None, description="PEM file of the CA of the registry's certificate; none: the machine's CAs"
    )
    partitions: int = Field(
        4, ge=1, description="of every customer-keyed topic, when `topics create` makes them"
    )
    replication: int = Field(1, ge=1)
    session_timeout: float = Field(10.0, gt=0)
    heartbeat_interval: float = Field(1.0, gt=0)
    rebalance_timeout: float = Field(30.0, gt=0)
    transaction_timeout: float = Field(10.0, gt=0)
    instance_id: str | None = Field(None, description="static membership: stable name of this worker")

    # The step
    step_messages: int = Field(4000, ge=1)
    step_bytes: int = Field(4 * 1024 * 1024, ge=1024)
    step_seconds: float = Field(0.05, gt=0, description="CPU time of one step, by what the last ones took")
    step_linger: float = Field(
        0.01, ge=0, description="a step that is not full begins so long after the one before at the earliest"
    )
    intake_messages: int = Field(
        20_000, ge=1, description="records held per shard before its partitions pause"
    )
    intake_bytes: int = Field(32 * 1024 * 1024, ge=1024)
    intake_bytes_total: int = Field(128 * 1024 * 1024, ge=1024, description="held for all shards together")
    drain_timeout: float = Field(20.0, gt=0)
    stall_timeout: float = Field(
        60.0, gt=0, description="lag without progress for this long ends the process"
    )
    recovery_timeout: float = Field(300.0, gt=0)

    # State
    state_dir: Path | None = Field(
        None,
        description="folder for snapshots of the shards' state (RocksDB, extra `state`); none: state in memory",
    )

    # Bad input
    halt_dead_letter_share: float = Field(0.5, gt=0, le=1)
    halt_dead_letter_minimum: int = Field(
        100, ge=1, description="dead letters within a minute before the share counts"
    )

    audit_file: Path | None = Field(
        None, description="who reads dead letters is written there, a line of JSON each; none: to stderr"
    )

    # What to decide by
    policy: Path = Field(BUNDLED_POLICY, description="folder with taxonomy.yaml and policy.yaml")
    catalog: Path | None = Field(None, description="product catalogue (JSONL)")

    # Local labels
    model: Path | None = Field(
        None, description="folder of a trained model (extra `learn`); none: by the taxonomy's own words"
    )

    models: str | None = Field(
        None,
        description="registry of models for `learn register`: a folder, or a URL that fsspec knows; workers read models from nowhere else, and without it where each was announced",
    )
    audit_share: float = Field(
        0.03,
        ge=0,
        le=1,
        description="of the messages that local labels are sure of: an LLM is asked about them all the same, after the decision",
    )

    # The learner
    learn_answers: int = Field(500, ge=1, description="new answers that make another model worth while")
    learn_every: float = Field(3600.0, ge=0, description="seconds between two models, at the least")
    learn_stage_time: float = Field(3600.0, ge=0, description="of a model in each stage, at the least")
    learn_audits: int = Field(200, ge=1, description="audits in each stage, at the least")
    learn_margin: float = Field(
        0.02, gt=0, lt=1, description="by which a model may agree less with the teacher, of all messages"
    )
    learn_look_every: float = Field(
        3600.0, ge=0, description="seconds between two looks of `learn run` at drift and outcomes; 0: none"
    )
    learn_http_port: int = Field(9110, ge=0, le=65535, description="of the learner's metrics")

    # The LLM
    llm_base_url: str | None = Field(
        None, description="any OpenAI-compatible endpoint; none: local labels only"
    )
    llm_api_key: SecretStr | None = None
    llm_model: str = "gpt-4o-mini"
    llm_for: tuple[Literal["intent", "emotion", "urgency"], ...] = Field(
        ("intent",),
        description='labels worth asking about when the local ones are unsure, as JSON: ["intent"]',
    )
    llm_replies: bool = Field(
        False, description="the LLM words replies anew, as the second revision of a suggestion"
    )
    llm_timeout: float = Field(8.0, gt=0, description="of one request")
    llm_concurrency: int = Field(
        32, ge=1, description="requests under way at most; fewer while the endpoint is overloaded"
    )
    llm_attempts: int = Field(2, ge=1, le=10, description="requests for one message")
    llm_requests_per_minute: int | None = Field(None, ge=1)
    llm_tokens_per_minute: int | None = Field(None, ge=1)
    llm_context_tokens: int = Field(
        1_000, ge=0, description="of the conversation before the message, by estimate"
    )
    llm_answer_tokens: int = Field(
        300, ge=100, description="of one answer; a model that reasons needs some thousands"
    )
    llm_price_in: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="US dollars for a million input tokens"
    )
    llm_price_out: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="US dollars for a million output tokens"
    )
    llm_endpoints: Path | None = Field(
        None, description="YAML file that binds tenants and locales to endpoints of their own"
    )
    llm_process: bool = Field(
        True, description="the requests in a process of their own, so that their CPU is not the shards'"
    )
    llm_cache_entries: int = Field(50_000, ge=1, description="answers remembered for identical questions")
    llm_cache_seconds: float = Field(86_400.0, gt=0)
    llm_budget: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description="US dollars a day (UTC) for all workers together; none: without bound",
    )
    llm_tenant_budget: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="US dollars a day for each tenant"
    )
    llm_tenant_budgets: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] = Field(
        default_factory=dict, description='of single tenants, as JSON: {"acme": 2.5}'
    )
    llm_urgent_share: float = Field(
        0.0, ge=0, le=1, description="of each budget, kept for messages of high or critical urgency"
    )
    # Tuning the LLM: for `frontdesk learn finetune`; what is none, the endpoint chooses
    finetune_base: str | None = Field(None, description="model that is tuned; none: FRONTDESK_LLM_MODEL")
    finetune_suffix: str = Field(
        "frontdesk", pattern=r"^[a-z0-9-]{1,18}$", description="in the tuned model's name"
    )
    finetune_epochs: int | None = Field(None, ge=1, le=50)
    finetune_batch_size: int | None = Field(None, ge=1, le=256)
    finetune_learning_rate_multiplier: float | None = Field(None, gt=0, le=100, allow_inf_nan=False)
    finetune_price: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="US dollars for a million trained tokens"
    )
    finetune_timeout: float = Field(120.0, gt=0, description="of one request, an upload included")
    deadline: float = Field(6.0, gt=0, description="from intake to decision, when the LLM is asked")
    llm_backlog_age: float = Field(
        120.0,
        gt=0,
        description="seconds a message may have lain before it was taken up; of older ones only the urgent are asked about",
    )
    amend_within: float = Field(60.0, ge=0, description="after the deadline, a late answer may still amend")
    conversation_idle: float = Field(
        86_400.0, ge=1, description="seconds without a word after which a conversation is over (`timed_out`)"
    )
    history_days: int = Field(
        730, ge=1, description="what is known of a customer and is older is forgotten, and never counts"
    )
    waiting_per_customer: int = Field(50, ge=1)
    waiting_per_shard: int = Field(2_000, ge=1)

    # Operation
    http_host: str = "127.0.0.1"
    http_port: int = Field(9108, ge=0, le=65535)
    otel_endpoint: str | None = Field(
        None,
        description="OpenTelemetry collector, OTLP over HTTP, such as http://127.0.0.1:4318 (extra `otel`); none: no traces",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    @field_validator("broker")
    @classmethod
    def _hosts(cls, value: str) -> str:
        for part in value.split(","):
            host, _, port = part.strip().rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{part!r} is not host:port")
        return value

    @field_validator("kafka_security_protocol", "kafka_sasl_mechanism", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator(
        "state_dir",
        "catalog",
        "model",
        "models",
        "llm_endpoints",
        "secrets",
        "audit_file",
        "kafka_sasl_username",
        "schema_registry_user",
        "kafka_ca",
        "kafka_certificate",
        "kafka_key",
        "schema_registry_ca",
        mode="before",
    )
    @classmethod
    def _path(cls, value: object) -> object:
        """Empty is none: a variable that is set to nothing names no folder, least of all the one we happen to be in, and no user."""
        return None if value == "" else value

    @field_validator("schema_registry_url")
    @classmethod
    def _registry(cls, value: SecretStr | None) -> SecretStr | None:
        """Empty is none, so that a variable can switch off what the file has. Never shows the value: a password may be in it."""
        if value is None or not value.get_secret_value():
            return None
        try:
            url = urlsplit(value.get_secret_value())
            sound = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise ValueError("it is no URL like https://user:password@host:port")
        return value

    @model_validator(mode="after")
    def _safe(self) -> Self:
        wrong = unsafe(self)
        if wrong is not None:
            raise ValueError(wrong)
        return self

    @property
    def cluster(self) -> Cluster:
        """Where the brokers are, and as whom we come to them."""
        return Cluster(
            self.broker,
            protocol=self.kafka_security_protocol,
            mechanism=self.kafka_sasl_mechanism,
            username=self.kafka_sasl_username,
            password=self.kafka_sasl_password,
            ca=self.kafka_ca,
            certificate=self.kafka_certificate,
            key=self.kafka_key,
            key_password=self.kafka_key_password,
        )

    @field_validator("otel_endpoint")
    @classmethod
    def _collector(cls, value: str | None) -> str | None:
        """Empty is none. Never shows the value: somebody may have put a password into it."""
        if not value:
            return None
        if not value.startswith(("http://", "https://")):
            raise ValueError("it is no URL like http://127.0.0.1:4318")
        if "@" in value:
            raise ValueError("keys and passwords go into OTEL_EXPORTER_OTLP_HEADERS, not into the address")
        return value

    @property
    def llm_enabled(self) -> bool:
        """Whether any endpoint is named."""
        return bool(self.llm_base_url or self.llm_endpoints)

    @model_validator(mode="after")
    def _heartbeats(self) -> Self:
        # With fewer than two chances within the timeout, the group throws its members out again and again.
        if self.heartbeat_interval > self.session_timeout / 2:
            raise ValueError(
                f"FRONTDESK_HEARTBEAT_INTERVAL: {self.heartbeat_interval:g} is too long: give at most half of "
                f"FRONTDESK_SESSION_TIMEOUT, which is {self.session_timeout:g}"
            )
        return self

    @model_validator(mode="after")
    def _somebody_to_word_replies(self) -> Self:
        if self.llm_replies and not self.llm_enabled:
            raise ValueError(
                "FRONTDESK_LLM_REPLIES: there is no LLM to word replies: set FRONTDESK_LLM_BASE_URL or "
                "FRONTDESK_LLM_ENDPOINTS, or leave this off"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then variables, then the folder of secrets, then the file."""
        given = {**env_settings(), **init_settings()}
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings, env_settings)
        file = (
            SettingsFile(settings_cls, yaml_file=Path(str(given["config"]))) if given.get("config") else None
        )
        folder = given.get("secrets") or (file() if file else {}).get("secrets")
        if folder:
            sources += (SecretsFolder(settings_cls, Path(str(folder))),)
        return sources if file is None else (*sources, file)


def load(**overrides: object) -> Settings:
    """Settings from arguments, environment and file.

    Raises:
        StartupError: naming each wrong setting by its variable, with what is wrong about it.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        raise StartupError("wrong settings: " + "; ".join(map(_said, error.errors()))) from None


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """FRONTDESK_* variables that name no setting, each with the one it may mean.

    Not an error: a container platform may set such names for reasons of its own.
    """
    known = {f"FRONTDESK_{name}".upper() for name in Settings.model_fields}
    out = []
    for name in sorted(environment):
        if name.startswith("FRONTDESK_") and name not in known | OTHERS:
            near = get_close_matches(name, known, n=1)
            out.append(f"{name} (did you mean {near[0]}?)" if near else name)
    return out


def _said(problem: ErrorDetails) -> str:
    name = "_".join(str(part) for part in problem["loc"])
    what = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        near = get_close_matches(name, Settings.model_fields, n=1)
        what = "there is no such setting" + (f"; did you mean {near[0]}?" if near else "")
        return f"{name} in FRONTDESK_CONFIG: {what}"
    return f"FRONTDESK_{name.upper()}: {what}" if name else what
