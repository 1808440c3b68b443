"""The bot's own metrics page, in any state."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import BotMetrics
from exporter.errors import Reason, SourceError
from exporter.readings import BotMetricsReading
from exporter.sources.bot_metrics import BotMetricsClient, read_page
from tests.sources.network_servers import Behaviour, answering, closed_port, serve, silent

_PAGE = b"""\
# HELP bot_loop_timestamp_seconds When the loop last ended.
# TYPE bot_loop_timestamp_seconds gauge
bot_loop_timestamp_seconds 1.7954964e+09
bot_loop_timestamp_seconds_total 7
bot_data_timestamp_seconds{feed="btcusdt@kline",host="a"} 1795496390
bot_data_timestamp_seconds{feed="btcusdt@kline",host="b"} 1795496395.5
bot_data_timestamp_seconds{feed="ethusdt@kline"} NaN
bot_data_timestamp_seconds{feed="xrpusdt@kline"} 0
this line { belongs to somebody else
"""


def _metrics(**changes: Any) -> BotMetrics:
    plain = {
        "url": "http://127.0.0.1:9/metrics",
        "heartbeat": "bot_loop_timestamp_seconds",
        "market_data": "bot_data_timestamp_seconds",
        "stream_label": "feed",
        **changes,
    }
    return msgspec.convert(plain, BotMetrics)


def _ask(port: int, timeout: float = 20) -> BotMetricsReading:
    client = BotMetricsClient(_metrics(url=f"http://127.0.0.1:{port}/metrics"), timeout=timeout)
    try:
        return client.read()
    finally:
        client.close()


def test_the_named_metrics_are_found() -> None:
    """The newest of several series; one that says "never" has no time."""
    with serve(answering(200, _PAGE, "text/plain")) as port:
        reading = _ask(port)
    assert reading.heartbeat == 1795496400
    assert reading.market_data == {"btcusdt@kline": 1795496395.5}


def test_what_is_not_configured_is_not_looked_for() -> None:
    """Each of the two may be absent."""
    assert read_page(_PAGE, _metrics(heartbeat=None)).heartbeat is None
    assert read_page(_PAGE, _metrics(market_data=None)).market_data == {}


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b"", Reason.INVALID),
        (b"<html>log in</html>", Reason.INVALID),
        (b'{"status": "ok"}', Reason.INVALID),
        (b"# nothing here\n", Reason.MISSING),
        (b"bot_loop_timestamp_seconds_total 1795496400\n", Reason.MISSING),
        (b"bot_loop_timestamp_seconds 1795496400\n", Reason.MISSING),
        (b"bot_loop_timestamp_seconds soon\n", Reason.INVALID),
        (b"bot_loop_timestamp_seconds\n", Reason.INVALID),
        (b"bot_loop_timestamp_seconds 1795496400000\n", Reason.INVALID),
        (b"bot_loop_timestamp_seconds +Inf\n", Reason.INVALID),
        (b"bot_loop_timestamp_seconds 12\n", Reason.INVALID),
        (b'bot_loop_timestamp_seconds{a="\xff"} 1795496400\n', Reason.INVALID),
        (b'bot_loop_timestamp_seconds{a="b 1795496400\n', Reason.INVALID),
    ],
)
def test_a_page_that_makes_no_sense(page: bytes, reason: Reason) -> None:
    """A renamed metric, other units or no page of metrics at all: unknown, never zero."""
    with pytest.raises(SourceError) as caught:
        read_page(page, _metrics())
    assert caught.value.reason is reason


def test_streams_need_their_label() -> None:
    """Otherwise they could not be told apart."""
    with pytest.raises(SourceError, match="no label stream"):
        read_page(_PAGE, _metrics(stream_label="stream"))


def test_the_number_of_streams_is_bounded() -> None:
    """A label that counts requests does not become a thousand series."""
    lines = (f'bot_data_timestamp_seconds{{feed="{n}"}} 1795496400' for n in range(1000))
    reading = read_page("\n".join(lines).encode(), _metrics(heartbeat=None))
    assert len(reading.market_data) == 100


@pytest.mark.parametrize(
    ("behave", "timeout", "reason"),
    [
        (answering(500, b""), 20, Reason.HTTP_STATUS),
        (silent, 2, Reason.TIMEOUT),
        (answering(200, b"#" * (5 << 20)), 20, Reason.TOO_LARGE),
    ],
)
def test_a_bot_that_does_not_serve_it(behave: Behaviour, timeout: float, reason: Reason) -> None:
    """Bounded in time and size."""
    with serve(behave) as port, pytest.raises(SourceError) as caught:
        _ask(port, timeout)
    assert caught.value.reason is reason


def test_a_bot_that_is_down() -> None:
    """Nothing listens."""
    with pytest.raises(SourceError) as caught:
        _ask(closed_port())
    assert caught.value.reason is Reason.REFUSED


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode()))
def test_any_page_is_read_or_refused(noise: bytes) -> None:
    """A time is plausible or there is none; nothing else is raised."""
    for page in (noise, b"bot_loop_timestamp_seconds" + noise, _PAGE + noise):
        try:
            reading = read_page(page, _metrics(market_data=None))
        except SourceError:
            continue
        assert reading.heartbeat is None or 1e9 < reading.heartbeat < 1e11
