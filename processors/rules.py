"""What the pipeline decides by: one frozen value, read once from the settings and the policy packs."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import yaml

from processors.enrichment.categories import category_of
from processors.settings import Settings
from processors.sla.business_time import CalendarBook
from processors.sla.promises import Promises
from processors.sla.signals import MERGED_ELSEWHERE_MS
from schemas.errors import OidorError
from schemas.kpis import (
    ACCUMULATORS,
    DEFINITION_VERSION,
    DIMENSIONS,
    HIGHEST_BUCKET,
    HISTOGRAM_BASE,
    LOWEST_BUCKET,
)
from schemas.policies import calendars, packs, patterns
from schemas.policies.patterns import Parameters
from schemas.policies.texts import PolicyText
from schemas.policies.yaml_lines import YamlRefusedError, text_of

log = logging.getLogger(__name__)

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
PROGRESS_DAYS_MAX: Final = 4_000
"""Days of record timestamps and topics that a partition's progress tells apart; the rest counts on 1970-01-01."""

PSEUDONYM_SECRET_MIN: Final = 16
"""Characters of the secret that persons' names are hashed with."""

ERASED_CUSTOMERS_MAX: Final = 100_000
"""Erased customers that a partition remembers, 16 bytes each in its log; beyond it the longest erased are forgotten."""


DECIDING: Final = {
    "sources", "erase_sources", "partitioner", "partitions", "grace", "disorder", "page_window", "kpi_memory",
    "case_retention_days", "cases_max", "case_events_max", "departed_max_keys", "dedup_max_ids", "partials_max",
    "dimension_values_max",
}  # fmt: skip
"""Settings that decide what becomes of an event, beside those that name files and one that is secret."""


