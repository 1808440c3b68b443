"""What all bots together will ask of each exchange, by what its requests are documented to weigh.

Several bots behind one address share one limit, and each keeps to its share of *all* that we ask.
When the rounds of all of them do not fit into it, some fail each minute, for want of budget, and
sources go up and down; so that is said beforehand, and which settings to change. What comes on
top is not in the plan: fees once an hour, and looks that follow a difference.
"""

import ipaddress
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from exporter.config import Bot, Config, Credentials, ExporterSettings, Venue

_LARGEST_SHARE = 0.5
# Limits a minute, and the names of what is counted (facts §1.3 and §2).
_LIMITS = {"binance_spot": 6000, "binance_usdm": 2400, "alpaca": 200}
_COUNTED = {"alpaca": "requests"}
# Positions, all open orders, whether the account may trade.
_ACCOUNT = {"binance_spot": 100, "binance_usdm": 90, "alpaca": 3}
# The smallest signed request; Alpaca's is made a second time for what the key may do.
_KEY_CHECK = {"binance_spot": 20, "binance_usdm": 5, "alpaca": 2}
# A new client measures the exchange's time before it signs, and each one every five minutes.
_ANCHOR = {"binance_spot": 6, "binance_usdm": 6, "alpaca": 0}
_ANCHOR_SECONDS = 300.0
_SYMBOLS = {"binance_spot": 20, "binance_usdm": 1, "alpaca": 1}
_MOST_CLOCK_SAMPLES = {"alpaca": 3}


@dataclass(frozen=True)
class Place:
    """What counts as one at an exchange: an address, and where it counts by key, the key."""

    kind: str
    host: str
    key: Credentials | None = None


@dataclass(frozen=True)
class Plan:
    """What some bots will spend in a minute at one place, and what they may.

    ``fixed`` is the part of it that does not depend on how often venues and accounts are asked.
    """

    place: Place
    bots: tuple[str, ...]
    planned: float
    fixed: float
    limit: int
    share: float

    @property
    def allowed(self) -> float:
        """Our share of the limit: the smallest of the bots', which is the first to be refused."""
        return self.share * self.limit

    def hint(self) -> str:
        """Say in one line what does not fit, and what to change; empty if all fits."""
        if self.planned <= self.allowed:
            return ""
        asked = "bot asks" if len(self.bots) == 1 else "bots ask"
        return (
            f"{len(self.bots)} {asked} {self.place.host} for about {self.planned:.0f}"
            f" {_COUNTED.get(self.place.kind, 'weight')} a minute, and {self.allowed:.0f} of"
            f" {self.limit} are our share: rounds will fail for want of budget."
            f" Raise {' or '.join(self._remedies())}"
        )

    def _remedies(self) -> Iterator[str]:
        if self.fixed < self.allowed:
            factor = (self.planned - self.fixed) / (self.allowed - self.fixed)
            times = math.ceil(10 * factor) / 10
            yield f"exporter.poll_seconds and account_poll_seconds {times:g}-fold"
        else:
            yield "exporter.key_poll_seconds and ntp_poll_seconds"
        share = math.ceil(100 * self.planned / self.limit) / 100
        if share <= _LARGEST_SHARE:
            yield f"venue.rate_limit_share to {share:g}"


def hints(config: Config) -> tuple[str, ...]:
    """Return a line for each exchange of which more will be asked than is our share."""
    return tuple(line for plan in plans(config) if (line := plan.hint()))


def plans(config: Config) -> tuple[Plan, ...]:
    """Return what is planned at each exchange; what listens on this host is none."""
    found: dict[Place, list[Bot]] = {}
    for bot in config.bots:
        if not _is_local(bot.venue.base_url):
            found.setdefault(_place(bot.venue), []).append(bot)
    settings = config.exporter
    return tuple(
        Plan(
            place=place,
            bots=tuple(bot.name for bot in bots),
            planned=sum(_a_minute(bot, settings) for bot in bots) + _fixed(place, bots, settings),
            fixed=_fixed(place, bots, settings),
            limit=_LIMITS[place.kind],
            share=min(bot.venue.rate_limit_share for bot in bots),
        )
        for place, bots in found.items()
    )


def venue_round(bot: Bot, settings: ExporterSettings) -> int:
    """Return what a look at the venue weighs: probe, ping, status, clock, symbols."""
    venue = bot.venue
    alpaca = venue.kind == "alpaca"
    # The probe has no key, and the status comes with the ping or from another host.
    probe, status = int(not alpaca), int(not alpaca and venue.sapi_base_url is None)
    clock = 1 + min(settings.clock_samples, _MOST_CLOCK_SAMPLES.get(venue.kind, 50))
    return probe + 1 + status + clock + (_SYMBOLS[venue.kind] if venue.symbols else 0)


def account_round(kind: str) -> int:
    """Return what a look at an account weighs, if nothing differs there."""
    return _ACCOUNT[kind]


def key_round(kind: str) -> int:
    """Return what a look at a key weighs."""
    return _KEY_CHECK[kind] + _ANCHOR[kind]


def _a_minute(bot: Bot, settings: ExporterSettings) -> float:
    """Return what the rounds weigh whose intervals are set for that."""
    roles = bot.venue.credentials
    planned = 60 / settings.poll_seconds * venue_round(bot, settings)
    if (roles.exporter or roles.bot) is not None:
        planned += 60 / settings.account_poll_seconds * account_round(bot.venue.kind)
    return planned


def _fixed(place: Place, bots: Sequence[Bot], settings: ExporterSettings) -> float:
    """Return what else is asked: keys, the time for signatures, clocks of second exchanges."""
    keys = anchors = 0
    for bot in bots:
        roles = bot.venue.credentials
        given = sum(role is not None for role in (roles.bot, roles.exporter, roles.remediation))
        # Of Alpaca's keys each has a limit of its own.
        keys += min(given, 1) if place.kind == "alpaca" else given
        anchors += (roles.exporter or roles.bot) is not None
    here = (place.kind, place.host)
    clocks = sum((one.kind, _host(one.base_url)) == here for one in settings.clock_references)
    return (
        60 / settings.key_poll_seconds * keys * key_round(place.kind)
        + 60 / _ANCHOR_SECONDS * anchors * _ANCHOR[place.kind]
        + 60 / settings.ntp_poll_seconds * clocks * (1 + settings.clock_samples)
    )


def _place(venue: Venue) -> Place:
    roles = venue.credentials
    key = (roles.exporter or roles.bot) if venue.kind == "alpaca" else None
    return Place(venue.kind, _host(venue.base_url), key)


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _is_local(url: str) -> bool:
    """A simulator or a stand-in has limits of its own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
