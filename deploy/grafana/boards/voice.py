"""4: what customers say of us, with how sure that is, and what they talk about."""

from typing import Final

from deploy.grafana.frame import Board
from deploy.grafana.panels import lines, listing, number, ranking
from deploy.grafana.queries import chosen, kpi_interval, kpi_ranking, kpi_series, rows, series

_DAY: Final = "Of the day before each point."

_NOW: Final = (
    number("CSAT, 24 h", "percentunit", kpi_series("v_kpi_24h", "csat", title="CSAT"),
           "Answers in the top boxes over CSAT answers that rate.", decimals=1),
    number("NPS, 24 h", "none", kpi_series("v_kpi_24h", "nps", title="NPS"),
           "100 x (promoters - detractors) / NPS answers: from -100 to 100.", decimals=0),
    number("Effort, 24 h", "none", kpi_series("v_kpi_24h", "ces", title="CES"),
           "Mean effort score from 1 to 7; 7 is easy.", decimals=1),
    number("Complaints per 1,000 contacts, 24 h", "none", kpi_series("v_kpi_24h", "complaint_rate", title="complaints"),
           "Complaints and claims received for each thousand contacts opened.", decimals=0),
    number(
        "Answers", "short",
        rows(
            """
            SELECT uniqExact(source, entity_id) AS answers
            FROM v_events
            WHERE $__timeFilter(occurred_at) AND event_type = 'survey.answered' AND test = 0
            """
        ),
        "Surveys answered in the range, of any kind.", trend=False,
    ),
    number(
        "Answered of those asked", "percentunit",
        rows(
            """
            SELECT uniqExactIf((source, entity_id), event_type = 'survey.answered')
                / uniqExactIf((source, entity_id), event_type = 'survey.invited') AS rate
            FROM v_events
            WHERE $__timeFilter(occurred_at) AND event_type IN ('survey.answered', 'survey.invited')
                AND kind IN ('csat', 'nps', 'ces') AND test = 0
            HAVING countIf(event_type = 'survey.invited') > 0
            """
        ),
        "Surveys answered over surveys sent, both in the range: of one sent at its end the answer is yet to come.",
        decimals=1, trend=False,
    ),
)  # fmt: skip

_INTERVALS: Final = (
    lines("CSAT with its interval", "percentunit", kpi_interval("v_kpi_24h", "csat", "CSAT"),
          f"{_DAY} The band is where it lies with 95 % (Wilson); no band below five answers.", least=0, most=1),
    lines("NPS with its interval", "none", kpi_interval("v_kpi_24h", "nps", "NPS"),
          f"{_DAY} The band is where it lies with 95 % (adjusted); no band below five answers.", least=-100, most=100),
    lines("Effort", "none", kpi_series("v_kpi_24h", "ces", title="CES"), f"{_DAY} From 1 to 7; 7 is easy.",
          least=1, most=7),
)  # fmt: skip

_WHERE: Final = (
    ranking("CSAT by area", "percentunit", kpi_ranking("v_kpi_7d", "csat", "area", worst="least"),
            "The last seven days of the range, the least first.", most=1),
    ranking("CSAT by channel", "percentunit", kpi_ranking("v_kpi_7d", "csat", "channel", worst="least"),
            "The last seven days of the range, the least first. Of the case that the survey is about.", most=1),
    ranking("CSAT by team", "percentunit", kpi_ranking("v_kpi_7d", "csat", "team", worst="least"),
            "The last seven days of the range, the least first.", most=1),
    lines("CSAT by how it was asked", "percentunit",
          series(
              """
              SELECT window_end AS time, dimension_value AS mode, value
              FROM v_kpi_7d
              WHERE $__timeFilter(window_end) AND kpi = 'csat' AND dimension = 'mode' AND n >= 5
              ORDER BY time, mode
              """
          ),
          "Of the seven days before each point. Modes differ: a change of mode is no change of opinion.", by="mode",
          least=0, most=1),
    lines("Complaints per 1,000 contacts, by area", "none", kpi_series("v_kpi_24h", "complaint_rate", by="area"),
          _DAY, by="area", least=0),
    lines("Complaints upheld", "percentunit", kpi_interval("v_kpi_24h", "upheld_rate", "upheld"),
          f"{_DAY} Upheld or partly upheld over decided.", least=0, most=1),
)  # fmt: skip

_NARROWED: Final = f"{chosen('area', 'area')} AND {chosen('channel', 'channel')} AND {chosen('team', 'team')}"
_SAID: Final = (
    ranking(
        "What they talk about", "short",
        rows(
            f"""
            SELECT arrayJoin(topics) AS topic, uniqExact(source, entity_id) AS cases
            FROM v_events
            WHERE $__timeFilter(occurred_at) AND test = 0 AND {_NARROWED}
            GROUP BY topic
            ORDER BY cases DESC
            LIMIT 12
            """
        ),
        "Contacts, complaints and surveys of the range whose text is about it, by the lexicon.",
    ),
    listing(
        "What they talk about more", rows(
            f"""
            SELECT
                arrayJoin(topics) AS topic,
                uniqExactIf((source, entity_id), occurred_at >= half) AS cases,
                uniqExactIf((source, entity_id), occurred_at < half) AS before,
                cases / greatest(before, 1) AS times
            FROM v_events
            WHERE $__timeFilter(occurred_at) AND test = 0 AND {_NARROWED}
            GROUP BY topic
            HAVING cases >= 5
            ORDER BY times DESC
            LIMIT 12
            """.replace("half", "addSeconds($__fromTime, intDiv(dateDiff('second', $__fromTime, $__toTime), 2))")
        ),
        "The second half of the range against the first, from five cases on. No test: few cases double by chance.",
        units={"cases": "short", "before": "short", "times": "none"}, width=8,
    ),
    lines(
        "Praise and complaints", "short",
        series(
            f"""
            SELECT $__timeInterval(opened_at) AS time, if(kind = 'praise', 'praise', 'complaints and claims') AS said,
                count() AS cases
            FROM v_cases
            WHERE topic = 'complaint-events' AND $__timeFilter(opened_at) AND kind IN ('complaint', 'claim', 'praise')
                AND test = 0 AND {_NARROWED}
            GROUP BY time, said
            ORDER BY time, said
            """
        ),
        "Received, a bar an interval of the chart.", by="said", stacked=True,
    ),
)  # fmt: skip

BOARD: Final = Board(
    uid="voice",
    title="4 Voice of the customer",
    says="CSAT, NPS and effort with how sure they are, and what customers talk about.",
    rows={"Now": _NOW, "How sure": _INTERVALS, "Where": _WHERE, "What is said": _SAID},
    narrowed_by=("area", "channel", "team"),
    since="now-7d",
    refresh="5m",
)
