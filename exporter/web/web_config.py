"""The web configuration file, in the format that Prometheus' exporters share.

``promtool check web-config`` judges the same format.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter import strict_yaml
from exporter.errors import ConfigError
from exporter.secrets import Secret
from exporter.web.section import Section
from exporter.web.tls_config import KEYS as TLS_KEYS
from exporter.web.tls_config import REQUIRE, Tls, parse_tls

_KEYS = ("tls_server_config", "http_server_config", "rate_limit", "basic_auth_users")
# The toolkit's list, and for some the only values that it takes.
_HEADERS: Mapping[str, tuple[str, ...]] = {
    "Content-Security-Policy": (),
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
}
_HEADER_VALUE = re.compile(r"[\x20-\x7e]+")
_BCRYPT = re.compile(r"\$2[aby]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}")
_BCRYPT_COSTS = range(4, 19)  # at 18 a check takes half a minute of a core
_DURATION = re.compile(r"(?P<number>\d{1,9}(?:\.\d{1,9})?)(?P<unit>ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class RateLimit:
    """One request each ``seconds`` on average, and up to ``burst`` at once."""

    seconds: float
    burst: int


@dataclass(frozen=True)
class WebConfig:
    """The whole file. ``users`` maps names to bcrypt hashes."""

    tls: Tls | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    rate_limit: RateLimit | None = None
    users: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def protections(self) -> frozenset[str]:
        """What keeps strangers out, as it is called in the file."""
        tls = self.tls
        on = {
            "tls_server_config": tls is not None,
            "client_auth_type": tls is not None and tls.client_auth == REQUIRE,
            "client_allowed_sans": tls is not None and bool(tls.client_names),
            "basic_auth_users": bool(self.users),
        }
        return frozenset(name for name, wanted in on.items() if wanted)


def parse(text: str, directory: Path) -> WebConfig:
    """Decode and judge the text of a web configuration file.

    Args:
        text: YAML.
        directory: where relative paths in it start.

    Raises:
        ConfigError: names the key, the problem and what is accepted.
    """
    root = Section("", strict_yaml.decode(text), _KEYS)
    http = root.section("http_server_config", ("http2", "headers"))
    http.flag("http2", default=True)  # only HTTP/1.1 is offered, which every client takes
    return WebConfig(
        tls=parse_tls(root.section("tls_server_config", TLS_KEYS), directory),
        headers=_headers(http.section("headers", _HEADERS)),
        rate_limit=_rate_limit(root.section("rate_limit", ("interval", "burst"))),
        users=_users(root.section("basic_auth_users", None)),
    )


def _headers(section: Section) -> Mapping[str, str]:
    headers = {name: value for name, value in section.all_texts().items() if value}
    for name, value in headers.items():
        if accepted := _HEADERS[name]:
            section.choice(name, accepted, "")
        elif not _HEADER_VALUE.fullmatch(value):
            section.refuse(name, "cannot be sent", "printable ASCII")
    return headers


def _rate_limit(section: Section) -> RateLimit | None:
    burst = section.whole_number("burst", 1, 1_000_000, 1)
    interval = section.text("interval")
    if not interval:
        return None
    match = _DURATION.fullmatch(interval)
    seconds = float(match["number"]) * _SECONDS[match["unit"]] if match else 0.0
    if not seconds:
        section.refuse("interval", f"is {interval}", "a duration such as 1s or 100ms")
    return RateLimit(seconds, burst)


def _users(section: Section) -> Mapping[str, Secret]:
    users = section.all_texts()
    for name, value in users.items():
        match = _BCRYPT.fullmatch(value)
        if not match:
            section.refuse(name, "is no bcrypt hash", "what `htpasswd -nBC 10 USER` prints")
        if int(match["cost"]) not in _BCRYPT_COSTS:
            section.refuse(name, f"has the cost {match['cost']}", "04 to 18, better 10")
    return {name: Secret(value) for name, value in users.items()}


class WebConfigFile:
    """The file as it is now: read each time, decoded when it has changed.

    A file that has turned bad is an error until it is good again, and so is one that no longer
    asks for a protection that it asked for before: a file caught while it is being written, or
    emptied by mistake, must not open the server. Dropping a protection takes a restart.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text: str | None = None
        self._config = WebConfig()
        self._protections: frozenset[str] = frozenset()

    def read(self) -> WebConfig:
        """Return what the file says.

        Raises:
            ConfigError: names the file, the key, the problem and what is accepted.
        """
        if not self._path.is_file():
            raise ConfigError(str(self._path), "cannot be read: no such file", "a YAML file")
        text = strict_yaml.read_text(self._path)
        if text != self._text:
            try:
                config = parse(text, self._path.parent)
            except ConfigError as error:
                where = f"{self._path}: {error.path}"
                raise ConfigError(where, error.problem, error.accepted) from error
            self._text, self._config = text, config
        if dropped := self._protections - self._config.protections:
            raise ConfigError(
                f"{self._path}: {', '.join(sorted(dropped))}",
                "was asked for and no longer is",
                "the same, or a restart of the exporter",
            )
        self._protections |= self._config.protections
        return self._config
