"""One collector's trouble costs only its own metrics."""

import threading
import time
from collections.abc import Iterable

import pytest
from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.collectors import COLLECTORS, Collector
from exporter.exposition import render_text
from exporter.scrape import Scraper, deadline_seconds
from exporter.snapshot import Snapshot

_NOTHING = Snapshot(())


def _good(_: Snapshot) -> Iterable[Metric]:
    return [GaugeMetricFamily("tradingbot_good", "Good.", value=1)]


def _broken(_: Snapshot) -> Iterable[Metric]:
    yield GaugeMetricFamily("tradingbot_half", "Half.", value=1)
    message = "broken"
    raise ValueError(message)


def test_a_failing_collector_is_isolated() -> None:
    """It reports 0, nothing half-made is shown, and the rest stands."""
    scraper = Scraper((Collector("bad", _broken, ()), Collector("good", _good, ())))
    text = render_text(scraper.scrape(_NOTHING, 60.0))
    assert "tradingbot_good 1.0" in text
    assert "tradingbot_half" not in text
    assert 'collector_success{collector="bad"} 0.0' in text
    assert 'collector_success{collector="good"} 1.0' in text
    assert 'collector_duration_seconds{collector="bad"}' in text


def test_a_hanging_collector_ends_with_the_deadline_and_is_not_started_twice() -> None:
    """The scrape answers in time, those after it get their turn, and threads do not pile up."""
    release = threading.Event()
    starts: list[float] = []

    def hang(_: Snapshot) -> Iterable[Metric]:
        starts.append(time.monotonic())
        release.wait(120)
        return []

    scraper = Scraper((Collector("hangs", hang, ()), Collector("good", _good, ())))
    started = time.monotonic()
    for _ in range(2):
        text = render_text(scraper.scrape(_NOTHING, 8.0))
        assert 'collector_success{collector="hangs"} 0.0' in text
        assert "tradingbot_good 1.0" in text
    assert time.monotonic() - started < 60
    assert len(starts) == 1
    release.set()


def test_one_that_hung_and_ended_is_run_again() -> None:
    """What held it up once is no verdict for ever."""
    release = threading.Event()

    def hang(_: Snapshot) -> Iterable[Metric]:
        release.wait(120)
        return _good(_)

    scraper = Scraper((Collector("hung", hang, ()),))
    assert "tradingbot_good" not in render_text(scraper.scrape(_NOTHING, 0.1))
    release.set()
    deadline = time.monotonic() + 60
    while "tradingbot_good 1.0" not in render_text(scraper.scrape(_NOTHING, 60.0)):
        assert time.monotonic() < deadline


def test_only_what_is_asked_for_is_run() -> None:
    """A scrape may name its collectors."""
    scraper = Scraper((Collector("bad", _broken, ()), Collector("good", _good, ())))
    assert scraper.names == ("bad", "good")
    text = render_text(scraper.scrape(_NOTHING, 60.0, ["good"]))
    assert "tradingbot_good 1.0" in text
    assert "bad" not in text


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("10", 9.5), ("1", 0.5), ("0.4", 0.2), (None, 9.5), ("soon", 9.5), ("nan", 9.5), ("-1", 9.5)],
)
def test_the_deadline_comes_from_prometheus(header: str | None, seconds: float) -> None:
    """Less half a second for rendering and the way back; nonsense gets the default."""
    assert deadline_seconds(header) == pytest.approx(seconds)


def test_the_offset_can_be_chosen() -> None:
    """But takes no more than half."""
    assert deadline_seconds("10", 2.0) == pytest.approx(8.0)
    assert deadline_seconds("10", 0.0) == pytest.approx(10.0)
    assert deadline_seconds("1", 30.0) == pytest.approx(0.5)


def test_collector_names_are_distinct() -> None:
    """They are label values."""
    names = [collector.name for collector in COLLECTORS]
    assert len(set(names)) == len(names)
