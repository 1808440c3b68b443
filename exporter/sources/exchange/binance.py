"""One HTTP client for Binance's REST APIs: signing, server time, errors, bans.

Signed requests carry the *exchange's* time, measured here, so account reads go
on while the local clock is wrong: drift must not blind the exporter.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import httpx

from exporter.errors import Reason, SourceError
from exporter.readings import ClockReading
from exporter.secrets import ApiKey
from exporter.sources import transport
from exporter.sources.exchange import binance_errors

RECV_WINDOW_MS = 5000
_MAX_RTT_SECONDS = 1.0
_RESOLUTION_SECONDS = 0.001  # serverTime has whole milliseconds
_ANCHOR_SECONDS = 300.0
_SIGNED_SAMPLES = 5


@dataclass(frozen=True)
class Request:
    """One finished request, for whoever counts them."""

    endpoint: str
    seconds: float
    reason: Reason | None


@dataclass(frozen=True)
class _Sample:
    offset: float
    rtt: float
    server: float
    monotonic: float


class BinanceClient:
    """A kept-alive connection to one Binance host.

    Args:
        base_url: scheme and host, without the API path.
        key: for signed requests; None means unsigned only.
        timeout: seconds for each request.
        time_path: path of the venue's server time.
        observe: told about each finished request.
        client: an HTTP client to use instead of a new one.
        wall: the local clock under test, in Unix seconds.
        monotonic: what durations are measured by.

    Attributes:
        host: the host that is asked, for people.

    Raises:
        SourceError: UNSUPPORTED, for a URL that is none.
    """

    def __init__(
        self,
        base_url: str,
        key: ApiKey | None,
        *,
        timeout: float,
        time_path: str,
        observe: Callable[[Request], None] | None = None,
        client: httpx.Client | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self.host = _host(base_url)
        self._key = key
        self._timeout = timeout
        self._time_path = time_path
        self._observe = observe
        self._wall = wall
        self._monotonic = monotonic
        self._client = client or httpx.Client(timeout=timeout, follow_redirects=False)
        self._anchor: _Sample | None = None
        self._quiet_until = 0.0
        self._quiet_reason = Reason.RATE_LIMITED

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def get(
        self,
        endpoint: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        signed: bool = False,
        base_url: str | None = None,
    ) -> Any:
        """Read one endpoint; a refused timestamp is measured anew and tried once more.

        Raises:
            SourceError: the failure, named by the raw code where there is one.
        """
        try:
            return self.call("GET", endpoint, path, params, signed=signed, base_url=base_url)
        except SourceError as error:
            if not signed or error.reason is not Reason.TIMESTAMP:
                raise
        self._anchor = None
        return self.call("GET", endpoint, path, params, signed=True, base_url=base_url)

    def call(
        self,
        method: str,
        endpoint: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        signed: bool = False,
        base_url: str | None = None,
    ) -> Any:
        """Make exactly one request and return its decoded body.

        Raises:
            SourceError: the failure. For anything but a GET a SERVER_ERROR,
                TIMEOUT or NETWORK means that the outcome is unknown.
        """
        query, headers = self._prepare(params or {}, signed=signed)
        url = f"{(base_url or self._base_url).rstrip('/')}{path}" + (f"?{query}" if query else "")
        self._refuse_while_quiet()
        started = self._monotonic()
        reason: Reason | None = None
        try:
            request = self._client.build_request(method, url, headers=headers)
            response = transport.fetch(self._client, request, self._timeout)
            if quiet := binance_errors.quiet_seconds(response):
                self._quiet_until = self._monotonic() + quiet
                self._quiet_reason = (
                    Reason.BANNED if response.status == 418 else Reason.RATE_LIMITED
                )
            return binance_errors.decode(response)
        except SourceError as error:
            reason = error.reason
            raise self._redacted(error) from None
        finally:
            if self._observe is not None:
                self._observe(Request(endpoint, self._monotonic() - started, reason))

    def measure_clock(self, samples: int) -> ClockReading:
        """Return local minus server time from the sample with the shortest round trip.

        1. One request opens the connection, so that no handshake skews a midpoint.
        2. Each sample times its round trip by the monotonic clock.
        3. Slow samples, and samples across a step of the wall clock, do not count.

        Raises:
            SourceError: the first request's failure, or no usable majority.
        """
        self._server_time()
        good: list[_Sample] = []
        rejected: list[str] = []
        for _ in range(samples):
            try:
                good.append(self._sample())
            except SourceError as error:
                rejected.append(f"{self.host}: {error}")
                if error.reason in (Reason.BANNED, Reason.RATE_LIMITED):
                    raise
            if 2 * len(rejected) >= samples:
                break
        if 2 * len(good) <= samples:
            raise SourceError(Reason.TIMEOUT, f"{len(good)} of {samples} samples: {rejected[-1]}")
        best = min(good, key=lambda sample: sample.rtt)
        self._anchor = best
        return ClockReading(
            reference="exchange",
            offset_seconds=best.offset,
            error_bound_seconds=best.rtt / 2 + _RESOLUTION_SECONDS,
            sources=(self.host,),
            rejected=tuple(rejected),
        )

    def _sample(self) -> _Sample:
        wall, started = self._wall(), self._monotonic()
        server = self._server_time()
        rtt = self._monotonic() - started
        if rtt > _MAX_RTT_SECONDS:
            raise SourceError(
                Reason.TIMEOUT, f"round trip of {rtt:.3f} s is too long to measure by"
            )
        if abs(self._wall() - (wall + rtt)) > 0.1:
            raise SourceError(Reason.STALE, "the local clock was stepped during the measurement")
        middle = rtt / 2
        return _Sample(wall + middle - server, rtt, server, started + middle)

    def _server_time(self) -> float:
        body = self.get("time", self._time_path)
        value = body.get("serverTime") if isinstance(body, dict) else None
        if not isinstance(value, Decimal) or not 10**12 < value < 10**14:
            raise SourceError(Reason.BAD_RESPONSE, f"serverTime is {str(value)[:40]!r}")
        return float(value) / 1000 + _RESOLUTION_SECONDS / 2

    def _prepare(self, params: Mapping[str, str], *, signed: bool) -> tuple[str, dict[str, str]]:
        headers = {"Accept-Encoding": "identity"}
        if not signed:
            return urlencode(params), headers
        if self._key is None:
            raise SourceError(
                Reason.NO_CREDENTIALS, "no key is configured for this role", permanent=True
            )
        query = urlencode(
            {**params, "recvWindow": RECV_WINDOW_MS, "timestamp": int(self._exchange_time() * 1000)}
        )
        secret = self._key.secret.reveal().encode()
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        headers["X-MBX-APIKEY"] = self._key.key.reveal()
        return f"{query}&signature={signature}", headers

    def _exchange_time(self) -> float:
        """Now by the exchange's clock: its measured time carried on by the monotonic clock.

        The local wall clock does not come in, so neither drift nor its repair matters.
        """
        if self._anchor is None or self._monotonic() - self._anchor.monotonic > _ANCHOR_SECONDS:
            self.measure_clock(_SIGNED_SAMPLES)
        if self._anchor is None:
            raise SourceError(Reason.STALE, "the exchange's time is not known")
        return self._anchor.server + (self._monotonic() - self._anchor.monotonic)

    def _refuse_while_quiet(self) -> None:
        remaining = self._quiet_until - self._monotonic()
        if remaining > 0:
            raise SourceError(
                self._quiet_reason, f"{self.host} asked for silence; {remaining:.0f} s remain"
            )

    def _redacted(self, error: SourceError) -> SourceError:
        """An error text may echo the request; the key must not travel with it."""
        detail = error.detail
        for secret in (self._key.key, self._key.secret) if self._key else ():
            detail = detail.replace(secret.reveal(), "<secret>")
        return SourceError(error.reason, detail, permanent=error.permanent, code=error.code)


def _host(base_url: str) -> str:
    try:
        return httpx.URL(base_url).netloc.decode("ascii", "replace")
    except httpx.InvalidURL as error:
        raise SourceError(
            Reason.UNSUPPORTED, f"{base_url} is no usable URL: {error}", permanent=True
        ) from error
