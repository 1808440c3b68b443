"""Memory metrics: the count of kills and the thresholds never vanish, the rest is known or gone."""

from dataclasses import replace

from exporter.collectors import memory_exhaustion
from exporter.exposition import render_text
from exporter.readings import HostReading, MemoryReading
from exporter.snapshot import Snapshot
from tests.collectors.snapshots import healthy, samples
from tests.sources.bots import make_bot

_MEMORY = MemoryReading(
    resident_bytes=600,
    unique_bytes=500,
    swap_bytes=7,
    limit_bytes=1000,
    limit_kind="cgroup_v2",
    used_bytes=550,
    oom_kills=3,
    pressure={"some": 0.125, "full": 0.04},
)
_HOST = HostReading(
    memory_bytes=8000,
    available_bytes=5000,
    swap_bytes=2000,
    swap_free_bytes=1500,
    oom_kills=4,
    pressure={("memory", "some"): 0.5, ("io", "full"): 0.25},
)


def test_a_confined_bot() -> None:
    """Every figure is there, in bytes and shares."""
    found = samples(memory_exhaustion, healthy(memory=_MEMORY, oom_kills=2))
    assert found == {
        "process_resident_memory_bytes": 600,
        "process_unique_memory_bytes": 500,
        "process_swap_bytes": 7,
        "process_memory_limit_bytes": 1000,
        "process_memory_used_bytes": 550,
        "process_memory_warn_threshold_ratio": 0.8,
        "process_memory_critical_threshold_ratio": 0.92,
        "process_oom_kills_total": 2,
        'process_memory_pressure_ratio{kind="full"}': 0.04,
        'process_memory_pressure_ratio{kind="some"}': 0.125,
    }


def test_kills_are_the_exporters_count_not_the_cgroups() -> None:
    """The cgroup's own falls back to zero with each start of the bot."""
    found = samples(memory_exhaustion, healthy(memory=_MEMORY, oom_kills=9))
    assert found["process_oom_kills_total"] == 9


def test_a_bot_that_is_down_or_cannot_be_read() -> None:
    """No memory is claimed; what a rule counts and compares with stays."""
    assert samples(memory_exhaustion, healthy(memory=None, oom_kills=1)) == {
        "process_memory_warn_threshold_ratio": 0.8,
        "process_memory_critical_threshold_ratio": 0.92,
        "process_oom_kills_total": 1,
    }


def test_a_bot_without_any_limit() -> None:
    """No limit is not a limit of zero, and then nothing is used of it."""
    free = replace(_MEMORY, limit_bytes=None, limit_kind=None, unique_bytes=None, swap_bytes=None)
    found = samples(memory_exhaustion, healthy(memory=free))
    assert "process_resident_memory_bytes" in found
    for name in ("memory_limit", "memory_used", "unique_memory", "swap"):
        assert f"process_{name}_bytes" not in found


def test_the_bots_own_thresholds() -> None:
    """From the configuration, for one set of rules."""
    bot = make_bot("/opt/bot", memory={"warn_ratio": 0.5, "critical_ratio": 0.6})  # type: ignore[arg-type]
    found = samples(memory_exhaustion, healthy(bot=bot))
    assert found["process_memory_warn_threshold_ratio"] == 0.5
    assert found["process_memory_critical_threshold_ratio"] == 0.6


def _host(host: HostReading | None) -> list[str]:
    text = render_text([*memory_exhaustion.collect(Snapshot((), host=host))])
    return [
        line.removeprefix("tradewarden_exporter_host_")
        for line in text.splitlines()
        if not line.startswith("#")
    ]


def test_the_host() -> None:
    """Without a bot's name: it is everybody's."""
    assert _host(_HOST) == [
        "memory_bytes 8000.0",
        "memory_available_bytes 5000.0",
        "swap_bytes 2000.0",
        "swap_free_bytes 1500.0",
        "oom_kills_total 4.0",
        'pressure_ratio{kind="full",resource="io"} 0.25',
        'pressure_ratio{kind="some",resource="memory"} 0.5',
    ]


def test_a_host_that_does_not_say() -> None:
    """Unknown, not zero."""
    assert _host(None) == []
    silent = _host(replace(_HOST, oom_kills=None, pressure={}))
    assert not any(line.startswith(("oom_kills", "pressure")) for line in silent)
