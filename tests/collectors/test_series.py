"""Our series are the library's families, in fewer objects."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from exporter.collectors.families import Family, Kind
from exporter.exposition import render

_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
_TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from('\\"\n{},=%'), max_size=20)
_VALUES = st.floats() | st.integers(-(2**53), 2**53) | st.booleans()
_ACCEPTS = ("text/plain", "application/openmetrics-text;version=1.0.0")


@st.composite
def _pair(draw: st.DrawFn) -> tuple[Metric, Metric]:
    """The same metric as the library makes it and as we do."""
    labels = tuple(draw(st.lists(_NAMES, unique=True, max_size=5)))
    assume("le" not in labels)
    name, text, kind = draw(_NAMES), draw(_TEXTS), draw(st.sampled_from(Kind))
    assume(not name.endswith(("_total", "_created")))
    family = Family(name, kind, text, labels, "")
    rows = draw(st.lists(st.tuples(st.tuples(*[_TEXTS] * len(labels)), _VALUES), max_size=4))
    if kind is Kind.HISTOGRAM:
        theirs, ours = HistogramMetricFamily(name, text, labels=labels), family.histogram()
        for values, number in rows:
            buckets = [("0.1", number), ("+Inf", number)]
            theirs.add_metric(values, buckets, number)
            ours.add_metric(values, buckets, number)
        return theirs, ours
    other = GaugeMetricFamily if kind is Kind.GAUGE else CounterMetricFamily
    plain = other(name, text, labels=labels)
    series = family.gauge() if kind is Kind.GAUGE else family.counter()
    for values, number in rows:
        plain.add_metric(values, number)
        series.add_metric(values, number)
    return plain, series


class _Ready(Collector):
    def __init__(self, family: Metric) -> None:
        self._family = family

    def collect(self) -> list[Metric]:
        return [self._family]


def _library(family: Metric, accept: str) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Ready(family))
    encode, _ = choose_encoder(accept)
    return encode(registry)


@given(_pair(), st.sampled_from(_ACCEPTS))
def test_they_are_written_as_the_librarys_families_are(
    pair: tuple[Metric, Metric], accept: str
) -> None:
    """Byte by byte, by our encoder and by the library's, which reads samples."""
    theirs, ours = pair
    expected = _library(theirs, accept)
    assert render([ours], accept)[0] == expected
    assert _library(ours, accept) == expected


@given(_pair())
def test_they_have_the_same_samples(pair: tuple[Metric, Metric]) -> None:
    """For whoever looks for one in them."""
    theirs, ours = pair
    assume(not any(math.isnan(sample.value) for sample in theirs.samples))
    assert ours.samples == theirs.samples
    assert ours == theirs


def test_a_forgotten_label_is_an_error() -> None:
    """It must not shift the values of the others."""
    gauge = Family("up", Kind.GAUGE, "Up.", ("bot", "source"), "").gauge()
    gauge.add_metric(["alpha"], 1)
    with pytest.raises(ValueError, match="shorter"):
        assert gauge.samples
