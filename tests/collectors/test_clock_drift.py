"""Clock metrics: the offset vanishes when unknown, the thresholds never do."""

from exporter.collectors import clock_drift
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
