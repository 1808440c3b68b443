"""The exchange of one bot: where it is, whose keys, what is announced."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from exporter.config.base import Name, Seconds, Section, Text, Url, WsUrl


class Credentials(Section, frozen=True, kw_only=True):
    """Where a key pair is found: names in an env file or the environment, or two files."""

    env_file: Text | None = None
    key: Text | None = None
    secret: Text | None = None
    key_file: Text | None = None
    secret_file: Text | None = None


class CredentialRoles(Section, frozen=True, kw_only=True):
    """Three roles, three keys; a role left out is simply not used."""

    bot: Credentials | None = None
    exporter: Credentials | None = None
    remediation: Credentials | None = None

    @property
    def account_reader(self) -> Credentials | None:
        """The key by which the exporter reads the account; None if it cannot."""
        return self.exporter or self.bot


class Proxy(Section, frozen=True, kw_only=True):
    """The bot's own way out: a variable in its env file, or a URL without a password.

    With ``env_file`` the variables ``name`` and ``NO_PROXY`` are read from it.
    """

    env_file: Text | None = None
    name: Text = "HTTPS_PROXY"
    url: Url | None = None


class ApiKeyPolicy(Section, frozen=True, kw_only=True):
    """When a key is too old (runbook section 8: rotate monthly) or about to expire."""

    max_age_seconds: Seconds = 30 * 86400.0
    expiry_warn_seconds: Seconds = 7 * 86400.0


class Venue(Section, frozen=True, kw_only=True):
    """The exchange a bot trades on.

    ``account`` tells accounts at one address apart: bots that give the same, or none, share one.
    ``client_order_prefix`` is how the bot's own orders begin; without it every
    resting order counts as somebody else's. ``symbols`` is what the bot trades: the exporter
    listens to their public streams and asks for their rules. Each window in
    ``maintenance_windows`` is ``2026-12-01T02:00Z/2026-12-01T04:00Z`` or, every week,
    ``Sun 02:00-04:00`` (UTC).
    """

    kind: Literal["binance_spot", "binance_usdm", "alpaca"]
    base_url: Url
    sapi_base_url: Url | None = None
    account: Name | None = None
    client_order_prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{2,20}$")] | None = None
    credentials: CredentialRoles = CredentialRoles()
    maintenance_windows: Annotated[tuple[Text, ...], Meta(max_length=100)] = ()
    symbols: Annotated[tuple[Name, ...], Meta(max_length=50)] = ()
    stream_url: WsUrl | None = None
    data_base_url: Url | None = None
    proxy: Proxy | None = None
    rate_limit_share: Annotated[float, Meta(gt=0, le=0.5)] = 0.2
    api_key: ApiKeyPolicy = ApiKeyPolicy()

    @property
    def account_name(self) -> str:
        """Which account at the address."""
        return self.account or "main"

    @property
    def address(self) -> tuple[str, str]:
        """What makes two bots' venues one: kind and host; paths and capitals do not tell."""
        return self.kind, urlsplit(self.base_url).netloc.lower()

    @property
    def place(self) -> tuple[str, str, str]:
        """What makes two bots' accounts one."""
        return (*self.address, self.account_name)

    @property
    def clock_ahead_limit_seconds(self) -> float | None:
        """From where on the venue refuses requests "ahead of the server's time".

        Binance, request security: a timestamp 1000 ms or more ahead is -1021.
        """
        return None if self.kind == "alpaca" else 1.0

    @property
    def market(self) -> str:
        """The market label of this kind of venue."""
        return {"binance_spot": "spot", "binance_usdm": "usdm", "alpaca": "us_equity"}[self.kind]
