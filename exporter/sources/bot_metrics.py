"""The bot's own Prometheus endpoint: when it last lived, and when it last got market data."""

import math
import re

import httpx
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from exporter.config import BotMetrics
from exporter.errors import Reason, SourceError
from exporter.readings import BotMetricsReading
from exporter.sources import connection, transport

_TIMEOUT_SECONDS = 5.0
_LIMIT = 4 << 20
_MAX_STREAMS = 100
_ACCEPT = {"Accept": "text/plain;version=0.0.4"}
_FIRST_LINE = re.compile(rb"\s*(#|[a-zA-Z_:][a-zA-Z0-9_:]*[\s{])")


class BotMetricsClient:
    """Reads one bot's endpoint over a connection that is kept.

    Args:
        metrics: where it is, and which of its metrics mean what.
        timeout: seconds for the whole answer.
    """

    def __init__(self, metrics: BotMetrics, *, timeout: float = _TIMEOUT_SECONDS) -> None:
        self._metrics = metrics
        self._timeout = timeout
        self._client = connection.open_client(timeout=timeout)

    def read(self) -> BotMetricsReading:
        """Read the metrics that the configuration names.

        Raises:
            SourceError: why the page could not be read, MISSING for a metric that is not on it,
                INVALID for a page or a value that makes no sense.
        """
        request = httpx.Request("GET", self._metrics.url, headers=_ACCEPT)
        page = transport.fetch(self._client, request, self._timeout, _LIMIT)
        if page.status != 200:
            raise SourceError(Reason.HTTP_STATUS, f"{self._metrics.url} answers {page.status}")
        return read_page(page.content, self._metrics)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def read_page(page: bytes, metrics: BotMetrics) -> BotMetricsReading:
    """Find the named metrics on a page in the text format.

    Raises:
        SourceError: MISSING or INVALID.
    """
    if _FIRST_LINE.match(page) is None:
        raise SourceError(Reason.INVALID, "the page is not in Prometheus' text format")
    heartbeat = None
    if metrics.heartbeat is not None:
        beats = [_time(sample) for sample in _samples(page, metrics.heartbeat)]
        heartbeat = max((beat for beat in beats if beat is not None), default=None)
    streams: dict[str, float] = {}
    if metrics.market_data is not None:
        for sample in _samples(page, metrics.market_data)[:_MAX_STREAMS]:
            stream = sample.labels.get(metrics.stream_label)
            if stream is None:
                raise SourceError(
                    Reason.INVALID, f"{sample.name} has no label {metrics.stream_label}"
                )
            if (time := _time(sample)) is not None:
                streams[stream] = max(time, streams.get(stream, 0.0))
    return BotMetricsReading(heartbeat=heartbeat, market_data=streams)


def _samples(page: bytes, name: str) -> list[Sample]:
    """Parse only the lines of one metric: a page may have thousands of others."""
    this = re.compile(re.escape(name.encode()) + rb"(?![a-zA-Z0-9_:])")
    lines = [line for line in page.splitlines() if this.match(line)]
    try:
        text = "".join(f"{line.decode()}\n" for line in lines)
        families = list(text_string_to_metric_families(text))
    except (ValueError, IndexError, KeyError, TypeError) as error:
        raise SourceError(Reason.INVALID, f"{name} cannot be parsed: {error}"[:200]) from error
    found = [sample for family in families for sample in family.samples if sample.name == name]
    if not found:
        raise SourceError(Reason.MISSING, f"the page has no metric {name}")
    return found


def _time(sample: Sample) -> float | None:
    """A plausible Unix time; None for zero and NaN, by which programs say "never"."""
    value = float(sample.value)
    if math.isnan(value) or value == 0:
        return None
    if not 1e9 < value < 1e11:
        raise SourceError(Reason.INVALID, f"{sample.name} is {value:g}, not Unix seconds")
    return value
