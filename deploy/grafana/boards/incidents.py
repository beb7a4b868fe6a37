"""3: which incidents are open, whose they are, whose nobody's, and how they end."""

from typing import Final

from deploy.grafana.frame import Board
from deploy.grafana.panels import NONE_IS_GOOD, SOME_IS_A_WARNING, lines, listing, number, ranking
from deploy.grafana.queries import chosen, promql, rows, series

_AREA: Final = 'area=~"$area"'
_NARROWED: Final = f"{chosen('area', 'area')} AND {chosen('team', 'team')}"

_NOW: Final = (
    number("Critical", "short", promql(f'sum(feedback_incidents_open{{severity="critical", {_AREA}}})'),
           "Open incidents that somebody should act on at once.", steps=NONE_IS_GOOD),
    number("Warning", "short", promql(f'sum(feedback_incidents_open{{severity="warning", {_AREA}}})'),
           "Open incidents that can wait for office hours.", steps=SOME_IS_A_WARNING),
    number("Told too late", "short", promql(f"sum(feedback_imported_incidents{{{_AREA}}}) or vector(0)"),
           "Open incidents that we heard of when it was too late to call anybody: nobody was paged for them."),
    number(
        "Nobody's", "short",
        rows(f"SELECT countIf(owner = '') AS unowned FROM v_incidents WHERE state = 'open' AND {_NARROWED}"),
        "Open incidents without an owner: shared responsibility is nobody's.", steps=NONE_IS_GOOD, trend=False,
    ),
    number(
        "Oldest open", "s",
        rows(
            f"""
            SELECT if(count() = 0, 0, dateDiff('second', min(opened_at), now64(3))) AS age
            FROM v_incidents
            WHERE state = 'open' AND {_NARROWED}
            """
        ),
        "Since when the oldest open incident is true, by its events.", trend=False,
    ),
    number(
        "Seen by nobody", "short",
        rows(f"SELECT countIf(status = 'open') AS unseen FROM v_incidents WHERE state = 'open' AND {_NARROWED}"),
        "Open incidents that nobody has acknowledged or acted on.", steps=SOME_IS_A_WARNING, trend=False,
    ),
)  # fmt: skip

_COURSE: Final = (
    lines(
        "Open by severity", "short",
        promql(f"sum by (severity) (feedback_incidents_open{{{_AREA}}})", "{{severity}}"),
        "Open incidents, told in time.", least=0,
    ),
    lines(
        "Opened by pattern", "short",
        series(
            f"""
            SELECT $__timeInterval(opened_at) AS time, pattern, count() AS opened
            FROM v_incidents
            WHERE $__timeFilter(opened_at) AND {_NARROWED}
            GROUP BY time, pattern
            ORDER BY time, pattern
            """
        ),
        "Incidents by the moment when their pattern became true, a bar an interval of the chart.", by="pattern",
        stacked=True,
    ),
    lines(
        "Transitions", "short",
        promql("sum by (transition) (increase(feedback_pattern_incidents_total[1h]))", "{{transition}}"),
        "Of the hour before each point, of all areas. Withdrawn: later events showed that it never was.", least=0,
    ),
)  # fmt: skip

_LISTS: Final = (
    listing(
        "Open incidents", rows(
            f"""
            SELECT
                opened_at AS since, severity, pattern, area, team, if(owner = '', 'nobody', owner) AS owner, status,
                acknowledged_by AS by, summary, last_note AS note, topic, source, entity_id AS "case"
            FROM v_incidents
            WHERE state = 'open' AND {_NARROWED}
            ORDER BY severity = 'critical' DESC, opened_at DESC
            LIMIT 100
            """
        ),
        "Critical ones first, then the newest, with who has acknowledged them. Click on a case to see why it reads so.",
        units={"since": "dateTimeAsIso"}, height=10,
    ),
)  # fmt: skip

