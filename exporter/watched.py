"""Everything that is watched of one bot, and one consistent view of it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from exporter.config import Bot, ExporterSettings
from exporter.observation import Requests
from exporter.readings import ClockReading
from exporter.secrets import ApiKey
from exporter.snapshot import BotSnapshot, Health
from exporter.sources.exchange import Exchange, RateBook, open_exchange
from exporter.watches.account import AccountWatch
from exporter.watches.bot_metrics import BotMetricsWatch
from exporter.watches.data import DataWatch
from exporter.watches.heartbeat import HeartbeatWatch
from exporter.watches.keys import KeyWatch
from exporter.watches.local import LocalWatch, Memory
from exporter.watches.rules import RulesWatch
from exporter.watches.streams import StreamsWatch
from exporter.watches.venue import VenueWatch
from exporter.worker import Worker


class _Watch(Protocol):
    name: str
    seconds: float

    def round(self) -> None: ...

    def close(self) -> None: ...


class Watched:
    """One bot's watches, wired together; each has a thread of its own.

    Args:
        bot: the bot.
        settings: how often, and how long to wait.
        limits: the process' one book of rate limits.
        recall: what an earlier configuration's watch of this bot remembered.
        sharing: the other bots on its account.
    """

    def __init__(
        self,
        bot: Bot,
        settings: ExporterSettings,
        limits: RateBook,
        recall: Callable[[], Memory] = Memory,
        *,
        sharing: tuple[Bot, ...] = (),
    ) -> None:
        self.bot = bot
        self._timeout = settings.timeout_seconds
        self._limits = limits
        self._requests = Requests()
        self._local = LocalWatch(bot, settings, recall)
        self._heartbeat = HeartbeatWatch(bot, settings)
        self._bot_metrics = BotMetricsWatch(bot, settings)
        self._streams = StreamsWatch(bot, settings, self._open)
        self._venue = VenueWatch(
            bot,
            settings,
            self._open,
            limits=limits,
            streams=self._streams,
            on_answer=self._ask_again,
        )
        self._rules = RulesWatch(bot, settings, self._open)
        self._keys = KeyWatch(bot, settings, self._open)
        self._account = AccountWatch(
            bot,
            settings,
            self._open,
            lambda: self._rules.rules,
            sharing=sharing,
            on_key=self._keys.heard,
        )
        self._data = DataWatch(bot, settings, recall=lambda: recall().backups_seen)
        self.local = Worker(f"{bot.name}/local", self._local.seconds, self._local.round)
        self.background = tuple(self._workers())

    def snapshot(
        self, clocks: Mapping[str, ClockReading | None], health: Mapping[str, Health]
    ) -> BotSnapshot:
        """Return what is known now, the shared clocks and their health included."""
        # Health first: then no value is older than its source's health says.
        health = {**health, **self._health()}
        local, venue = self._local, self._venue
        own = {**clocks, "exchange": venue.clock.fresh()}
        heartbeat = self._heartbeat if self._heartbeat.configured else local
        process = local.process.current()
        return BotSnapshot(
            bot=self.bot,
            polled=local.polled,
            settings=local.settings,
            health=health,
            clocks={name: clock for name, clock in own.items() if clock is not None},
            kill_switch=local.kill_switch.current(),
            process=process,
            heartbeat=heartbeat.heartbeat.current(),
            positions=local.positions.current(),
            file_valid=local.file_valid() if local.polled else {},
            account=self._account.account.fresh(),
            latency=self._requests.latency(),
            request_failures=self._requests.failures(),
            unclean_exits=local.memory.unclean_exits,
            restarts=local.memory.restarts.total,
            oom_kills=local.memory.oom_kills.total,
            disks=local.disks.current() or (),
            memory=local.usage.current(),
            bot_metrics=self._bot_metrics.reading,
            logs=local.logs.current(),
            data=self._data.reading,
            network=venue.network,
            streams=self._streams.streams,
            market_hours=venue.hours,
            maintenance=venue.maintenance,
            rules=venue.rules,
            coins=self._rules.coins,
            filters_outdated=self._rules.filters_outdated,
            fees=self._rules.fees,
            rate_limits=venue.rate_limits,
            quiet_until=venue.quiet_until,
            keys=self._keys.keys.fresh() or (),
            comparison=self._account.comparison.fresh(),
        )

    def hand_over(self) -> Memory:
        """Return what the next watches of this bot should know; our local one was stopped."""
        memory = self._local.abandon() if self.local.is_alive() else self._local.hand_over()
        return replace(memory, backups_seen=self._data.backups_seen)

    def _workers(self) -> Iterator[Worker]:
        yield self._worker(self._venue)
        worker = self._worker(self._rules)
        self._rules.recovery.wake = worker.want
        yield worker
        yield self._worker(self._data)
        if self._account.has_account:
            worker = self._worker(self._account)
            self._account.recovery.wake = worker.want
            yield worker
        if self._keys.has_keys:
            worker = self._worker(self._keys)
            self._keys.wake = worker.want
            yield worker
        for optional in (self._streams, self._bot_metrics, self._heartbeat):
            if optional.configured:
                yield self._worker(optional)

    def _worker(self, watch: _Watch) -> Worker:
        return Worker(f"{self.bot.name}/{watch.name}", watch.seconds, watch.round, watch.close)

    def _ask_again(self, since: float) -> None:
        self._account.venue_answers(since)
        self._rules.venue_answers(since)

    def _health(self) -> dict[str, Health]:
        health = {
            **self._venue.health,
            **self._local.health,
            "rules": _worse(self._rules.observed.health(), self._venue.symbols_health),
            "data_files": self._data.data.health(),
        }
        if self._account.has_account:
            health["account"] = self._account.asked.health()
        if self._keys.has_keys:
            health["key"] = self._keys.asked.health()
        if self._streams.configured:
            health["market_data"] = self._streams.market_data.health()
        if self._bot_metrics.configured:
            health["bot_metrics"] = self._bot_metrics.observed.health()
        if self._heartbeat.configured:
            health["heartbeat"] = self._heartbeat.heartbeat.health()
        return health

    def _open(self, key: ApiKey | None) -> Exchange:
        return open_exchange(
            self.bot.venue,
            key,
            timeout=self._timeout,
            observe=self._requests.observe,
            limits=self._limits,
        )


def _worse(usual: Health, other: Health | None) -> Health:
    """Return how a source does that is asked in two ways: down if either is."""
    if other is None:
        return usual
    worse = other if usual.up and not other.up else usual
    return replace(worse, failures=Counter(usual.failures) + Counter(other.failures))
