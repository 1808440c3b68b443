"""How much memory does the bot use, of what limit, and has anything been killed for it?"""

from collections.abc import Iterable

from prometheus_client.core import Metric

from exporter.collectors.families import bot_counter, bot_gauge, host_counter, host_gauge
from exporter.snapshot import Snapshot

RESIDENT = bot_gauge(
    "process_resident_memory_bytes",
    "Memory that the bot's live process and its children occupy; shared pages count once for each.",
    source="memory",
)
UNIQUE = bot_gauge(
    "process_unique_memory_bytes",
    "Memory that would be free if the bot ended now (USS).",
    source="memory",
)
SWAP = bot_gauge(
    "process_swap_bytes", "Memory of the bot that has been swapped out.", source="memory"
)
LIMIT = bot_gauge(
    "process_memory_limit_bytes",
    "The memory limit that the bot will hit first: its cgroup's, its ulimit, or the configured"
    " one. Absent without any.",
    source="memory",
)
USED = bot_gauge(
    "process_memory_used_bytes",
    "What the bot uses of that limit, counted as the limit counts.",
    source="memory",
)
WARN = bot_gauge(
    "process_memory_warn_threshold_ratio",
    "Share of the memory limit from which the use counts as high.",
    source="configuration",
)
CRITICAL = bot_gauge(
    "process_memory_critical_threshold_ratio",
    "Share of the memory limit from which the kernel may kill the bot any moment.",
    source="configuration",
)
OOM_KILLS = bot_counter(
    "process_oom_kills",
    "Times the kernel killed a process of the bot for want of memory, as far as the exporter saw.",
    source="memory",
)
PRESSURE = bot_gauge(
    "process_memory_pressure_ratio",
    "Share of the last ten seconds in which some or all (full) of the bot's processes waited for"
    " memory.",
    "kind",
    source="memory",
)
HOST_MEMORY = host_gauge("memory_bytes", "Memory of this host.")
HOST_AVAILABLE = host_gauge(
    "memory_available_bytes", "Memory that programs can still get on this host without swapping."
)
HOST_SWAP = host_gauge("swap_bytes", "Swap space of this host; 0 means that there is none.")
HOST_SWAP_FREE = host_gauge("swap_free_bytes", "Swap space that is not used.")
HOST_OOM_KILLS = host_counter(
    "oom_kills", "Processes that the kernel has killed for want of memory since boot, any of them."
)
HOST_PRESSURE = host_gauge(
    "pressure_ratio",
    "Share of the last ten seconds in which some or all (full) of the host's tasks waited for the"
    " resource.",
    "resource",
    "kind",
)
FAMILIES = (
    *(RESIDENT, UNIQUE, SWAP, LIMIT, USED, WARN, CRITICAL, OOM_KILLS, PRESSURE),
    *(HOST_MEMORY, HOST_AVAILABLE, HOST_SWAP, HOST_SWAP_FREE, HOST_OOM_KILLS, HOST_PRESSURE),
)


def collect(snapshot: Snapshot) -> Iterable[Metric]:
    """Turn memory readings into metrics; thresholds and the count of kills never vanish."""
    resident, unique, swap = RESIDENT.gauge(), UNIQUE.gauge(), SWAP.gauge()
    limit, used, pressure = LIMIT.gauge(), USED.gauge(), PRESSURE.gauge()
    warn, critical, kills = WARN.gauge(), CRITICAL.gauge(), OOM_KILLS.counter()
    for item in snapshot.bots:
        name, reading = item.bot.name, item.memory
        warn.add_metric([name], item.bot.memory.warn_ratio)
        critical.add_metric([name], item.bot.memory.critical_ratio)
        kills.add_metric([name], item.oom_kills)
        if reading is None:
            continue
        resident.add_metric([name], reading.resident_bytes)
        for family, value in (
            (unique, reading.unique_bytes),
            (swap, reading.swap_bytes),
            (limit, reading.limit_bytes),
        ):
            if value is not None:
                family.add_metric([name], value)
        if reading.limit_bytes is not None:
            used.add_metric([name], reading.used_bytes)
        for kind, share in sorted(reading.pressure.items()):
            pressure.add_metric([name, kind], share)
    own = (resident, unique, swap, limit, used, warn, critical, kills, pressure)
    return (*own, *_host(snapshot))


def _host(snapshot: Snapshot) -> Iterable[Metric]:
    memory, available = HOST_MEMORY.gauge(), HOST_AVAILABLE.gauge()
    swap, swap_free = HOST_SWAP.gauge(), HOST_SWAP_FREE.gauge()
    kills, pressure = HOST_OOM_KILLS.counter(), HOST_PRESSURE.gauge()
    if (host := snapshot.host) is not None:
        memory.add_metric([], host.memory_bytes)
        available.add_metric([], host.available_bytes)
        swap.add_metric([], host.swap_bytes)
        swap_free.add_metric([], host.swap_free_bytes)
        if host.oom_kills is not None:
            kills.add_metric([], host.oom_kills)
        for (resource, kind), share in sorted(host.pressure.items()):
            pressure.add_metric([resource, kind], share)
    return memory, available, swap, swap_free, kills, pressure
