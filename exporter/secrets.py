"""Secrets by reference: read late, compared and printed never."""

import os
from dataclasses import dataclass
from pathlib import Path

from exporter.config import Credentials
from exporter.errors import Reason, SourceError
from exporter.sources import files

_LIMIT = 64 * 1024


class Secret:
    """A string that prints as ``<secret>`` wherever it lands by mistake."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__


@dataclass(frozen=True)
class ApiKey:
    """An exchange key pair, resolved."""

    key: Secret
    secret: Secret


def read_secret(*, env: str | None, file: str | None) -> Secret:
    """Read one secret from the environment variable or the file named.

    Raises:
        SourceError: NO_CREDENTIALS, naming the reference and never the value.
    """
    if file is not None:
        value = _read_text(Path(file)).strip()
    else:
        value = os.environ.get(env or "", "").strip()
    if not value:
        where = f"file {file}" if file else f"environment variable {env}"
        raise SourceError(Reason.NO_CREDENTIALS, f"{where} is empty or not set", permanent=True)
    return Secret(value)


def read_api_key(credentials: Credentials) -> ApiKey:
    """Resolve a key pair from its env file, environment variables or files.

    Raises:
        SourceError: NO_CREDENTIALS.
    """
    if credentials.env_file is not None:
        values = read_env_file(Path(credentials.env_file))
        pair = []
        for name in (credentials.key, credentials.secret):
            if not values.get(name or ""):
                raise SourceError(
                    Reason.NO_CREDENTIALS,
                    f"{credentials.env_file} sets no {name}",
                    permanent=True,
                )
            pair.append(Secret(values[name or ""]))
        return ApiKey(*pair)
    return ApiKey(
        read_secret(env=credentials.key, file=credentials.key_file),
        read_secret(env=credentials.secret, file=credentials.secret_file),
    )


def read_env_file(path: Path) -> dict[str, str]:
    """Parse systemd's EnvironmentFile lines: NAME=value, quotes and comments allowed.

    Raises:
        SourceError: NO_CREDENTIALS, naming the file and never its content.
    """
    values = {}
    for line in _read_text(path).splitlines():
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        if sign and not name.startswith(("#", ";")):
            values[name.strip()] = value.strip().strip("\"'")
    return values


def _read_text(path: Path) -> str:
    """Read a small file without ever waiting for it, as on a pipe that nobody writes to."""
    try:
        return files.read(path, limit=_LIMIT).data.decode("utf-8")
    except SourceError as error:
        raise SourceError(Reason.NO_CREDENTIALS, error.detail, permanent=True) from error
    except UnicodeDecodeError as error:
        raise SourceError(
            Reason.NO_CREDENTIALS, f"{path} is not UTF-8 text", permanent=True
        ) from error
