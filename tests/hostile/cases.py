"""Who attacks in which way, what must show it, and what may suffer from it."""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from tests.hostile.answers import ANSWERS, PAGES
from tests.hostile.changes import CHANGES
from tests.hostile.frames import FRAMES
from tests.hostile.server import Behaviour, Front, rewriting
from tests.sim.holdings import Venue


class Site(enum.StrEnum):
    """Whose connections are attacked."""

    EXCHANGE = "exchange"
    BOT = "bot"
    STREAM = "stream"


# What an attack may bring down; of the rest nothing.
MAY_FALL = {
    Site.EXCHANGE: frozenset({"exchange", "network", "account", "rules", "key"}),
    Site.BOT: frozenset({"heartbeat", "bot_metrics"}),
    Site.STREAM: frozenset({"market_data"}),
}
VENUES: tuple[Venue, ...] = ("binance_usdm", "binance_spot", "alpaca")


@dataclass(frozen=True)
class Case:
    """One attack; ``down`` are the sources that must not look well then."""

    name: str
    site: Site
    attack: Callable[[Front], Behaviour]
    down: frozenset[str]
    venue: Venue = "binance_usdm"


_ACCOUNT = frozenset({"exchange", "account"})
# Changes that leave some answers plausible, or all of them.
_SPARED = {
    "half_characters": frozenset({"account"}),
    "injected_labels": frozenset[str](),
    "long_text": frozenset[str](),
    "many": frozenset[str](),
}
_EVERYWHERE = ("other_types", "injected_labels")
# Whoever answers 200 with anything but JSON's beginning lives: "ok" is no JSON either.
_ALIVE = ("html", "empty", "deep", "just_null", "just_a_list", "json_utf16")
_BOTH = MAY_FALL[Site.BOT]
_METRICS = frozenset({"bot_metrics"})


def _cases() -> tuple[Case, ...]:
    answers = [
        Case(f"exchange-{name}", Site.EXCHANGE, _always(one), _ACCOUNT, VENUES[number % 3])
        for number, (name, one) in enumerate(ANSWERS.items())
    ]
    changes = [
        Case(
            f"{venue}-{name}",
            Site.EXCHANGE,
            _rewritten(one),
            _SPARED.get(name, _ACCOUNT),
            venue,
        )
        for venue in VENUES
        for name, one in CHANGES.items()
        if venue == "binance_usdm" or name in _EVERYWHERE
    ]
    bots = [
        Case(f"bot-{name}", Site.BOT, _always(one), _METRICS if name in _ALIVE else _BOTH)
        for name, one in ANSWERS.items()
    ]
    pages = [Case(f"page-{name}", Site.BOT, _always(one), _METRICS) for name, one in PAGES.items()]
    streams = [
        Case(f"stream-{name}", Site.STREAM, _always(one), MAY_FALL[Site.STREAM])
        for name, one in (*FRAMES.items(), *((name, ANSWERS[name]) for name in _SHAKING))
    ]
    return (*answers, *changes, *bots, *pages, *streams)


# What may come in place of a handshake.
_SHAKING = ("hang", "html", "noise", "endless_head", "dripping_head", "redirect_loop")


def _rewritten(change: Callable[[bytes], bytes]) -> Callable[[Front], Behaviour]:
    return lambda front: rewriting(front, change)


def _always(one: Behaviour) -> Callable[[Front], Behaviour]:
    return lambda _: one


CASES = _cases()