_WHOSE: Final = (
    listing(
        "By owner", rows(
            f"""
            SELECT
                if(owner = '', 'nobody', owner) AS owner,
                count() AS open,
                countIf(severity = 'critical') AS critical,
                dateDiff('second', min(opened_at), now64(3)) AS "oldest for"
            FROM v_incidents
            WHERE state = 'open' AND {_NARROWED}
            GROUP BY owner
            ORDER BY owner = 'nobody' DESC, open DESC
            LIMIT 20
            """
        ),
        "Who has how many open incidents, nobody first.",
        units={"open": "short", "critical": "short", "oldest for": "s"}, width=8,
    ),
    listing(
        "Nobody's, by area and team", rows(
            f"""
            SELECT
                if(area = '', 'none', area) AS area,
                if(team = '', 'none', team) AS team,
                count() AS unowned,
                dateDiff('second', min(opened_at), now64(3)) AS "oldest for"
            FROM v_incidents
            WHERE state = 'open' AND owner = '' AND {_NARROWED}
            GROUP BY area, team
            ORDER BY unowned DESC
            LIMIT 20
            """
        ),
        "Where to find somebody for the open incidents that nobody owns.",
        units={"unowned": "short", "oldest for": "s"}, width=8,
    ),
    ranking(
        "How they ended", "short",
        rows(
            f"""
            SELECT if(close_reason = '', 'none', close_reason) AS reason, count() AS ended
            FROM v_incidents
            WHERE state = 'closed' AND $__timeFilter(closed_at) AND {_NARROWED}
            GROUP BY reason
            ORDER BY ended DESC
            """
        ),
        "Incidents that ended in the range, by what ended them.",
    ),
)  # fmt: skip

_ANSWERED: Final = f"$__timeFilter(opened_at) AND {_NARROWED}"
_TIME_TO_ACT: Final = (
    lines(
        "Acknowledged and acted on within", "s",
        series(
            f"""
            SELECT
                $__timeInterval(opened_at) AS time,
                quantileExact(0.5)(time_to_acknowledge_ms) / 1000 AS "acknowledged, p50",
                quantileExact(0.9)(time_to_acknowledge_ms) / 1000 AS "acknowledged, p90",
                quantileExact(0.5)(time_to_act_ms) / 1000 AS "acted on, p50",
                quantileExact(0.9)(time_to_act_ms) / 1000 AS "acted on, p90"
            FROM v_incidents
            WHERE isNotNull(acknowledged_at) AND {_ANSWERED}
            GROUP BY time
            ORDER BY time
            """
        ),
        "From opened to what people did first (K29), by when the incident opened; a point an interval of the chart."
        " Only what was answered: see the share beside.", least=0,
    ),
    number(
        "Answered", "percentunit",
        rows(
            f"""
            SELECT countIf(isNotNull(acknowledged_at)) / count() AS answered
            FROM v_incidents
            WHERE {_ANSWERED}
            HAVING count() > 0
            """
        ),
        "Incidents of the range that somebody acknowledged, acted on or dismissed, over all of them.", decimals=0,
        height=8, trend=False,
    ),
    listing(
        "Time to act, by pattern", rows(
            f"""
            SELECT
                pattern,
                count() AS incidents,
                countIf(isNotNull(acknowledged_at)) AS answered,
                countIf(dismissed) AS dismissed,
                quantileExactOrNull(0.5)(time_to_acknowledge_ms) / 1000 AS "acknowledged within",
                quantileExactOrNull(0.5)(time_to_act_ms) / 1000 AS "acted on within",
                quantileExactOrNull(0.5)(if(isNull(closed_at), NULL, dateDiff('second', opened_at, closed_at)))
                    AS "ended within"
            FROM v_incidents
            WHERE {_ANSWERED}
            GROUP BY pattern
            ORDER BY incidents DESC
            """
        ),
        "Of incidents opened in the range; the times are medians of those of which they are known. What is dismissed"
        " often is a pattern to be set otherwise.",
        units={"incidents": "short", "answered": "short", "dismissed": "short", "acknowledged within": "s",
               "acted on within": "s", "ended within": "s"}, width=12,
    ),
)  # fmt: skip

_MAINTENANCE: Final = (
    listing(
        "Planned maintenance", rows(
            """
            SELECT source, begins_at AS begins, ends_at AS ends, who, note
            FROM v_maintenance
            WHERE called_off = 0 AND ends_at >= $__fromTime
            ORDER BY begins
            LIMIT 50
            """
        ),
        "When which source will be silent on purpose, from the range on.",
        units={"begins": "dateTimeAsIso", "ends": "dateTimeAsIso"}, height=5,
    ),
)  # fmt: skip

BOARD: Final = Board(
    uid="incidents",
    title="3 Incidents",
    says="What is wrong, whose it is, whose nobody's, and how soon people act.",
    rows={
        "Now": _NOW,
        "Course": _COURSE,
        "Open": _LISTS,
        "Whose": _WHOSE,
        "Time to act": _TIME_TO_ACT,
        "Maintenance": _MAINTENANCE,
    },
    narrowed_by=("area", "team"),
    refresh="30s",
)
