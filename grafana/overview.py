"""The Overview dashboard: can each bot trade, and is Tradewarden able to help?"""

from collections.abc import Sequence

from grafana.overview_self import programs, remediation
from grafana.panels import (
    BOT,
    UP_DOWN,
    YES_NO_NOTE,
    Panel,
    Query,
    Size,
    lines,
    row,
    stat,
    table,
    timeline,
)

_YES_NO_BAD = ((0, "no", "green"), (1, "yes", "red"))


def panels() -> Sequence[Panel]:
    """All panels in reading order."""
    return (*_bots(), *_clock(), *_exchange(), *_process(), *remediation(), *programs())


def _bots() -> Sequence[Panel]:
    return (
        row("Bots"),
        stat(
            "Process",
            "Whether a live process of the bot exists. A dry run does not count.",
            Query(f"tradingbot_process_up{BOT}", "{{bot}}"),
            mappings=UP_DOWN,
        ),
        stat(
            "Kill switch",
            "Latched: flag or state set by someone other than Tradewarden, or unreadable. "
            "Only a person releases it.",
            Query(f"tradingbot_kill_switch_engaged{BOT}", "{{bot}}"),
            mappings=_YES_NO_BAD,
        ),
        stat(
            "Paused by Tradewarden",
            "A pause set by a playbook, which the same playbook may lift.",
            Query(f"tradingbot_paused{BOT}", "{{bot}}"),
            mappings=YES_NO_NOTE,
        ),
        stat(
            "Heartbeat age",
            "Time since the bot last did a step of work.",
            Query(f"time() - tradingbot_last_heartbeat_timestamp_seconds{BOT}", "{{bot}}"),
            unit="s",
        ),
        table(
            "Mode",
            "Each bot with its mode and venue as configured here.",
            Query(f"tradingbot_info{BOT}"),
            hide=("Value", "job"),
            size=Size(8, 4),
        ),
        table(
            "Alerts firing",
            "Watchdog is always here: it shows that rules are being evaluated.",
            Query('count by (alertname, severity, bot, mode) (ALERTS{alertstate="firing"})'),
            hide=("Value",),
            size=Size(12, 6),
        ),
        timeline(
            "Sources",
            "Whether the exporter could read each source of facts. A value shown elsewhere is "
            "only as good as its source.",
            Query(f"tradingbot_source_up{BOT}", "{{bot}} {{source}}"),
            mappings=UP_DOWN,
            size=Size(12, 6),
        ),
    )


def _clock() -> Sequence[Panel]:
    kill = f"tradingbot_clock_offset_kill_threshold_seconds{BOT}"
    warn = f"tradingbot_clock_offset_warn_threshold_seconds{BOT}"
    return (
        row("Clock"),
        lines(
            "Offset against limits",
            "Positive: the local clock is ahead. Limits are the bot's own; the venue's is what "
            "it refuses ahead of its clock.",
            Query(f"tradingbot_clock_offset_seconds{BOT}", "{{bot}} {{reference}}"),
            Query(warn, "{{bot}} warn limit"),
            Query(f"-{warn}", "{{bot}} warn limit, behind"),
            Query(kill, "{{bot}} kill limit"),
            Query(f"-{kill}", "{{bot}} kill limit, behind"),
            Query(
                f"tradingbot_clock_offset_venue_threshold_seconds{BOT}",
                "{{bot}} venue limit, ahead",
            ),
            unit="s",
            dashed=".* limit.*",
            size=Size(16, 8),
        ),
        lines(
            "Error bound",
            "How far the measured offset may be from the truth: half the round trip plus what "
            "the reference says of itself.",
            Query(f"tradingbot_clock_offset_error_bound_seconds{BOT}", "{{bot}} {{reference}}"),
            unit="s",
            size=Size(8, 8),
        ),
    )


def _exchange() -> Sequence[Panel]:
    bucket = f"tradingbot_exchange_request_duration_seconds_bucket{BOT}"
    rates = f"sum by (bot, endpoint, le) (rate({bucket}[$__rate_interval]))"
    failures = f"tradingbot_exchange_request_failures_total{BOT}"
    return (
        row("Exchange"),
        lines(
            "Request time, 95th percentile",
            "Of the exporter's own probes. The bot's requests take the same path.",
            Query(f"histogram_quantile(0.95, {rates})", "{{bot}} {{endpoint}}"),
            unit="s",
            size=Size(8, 8),
        ),
        lines(
            "Failed requests",
            "Of the exporter's own probes, each second. The reasons are in the label `reason`.",
            Query(
                f"sum by (bot, endpoint) (rate({failures}[$__rate_interval]))",
                "{{bot}} {{endpoint}}",
            ),
            unit="reqps",
            size=Size(8, 8),
        ),
        stat(
            "Maintenance",
            "Whether the venue itself says that it is in maintenance.",
            Query(f"tradingbot_exchange_maintenance{BOT}", "{{bot}}"),
            mappings=YES_NO_NOTE,
            size=Size(4, 8),
        ),
        stat(
            "Account last read",
            "Time since positions and orders were last read in full.",
            Query(
                'time() - tradingbot_source_last_success_timestamp_seconds{job=~"$job",'
                'instance=~"$instance",bot=~"$bot",source="account"}',
                "{{bot}}",
            ),
            unit="s",
            size=Size(4, 8),
        ),
    )


def _process() -> Sequence[Panel]:
    return (
        row("Process"),
        lines(
            "Heartbeat age against its limit",
            "A bot that runs without a heartbeat holds positions without managing them.",
            Query(f"time() - tradingbot_last_heartbeat_timestamp_seconds{BOT}", "{{bot}}"),
            Query(f"tradingbot_heartbeat_max_age_threshold_seconds{BOT}", "{{bot}} limit"),
            unit="s",
            dashed=".* limit",
            size=Size(8, 8),
        ),
        lines(
            "Resident memory",
            "Of the bot's live process.",
            Query(f"tradingbot_process_resident_memory_bytes{BOT}", "{{bot}}"),
            unit="bytes",
            size=Size(8, 8),
        ),
        stat(
            "Live processes",
            "More than one trades the same account twice.",
            Query(f"tradingbot_process_instances{BOT}", "{{bot}}"),
            steps=((None, "red"), (1, "green"), (2, "red")),
            size=Size(4, 8),
        ),
        stat(
            "Unclean exits",
            "Runs that ended without a clean shutdown, in the time shown.",
            Query(f"increase(tradingbot_process_unclean_exits_total{BOT}[$__range])", "{{bot}}"),
            steps=((None, "green"), (0.5, "red")),
            size=Size(4, 8),
        ),
    )
