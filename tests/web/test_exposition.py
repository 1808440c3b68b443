"""Our encoder writes the library's bytes, or leaves the writing to the library."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from exporter.exposition import render, render_text

_ACCEPTS = (
    "",
    "*/*",
    "text/plain;version=0.0.4",
    "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.3",
    "application/openmetrics-text;version=1.0.0;escaping=dots",
    "text/plain;version=1.0.0;escaping=values",
    "text/plain;version=1.0.0;escaping=underscores",
)
_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
_TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from('\\"\n{},='), max_size=20)
_VALUES = st.floats() | st.integers(-(2**53), 2**53) | st.booleans()


@st.composite
def _family(draw: st.DrawFn) -> Metric:
    labels = draw(st.lists(_NAMES, unique=True, max_size=4))
    kind = draw(st.sampled_from(("gauge", "counter", "histogram", "summary", "info")))
    name, text = draw(_NAMES), draw(_TEXTS)
    rows = draw(
        st.lists(st.tuples(st.tuples(*[_TEXTS] * len(labels)), _VALUES, _VALUES), max_size=4)
    )
    if kind == "gauge":
        gauge = GaugeMetricFamily(name, text, labels=labels)
        for values, number, _ in rows:
            gauge.add_metric(values, number, timestamp=draw(st.none() | st.just(1.5)))
        return gauge
    if kind == "counter":
        counter = CounterMetricFamily(name, text, labels=labels)
        for values, number, _ in rows:
            counter.add_metric(values, number, created=draw(st.none() | st.just(1.0)))
        return counter
    if kind == "histogram":
        histogram = HistogramMetricFamily(name, text, labels=labels)
        for values, number, total in rows:
            histogram.add_metric(values, [("0.1", number), ("+Inf", number)], total)
        return histogram
    if kind == "summary":
        summary = SummaryMetricFamily(name, text, labels=labels)
        for values, number, total in rows:
            summary.add_metric(values, int(number == number), total)  # noqa: PLR0124 - NaN
        return summary
    info = InfoMetricFamily(name, text, labels=labels)
    for values, _, _ in rows:
        info.add_metric(values, {"version": "1"})
    return info


class _Ready(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> list[Metric]:
        return self._families


def _library(families: list[Metric], accept: str) -> tuple[bytes, str]:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Ready(families))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_family(), max_size=4), st.sampled_from(_ACCEPTS))
def test_it_writes_what_the_library_writes(families: list[Metric], accept: str) -> None:
    """Byte by byte and type by type, whatever the families hold."""
    assert render(families, accept) == _library(families, accept)


def test_the_classic_text_is_understood() -> None:
    """By the library's own parser, quotes and line ends included."""
    gauge = GaugeMetricFamily("temperature_celsius", 'A "quoted"\nhelp.', labels=["room"])
    gauge.add_metric(['a "b"\\\nc'], 21.5)
    (parsed,) = text_string_to_metric_families(render_text([gauge]))
    assert parsed.samples == gauge.samples
    assert render_text([gauge]).encode() == generate_latest(_Ready([gauge]))


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text;version=one", "text/plain;version=x.y", ";;,,=", "é"]
)
def test_a_senseless_wish_gets_the_classic_text(accept: str) -> None:
    """A scraper's mistake is no failure of the scrape."""
    body, content_type = render([GaugeMetricFamily("up", "Up.", value=1)], accept)
    assert content_type.startswith("text/plain; version=0.0.4")
    assert b"up 1.0" in body
