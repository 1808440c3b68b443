"""The bot's own way out to the internet: its proxy, and the hosts that go without one."""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from exporter.config import Venue
from exporter.errors import Reason, SourceError
from exporter.secrets import Secret, read_env_file

_NO_PROXY = "NO_PROXY"
_SCHEMES = ("http", "https")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class ProxySettings:
    """One proxy.

    ``url`` may hold a password and must not be printed; ``name`` is for people. ``direct`` are
    the entries of NO_PROXY: hosts that are reached without the proxy.
    """

    url: Secret
    name: str
    host: str
    port: int
    direct: tuple[str, ...] = ()

    def for_host(self, host: str) -> str | None:
        """Return the proxy's URL, password included, or None if the host goes without.

        ``host`` may carry a port. An entry of NO_PROXY covers a host and everything below it,
        an address or a network of addresses, each perhaps on one port only; ``*`` covers all.
        """
        name, port = _split(host.lower())
        if any(_covers(entry, name, port) for entry in self.direct):
            return None
        return self.url.reveal()


def read_proxy(venue: Venue) -> ProxySettings | None:
    """Return the proxy that the bot uses; None if it uses none.

    A variable that the bot's env file does not set is a bot that goes without.

    Raises:
        SourceError: PROXY, when the file cannot be read or the value is no proxy's URL.
    """
    proxy = venue.proxy
    if proxy is None:
        return None
    if proxy.url is not None:
        return _parse(proxy.url, (), "venue.proxy.url")
    try:
        values = read_env_file(Path(proxy.env_file or ""))
    except SourceError as error:
        raise SourceError(Reason.PROXY, error.detail, permanent=True) from error
    value = _value(values, proxy.name)
    if not value:
        return None
    direct = tuple(re.split(r"[,\s]+", _value(values, _NO_PROXY).lower().strip()))
    return _parse(value, tuple(filter(None, direct)), f"{proxy.name} in {proxy.env_file}")


def _value(values: dict[str, str], name: str) -> str:
    """Programs read both spellings of these variables; the exact one comes first."""
    return next((values[n] for n in (name, name.lower(), name.upper()) if values.get(n)), "")


def _parse(url: str, direct: tuple[str, ...], where: str) -> ProxySettings:
    # Never the value itself in an error: it may hold a password.
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in _SCHEMES:
        raise SourceError(Reason.PROXY, f"{where} is no http:// or https:// proxy", permanent=True)
    if not host or not re.fullmatch(r"[a-z0-9._:-]{1,253}", host):
        raise SourceError(Reason.PROXY, f"{where} names no proxy host", permanent=True)
    port = port or _DEFAULT_PORTS[parts.scheme]
    shown = f"[{host}]" if ":" in host else host
    user, sign, _ = parts.netloc.rpartition("@")
    return ProxySettings(
        url=Secret(f"{parts.scheme}://{user}{sign}{shown}:{port}"),
        name=f"{parts.scheme}://{shown}:{port}",
        host=host,
        port=port,
        direct=direct,
    )


def _split(host: str) -> tuple[str, str]:
    """A host and its port, either of which may be empty; IPv6 in brackets or bare."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name, rest.removeprefix(":")
    if host.count(":") == 1:
        name, _, port = host.partition(":")
        return name.rstrip("."), port
    return host.rstrip("."), ""


def _covers(entry: str, name: str, port: str) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(entry, name)
    covered, only = _split(entry)
    if only and only != port:
        return False
    covered = covered.removeprefix("*").removeprefix(".")
    return bool(covered) and (name == covered or name.endswith(f".{covered}"))


def _in_network(entry: str, name: str) -> bool:
    try:
        return ipaddress.ip_address(name) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
