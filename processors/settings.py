"""Every knob of Oidor: its unit, its default, and why. Read from the environment as OIDOR_<NAME>, or from `.env`."""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    AwareDatetime,
    Field,
    FilePath,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Milliseconds = int


class Unit(NamedTuple):
    """What a number among the settings counts."""

    name: str


Seconds = Annotated[PositiveFloat, Unit("seconds")]
Days = Annotated[PositiveInt, Unit("days")]
Bytes = Annotated[PositiveInt, Unit("bytes")]
Port = Annotated[int, Unit("port"), Field(ge=0, le=65_535)]

SECRETS_DIR: Final = Path("/run/secrets")
"""Where orchestrators mount secrets, a file each: `oidor_kafka_password` is OIDOR_KAFKA_PASSWORD."""
SECRETS: Final = (
    "kafka_password", "kafka_key_password", "clickhouse_password", "pages_token", "pseudonym_key", "alertmanager_token",
)  # fmt: skip
"""Settings that are shown nowhere; OIDOR_<NAME>_FILE names a file that holds one."""

_NO_SECRET: Final = SecretStr("")
_URL: Final = re.compile(r"https?://([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?(/[\w./-]*)?")
_ADDRESS: Final = re.compile(r"([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?")


class Settings(BaseSettings):
    """Frozen: a process reads its settings once."""

    model_config = SettingsConfigDict(
        env_prefix="OIDOR_",
        env_file=".env",
        secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    # Kafka
    brokers: str = "127.0.0.1:9092"
    """Kafka bootstrap servers, host:port, comma-separated; credentials have settings of their own."""
    app_id: str = Field("oidor", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Names the consumer groups, the transactional ids and the state topic."""
    input_prefix: str = Field("", pattern=r"^[a-z0-9-]*$")
    """Put before the names of the input topics."""
    topic_prefix: str = Field("", pattern=r"^[a-z0-9-]*$")
    """Put before the names of the topics that Oidor writes, but the state's: two installations can share a cluster."""
    partitions: Annotated[PositiveInt, Unit("partitions")] = 12
    """Partitions of every topic; the state records it, it cannot change under an application id."""
    partitioner: Literal["murmur2", "crc32", "any"] = "murmur2"
    """How publishers place a key in a partition, all of them alike: murmur2 is Kafka's own default, crc32 librdkafka's.
    What lies elsewhere is warned wrong_partition, by source; any looks at nothing, for a partitioner of your own.
    """
    replication: Annotated[PositiveInt, Unit("copies")] = 1
    """Copies of every topic when `oidor topics create` makes it; 3 in production."""
    input_retention_days: Annotated[float, Unit("days")] = 7
    """Days that input topics keep; -1 for ever, which reading logs of past years needs."""

    # How we are known to Kafka
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """What the listener of the brokers speaks, by Kafka's own names. PLAINTEXT is for one machine or a trusted network:
    whoever reaches the broker reads what customers said.
    """
    kafka_ca: FilePath | None = None
    """File of the authorities that may have signed the brokers' certificates, PEM; none: those of the system."""
    kafka_certificate: FilePath | None = None
    """File of our own certificate with its chain, PEM: mutual TLS."""
    kafka_key: FilePath | None = None
    """File of its private key, PEM; none: it stands in the certificate's file."""
    kafka_key_password: SecretStr = _NO_SECRET
    """What the private key is encrypted with."""
    kafka_key_password_file: Path | None = None
    """File of that password."""
    kafka_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = "SCRAM-SHA-512"
    """How we log in where the listener speaks SASL. PLAIN sends the password: over TLS only."""
    kafka_user: str = ""
    """User of PLAIN and SCRAM."""
    kafka_password: SecretStr = _NO_SECRET
    """Its password."""
    kafka_password_file: Path | None = None
    """File of that password."""
    kafka_token_provider: str = Field("", pattern=r"^(|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$")
    """Of OAUTHBEARER: module:function, importable; called without arguments at each login, in a thread, it returns a
    token that is valid now.
    """

    # Reading
    slice_records: Annotated[PositiveInt, Unit("records")] = 100
    """Records of one partition that one step takes at most: bounds how long the event loop is held."""
    fetch_min_bytes: Bytes = 16_384
    """Bytes a fetch waits for: many small answers cost several times the CPU of a few larger ones."""
    fetch_max_wait_ms: Annotated[PositiveInt, Unit("milliseconds")] = 40
    """Milliseconds that a fetch waits at most for fetch_min_bytes."""
    session_timeout: Seconds = 10
    """Seconds without heartbeat after which a worker's partitions move."""
    heartbeat_interval: Seconds = 3
    """Seconds between heartbeats; a joining worker waits about one."""
    replay_from: AwareDatetime | None = None
    """RFC 3339. A partition that has no state yet begins with the first record of this moment or later; empty: with the
    first that there is. `oidor replay` sets it.
    """

    # Durability
    checkpoint_interval: Seconds = 1.0
    """Seconds between the transactions of a partition: what a crash reprocesses, and most of the latency to
    ClickHouse. Five times as long while over 1,000 records of the partition wait.
    """
    replay_verdicts: Path | None = None
    """File of the records that a replay rejects as record_from_future, because the installation did when they came:
    only the clock of then can say so. `oidor replay` writes it.
    """
    transaction_timeout: Seconds = 60
    """Seconds after which the broker aborts an open transaction."""
    shutdown_budget: Seconds = 4
    """Seconds from SIGTERM to exit, whatever hangs."""
    message_bytes: Bytes = 900_000
    """Bytes of a message at most: below the broker's default limit of 1 MiB."""

    take_processing_errors: bool = False
    """Whether records that fail by errors of ours are rejected without end; else a partition halts when all do."""
    log_to_state: Annotated[float, Unit("times")] = Field(2, ge=0)
    """How many times as long as the state its log may be before entries are rewritten with each checkpoint; 0: always.
    Less opens a partition sooner, more writes less.
    """

    # Time
    disorder: Seconds = 60
    """Seconds that an event may lag its topic before it is late."""
    kpi_memory: Seconds = 86_400
    """Seconds that a KPI minute stays in memory, where it is rewritten whole. What comes later counts as well, by an
    adjustment: a row of its own, to be added.
    """
    page_window: Seconds = 600
    """Seconds after its deadline within which a breach pages and moves live counters: a replay does neither."""
    grace: Annotated[float, Unit("seconds")] = Field(60, ge=0)
    """Seconds after a deadline before it fires, for stop events in flight; a policy may say otherwise, as for
    answering.
    """

    # Bounds of the state, per partition
    dedup_max_ids: Annotated[PositiveInt, Unit("ids")] = 1_000_000
    """Event ids remembered per input topic, 8 bytes each, beyond those that open cases know."""
    cases_max: Annotated[PositiveInt, Unit("cases")] = 100_000
    """Cases kept of each input topic, about 7 KB each. Beyond it those leave that are over, the oldest first, counted;
    then open ones, and that is an incident.
    """
    case_events_max: Annotated[PositiveInt, Unit("events")] = 200
    """Events kept of one case; beyond it replies in its middle that change nothing leave, counted. Of events that do
    change something five times as many are kept.
    """
    case_retention_days: Annotated[PositiveFloat, Unit("days")] = 120
    """Days that a resolved, closed or abandoned case is kept for reopening after it was last heard of, by an event or,
    of what happened long ago, by its record; where cases_max has room. What comes later is warned beyond_retention.
    """
    departed_max_keys: Annotated[PositiveInt, Unit("keys")] = 1_000_000
    """Keys of cases that left, remembered per input topic, 8 bytes each: what comes of them begins no case anew."""
    partials_max: Annotated[PositiveInt, Unit("partials")] = 500_000
    """KPI partials kept; beyond it the oldest minutes leave early, counted."""
    dimension_values_max: Annotated[PositiveInt, Unit("values")] = 500
    """Values of one KPI dimension that have a name; with more than these half of them, by a hash, are `other`, counted,
    and again half, until they are as few: whichever came first.
    """

    # Rules
    policies: Annotated[tuple[Path, ...], NoDecode] = ()
    """SLA policy packs, files, the first that matches wins; none promises nothing. Commands name the default pack."""
    calendars: Path | None = None
    """Folder of the calendars that the packs name. Commands name the one that is shipped."""
    patterns: Path | None = None
    """File of the parameters of failure patterns that differ from what the patterns declare; none changes nothing.
    Commands name the one that is shipped.
    """
    pseudonym_key: SecretStr = _NO_SECRET
    """What owners, actors and aliases that look personal are hashed with, into `p_...`: at least 16 characters, the
    same for all workers, replays and for ever, for another key makes another person of everybody. Empty: owners are
    hashed all the same, so that whoever guesses a name can check it; actors and aliases are masked.
    """
    pseudonym_key_file: Path | None = None
    """File of that key."""
    sources: Annotated[tuple[str, ...], NoDecode] = ()
    """Known sources; empty accepts all, else others are accepted with the warning unknown_source."""

    erase_sources: Annotated[tuple[str, ...], NoDecode] = ()
    """Sources whose `customer.erased` erases; empty: any. Of others it is rejected as erasure_not_allowed: an erasure
    cannot be taken back, and one that is owed is seen among the rejections and can be published again.
    """

    # The warehouse
    clickhouse_host: str = "127.0.0.1"
    """ClickHouse host, native protocol."""
    clickhouse_port: Annotated[PositiveInt, Unit("port")] = 9000
    """ClickHouse native TCP port."""
    clickhouse_user: str = "default"
    """ClickHouse user."""
    clickhouse_password: SecretStr = _NO_SECRET
    """Its password."""
    clickhouse_password_file: Path | None = None
    """File of that password."""
    clickhouse_alt_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """More hosts of the same cluster, host or host:port: asked in order when one does not answer."""
    clickhouse_tls: bool = False
    """Whether the native port speaks TLS; the server's is 9440 then."""
    clickhouse_ca: FilePath | None = None
    """File of the authorities that may have signed its certificate, PEM; none: those of the system."""
    clickhouse_certificate: FilePath | None = None
    """File of our own certificate with its chain, PEM: mutual TLS."""
    clickhouse_key: FilePath | None = None
    """File of its private key, PEM."""
    clickhouse_server_name: str = ""
    """The name that stands in the server's certificate, where it is not the host that we connect to."""
    clickhouse_cluster: str = Field("", pattern=r"^(|[A-Za-z_][A-Za-z0-9_-]*)$")
    """Name of the cluster on all of whose servers `oidor migrate` makes tables and views, the tables replicated; empty:
    one server, or one that replicates its databases by itself, as ClickHouse Cloud does.
    """
    clickhouse_database: str = Field("oidor", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Database of all tables and views."""
    warehouse_rows: Annotated[PositiveInt, Unit("rows")] = 20_000
    """Rows that an insert gathers per table."""
    warehouse_interval: Seconds = 1.0
    """Seconds that the first row of an insert waits at most for more."""
    warehouse_attempt_timeout: Seconds = 30
    """Seconds of one attempt to insert; attempts repeat for ever."""
    raw_ttl_days: Days = 1826
    """Days that events and rejections are kept in ClickHouse: five years of evidence."""
    kpi_ttl_days: Days = 1826
    """Days that KPI partials are kept in ClickHouse."""

    # Addresses of our own
    web_host: str = "127.0.0.1"
    """Address of /metrics, /ready and /live; in a container 0.0.0.0, and then with a token."""
    pages_token: SecretStr = _NO_SECRET
    """What a client of /metrics and /ready must send, `Authorization: Bearer ...`; empty: nothing. /live is open."""
    pages_token_file: Path | None = None
    """File of that token."""
    worker_port: Port = 6066
    """Port of the worker's pages; 0 takes a free one."""
    warehouse_port: Port = 6067
    """Port of the warehouse's pages; 0 takes a free one."""
    board_port: Port = 6068
    """Port of the board; 0 takes a free one."""
    board_processes: Annotated[tuple[str, ...], NoDecode] = ("127.0.0.1:6066", "127.0.0.1:6067")
    """Pages of all workers and of the warehouse, host:port, comma-separated, for the board. A name stands for all of
    its addresses: one of a headless service is enough for all workers.
    """
    alertmanagers: Annotated[tuple[str, ...], NoDecode] = ()
    """Alertmanagers of a cluster, http://host:9093, comma-separated: the board sends each of them every incident that
    pages, with its sentence. Empty: none is called by us.
    """
    alertmanager_token: SecretStr = _NO_SECRET
    """What the board sends to Alertmanager, `Authorization: Bearer ...`; empty: nothing."""
    alertmanager_token_file: Path | None = None
    """File of that token."""
    board_url: str = Field("", pattern=r"^(|https?://\S+)$")
    """Where people reach the board, which links in pages lead to; empty: there are none."""
    runbook_url: str = Field("", pattern=r"^(|https?://\S+)$")
    """Where people read deploy/runbook.md, which links in pages lead to; empty: there is no such link."""
    log_level: str = "info"
    """Debug, info, warning or error."""
    log_format: Literal["text", "json"] = "text"
    """How a process logs to stderr: lines for people, or JSON objects, one a line; times are in UTC in both."""

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, given: Any) -> Any:
        """A file wins over a value: who names one means it."""
        for name in SECRETS if isinstance(given, dict) else ():
            if file := given.get(f"{name}_file"):
                try:
                    given = given | {name: Path(file).read_text().rstrip("\r\n")}
                except (OSError, UnicodeDecodeError) as error:
                    reason = getattr(error, "strerror", None) or "not UTF-8 text"
                    raise ValueError(f"OIDOR_{name.upper()}_FILE={file}: {reason}") from None
        return given

    @field_validator("brokers")
    @classmethod
    def _addresses_only(cls, value: str) -> str:
        if not all(_ADDRESS.fullmatch(address.strip()) for address in value.split(",")):
            raise ValueError(
                "host:port, comma-separated; a scheme, a user and a password have settings of their own: "
                "OIDOR_KAFKA_SECURITY, OIDOR_KAFKA_USER, OIDOR_KAFKA_PASSWORD_FILE"
            )
        return value

    @field_validator("board_processes")
    @classmethod
    def _hosts_and_ports(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [address for address in value if not (_ADDRESS.fullmatch(address) and ":" in address)]:
            raise ValueError(f"host:port, comma-separated, and not {wrong[0]}")
        return value

    @model_validator(mode="after")
    def _security_is_whole(self) -> "Settings":
        security, mechanism = self.kafka_security, self.kafka_mechanism
        if security.startswith("SASL") and mechanism == "OAUTHBEARER" and not self.kafka_token_provider:
            raise ValueError("OIDOR_KAFKA_MECHANISM=OAUTHBEARER needs OIDOR_KAFKA_TOKEN_PROVIDER")
        if (
            security.startswith("SASL")
            and mechanism != "OAUTHBEARER"
            and not (self.kafka_user and self.kafka_password.get_secret_value())
        ):
            raise ValueError(
                f"OIDOR_KAFKA_SECURITY={security} needs OIDOR_KAFKA_USER and OIDOR_KAFKA_PASSWORD_FILE (or _PASSWORD)"
            )
        if not security.startswith("SASL") and (self.kafka_user or self.kafka_password.get_secret_value()):
            raise ValueError(f"OIDOR_KAFKA_SECURITY={security} sends no user and no password, and one is given")
        if not security.endswith("SSL") and (self.kafka_ca or self.kafka_certificate):
            raise ValueError(f"OIDOR_KAFKA_SECURITY={security} has no TLS, and a certificate is given")
        if not self.clickhouse_tls and (self.clickhouse_ca or self.clickhouse_certificate):
            raise ValueError("OIDOR_CLICKHOUSE_CA or _CERTIFICATE is given: set OIDOR_CLICKHOUSE_TLS=true")
        return self

    @field_validator("alertmanagers")
    @classmethod
    def _plain_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [url for url in value if not _URL.fullmatch(url)]:
            shown = wrong[0].rpartition("@")[2]
            raise ValueError(f"http://host:port, comma-separated, no user and no password in it, and not {shown}")
        return value

    @field_validator(
        "policies",
        "sources",
        "erase_sources",
        "clickhouse_alt_hosts",
        "board_processes",
        "alertmanagers",
        mode="before",
    )
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator(
        "replay_from",
        "kafka_ca",
        "kafka_certificate",
        "kafka_key",
        "kafka_key_password_file",
        "kafka_password_file",
        "clickhouse_password_file",
        "clickhouse_ca",
        "clickhouse_certificate",
        "clickhouse_key",
        "pages_token_file",
        "pseudonym_key_file",
        "alertmanager_token_file",
        mode="before",
    )
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @property
    def disorder_ms(self) -> Milliseconds:
        return round(self.disorder * 1000)

    @property
    def kpi_memory_ms(self) -> Milliseconds:
        return round(self.kpi_memory * 1000)
