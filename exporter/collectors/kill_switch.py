"""Has the bot been told to stop, by itself, by a person, or by us?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import bot_gauge
from exporter.snapshot import Snapshot

ENGAGED = bot_gauge(
    "kill_switch_engaged",
    "1 if the bot's kill switch is engaged, or cannot be read: the bot must not trade until a"
    " person has looked. 0 only if flag and state were read and say no.",
    source="bot_files",
)
PAUSED = bot_gauge(
    "paused",
    "1 while Tradewarden itself has paused the bot for an incident; it lifts this by itself.",
    source="bot_files",
)
FAMILIES = (ENGAGED, PAUSED)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn kill-switch readings into metrics that never vanish: unknown is engaged."""
    engaged, paused = ENGAGED.gauge(), PAUSED.gauge()
    for item in snapshot.bots:
        if not item.polled:
            continue
        name, reading = item.bot.name, item.kill_switch
        engaged.add_metric([name], float(reading is None or reading.engaged))
        paused.add_metric([name], float(reading is not None and reading.paused))
    return engaged, paused
