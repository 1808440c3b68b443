"""How the exporter asks."""

from typing import Annotated, Literal

from msgspec import Meta

from exporter.config.base import Count, HostPort, Section, Text, Url

Interval = Annotated[float, Meta(ge=0.2, le=86400)]


class ClockReference(Section, frozen=True, kw_only=True):
    """A second exchange whose clock is asked, without a key."""

    kind: Literal["binance_spot", "binance_usdm", "alpaca"]
    base_url: Url


class ExporterSettings(Section, frozen=True, kw_only=True):
    """How the exporter asks. Remote sources are polled in the background.

    ``poll_seconds`` is for the network and the exchange's clock and status; accounts, keys,
    rules (filters, fees) and data files have intervals of their own. ``second_hosts`` tell a
    local fault from the exchange's; without any the ``clock_references`` serve. ``data_dir``
    keeps log offsets, and silences that exchanges ask for, over a restart; null keeps nothing.
    """

    ntp_servers: tuple[HostPort, ...] = (
        "0.pool.ntp.org",
        "1.pool.ntp.org",
        "2.pool.ntp.org",
        "3.pool.ntp.org",
    )
    clock_references: tuple[ClockReference, ...] = ()
    poll_seconds: Interval = 15.0
    ntp_poll_seconds: Interval = 60.0
    stale_intervals: Count = 3
    timeout_seconds: Annotated[float, Meta(gt=0, le=60)] = 2.5
    clock_samples: Annotated[int, Meta(ge=5, le=50)] = 5
    account_poll_seconds: Interval = 30.0
    key_poll_seconds: Interval = 300.0
    rules_poll_seconds: Interval = 3600.0
    data_poll_seconds: Interval = 60.0
    second_hosts: tuple[Url, ...] = ()
    data_dir: Text | None = "/var/lib/tradewarden/exporter"
