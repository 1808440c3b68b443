"""What the bot's logs say: the runbook's symptoms, counted line by line."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import bot_counter, bot_gauge
from exporter.snapshot import Snapshot

EVENTS = bot_counter(
    "log_events",
    "Lines in the bot's logs that match a symptom of the runbook, or a pattern of log_events. A"
    " line counts once for each event it matches; lines written while the exporter was down"
    " are counted when it is back.",
    "event",
    source="logs",
)
LINES = bot_counter("log_lines", "Complete lines read in the bot's logs.", source="logs")
BYTES = bot_counter("log_bytes", "Bytes of complete lines read in the bot's logs.", source="logs")
FILES = bot_gauge(
    "log_files",
    "Logs that are followed now. 0 means that nothing matches paths.logs: no symptom in a log"
    " would be seen.",
    source="logs",
)
SKIPPED = bot_gauge(
    "log_files_skipped",
    "Files that match paths.logs and are not followed: they cannot be read, or are too many.",
    source="logs",
)
DURABLE = bot_gauge(
    "log_offsets_durable",
    "1 if it is kept on disk how far each log was read; 0 means that a restart of the exporter"
    " loses lines or counts them again.",
    source="logs",
)
GROWTH = bot_gauge(
    "log_last_growth_timestamp_seconds",
    "When a log of the bot last grew; absent if none has since the exporter first saw them.",
    source="logs",
)
FAMILIES = (EVENTS, LINES, BYTES, FILES, SKIPPED, DURABLE, GROWTH)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn what was counted in logs into metrics."""
    events, lines, size = EVENTS.counter(), LINES.counter(), BYTES.counter()
    files, skipped, durable = FILES.gauge(), SKIPPED.gauge(), DURABLE.gauge()
    growth = GROWTH.gauge()
    for item in snapshot.bots:
        name, reading = item.bot.name, item.logs
        if reading is None:
            continue
        for event, count in reading.events.items():
            events.add_metric([name, event], count)
        lines.add_metric([name], reading.lines)
        size.add_metric([name], reading.bytes)
        files.add_metric([name], reading.files)
        skipped.add_metric([name], reading.skipped)
        durable.add_metric([name], float(reading.offsets_durable))
        if reading.last_growth is not None:
            growth.add_metric([name], reading.last_growth)
    return events, lines, size, files, skipped, durable, growth
