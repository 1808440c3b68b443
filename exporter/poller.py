"""Asks every source on its own schedule and hands out one consistent snapshot."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from exporter.config import Bot, Config
from exporter.observation import Observation
from exporter.readings import ClockReading
from exporter.snapshot import BotSnapshot, Health, Snapshot
from exporter.sources import ntp
from exporter.sources.exchange import Clock, open_clock
from exporter.watch_local import LocalWatch, Memory
from exporter.watch_remote import RemoteWatch

_log = logging.getLogger(__name__)


class _Worker(threading.Thread):
    """Repeats one round; a slow round delays only itself."""

    def __init__(
        self,
        name: str,
        seconds: float,
        run: Callable[[], None],
        close: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._seconds = seconds
        self._round = run
        self._close = close
        self._stopped = threading.Event()
        self.first_round = threading.Event()

    def run(self) -> None:
        """Go on until told to stop."""
        while not self._stopped.is_set():
            started = time.monotonic()
            try:
                self._round()
            except Exception:  # noqa: BLE001
                # A dead thread would serve old values for ever.
                _log.exception("worker %s broke", self.name)
            self.first_round.set()
            self._stopped.wait(max(0.05, self._seconds - (time.monotonic() - started)))
        # Here, and not by whoever stops us: a request may be in flight until now.
        if self._close is not None:
            self._close()

    def stop(self) -> None:
        """Start no further round."""
        self._stopped.set()


@dataclass(frozen=True)
class _Watched:
    """One bot and its two watches."""

    bot: Bot
    remote: RemoteWatch
    local: LocalWatch


class Poller:
    """All background asking for one configuration.

    Args:
        config: whom and how to ask.
        previous: the poller that this one replaces; its memory is taken over.
    """

    def __init__(self, config: Config, previous: "Poller | None" = None) -> None:
        settings = config.exporter
        memories = previous.memories if previous else {}
        self._settings = settings
        self._watched = tuple(
            _Watched(
                bot,
                RemoteWatch(bot, settings),
                LocalWatch(bot, settings, replace(memories.get(bot.name, Memory()))),
            )
            for bot in config.bots
        )
        self._clocks: dict[str, Clock] = {}
        stale = settings.stale_intervals * settings.ntp_poll_seconds + settings.timeout_seconds
        self._ntp: Observation[ClockReading] = Observation("ntp", stale)
        self._reference: Observation[tuple[ClockReading, ...]] = Observation("reference", stale)
        self._workers = tuple(self._make_workers())

    @property
    def memories(self) -> dict[str, Memory]:
        """What each bot's next watch should know."""
        return {watched.bot.name: watched.local.memory for watched in self._watched}

    @property
    def ready(self) -> bool:
        """Whether every source has been asked once."""
        return all(worker.first_round.is_set() for worker in self._workers)

    def start(self) -> None:
        """Begin asking."""
        for worker in self._workers:
            worker.start()

    def wait_first_round(self, seconds: float) -> bool:
        """Wait until every source was asked once; False when that took too long."""
        deadline = time.monotonic() + seconds
        return all(
            worker.first_round.wait(max(0.0, deadline - time.monotonic()))
            for worker in self._workers
        )

    def stop(self, seconds: float = 0.5) -> None:
        """Stop asking; a thread that waits for the network is left to end with the program."""
        for worker in self._workers:
            worker.stop()
        deadline = time.monotonic() + seconds
        for worker in self._workers:
            if worker.is_alive():
                worker.join(max(0.0, deadline - time.monotonic()))

    def snapshot(self) -> Snapshot:
        """Return what is known now."""
        return Snapshot(tuple(self._snapshot(watched) for watched in self._watched))

    def _make_workers(self) -> list[_Worker]:
        settings = self._settings
        workers = []
        for watched in self._watched:
            name, remote, local = watched.bot.name, watched.remote, watched.local
            workers.append(_Worker(f"{name}/remote", remote.seconds, remote.round, remote.close))
            workers.append(_Worker(f"{name}/local", local.seconds, local.round))
        if settings.ntp_servers:
            workers.append(_Worker("ntp", settings.ntp_poll_seconds, self._ask_ntp))
        if settings.clock_references:
            seconds, close = settings.ntp_poll_seconds, self._close_references
            workers.append(_Worker("reference", seconds, self._ask_references, close))
        return workers

    def _ask_ntp(self) -> None:
        servers, timeout = self._settings.ntp_servers, self._settings.timeout_seconds
        self._ntp.ask(lambda: ntp.read_clock(servers, timeout=timeout))

    def _ask_references(self) -> None:
        self._reference.ask(self._read_references)

    def _read_references(self) -> tuple[ClockReading, ...]:
        settings = self._settings
        for reference in settings.clock_references:
            if reference.base_url not in self._clocks:
                clock = open_clock(reference, timeout=settings.timeout_seconds)
                self._clocks[reference.base_url] = clock
        return tuple(clock.clock(settings.clock_samples) for clock in self._clocks.values())

    def _close_references(self) -> None:
        for clock in self._clocks.values():
            clock.close()

    def _health(self, watched: _Watched) -> dict[str, Health]:
        local, remote = watched.local, watched.remote
        health = {
            "exchange": remote.clock.health(),
            "bot_files": local.files.health(),
            "process": local.process.health(),
            "heartbeat": local.heartbeat.health(),
        }
        if remote.has_account:
            health["account"] = remote.account.health()
        if self._settings.ntp_servers:
            health["ntp"] = self._ntp.health()
        if self._settings.clock_references:
            health["reference"] = self._reference.health()
        return health

    def _snapshot(self, watched: _Watched) -> BotSnapshot:
        local, remote = watched.local, watched.remote
        clocks = {"ntp": self._ntp.fresh(), "exchange": remote.clock.fresh()}
        return BotSnapshot(
            bot=watched.bot,
            polled=local.polled,
            settings=local.settings,
            health=self._health(watched),
            clocks={name: clock for name, clock in clocks.items() if clock is not None},
            kill_switch=local.kill_switch.current(),
            process=local.process.current(),
            heartbeat=local.heartbeat.current(),
            positions=local.positions.current(),
            file_valid=local.file_valid() if local.polled else {},
            account=remote.account.fresh(),
            status=remote.status.fresh(),
            latency=remote.requests.latency(),
            request_failures=remote.requests.failures(),
            unclean_exits=local.memory.unclean_exits,
        )
