"""Does the bot's process live, is it the only one, and does it still do anything?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import counter, gauge
from exporter.readings import ExitKind
from exporter.snapshot import Snapshot


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn process readings into metrics; whether it is up never vanishes."""
    up = gauge(
        "process_up",
        "1 if the bot's live process runs (a dry run does not count); 0 if it does not, or if"
        " that cannot be told.",
    )
    instances = gauge(
        "process_instances",
        "Live processes of this bot. More than 1 means two bots trade one account: stop one.",
    )
    mode = gauge(
        "process_mode",
        "1 for each mode in which a process of this bot runs now: live or dry_run.",
        ["mode"],
    )
    start = gauge(
        "process_start_time_seconds",
        "When the bot's live process started; a change without a known reason is a restart.",
    )
    memory = gauge(
        "process_resident_memory_bytes",
        "Memory that the bot's live process occupies.",
    )
    clean = gauge(
        "process_last_exit_clean",
        "1 if the bot is down because it was stopped properly; 0 while it runs or if it crashed.",
    )
    unclean = counter(
        "process_unclean_exits",
        "Times the exporter saw the bot's process disappear without a clean shutdown.",
    )
    beat = gauge(
        "last_heartbeat_timestamp_seconds",
        "When the bot last showed that it is working, not merely running.",
    )
    max_age = gauge(
        "heartbeat_max_age_threshold_seconds",
        "Age of the heartbeat from which the bot counts as stuck.",
    )
    for item in snapshot.bots:
        name, reading = item.bot.name, item.process
        max_age.add_metric([name], item.bot.heartbeat.max_age_seconds)
        unclean.add_metric([name], item.unclean_exits)
        if item.heartbeat is not None:
            beat.add_metric([name], item.heartbeat)
        if not item.polled:
            continue
        up.add_metric([name], float(reading is not None and reading.up))
        clean.add_metric([name], float(reading is not None and reading.last_exit is ExitKind.CLEAN))
        if reading is None:
            continue
        instances.add_metric([name], len(reading.pids))
        mode.add_metric([name, "live"], float(reading.up))
        mode.add_metric([name, "dry_run"], float(bool(reading.dry_run_pids)))
        if reading.start_time is not None:
            start.add_metric([name], reading.start_time)
        if reading.resident_bytes is not None:
            memory.add_metric([name], reading.resident_bytes)
    return up, instances, mode, start, memory, clean, unclean, beat, max_age
