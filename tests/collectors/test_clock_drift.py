"""Clock metrics: the offset vanishes when unknown, the thresholds never do."""

from exporter.collectors import clock_drift
from exporter.exposition import render_text
from exporter.readings import ClockDaemonReading
from exporter.snapshot import Snapshot
from tests.collectors.snapshots import healthy, samples
from tests.sources.bots import make_bot


def test_offset_and_bound_by_reference() -> None:
    """The sign goes through unchanged: positive is ahead."""
    found = samples(clock_drift)
    assert found['clock_offset_seconds{reference="ntp"}'] == 0.012
    assert found['clock_offset_seconds{reference="exchange"}'] == 0.015
    assert found['clock_offset_error_bound_seconds{reference="exchange"}'] == 0.02


def test_an_unknown_offset_vanishes_and_thresholds_stay() -> None:
    """No rule may compare with an old offset, and every rule needs its threshold."""
    found = samples(clock_drift, healthy(clocks={}))
    assert not any(name.startswith("clock_offset_seconds") for name in found)
    assert found["clock_offset_warn_threshold_seconds"] == 0.5
    assert found["clock_offset_kill_threshold_seconds"] == 2.0


def test_the_venues_own_limit_is_known_for_binance_only(tmp_path: object) -> None:
    """Alpaca has no such limit, so there is no metric to compare with."""
    assert samples(clock_drift)["clock_offset_venue_threshold_seconds"] == 1.0
    venue = {"kind": "alpaca", "base_url": "http://127.0.0.1:9"}
    bot = make_bot("/opt/bot", venue=venue)  # type: ignore[arg-type]
    assert "clock_offset_venue_threshold_seconds" not in samples(clock_drift, healthy(bot=bot))


def test_the_hosts_own_time_services() -> None:
    """One series for each that is there; what it does not say is absent."""
    daemons = (
        ClockDaemonReading("chrony", True, -0.003, 0.02, "192.0.2.1"),  # noqa: FBT003
        ClockDaemonReading("timesyncd", False, None, None, ""),  # noqa: FBT003
    )
    text = render_text([*clock_drift.collect(Snapshot((), clock_daemons=daemons))])
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    host = "tradewarden_exporter_host_clock"
    assert lines == [
        f'{host}_synchronized{{daemon="chrony"}} 1.0',
        f'{host}_synchronized{{daemon="timesyncd"}} 0.0',
        f'{host}_offset_seconds{{daemon="chrony"}} -0.003',
        f'{host}_offset_error_bound_seconds{{daemon="chrony"}} 0.02',
    ]


def test_a_host_without_a_time_service_says_nothing() -> None:
    """Absent, not zero: there is none that could have lost its source."""
    assert not any("host_clock" in name for name in samples(clock_drift))
