"""The Files dashboard: data, backups, disks, logs."""

from collections.abc import Sequence

from grafana.panels import (
    BOT,
    YES_NO_BAD,
    YES_NO_GOOD,
    Panel,
    Query,
    Size,
    lines,
    optional,
    row,
    stat,
    timeline,
)

_OF_FILE = "{{bot}} {{file}}"


def panels() -> Sequence[Panel]:
    """All panels in reading order."""
    return (*_data(), *_backups(), *_disks(), *_logs())


def _data() -> Sequence[Panel]:
    modified = f"tradingbot_file_modified_timestamp_seconds{BOT}"
    return (
        row("Data and state"),
        timeline(
            "Valid",
            "Whether each file can be read and makes sense. Missing after it existed: no.",
            Query(f"tradingbot_file_valid{BOT}", _OF_FILE),
            mappings=YES_NO_GOOD,
            size=Size(12, 8),
        ),
        optional(
            timeline(
                "As in the manifest",
                "Whether each file has the checksum that the manifest gives it.",
                Query(f"tradingbot_file_checksum_ok{BOT}", _OF_FILE),
                mappings=YES_NO_GOOD,
                size=Size(6, 8),
            ),
            "no manifest",
        ),
        optional(
            timeline(
                "Much smaller than it was",
                "Rows may have been lost.",
                Query(f"tradingbot_file_shrunk{BOT}", _OF_FILE),
                mappings=YES_NO_BAD,
                size=Size(6, 8),
            )
        ),
        optional(
            lines(
                "Missing values against the limit",
                "Share of the numeric cells of each table that hold no number.",
                Query(f"tradingbot_file_nan_ratio{BOT}", _OF_FILE),
                Query(f"tradingbot_file_nan_ratio_threshold{BOT}", "{{bot}} limit"),
                unit="percentunit",
                dashed=".* limit",
                size=Size(12, 8),
            )
        ),
        optional(
            lines(
                "Age against the limit",
                "Time since each file was written, by its own time.",
                Query(f"time() - {modified}", _OF_FILE),
                Query(f"tradingbot_file_max_age_threshold_seconds{BOT}", f"{_OF_FILE} limit"),
                unit="s",
                dashed=".* limit",
                size=Size(12, 8),
            )
        ),
        optional(
            lines(
                "Rows",
                "Of each table.",
                Query(f"tradingbot_file_rows{BOT}", _OF_FILE),
                unit="short",
                size=Size(8, 8),
            )
        ),
        optional(
            lines(
                "Size",
                "Of each file.",
                Query(f"tradingbot_file_size_bytes{BOT}", _OF_FILE),
                unit="bytes",
                size=Size(8, 8),
            )
        ),
        optional(
            stat(
                "Files not checked",
                "Because there are more than the exporter looks at.",
                Query(f"tradingbot_files_skipped{BOT}", "{{bot}}"),
                steps=((None, "green"), (1, "orange")),
                size=Size(8, 8),
            ),
            "unknown",
        ),
    )


def _backups() -> Sequence[Panel]:
    last = f"tradingbot_backup_last_timestamp_seconds{BOT}"
    return (
        row("Backups"),
        optional(
            lines(
                "Age of the newest backup against the limit",
                "What a restore would bring back.",
                Query(f"time() - {last}", "{{bot}}"),
                Query(f"tradingbot_backup_max_age_threshold_seconds{BOT}", "{{bot}} limit"),
                unit="s",
                dashed=".* limit",
                size=Size(16, 8),
            ),
            "no backup",
        ),
        optional(
            stat(
                "Newest backup valid",
                "Whether every file in it that can be checked is good.",
                Query(f"tradingbot_backup_valid{BOT}", "{{bot}}"),
                mappings=YES_NO_GOOD,
                size=Size(8, 8),
            ),
            "no backup",
        ),
    )


def _disks() -> Sequence[Panel]:
    free, size = (f"tradingbot_disk_{what}_bytes{BOT}" for what in ("free", "size"))
    return (
        row("Disks"),
        lines(
            "Space left against the limit",
            "Share of the disk, where the bot keeps each kind of file.",
            Query(f"{free} / on (bot, instance, purpose) {size}", "{{bot}} {{purpose}}"),
            Query(f"tradingbot_disk_min_free_threshold_ratio{BOT}", "{{bot}} limit"),
            unit="percentunit",
            dashed=".* limit",
            size=Size(8, 8),
        ),
        optional(
            lines(
                "File entries left",
                "Share of the disk's inodes. With none left no file can be made.",
                Query(f"tradingbot_disk_free_inodes_ratio{BOT}", "{{bot}} {{purpose}}"),
                unit="percentunit",
                size=Size(8, 8),
            ),
            "not counted",
        ),
        timeline(
            "Writable",
            "Whether the disk can be written to. After an error the kernel makes it read-only.",
            Query(f"tradingbot_disk_writable{BOT}", "{{bot}} {{purpose}}"),
            mappings=YES_NO_GOOD,
            size=Size(8, 8),
        ),
    )


def _logs() -> Sequence[Panel]:
    events = f"tradingbot_log_events_total{BOT}"
    growth = f"tradingbot_log_last_growth_timestamp_seconds{BOT}"
    return (
        row("Logs"),
        lines(
            "Symptoms in logs",
            "Lines that match a symptom of the runbook, in steps of the graph's interval.",
            Query(
                f"sum by (bot, event) (increase({events}[$__rate_interval]))", "{{bot}} {{event}}"
            ),
            unit="short",
            size=Size(12, 8),
        ),
        lines(
            "Lines",
            "Read in all logs, each second.",
            Query(f"rate(tradingbot_log_lines_total{BOT}[$__rate_interval])", "{{bot}}"),
            unit="ops",
            size=Size(6, 8),
        ),
        lines(
            "Bytes",
            "Read in all logs, each second.",
            Query(f"rate(tradingbot_log_bytes_total{BOT}[$__rate_interval])", "{{bot}}"),
            unit="Bps",
            size=Size(6, 8),
        ),
        optional(
            stat(
                "Since a log grew",
                "A bot that runs and logs nothing hides its symptoms.",
                Query(f"time() - {growth}", "{{bot}}"),
                unit="s",
                size=Size(6, 4),
            ),
            "never",
        ),
        stat(
            "Logs followed",
            "None: no file matches the configured paths.",
            Query(f"tradingbot_log_files{BOT}", "{{bot}}"),
            steps=((None, "red"), (1, "green")),
            size=Size(6, 4),
        ),
        stat(
            "Logs not followed",
            "They match but cannot be read, or are too many.",
            Query(f"tradingbot_log_files_skipped{BOT}", "{{bot}}"),
            steps=((None, "green"), (1, "orange")),
            size=Size(6, 4),
        ),
        stat(
            "Place in logs kept",
            "Whether a restart of the exporter goes on where it stopped.",
            Query(f"tradingbot_log_offsets_durable{BOT}", "{{bot}}"),
            mappings=YES_NO_GOOD,
            size=Size(6, 4),
        ),
    )
