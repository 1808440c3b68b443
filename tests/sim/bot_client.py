"""The simulated bot's exchange client: signed calls with timeouts, three kinds of failure."""

import contextlib
import hashlib
import hmac
import http.client
import json
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.sim.bot_files import Settings


class RejectedError(Exception):
    """The exchange refused, with its code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class UnreachableError(Exception):
    """The request never reached the exchange."""


class UnknownOutcomeError(Exception):
    """The request may have been carried out."""


class Client:
    """Call the exchange over one kept connection."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        address = urlsplit(settings.base_url).netloc
        self._connection = http.client.HTTPConnection(address, timeout=settings.timeout_seconds)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def clock_offset_ms(self) -> float:
        """How far the local clock is ahead of the exchange, at mid-flight."""
        before = time.time()
        answer = self._read("GET", "/fapi/v1/time", "")
        return (before + time.time()) / 2 * 1000 - float(answer["serverTime"])

    def get(self, path: str, **params: str) -> Any:
        """Read, signed; tried again as the configuration says."""
        return self._read("GET", path, self._sign(params))

    def send(self, method: str, path: str, **params: str) -> Any:
        """Change something, signed; never tried twice."""
        return self._request(method, path, self._sign(params))

    def _sign(self, params: dict[str, str]) -> str:
        query = urlencode({**params, "timestamp": str(int(time.time() * 1000))})
        secret = self._settings.api_secret.encode()
        return f"{query}&signature={hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()}"

    def _read(self, method: str, path: str, query: str) -> Any:
        for _ in range(self._settings.retries):
            with contextlib.suppress(UnreachableError, UnknownOutcomeError):
                return self._request(method, path, query)
        return self._request(method, path, query)

    def _request(self, method: str, path: str, query: str) -> Any:
        try:
            if self._connection.sock is None:
                self._connection.connect()
        except OSError as error:
            self.close()
            raise UnreachableError(_words(error)) from error
        try:
            headers = {"X-MBX-APIKEY": self._settings.api_key}
            self._connection.request(method, f"{path}?{query}", headers=headers)
            response = self._connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise UnknownOutcomeError(_words(error)) from error
        try:
            answer = json.loads(body)
        except ValueError:
            answer = {}
        if status >= 500:
            raise UnknownOutcomeError(f"HTTP {status} {http.client.responses.get(status, '')}")
        if status >= 400:
            message = str(answer.get("msg", f"HTTP {status}"))
            raise RejectedError(int(answer.get("code", 0)), message)
        return answer


def _words(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "Connection refused"
    if isinstance(error, TimeoutError):
        return "Request timed out"
    return f"Connection lost: {type(error).__name__}"
