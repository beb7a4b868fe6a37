"""`oidor why`: connects it with the database, and reads it again where a checkpoint came in between."""

import time
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deploy.cli.connected import connected
from deploy.reading.kept import why_nothing_is_stored
from deploy.reading.why.chosen import WhyError
from deploy.reading.why.journal import Journal
from deploy.reading.why.why import find
from deploy.reading.why.why import why as why_in
from processors.patterns import registry
from processors.rules import Rules
from processors.settings import Settings

_PATIENCE_SECONDS: Final = 120
_READINGS: Final = 4
_PAUSE_SECONDS: Final = 1.5


def why(
    settings: Settings, case: str, *, at: datetime | None, zone: str, patience: float = _PATIENCE_SECONDS
) -> Journal:
    """Tell a case of the database of an installation. Raises WhyError, RulesError.

    `patience`: seconds that a query may take.
    Rows of one checkpoint are stored table by table: a difference is told once it is there at every reading.
    """
    _require_zone(zone)
    rules, database = Rules.of(settings, registry.DECLARED), settings.clickhouse_database
    moment = None if at is None else round(at.timestamp() * 1000)
    with connected(settings, patience, WhyError, database="") as client:
        nothing = why_nothing_is_stored(client, database)
        if nothing is not None:
            raise WhyError(nothing)
        key = find(client, database, case)
        for reading in range(_READINGS):
            if reading:
                time.sleep(_PAUSE_SECONDS)
            journal = why_in(client, database, key, rules, at=moment, zone=zone)
            if journal.agrees or moment is not None:
                break
        return journal


def _require_zone(zone: str) -> None:
    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise WhyError(f"--zone {zone}: give a zone of the IANA database, as Europe/Madrid") from error
