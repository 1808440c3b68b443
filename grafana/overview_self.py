"""The Overview dashboard's rows about Tradewarden itself."""

from collections.abc import Sequence

from grafana.panels import (
    BOT,
    EXPORTER,
    RECEIVER,
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

# Zero only where the receiver is being scraped: no data stays no data.
_ZERO = f"or on () 0 * max(tradewarden_remediation_build_info{RECEIVER})"


def remediation() -> Sequence[Panel]:
    """What the receiver is doing, and what it waits for."""
    alerts = f"tradewarden_remediation_alerts_total{RECEIVER}"
    runs = f"tradewarden_remediation_runs_total{RECEIVER}"
    open_incidents = 'tradewarden_remediation_incidents{instance=~"$receiver",state!="closed"}'
    return (
        row("Remediation"),
        stat(
            "Dry run",
            "Yes: playbooks are written down but not carried out.",
            Query(f"max(tradewarden_remediation_dry_run{RECEIVER})", "dry run"),
            mappings=YES_NO_NOTE,
        ),
        stat(
            "Incidents open",
            "Queued, running or waiting for a person.",
            Query(f"sum({open_incidents}) {_ZERO}", "open"),
            steps=((None, "green"), (1, "orange")),
        ),
        stat(
            "Approvals waiting",
            "Each is a step that only a person may release, and each expires.",
            Query(f"sum(tradewarden_remediation_approvals_waiting{RECEIVER}) {_ZERO}", "waiting"),
            steps=((None, "green"), (1, "orange")),
        ),
        stat(
            "Escalations open",
            "Calls to a person that nobody has acknowledged.",
            Query(f"sum(tradewarden_remediation_escalations_open{RECEIVER}) {_ZERO}", "open"),
            steps=((None, "green"), (1, "red")),
        ),
        stat(
            "Since Watchdog",
            "Time since the receiver last heard from Alertmanager. Normally under a minute.",
            Query(
                f"time() - max(tradewarden_remediation_last_watchdog_timestamp_seconds{RECEIVER})",
                "watchdog",
            ),
            unit="s",
            steps=((None, "green"), (120, "red")),
        ),
        stat(
            "Since reconcile",
            "Time since the receiver last compared its list of alerts with Alertmanager's.",
            Query(
                "time() - "
                f"max(tradewarden_remediation_last_reconcile_success_timestamp_seconds{RECEIVER})",
                "reconcile",
            ),
            unit="s",
            steps=((None, "green"), (120, "red")),
        ),
        lines(
            "Decisions on alerts",
            "What was decided on each alert received, in steps of the graph's interval.",
            Query(f"sum by (decision) (increase({alerts}[$__rate_interval]))", "{{decision}}"),
            unit="short",
            size=Size(8, 8),
        ),
        lines(
            "Outcomes of runs",
            "How runs ended. Ineffective, unproven and escalated ones called a person.",
            Query(
                f"sum by (scenario, outcome) (increase({runs}[$__rate_interval])) {_ZERO}",
                "{{scenario}} {{outcome}}",
            ),
            unit="short",
            size=Size(8, 8),
        ),
        table(
            "State of each bot",
            "Active, paused or halted, as the receiver has it on disk. Halted needs re-arming "
            "by name and reason.",
            Query(
                'tradewarden_remediation_bot_state{instance=~"$receiver",bot=~"$bot"} == 1',
            ),
            hide=("Value", "job"),
            size=Size(8, 8),
        ),
    )


def programs() -> Sequence[Panel]:
    """Whether the programs run and read their configuration."""
    return (
        row("Tradewarden"),
        timeline(
            "Programs",
            "Whether Prometheus reaches each program.",
            Query('up{job=~"tradewarden-.+|prometheus|alertmanager"}', "{{job}}"),
            mappings=UP_DOWN,
            size=Size(8, 6),
        ),
        timeline(
            "Collectors",
            "A failing collector leaves its scenario's metrics out; the rest stands.",
            Query(f"tradewarden_exporter_collector_success{EXPORTER}", "{{collector}}"),
            mappings=UP_DOWN,
            size=Size(8, 6),
        ),
        lines(
            "Collector time",
            "Time each collector took in the last scrape.",
            Query(f"tradewarden_exporter_collector_duration_seconds{EXPORTER}", "{{collector}}"),
            unit="s",
            size=Size(8, 6),
        ),
        stat(
            "Configuration",
            "Whether the last reload was accepted. If not, the one from before is in force.",
            Query(f"tradewarden_exporter_config_last_reload_successful{EXPORTER}", "{{instance}}"),
            mappings=((0, "refused", "red"), (1, "accepted", "green")),
            size=Size(8, 4),
        ),
        stat(
            "Bot configuration",
            "Whether each bot's own file could be read. If not, its last thresholds stand.",
            Query(f"tradingbot_config_readable{BOT}", "{{bot}}"),
            mappings=((0, "unreadable", "red"), (1, "readable", "green")),
            size=Size(8, 4),
        ),
        table(
            "Exporter version",
            "Version of each exporter.",
            Query(f"tradewarden_exporter_build_info{EXPORTER}"),
            hide=("Value", "job"),
            size=Size(8, 4),
        ),
    )
