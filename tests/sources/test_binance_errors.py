"""Binance's statuses and raw codes to reasons, silence after a ban, no surprise exceptions."""

import contextlib
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources.exchange.binance import BinanceClient
from exporter.sources.exchange.client import Request
from exporter.sources.exchange.rate_limits import RateBook
from tests.sources.replies import reply
from tests.sources.venues import HOST, URL, mock_access


class Server:
    """Answers everything alike and counts."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self.now = 0.0
        self.calls = 0
        self.seen: list[Request] = []
        self._answer = (status, body, headers or {})

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Give the one answer."""
        self.calls += 1
        status, body, headers = self._answer
        return reply(body, status, headers)

    def client(self) -> BinanceClient:
        """Return a client that has a key."""
        book = RateBook(monotonic=lambda: self.now, wall=lambda: 1000 + self.now)
        access = mock_access(self.answer, limits=book, observe=self.seen.append)
        self.book = book
        return BinanceClient(URL, access, time_path="/time", monotonic=lambda: self.now)

    def failure(self) -> SourceError:
        """Ask once and return how it failed."""
        with pytest.raises(SourceError) as caught:
            self.client().get("ping", "/ping")
        return caught.value


def _error(code: int, message: str = "why") -> dict[str, Any]:
    return {"code": code, "msg": message}


@pytest.mark.parametrize(
    ("status", "body", "reason", "permanent"),
    [
        (400, _error(-1021), Reason.TIMESTAMP, False),
        (400, _error(-1022), Reason.SIGNATURE, True),
        (401, _error(-2014), Reason.KEY_FORMAT, True),
        (401, _error(-2015), Reason.KEY_REJECTED, True),
        (400, _error(-2008), Reason.KEY_REJECTED, True),
        (400, _error(-1003), Reason.RATE_LIMITED, False),
        (400, _error(-1015), Reason.RATE_LIMITED, False),
        (429, _error(-1003), Reason.RATE_LIMITED, False),
        (429, "slow down", Reason.RATE_LIMITED, False),
        (418, _error(-1003, "IP banned until 1795500000000"), Reason.BANNED, False),
        (418, "", Reason.BANNED, False),
        (403, "<html>waf</html>", Reason.FIREWALL, False),
        (403, _error(-2015), Reason.KEY_REJECTED, True),
        (451, _error(0, "restricted location"), Reason.RESTRICTED_LOCATION, True),
        (451, "<html>", Reason.RESTRICTED_LOCATION, True),
        (503, _error(-1008), Reason.OVERLOADED, False),
        (503, _error(-1016), Reason.MAINTENANCE, False),
        (400, _error(-1007), Reason.SERVER_ERROR, False),
        (504, _error(-1007), Reason.SERVER_ERROR, False),
        (502, "<html>bad gateway</html>", Reason.SERVER_ERROR, False),
        (500, "", Reason.SERVER_ERROR, False),
        (400, _error(-1121), Reason.REJECTED, False),
        (400, _error(-2013), Reason.MISSING, True),
        (407, "<html>proxy</html>", Reason.PROXY, False),
        (404, "<html>", Reason.HTTP_STATUS, False),
        (302, "", Reason.HTTP_STATUS, False),
        (200, "<html>login</html>", Reason.BAD_RESPONSE, False),
        (200, "", Reason.BAD_RESPONSE, False),
        (200, '{"a": NaN}', Reason.BAD_RESPONSE, False),
        (200, b"\xff", Reason.BAD_RESPONSE, False),
        (200, "[" * 100_000, Reason.BAD_RESPONSE, False),
        (200, _error(-1021), Reason.TIMESTAMP, False),
    ],
)
def test_each_answer_has_its_reason(
    status: int, body: Any, reason: Reason, permanent: bool
) -> None:
    """The raw code decides; the status where there is no code, or where it says more."""
    failure = Server(status, body).failure()
    assert failure.reason is reason
    assert failure.permanent is permanent
    if isinstance(body, dict):
        assert failure.code == body["code"]


