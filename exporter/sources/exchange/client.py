"""One read-only HTTP client for any venue: admitted, timed, judged, redacted.

There is no way to send anything but a GET: nothing in the exporter can place,
change or cancel an order.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from exporter.errors import Reason, SourceError
from exporter.secrets import ApiKey, Secret
from exporter.sources import transport
from exporter.sources.exchange.rate_limits import Meter, RateBook, Silence, Usage
from exporter.sources.transport import Response


@dataclass(frozen=True)
class Request:
    """One finished request, for whoever counts them."""

    endpoint: str
    seconds: float
    reason: Reason | None


@dataclass(frozen=True)
class Dialect:
    """How a venue's answers are read: its body or error, its limits, its demand for silence."""

    decode: Callable[[Response], Any]
    usage: Callable[[Response], Usage | None]
    silence: Callable[[Response], Silence | None]


@dataclass(frozen=True)
class Access:
    """How a venue is reached, by whom, and within what limits.

    ``share`` is the part of a limit that we may use; None means that only silences hold us
    back. ``observe`` is told of each finished request.
    """

    http: httpx.Client
    timeout: float
    limits: RateBook
    key: ApiKey | None = None
    share: float | None = None
    observe: Callable[[Request], None] | None = None


def header_value(secret: Secret) -> str:
    """Return a key as it may stand in a header.

    Raises:
        SourceError: KEY_FORMAT, for characters that the HTTP library would refuse and print.
    """
    value = secret.reveal()
    if not (value.isascii() and value.isprintable()):
        raise SourceError(
            Reason.KEY_FORMAT, "the key has characters that no key has", permanent=True
        )
    return value


class ReadClient:
    """Sends GET requests of one venue's dialect."""

    def __init__(
        self,
        access: Access,
        dialect: Dialect,
        *,
        monotonic: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._access = access
        self._dialect = dialect
        self._monotonic = monotonic

    def close(self) -> None:
        """Close the connections."""
        self._access.http.close()

    def get(
        self,
        endpoint: str,
        url: str,
        meter: Meter,
        *,
        weight: int,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Make exactly one request and return its decoded body.

        A request that the rate book refuses is not sent and not observed.

        Raises:
            SourceError: the failure, named by the raw code where there is one.
        """
        access = self._access
        access.limits.admit(meter, weight, access.share)
        started = self._monotonic()
        failure: SourceError | None = None
        body: Any = None
        try:
            body = self._read(url, meter, headers)
        except SourceError as error:
            failure = self._redacted(error)
        if access.observe is not None:
            reason = failure.reason if failure is not None else None
            access.observe(Request(endpoint, self._monotonic() - started, reason))
        if failure is None:
            return body
        try:
            raise failure
        finally:
            # An error and the frame it was raised in would keep each other alive.
            del failure

    def _read(self, url: str, meter: Meter, headers: Mapping[str, str] | None) -> Any:
        dialect = self._dialect
        response = self._fetch(url, headers)
        self._access.limits.note(meter, dialect.usage(response), dialect.silence(response))
        return dialect.decode(response)

    def _fetch(self, url: str, headers: Mapping[str, str] | None) -> Response:
        http = self._access.http
        try:
            request = http.build_request("GET", url, headers=headers)
        except (httpx.InvalidURL, ValueError) as error:
            raise SourceError(
                Reason.UNSUPPORTED, f"not a usable URL: {error}", permanent=True
            ) from error
        return transport.fetch(http, request, self._access.timeout)

    def _redacted(self, error: SourceError) -> SourceError:
        """An error text may echo the request; the key must not travel with it."""
        detail, key = error.detail, self._access.key
        for secret in (key.key, key.secret) if key else ():
            detail = detail.replace(secret.reveal(), "<secret>")
        return SourceError(error.reason, detail, permanent=error.permanent, code=error.code)