class RulesError(OidorError):
    """The configured rules cannot be used; one line that says what to change."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Durations are milliseconds, bounds are numbers per partition."""

    promises: Promises
    policy_ids: tuple[str, ...]
    longest_grace_ms: int
    """Of all deadlines and merges, and a minute: what time alone still decides lies in no minute that is final."""
    shortest_grace_ms: int
    """Of all deadlines: by more a record may not lie behind time, or what it proves was decided without it."""
    pseudonym_key: bytes
    """What persons' names are hashed with; empty: no secret."""
    sources: frozenset[str]
    """Known sources; empty knows all."""
    erase_sources: frozenset[str]
    """Sources whose `customer.erased` counts; empty: any."""
    disorder_ms: int
    page_window_ms: int
    """How old what began may be when its record comes, to page somebody and to count in the gauges of what is open."""
    kpi_memory_ms: int
    case_retention_ms: int
    cases_max: int
    case_events_max: int
    departed_max_keys: int
    dedup_max_ids: int
    partials_max: int
    dimension_values_max: int
    patterns: Mapping[str, Parameters]
    """The parameters of each failure pattern, by its id."""
    patterns_text: str
    """What the file says that changes some of them; '' without one."""
    settings: Mapping[str, Any]
    """Those that decide, by name, as they are configured: everything else of these rules but packs, and no secret."""
    partition_of: Callable[[bytes], int] | None = None
    """Key of a record -> number of the partition that it belongs in; None: nobody says which."""

    @property
    def digest(self) -> str:
        """What a case is counted by, hexadecimal: equal in every process whose cases add the same to the KPIs.

        What else is configured changes no sample: what enrichment finds stands in the events of a case, and patterns,
        warnings and bounds count nothing. How an event is counted is written in Python, and has a version.
        """
        said = (
            DEFINITION_VERSION,
            sorted(ACCUMULATORS),
            sorted(DIMENSIONS),
            (HISTOGRAM_BASE, LOWEST_BUCKET, HIGHEST_BUCKET),
            self.dimension_values_max,
            self.promises.content,
        )
        return blake2b(repr(said).encode(), digest_size=8, person=b"oidor rules").hexdigest()

    @property
    def texts(self) -> list[PolicyText]:
        """All that decides, as it is written; that of the settings names the others, in order."""
        texts = self.promises.texts
        if self.patterns_text:
            texts.append(PolicyText.of("patterns", "patterns", "", self.patterns_text))
        others = [" ".join(filter(None, (text.kind, text.name, text.text_version, text.digest))) for text in texts]
        said = yaml.safe_dump({**self.settings, "texts": others}, allow_unicode=True, sort_keys=False, width=1_000)
        return [*texts, PolicyText.of("settings", "settings", "", said)]

    @property
    def bounds(self) -> Mapping[str, int]:
        """The bound of each of `PartitionState.entries`."""
        return {
            "cases": self.cases_max,
            "dedup_ids": self.dedup_max_ids,
            "departed_keys": self.departed_max_keys,
            "partials": self.partials_max,
            "progress_days": PROGRESS_DAYS_MAX,
            "erased_customers": ERASED_CUSTOMERS_MAX,
        }

    @classmethod
    def of(
        cls,
        settings: Settings,
        declared: Mapping[str, Parameters],
        partition_of: Callable[[bytes], int] | None = None,
    ) -> "Rules":
        """`declared` are the parameters of patterns where the settings change none. Raises `RulesError`."""
        try:
            calendar_book = load_calendars(settings.calendars)
            odd: list[str] = []
            book = packs.load_all(
                settings.policies,
                grace_ms=round(settings.grace * 1000),
                calendar_ids=calendar_book.calendar_ids,
                category_of=category_of,
                warn=odd,
            )
            parameters = patterns.read(settings.patterns, declared)
        except YamlRefusedError as error:
            raise RulesError(str(error)) from error
        for line in odd:
            log.warning("%s", line)
        promises = Promises(book, calendar_book)
        for moment in promises.renewals:
            log.info(
                "from %s on another version holds for open clocks, too", datetime.fromtimestamp(moment / 1000, UTC)
            )
        pseudonym_key = _pseudonym_key(settings.pseudonym_key.get_secret_value())
        if not pseudonym_key:
            log.info(
                "OIDOR_PSEUDONYM_KEY_FILE is not set: whoever guesses an owner's name can check it, "
                "and actors and aliases that look personal are masked"
            )
        return cls(
            promises=promises,
            policy_ids=book.policy_ids,
            longest_grace_ms=max(book.longest_grace_ms, MERGED_ELSEWHERE_MS) + MINUTE_MS,
            shortest_grace_ms=book.shortest_grace_ms,
            pseudonym_key=pseudonym_key,
            sources=frozenset(settings.sources),
            erase_sources=frozenset(settings.erase_sources),
            disorder_ms=settings.disorder_ms,
            page_window_ms=round(settings.page_window * 1000),
            kpi_memory_ms=settings.kpi_memory_ms,
            case_retention_ms=round(settings.case_retention_days * DAY_MS),
            cases_max=settings.cases_max,
            case_events_max=settings.case_events_max,
            departed_max_keys=settings.departed_max_keys,
            dedup_max_ids=settings.dedup_max_ids,
            partials_max=settings.partials_max,
            dimension_values_max=settings.dimension_values_max,
            patterns=parameters,
            patterns_text="" if settings.patterns is None else text_of(settings.patterns),
            settings=settings.model_dump(mode="json", include=DECIDING),
            partition_of=partition_of,
        )


def _pseudonym_key(secret: str) -> bytes:
    """The key of a secret of any length; empty without one. Raises `RulesError` for one that could be guessed."""
    if 0 < len(secret) < PSEUDONYM_SECRET_MIN:
        least = f"at least {PSEUDONYM_SECRET_MIN} characters, such as `openssl rand -hex 32` writes"
        raise RulesError(f"OIDOR_PSEUDONYM_KEY: {least}")

    return blake2b(secret.encode(), person=b"oidor pseudonyms").digest() if secret else b""


def load_calendars(folder: Path | None) -> CalendarBook:
    """All calendars of a folder; of no folder, none. Raises `YamlRefusedError`."""
    paths = sorted(folder.glob("*.yaml")) if folder else []
    return _calendars(tuple((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=4)
def _calendars(files: tuple[tuple[Path, int], ...]) -> CalendarBook:
    # Nothing that a calendar answers ever changes: its years, once computed, serve all who ask.
    return CalendarBook(calendars.load_all(path for path, _ in files))