@pytest.mark.parametrize("status", [418, 429])
def test_after_a_ban_nothing_is_sent_until_retry_after(status: int) -> None:
    """Calling during a ban lengthens it."""
    server = Server(status, "{}", {"Retry-After": "30"})
    client = server.client()
    for now in (0.0, 1.0, 29.9):
        server.now = now
        with pytest.raises(SourceError) as caught:
            client.get("ping", "/ping")
        assert caught.value.reason is (Reason.BANNED if status == 418 else Reason.RATE_LIMITED)
    assert server.calls == 1
    assert server.book.quiet_until(HOST) == pytest.approx(1030.0)
    server.now = 30.1
    assert server.book.quiet_until(HOST) is None
    with pytest.raises(SourceError):
        client.get("ping", "/ping")
    assert server.calls == 2


def test_a_retry_after_of_zero_is_not_at_once() -> None:
    """It comes at the turn of a minute, and a call too early is one more offence."""
    server = Server(429, "{}", {"Retry-After": "0"})
    server.failure()
    assert server.book.quiet_until(HOST) == pytest.approx(1001.0)


@pytest.mark.parametrize("header", ["", "soon", "-5", "1e9", "\u0661", "9" * 30])
def test_a_retry_after_that_is_none_still_brings_silence(header: str) -> None:
    """A default applies when the header cannot be read."""
    server = Server(418, "{}", {"Retry-After": header} if header.isascii() else {})
    client = server.client()
    for now in (0.0, 60.0):
        server.now = now
        with pytest.raises(SourceError):
            client.get("ping", "/ping")
    assert server.calls == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Date": "Tue, 24 Nov 2026 06:00:00 GMT"}, 300.0),
        ({}, 120.0),
        ({"Date": "yesterday"}, 120.0),
        ({"Date": "Tue, 24 Nov 2026 08:00:00 GMT"}, 120.0),
        ({"Date": "Tue, 24 Nov 2026 06:00:00 GMT", "Retry-After": "9"}, 9.0),
    ],
)
def test_a_ban_without_retry_after_ends_when_its_text_says(
    headers: dict[str, str], seconds: float
) -> None:
    """By the exchange's clock on both sides; the local one may be wrong."""
    until = 1_795_500_300_000
    body = _error(-1003, f"Way too much request weight used; IP banned until {until}.")
    server = Server(418, body, headers)
    assert server.failure().reason is Reason.BANNED
    assert server.book.quiet_until(HOST) == pytest.approx(1000 + seconds)


def test_an_ambiguous_code_says_what_it_may_mean() -> None:
    """-2015 is the key, the IP or a permission; nobody should have to look that up."""
    failure = Server(
        401, _error(-2015, "Invalid API-key, IP, or permissions for action.")
    ).failure()
    assert all(word in failure.detail for word in ("not known", "IP", "permission"))


def test_each_request_is_observed_once() -> None:
    """Counting happens in one place, with the endpoint and the reason."""
    server = Server(500, "")
    server.failure()
    assert [(r.endpoint, r.reason) for r in server.seen] == [("ping", Reason.SERVER_ERROR)]


def test_an_error_that_echoes_the_key_is_redacted() -> None:
    """What the exchange says is passed on without the key in it."""
    failure = Server(401, _error(-2015, "key the-key with the-secret refused")).failure()
    assert "the-key" not in str(failure)
    assert "the-secret" not in str(failure)
    assert "<secret>" in str(failure)


@given(st.integers(200, 599), st.binary(max_size=100))
def test_no_answer_raises_anything_but_a_source_error(status: int, body: bytes) -> None:
    """Whatever comes back, the caller has one kind of failure to handle."""
    with contextlib.suppress(SourceError):
        Server(status, body).client().get("ping", "/ping")
