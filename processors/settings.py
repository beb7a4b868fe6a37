"""Every knob of Oidor: its unit, its default, and why. Read from the environment as OIDOR_<NAME>, or from `.env`."""

from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, Field, PositiveFloat, PositiveInt, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Milliseconds = int


class Settings(BaseSettings):
    """Frozen: a process reads its settings once."""

    model_config = SettingsConfigDict(
        env_prefix="OIDOR_", env_file=".env", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    # Kafka
    brokers: str = "127.0.0.1:9092"
    """Kafka bootstrap servers, host:port, comma-separated."""
    app_id: str = Field("oidor", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Names the consumer groups, the transactional ids and the state topic."""
    input_prefix: str = Field("", pattern=r"^[a-z0-9-]*$")
    """Put before the names of the input topics."""
    topic_prefix: str = Field("", pattern=r"^[a-z0-9-]*$")
    """Put before the names of the topics that Oidor writes, but the state's: two installations can share a cluster."""
    partitions: PositiveInt = 12
    """Partitions of every topic; the state records it, it cannot change under an application id."""
    replication: PositiveInt = 1
    """Copies of every topic when `oidor topics create` makes it; 3 in production."""
    input_retention_days: float = 7
    """Days that input topics keep; -1 for ever, which reading logs of past years needs."""

    # Reading
    slice_records: PositiveInt = 100
    """Records of one partition that one step takes at most: bounds how long the event loop is held."""
    fetch_min_bytes: PositiveInt = 16_384
    """Bytes a fetch waits for: many small answers cost several times the CPU of a few larger ones."""
    fetch_max_wait_ms: PositiveInt = 40
    """Milliseconds that a fetch waits at most for fetch_min_bytes."""
    session_timeout: PositiveFloat = 10
    """Seconds without heartbeat after which a worker's partitions move."""
    heartbeat_interval: PositiveFloat = 3
    """Seconds between heartbeats; a joining worker waits about one."""
    replay_from: AwareDatetime | None = None
    """RFC 3339. A partition that has no state yet begins with the first record of this moment or later; empty: with the
    first that there is. `oidor replay` sets it.
    """

    # Durability
    checkpoint_interval: PositiveFloat = 1.0
    """Seconds between the transactions of a partition: what a crash reprocesses, and most of the latency to
    ClickHouse. Five times as long while over 1,000 records of the partition wait.
    """
    transaction_timeout: PositiveFloat = 60
    """Seconds after which the broker aborts an open transaction."""
    shutdown_budget: PositiveFloat = 4
    """Seconds from SIGTERM to exit, whatever hangs."""
    message_bytes: PositiveInt = 900_000
    """Bytes of a message at most: below the broker's default limit of 1 MiB."""

    take_processing_errors: bool = False
    """Whether records that fail by errors of ours are rejected without end; else a partition halts when all do."""
    log_to_state: float = Field(2, ge=0)
    """How many times as long as the state its log may be before entries are rewritten with each checkpoint; 0: always.
    Less opens a partition sooner, more writes less.
    """

    # Time
    disorder: PositiveFloat = 60
    """Seconds that an event may lag its topic before it is late."""
    kpi_memory: PositiveFloat = 86_400
    """Seconds of lateness up to which an event still counts in cases, clocks and KPI minutes."""
    page_window: PositiveFloat = 600
    """Seconds after its deadline within which a breach pages and moves live counters: a replay does neither."""
    grace: float = Field(60, ge=0)
    """Seconds after a deadline before it fires, for stop events in flight; a policy may say otherwise, as for
    answering.
    """

    # Bounds of the state, per partition
    dedup_max_ids: PositiveInt = 1_000_000
    """Event ids remembered per input topic, 8 bytes each, beyond those that open cases know."""
    cases_max: PositiveInt = 100_000
    """Cases kept, about 7 KB each; beyond it those whose last event is oldest leave, counted."""
    case_events_max: PositiveInt = 200
    """Events kept of one case; beyond it later ones are stored but not folded, counted."""
    case_retention_days: PositiveFloat = 120
    """Days after its last event that a resolved, closed or abandoned case is kept for reopening."""
    partials_max: PositiveInt = 500_000
    """KPI partials kept; beyond it the oldest minutes leave early, counted."""
    dimension_values_max: PositiveInt = 500
    """Values of one KPI dimension; beyond it `other`, counted."""

    # Rules
    policies: Annotated[tuple[Path, ...], NoDecode] = ()
    """SLA policy packs, files, the first that matches wins; none promises nothing. Commands name the default pack."""
    calendars: Path | None = None
    """Folder of the calendars that the packs name. Commands name the one that is shipped."""
    patterns: Path | None = None
    """File of the parameters of failure patterns that differ from what the patterns declare; none changes nothing.
    Commands name the one that is shipped.
    """
    sources: Annotated[tuple[str, ...], NoDecode] = ()
    """Known sources; empty accepts all, else others are accepted with the warning unknown_source."""

    # The warehouse
    clickhouse_host: str = "127.0.0.1"
    """ClickHouse host, native protocol."""
    clickhouse_port: PositiveInt = 9000
    """ClickHouse native TCP port."""
    clickhouse_user: str = "default"
    """ClickHouse user."""
    clickhouse_password: str = Field("", repr=False)
    """Its password."""
    clickhouse_database: str = Field("oidor", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Database of all tables and views."""
    warehouse_rows: PositiveInt = 20_000
    """Rows that an insert gathers per table."""
    warehouse_interval: PositiveFloat = 1.0
    """Seconds that the first row of an insert waits at most for more."""
    warehouse_attempt_timeout: PositiveFloat = 30
    """Seconds of one attempt to insert; attempts repeat for ever."""
    raw_ttl_days: PositiveInt = 1826
    """Days that events and rejections are kept in ClickHouse: five years of evidence."""
    kpi_ttl_days: PositiveInt = 1826
    """Days that KPI partials are kept in ClickHouse."""

    # Addresses of our own
    web_host: str = "127.0.0.1"
    """Address of /metrics, /ready and /live."""
    worker_port: int = Field(6066, ge=0, le=65_535)
    """Port of the worker's pages; 0 takes a free one."""
    warehouse_port: int = Field(6067, ge=0, le=65_535)
    """Port of the warehouse's pages; 0 takes a free one."""
    log_level: str = "info"
    """Debug, info, warning or error."""

    @field_validator("policies", "sources", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("replay_from", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @property
    def disorder_ms(self) -> Milliseconds:
        return round(self.disorder * 1000)

    @property
    def kpi_memory_ms(self) -> Milliseconds:
        return round(self.kpi_memory * 1000)
