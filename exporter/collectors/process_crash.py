"""Does the bot's process live, is it the only one, and does it still do anything?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import bot_counter, bot_gauge
from exporter.readings import ExitKind
from exporter.snapshot import Snapshot

UP = bot_gauge(
    "process_up",
    "1 if the bot's live process runs (a dry run does not count); 0 if it does not, or if that"
    " cannot be told.",
    source="process",
)
INSTANCES = bot_gauge(
    "process_instances",
    "Live processes of this bot. More than 1 means two bots trade one account: stop one.",
    source="process",
)
MODE = bot_gauge(
    "process_mode",
    "1 for each mode in which a process of this bot runs now: live or dry_run.",
    "mode",
    source="process",
)
START = bot_gauge(
    "process_start_time_seconds",
    "When the bot's live process started; a change without a known reason is a restart.",
    source="process",
)
CLEAN = bot_gauge(
    "process_last_exit_clean",
    "1 if the bot is down because it was stopped properly; 0 while it runs or if it crashed.",
    source="process",
)
UNCLEAN = bot_counter(
    "process_unclean_exits",
    "Times the exporter saw the bot's process disappear without a clean shutdown.",
    source="process",
)
RESTARTS = bot_counter(
    "process_restarts",
    "Times the exporter saw another process take the place of the bot's live one, a person's"
    " restarts included.",
    source="process",
)
BEAT = bot_gauge(
    "last_heartbeat_timestamp_seconds",
    "When the bot last showed that it is working, not merely running.",
    source="heartbeat",
)
MAX_AGE = bot_gauge(
    "heartbeat_max_age_threshold_seconds",
    "Age of the heartbeat from which the bot counts as stuck.",
    source="configuration",
)
FAMILIES = (UP, INSTANCES, MODE, START, CLEAN, UNCLEAN, RESTARTS, BEAT, MAX_AGE)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn process readings into metrics; whether it is up never vanishes."""
    up, instances, mode = UP.gauge(), INSTANCES.gauge(), MODE.gauge()
    start, clean = START.gauge(), CLEAN.gauge()
    unclean, restarts = UNCLEAN.counter(), RESTARTS.counter()
    beat, max_age = BEAT.gauge(), MAX_AGE.gauge()
    for item in snapshot.bots:
        name, reading = item.bot.name, item.process
        max_age.add_metric([name], item.bot.heartbeat.max_age_seconds)
        unclean.add_metric([name], item.unclean_exits)
        restarts.add_metric([name], item.restarts)
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
    return up, instances, mode, start, clean, unclean, restarts, beat, max_age
