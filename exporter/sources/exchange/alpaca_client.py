"""Alpaca's REST APIs: two hosts, a key pair in two headers, neither signature nor timestamp."""

import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from exporter.errors import Reason, SourceError
from exporter.readings import RateLimit
from exporter.sources import transport
from exporter.sources.exchange.alpaca_errors import DIALECT
from exporter.sources.exchange.client import Access, ReadClient, header_value
from exporter.sources.exchange.rate_limits import Meter, host_of

_REQUESTS_A_MINUTE = 200


class AlpacaClient:
    """A kept-alive connection to the broker.

    Args:
        base_url: the trading host, with or without ``/v2``.
        access: how to get there, with which key, within what limits.
        data_base_url: the market data host; None where none is configured.
        monotonic: what durations are measured by.

    Raises:
        SourceError: UNSUPPORTED, for a URL that is none.
    """

    def __init__(
        self,
        base_url: str,
        access: Access,
        *,
        data_base_url: str | None = None,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._access = access
        self._client = ReadClient(access, DIALECT, monotonic=monotonic)
        key = access.key.key.reveal() if access.key else ""
        self._digest = hashlib.sha256(key.encode()).hexdigest()[:16]
        self._base_url = _trimmed(base_url)
        self._meter = self._make_meter(self._base_url)
        self._data_base_url = None if data_base_url is None else _trimmed(data_base_url)
        self._data_meter = self._make_meter(self._data_base_url or self._base_url)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(
        self,
        endpoint: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        packed: bool = False,
    ) -> Any:
        """Read one endpoint of the trading host, compressed if it is long. Raises SourceError."""
        url = self._base_url + path
        return self._get(endpoint, url, params or {}, self._meter, packed=packed)

    def get_data(self, path: str, params: Mapping[str, str]) -> Any:
        """Read one endpoint of the market data host.

        Raises:
            SourceError: UNSUPPORTED without such a host; else the failure.
        """
        if self._data_base_url is None:
            raise SourceError(
                Reason.UNSUPPORTED, "no data_base_url is configured for this venue", permanent=True
            )
        return self._get("market_data", self._data_base_url + path, params, self._data_meter)

    def rate_limits(self) -> tuple[RateLimit, ...]:
        """Return what the newest headers of the trading host said of this key."""
        return self._access.limits.readings((self._meter,))

    def _get(
        self,
        endpoint: str,
        url: str,
        params: Mapping[str, str],
        meter: Meter,
        *,
        packed: bool = False,
    ) -> Any:
        key = self._access.key
        if key is None:
            raise SourceError(
                Reason.NO_CREDENTIALS, "no key is configured for this role", permanent=True
            )
        headers = {
            "APCA-API-KEY-ID": header_value(key.key),
            "APCA-API-SECRET-KEY": header_value(key.secret),
            **(transport.PACKED if packed else {}),
        }
        query = f"?{urlencode(params)}" if params else ""
        return self._client.get(endpoint, url + query, meter, weight=1, headers=headers)

    def _make_meter(self, url: str) -> Meter:
        host = host_of(url)
        return Meter(host, "v2", _REQUESTS_A_MINUTE, kind="requests", key=self._digest)


def segment(text: str) -> str:
    """Return a name as one part of a path, whatever is in it."""
    return quote(text, safe="")


def _trimmed(url: str) -> str:
    return url.rstrip("/").removesuffix("/v2")
