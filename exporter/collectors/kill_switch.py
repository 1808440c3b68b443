"""Has the bot been told to stop, by itself, by a person, or by us?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import gauge
from exporter.snapshot import Snapshot


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn kill-switch readings into metrics that never vanish: unknown is engaged."""
    engaged = gauge(
        "kill_switch_engaged",
        "1 if the bot's kill switch is engaged, or cannot be read: the bot must not trade until a"
        " person has looked. 0 only if flag and state were read and say no.",
    )
    paused = gauge(
        "paused",
        "1 while Tradewarden itself has paused the bot for an incident; it lifts this by itself.",
    )
    valid = gauge(
        "file_valid",
        "1 if this file of the bot can be read and makes sense; 0 if it is missing after it"
        " existed, unreadable, or damaged.",
        ["file"],
    )
    for item in snapshot.bots:
        if not item.polled:
            continue
        name, reading = item.bot.name, item.kill_switch
        engaged.add_metric([name], float(reading is None or reading.engaged))
        paused.add_metric([name], float(reading is not None and reading.paused))
        for file, ok in item.file_valid.items():
            valid.add_metric([name, file], float(ok))
    return engaged, paused, valid
