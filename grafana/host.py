"""The Host dashboard: processes, memory, clock."""

from collections.abc import Sequence

from grafana.panels import (
    BOT,
    EXPORTER,
    YES_NO_GOOD,
    YES_NO_NOTE,
    Panel,
    Query,
    Size,
    lines,
    optional,
    row,
    stat,
    timeline,
)


def panels() -> Sequence[Panel]:
    """All panels in reading order."""
    return (*_process(), *_memory(), *_host(), *_clock())


def _process() -> Sequence[Panel]:
    restarts = f"tradingbot_process_restarts_total{BOT}"
    return (
        row("Processes"),
        timeline(
            "Mode",
            "In which mode a process of each bot runs.",
            Query(f"tradingbot_process_mode{BOT}", "{{bot}} {{mode}}"),
            mappings=YES_NO_NOTE,
            size=Size(12, 6),
        ),
        stat(
            "Running for",
            "Since the start of each bot's live process.",
            Query(f"time() - tradingbot_process_start_time_seconds{BOT}", "{{bot}}"),
            unit="s",
            size=Size(6, 6),
        ),
        optional(
            stat(
                "Restarts",
                "Of each bot, in the time shown.",
                Query(f"increase({restarts}[$__range])", "{{bot}}"),
                steps=((None, "green"), (0.5, "orange")),
                size=Size(6, 6),
            ),
            "not counted",
        ),
    )


def _memory() -> Sequence[Panel]:
    limit = f"tradingbot_process_memory_limit_bytes{BOT}"
    warn = f"tradingbot_process_memory_warn_threshold_ratio{BOT}"
    critical = f"tradingbot_process_memory_critical_threshold_ratio{BOT}"
    kills = f"tradingbot_process_oom_kills_total{BOT}"
    return (
        row("Memory of the bots"),
        optional(
            lines(
                "Memory used against the limit",
                "What counts against the limit that each bot will hit first.",
                Query(f"tradingbot_process_memory_used_bytes{BOT}", "{{bot}}"),
                Query(limit, "{{bot}} limit"),
                Query(f"{limit} * on (bot, instance) {warn}", "{{bot}} warn limit"),
                Query(f"{limit} * on (bot, instance) {critical}", "{{bot}} critical limit"),
                unit="bytes",
                dashed=".* limit",
                size=Size(12, 8),
            ),
            "no limit",
        ),
        lines(
            "Resident memory",
            "Of each bot's live process and its children.",
            Query(f"tradingbot_process_resident_memory_bytes{BOT}", "{{bot}}"),
            unit="bytes",
            size=Size(12, 8),
        ),
        optional(
            lines(
                "Unique memory and swap",
                "What would be free if the bot ended now, and what of it is on disk.",
                Query(f"tradingbot_process_unique_memory_bytes{BOT}", "{{bot}} unique"),
                Query(f"tradingbot_process_swap_bytes{BOT}", "{{bot}} swap"),
                unit="bytes",
                size=Size(8, 8),
            ),
            "unknown",
        ),
        optional(
            lines(
                "Waiting for memory",
                "Share of time in which some or all of a bot's processes stood still for it.",
                Query(f"tradingbot_process_memory_pressure_ratio{BOT}", "{{bot}} {{kind}}"),
                unit="percentunit",
                size=Size(8, 8),
            ),
            "not measured",
        ),
        stat(
            "Kills for memory",
            "By the kernel, of each bot's processes, in the time shown.",
            Query(f"increase({kills}[$__range])", "{{bot}}"),
            steps=((None, "green"), (0.5, "red")),
            size=Size(8, 8),
        ),
    )


def _host() -> Sequence[Panel]:
    prefix = "tradewarden_exporter_host"
    return (
        row("The host"),
        lines(
            "Memory",
            "What programs can still get without swapping, of all there is.",
            Query(f"{prefix}_memory_available_bytes{EXPORTER}", "{{instance}} available"),
            Query(f"{prefix}_memory_bytes{EXPORTER}", "{{instance}} limit"),
            unit="bytes",
            dashed=".* limit",
            size=Size(8, 8),
        ),
        lines(
            "Swap",
            "What is free, of all there is.",
            Query(f"{prefix}_swap_free_bytes{EXPORTER}", "{{instance}} free"),
            Query(f"{prefix}_swap_bytes{EXPORTER}", "{{instance}} limit"),
            unit="bytes",
            dashed=".* limit",
            size=Size(8, 8),
        ),
        optional(
            lines(
                "Pressure",
                "Share of time in which some or all tasks waited for the resource.",
                Query(f"{prefix}_pressure_ratio{EXPORTER}", "{{instance}} {{resource}} {{kind}}"),
                unit="percentunit",
                size=Size(8, 8),
            ),
            "not measured",
        ),
        optional(
            stat(
                "Kills for memory, any process",
                "By the kernel, in the time shown.",
                Query(f"increase({prefix}_oom_kills_total{EXPORTER}[$__range])", "{{instance}}"),
                steps=((None, "green"), (0.5, "red")),
                size=Size(8, 4),
            ),
            "not counted",
        ),
    )


def _clock() -> Sequence[Panel]:
    prefix = "tradewarden_exporter_host_clock"
    return (
        row("The host's own time service"),
        optional(
            timeline(
                "Synchronised",
                "Whether the time service says that it follows a source.",
                Query(f"{prefix}_synchronized{EXPORTER}", "{{instance}} {{daemon}}"),
                mappings=YES_NO_GOOD,
                size=Size(8, 8),
            ),
            "no time service",
        ),
        optional(
            lines(
                "Its view of the offset",
                "Positive: the local clock is ahead. A further view beside NTP and exchange.",
                Query(f"{prefix}_offset_seconds{EXPORTER}", "{{instance}} {{daemon}}"),
                unit="s",
                size=Size(8, 8),
            ),
            "not said",
        ),
        optional(
            lines(
                "Its error bound",
                "How wrong that offset can be, at most.",
                Query(f"{prefix}_offset_error_bound_seconds{EXPORTER}", "{{instance}} {{daemon}}"),
                unit="s",
                size=Size(8, 8),
            ),
            "not said",
        ),
    )
