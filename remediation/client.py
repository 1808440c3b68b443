"""The command line's way to the running receiver, with errors a person can act on."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from exporter.config_file import load
from exporter.errors import SourceError, TradewardenError
from exporter.secrets import Secret, read_secret

DEFAULT_URL = "http://127.0.0.1:9841"
TOKEN_ENV = "TRADEWARDEN_TOKEN"  # noqa: S105 - the variable's name
_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
_DOCTOR_TIMEOUT = httpx.Timeout(180.0, connect=5.0)


class ClientError(TradewardenError):
    """The receiver is not there, or refused; the message is its reason."""


def find_url(url: str | None, config_file: Path | None) -> str:
    """The receiver's address: as given, else as configured, else the default one.

    Raises:
        ConfigError: the configuration file is wrong.
    """
    if url is not None:
        return url.rstrip("/")
    if config_file is not None:
        return load(config_file).remediation.external_url.rstrip("/")
    return DEFAULT_URL


def find_token(token_file: Path | None, token_env: str | None) -> Secret | None:
    """The operator's token: from the file or variable named, else the usual variable.

    Raises:
        ClientError: the one named cannot be read.
    """
    if token_file is None and token_env is None and not os.environ.get(TOKEN_ENV):
        return None
    try:
        return read_secret(
            env=token_env or TOKEN_ENV, file=None if token_file is None else str(token_file)
        )
    except SourceError as error:
        raise ClientError(error.detail) from error


class Client:
    """One receiver's API, asked with one operator's token."""

    def __init__(self, url: str, token: Secret | None) -> None:
        self._url = url
        self._token = token

    def get(self, path: str) -> Any:
        """Read. Raises ClientError."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change something. Raises ClientError."""
        if self._token is None:
            raise ClientError(
                f"this needs an operator's token: --token-file, --token-env or ${TOKEN_ENV}"
            )
        return self._ask("POST", path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        headers = {}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        # Re-arming waits for the doctor.
        timeout = _DOCTOR_TIMEOUT if path.endswith("/rearm") else _TIMEOUT
        try:
            with httpx.Client(timeout=timeout, trust_env=False, headers=headers) as http:
                response = http.request(method, f"{self._url}/api/v1{path}", json=body)
        except httpx.ConnectError as error:
            raise ClientError(
                f"no receiver answers at {self._url}: is it running? ({error})"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ClientError(f"{self._url}: {type(error).__name__}: {error}") from error
        try:
            answer = response.json()
        except ValueError as error:
            raise ClientError(
                f"{self._url} answers {response.status_code} without JSON: not a receiver?"
            ) from error
        if response.is_error:
            reason = answer.get("error") or answer.get("detail") or answer
            raise ClientError(f"refused ({response.status_code}): {reason}")
        return answer
