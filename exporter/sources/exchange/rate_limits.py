"""How much of each host's limit is used, by the bot and by us, and who must be silent.

One book is shared by all clients of the process: an exchange counts by IP or by
key, not by connection, and a ban is prolonged by whoever goes on asking. So silences
outlive the process, too: ``silences`` keeps them.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import httpx

from exporter.errors import Reason, SourceError
from exporter.readings import RateLimit

INTERVAL_SECONDS = 60.0
# Binance's weight a minute and IP, as documented (facts §1.3); exchangeInfo may say otherwise.
_POOLS = {"fapi": 2400, "sapi": 12_000, "api": 6000}
# Binance bans for three days at most.
LONGEST_SILENCE_SECONDS = 3 * 86400.0
# From here on what is left belongs to the bot, whatever our own share is.
_HOLD_BACK_RATIO = 0.9


@dataclass(frozen=True)
class Meter:
    """What a request counts against: one limit per minute at one host.

    ``key`` tells keys apart where the host counts by key, and is empty where it counts by IP.
    ``limit`` is the documented one; what the host itself says goes before it.
    """

    host: str
    pool: str
    limit: int
    kind: str = "weight"
    key: str = ""


@dataclass(frozen=True)
class Usage:
    """What an answer's headers say: used in the running minute, and when that minute ends."""

    used: int
    limit: int | None = None
    seconds_left: float = INTERVAL_SECONDS


@dataclass(frozen=True)
class Silence:
    """A host's demand to be left alone: 418 (BANNED) or 429 (RATE_LIMITED)."""

    seconds: float
    reason: Reason


@dataclass(frozen=True)
class KeptSilence:
    """A silence as it is remembered elsewhere: by whom, for which key, until when (Unix time).

    ``seconds`` were left of it when it was kept: no more can be, whatever the clock says later.
    """

    host: str
    key: str
    until: float
    seconds: float
    reason: Reason


@dataclass
class _Account:
    """What is known about one meter; times are monotonic."""

    limit: int
    told: bool = False  # by the exchange; until then the limit is the documented one
    spent: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0
    used: int = 0
    read_at: float = float("-inf")
    window_ends: float = float("-inf")


class _Keeper:
    """Saves the newest silences in one place, by one thread at a time: a disk may hang.

    Whoever comes while another thread saves leaves it to that one, and goes on.
    """

    def __init__(
        self,
        read: Callable[[], tuple[KeptSilence, ...]],
        save: Callable[[tuple[KeptSilence, ...]], None],
    ) -> None:
        self._read = read
        self._save = save
        self._saving = threading.Lock()
        self._unsaved = False

    def keep(self) -> None:
        """Save, and again if there is news meanwhile; or have it done by who saves now."""
        self._unsaved = True
        # Looked at after the lock was given back: no news falls between the two.
        while self._unsaved and self._saving.acquire(blocking=False):
            try:
                self._unsaved = False
                self._save(self._read())
            finally:
                self._saving.release()


