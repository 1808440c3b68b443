"""The Overview dashboard: can each bot trade, and is Tradewarden able to help?"""

from collections.abc import Sequence

from grafana.overview_self import programs, remediation
from grafana.panels import (
    BOT,
    UP_DOWN,
    YES_NO_BAD,
    YES_NO_GOOD,
    YES_NO_NOTE,
    Panel,
    Query,
    Size,
    lines,
    optional,
    row,
    stat,
    table,
    timeline,
)


def panels() -> Sequence[Panel]:
    """All panels in reading order."""
    return (*_bots(), *_symptoms(), *_clock(), *_process(), *remediation(), *programs())


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
            mappings=YES_NO_BAD,
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


def _symptoms() -> Sequence[Panel]:
    """One panel for each scenario that has neither a row here nor a place among the bots."""
    invalid = f"tradingbot_file_valid{BOT}"
    used, limit = (f"tradingbot_process_memory_{what}_bytes{BOT}" for what in ("used", "limit"))
    return (
        row("Symptoms"),
        stat(
            "Exchange reachable",
            "Whether this host got an answer from the exchange. Dashboard Exchange says more.",
            Query(f"tradingbot_exchange_reachable{BOT}", "{{bot}}"),
            mappings=YES_NO_GOOD,
        ),
        optional(
            stat(
                "Maintenance",
                "Whether the exchange is in maintenance, by its word or by clear signs.",
                Query(f"tradingbot_exchange_maintenance{BOT}", "{{bot}}"),
                mappings=YES_NO_NOTE,
            ),
            "unknown",
        ),
        stat(
            "Positions not matching",
            "Different, settling or unknown. Dashboard Account says which.",
            Query(f'sum by (bot) (tradingbot_positions{BOT[:-1]},state!="match"}})', "{{bot}}"),
            steps=((None, "green"), (1, "red")),
        ),
        optional(
            stat(
                "Partly filled orders",
                "Resting orders of the bot of which only a part is done.",
                Query(f"tradingbot_partially_filled_orders{BOT}", "{{bot}}"),
                steps=((None, "green"), (1, "orange")),
            ),
            "unknown",
        ),
        optional(
            stat(
                "Keys refused",
                "Keys that the exchange does not take, of all roles.",
                Query(f"sum by (bot) (1 - tradingbot_api_key_valid{BOT})", "{{bot}}"),
                steps=((None, "green"), (1, "red")),
            ),
            "unknown",
        ),
        stat(
            "Damaged files",
            "Files of the bot that are missing, unreadable or make no sense.",
            Query(f"sum by (bot) (1 - {invalid})", "{{bot}}"),
            steps=((None, "green"), (1, "red")),
        ),
        optional(
            stat(
                "Memory used",
                "Share of the limit that the bot will hit first. Dashboard Host says more.",
                Query(f"{used} / on (bot, instance) {limit}", "{{bot}}"),
                unit="percentunit",
                steps=((None, "green"), (0.8, "orange"), (0.92, "red")),
            ),
            "no limit",
        ),
        optional(
            stat(
                "Account last read",
                "Time since positions and orders were last read in full.",
                Query(
                    "time() - tradingbot_source_last_success_timestamp_seconds"
                    f'{BOT[:-1]},source="account"}}',
                    "{{bot}}",
                ),
                unit="s",
            ),
            "no key",
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
            size=Size(16, 8),
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
