"""Binance's REST APIs: which limit a path counts against, signatures, the exchange's time.

Signed requests carry the *exchange's* time, measured here, so account reads go
on while the local clock is wrong: drift must not blind the exporter.
"""

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from exporter.errors import Reason, SourceError
from exporter.readings import ClockReading, RateLimit
from exporter.sources import transport
from exporter.sources.exchange import fields
from exporter.sources.exchange.binance_errors import DIALECT
from exporter.sources.exchange.client import Access, ReadClient, header_value
from exporter.sources.exchange.rate_limits import Meter, host_of, weight_meter
from exporter.sources.exchange.server_clock import ServerClock

RECV_WINDOW_MS = 5000
_RESOLUTION_SECONDS = 0.001  # serverTime has whole milliseconds


class BinanceClient:
    """A kept-alive connection to one Binance market.

    Args:
        base_url: scheme and host, without the API path.
        access: how to get there, with which key, within what limits.
        time_path: path of the venue's server time.
        sapi_base_url: where the account-wide endpoints are; None where the venue has none.
        wall: the local clock under test, in Unix seconds.
        monotonic: what durations are measured by.

    Raises:
        SourceError: UNSUPPORTED, for a URL that is none.
    """

    def __init__(
        self,
        base_url: str,
        access: Access,
        *,
        time_path: str,
        sapi_base_url: str | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._sapi_base_url = sapi_base_url.rstrip("/") if sapi_base_url else None
        self._access = access
        self._time_path = time_path
        self._client = ReadClient(access, DIALECT, monotonic=monotonic)
        self._clock = ServerClock(
            host_of(base_url),
            self._server_time,
            resolution=_RESOLUTION_SECONDS,
            wall=wall,
            monotonic=monotonic,
        )

    @property
    def has_sapi(self) -> bool:
        """Whether the venue has account-wide endpoints."""
        return self._sapi_base_url is not None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(
        self,
        endpoint: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        weight: int = 1,
        signed: bool = False,
        packed: bool = False,
    ) -> Any:
        """Read one endpoint; a refused timestamp is measured anew and tried once more.

        Args:
            endpoint: what it is counted as.
            path: below the market's host, or below sapi's if it begins so.
            params: query parameters.
            weight: what the exchange counts for it.
            signed: whether it needs the key.
            packed: whether to ask for a compressed answer; worth it for long ones.

        Raises:
            SourceError: the failure, named by the raw code where there is one.
        """

        def once() -> Any:
            query, headers = self._signed(params or {}) if signed else (urlencode(params or {}), {})
            if packed:
                headers = {**headers, **transport.PACKED}
            url = self._base(path) + path + (f"?{query}" if query else "")
            meter = self._meter(path)
            return self._client.get(endpoint, url, meter, weight=weight, headers=headers)

        try:
            return once()
        except SourceError as error:
            if not signed or error.reason is not Reason.TIMESTAMP:
                raise
        self._clock.forget()
        return once()

    def measure_clock(self, samples: int) -> ClockReading:
        """Return the local clock's offset; positive means it is ahead. Raises SourceError."""
        return self._clock.measure(samples)

    def now(self) -> float:
        """Return the exchange's time, Unix seconds. Raises SourceError."""
        return self._clock.now()

    def at(self, local: float) -> float:
        """Return the exchange's time at a moment of the local clock. Raises SourceError."""
        return self._clock.at(local)

    def rate_limits(self) -> tuple[RateLimit, ...]:
        """Return what the newest headers of this market said."""
        return self._access.limits.readings((self._meter(self._time_path),))

    def learn_limits(self, body: dict[str, Any]) -> None:
        """Take over the weight per minute that an exchangeInfo publishes.

        Raises:
            SourceError: BAD_RESPONSE.
        """
        for item in fields.objects(body.get("rateLimits"), "rateLimits"):
            if item.get("rateLimitType") != "REQUEST_WEIGHT" or item.get("interval") != "MINUTE":
                continue
            limit = fields.whole(item, "limit", most=10**9)
            if limit and fields.whole(item, "intervalNum", most=1440) == 1:
                self._access.limits.learn(self._meter(self._time_path), limit)

    def _base(self, path: str) -> str:
        if not path.startswith("/sapi/"):
            return self._base_url
        if self._sapi_base_url is None:
            raise SourceError(
                Reason.UNSUPPORTED, "no sapi_base_url is configured for this venue", permanent=True
            )
        return self._sapi_base_url

    def _meter(self, path: str) -> Meter:
        return weight_meter(self._base(path), path)

    def _server_time(self) -> float:
        body = self.get("time", self._time_path)
        value = body.get("serverTime") if isinstance(body, dict) else None
        if not isinstance(value, Decimal) or not 10**12 < value < 10**14:
            raise SourceError(Reason.BAD_RESPONSE, f"serverTime is {str(value)[:40]!r}")
        return float(value) / 1000 + _RESOLUTION_SECONDS / 2

    def _signed(self, params: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        key = self._access.key
        if key is None:
            raise SourceError(
                Reason.NO_CREDENTIALS, "no key is configured for this role", permanent=True
            )
        query = urlencode(
            {**params, "recvWindow": RECV_WINDOW_MS, "timestamp": int(self.now() * 1000)}
        )
        secret = key.secret.reveal().encode()
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        return f"{query}&signature={signature}", {"X-MBX-APIKEY": header_value(key.key)}