class RateBook:
    """The one account of all hosts' limits. Thread-safe; survives a reload.

    Args:
        monotonic: what windows and silences are measured by.
        wall: Unix time, only to say when a silence ends.
    """

    holds_back_by_documents = True  # for as long as the exchange has not told its limit

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._wall = wall
        self._lock = threading.Lock()
        self._keeper = _Keeper(self._kept, lambda _: None)
        self._accounts: dict[Meter, _Account] = {}
        # Replaced and never changed, so that a scrape reads it without waiting for requests.
        self._quiet: Mapping[tuple[str, str], tuple[float, Reason]] = {}

    def admit(self, meter: Meter, weight: int, share: float | None) -> None:
        """Count a request before it is sent, or refuse it.

        1. Nobody speaks to a host that has asked for silence.
        2. When the IP or key has used nearly all of its limit, the rest is the bot's.
        3. Our own requests of the last minute stay within ``share`` of the limit.

        Without a share only the first holds.

        Raises:
            SourceError: BANNED or RATE_LIMITED during a silence, BUDGET for 2 and 3.
        """
        with self._lock:
            now = self._monotonic()
            self._refuse_while_quiet(meter, now)
            account = self._account(meter)
            while account.spent and account.spent[0][0] <= now - INTERVAL_SECONDS:
                account.total -= account.spent.popleft()[1]
            if share is not None:
                if account.told or self.holds_back_by_documents:
                    _refuse_nearly_used(meter, account, weight, now)
                _refuse_beyond(meter, account, weight, share)
            account.spent.append((now, weight))
            account.total += weight

    def note(self, meter: Meter, usage: Usage | None, silence: Silence | None) -> None:
        """Remember what an answer said of the limit."""
        with self._lock:
            now = self._monotonic()
            account = self._account(meter)
            if usage is not None:
                account.used, account.read_at = usage.used, now
                account.window_ends = now + min(usage.seconds_left, INTERVAL_SECONDS)
                account.limit = usage.limit or account.limit
                account.told = account.told or bool(usage.limit)
            if silence is not None:
                until = now + silence.seconds
                self._extend((meter.host, meter.key), until, silence.reason)
        if silence is not None:
            # Without the lock: a slow disk keeps nobody from asking another host.
            self._keeper.keep()

    def recall(self, kept: Iterable[KeptSilence]) -> None:
        """Take over silences of an earlier process that are not over.

        One that would last longer than any does is a clock's or a file's fault, and left out.
        """
        with self._lock:
            now, wall = self._monotonic(), self._wall()
            for one in kept:
                left = min(one.until - wall, one.seconds)
                if 0 < left <= LONGEST_SILENCE_SECONDS:
                    self._extend((one.host, one.key), now + left, one.reason)

    def keep_in(self, save: Callable[[tuple[KeptSilence, ...]], None]) -> None:
        """Have silences kept from now on, those of this moment included; ``save`` never raises."""
        self._keeper = _Keeper(self._kept, save)
        if self._kept():
            self._keeper.keep()

    def learn(self, meter: Meter, limit: int) -> None:
        """Take over the limit that the host publishes."""
        with self._lock:
            account = self._account(meter)
            account.limit, account.told = limit, True

    def quiet_until(self, host: str) -> float | None:
        """Return the Unix time until which the host wants silence; None if it does not.

        ``host`` is as ``host_of`` returns it, port included.
        """
        now = self._monotonic()
        left = max(
            (until - now for (at, _), (until, _) in self._quiet.items() if at == host),
            default=0.0,
        )
        return self._wall() + left if left > 0 else None

    def readings(self, meters: Iterable[Meter]) -> tuple[RateLimit, ...]:
        """Return what the headers of the last minute said; meters without any are left out."""
        with self._lock:
            now = self._monotonic()
            found = ((meter, self._accounts.get(meter)) for meter in meters)
            return tuple(
                RateLimit(
                    kind=meter.kind,
                    scope="key" if meter.key else "ip",
                    interval_seconds=INTERVAL_SECONDS,
                    used=account.used,
                    limit=account.limit,
                )
                for meter, account in found
                if account is not None and now - account.read_at <= INTERVAL_SECONDS
            )

    def _account(self, meter: Meter) -> _Account:
        if meter not in self._accounts:
            self._accounts[meter] = _Account(meter.limit)
        return self._accounts[meter]

    def _extend(self, place: tuple[str, str], until: float, reason: Reason) -> None:
        """A shorter silence does not end a longer one."""
        until = max(until, self._quiet.get(place, (until, reason))[0])
        self._quiet = {**self._quiet, place: (until, reason)}

    def _kept(self) -> tuple[KeptSilence, ...]:
        now, wall = self._monotonic(), self._wall()
        return tuple(
            KeptSilence(host, key, wall + until - now, until - now, reason)
            for (host, key), (until, reason) in self._quiet.items()
            if until > now
        )

    def _refuse_while_quiet(self, meter: Meter, now: float) -> None:
        for key in {"", meter.key}:
            until, reason = self._quiet.get((meter.host, key), (now, Reason.BANNED))
            if until > now:
                raise SourceError(
                    reason, f"{meter.host} asked for silence; {until - now:.0f} s remain"
                )


def _refuse_nearly_used(meter: Meter, account: _Account, weight: int, now: float) -> None:
    used = account.used if now < account.window_ends else 0
    if used > account.limit and not account.told:
        return  # and nobody was refused: whatever the limit is here, it is not the documented one
    if used + weight > _HOLD_BACK_RATIO * account.limit:
        raise SourceError(
            Reason.BUDGET,
            f"{meter.host}: {used} of {account.limit} {meter.kind} a minute are used; "
            "the rest is left to the bot",
        )


def _refuse_beyond(meter: Meter, account: _Account, weight: int, share: float) -> None:
    if account.total + weight > share * account.limit:
        raise SourceError(
            Reason.BUDGET,
            f"{meter.host}: our own {account.total} {meter.kind} a minute plus {weight} "
            f"exceed our share of {share * account.limit:.0f}",
        )


def host_of(url: str) -> str:
    """Return host and port of a URL as the book knows them.

    Raises:
        SourceError: UNSUPPORTED, for what is no URL.
    """
    try:
        return httpx.URL(url).netloc.decode("ascii", "replace")
    except httpx.InvalidURL as error:
        raise SourceError(
            Reason.UNSUPPORTED, f"{url} is no usable URL: {error}", permanent=True
        ) from error


def weight_meter(base_url: str, path: str) -> Meter:
    """Return what a request to one of Binance's hosts counts against. Raises as ``host_of``."""
    pool = path.split("/")[1]
    pool = pool if pool in _POOLS else "api"
    return Meter(host_of(base_url), pool, _POOLS[pool])
