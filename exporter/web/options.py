"""What the command line says about the endpoints."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from exporter.scrape import OFFSET_SECONDS

_TAKEN = ("/-/", "/config", "/debug")
_PLAIN = frozenset("/-._~abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclass(frozen=True)
class WebOptions:
    """Paths and limits of the endpoints.

    ``external_path`` begins the links that a browser follows, which go through a proxy;
    ``route_prefix`` begins the paths that arrive here. Both end without a slash.
    """

    telemetry_path: str = "/metrics"
    external_path: str = ""
    route_prefix: str = ""
    max_requests: int = 40
    timeout_offset: float = OFFSET_SECONDS


def make_options(
    *,
    telemetry_path: str,
    external_url: str | None,
    route_prefix: str | None,
    max_requests: int,
    timeout_offset: float,
) -> WebOptions:
    """Judge the flags together.

    Raises:
        ValueError: begins with the flag that is wrong.
    """
    _judge_path("--web.telemetry-path", telemetry_path)
    if telemetry_path == "/" or telemetry_path.startswith(_TAKEN) or "//" in telemetry_path:
        taken = ", ".join(("/", *_TAKEN))
        message = f"--web.telemetry-path: {telemetry_path} collides with {taken}"
        raise ValueError(message)
    external = _external_path(external_url) if external_url else ""
    prefix = external if route_prefix is None else route_prefix
    if prefix:
        _judge_path("--web.route-prefix", prefix)
    return WebOptions(
        telemetry_path=telemetry_path,
        external_path=external if external_url else prefix.rstrip("/"),
        route_prefix=prefix.rstrip("/"),
        max_requests=max_requests,
        timeout_offset=timeout_offset,
    )


def _external_path(url: str) -> str:
    message = f"--web.external-url: {url} is no URL such as https://host/path"
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(message) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(message)
    path = parts.path.rstrip("/")
    if path:
        _judge_path("--web.external-url", path)
    return path


def _judge_path(flag: str, path: str) -> None:
    if not path.startswith("/") or not _PLAIN.issuperset(path):
        message = f"{flag}: {path or 'an empty path'} is no path such as /metrics"
        raise ValueError(message)
