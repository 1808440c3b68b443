"""Asks every source on its own schedule and hands out one consistent snapshot."""

import time
from collections.abc import Callable

from exporter.config import Config
from exporter.observation import Observation
from exporter.readings import ClockReading
from exporter.snapshot import Health, Snapshot
from exporter.sources import ntp
from exporter.sources.exchange import RateBook
from exporter.sources.exchange.silences import SilenceStore
from exporter.watched import Watched
from exporter.watches.host import HostWatch
from exporter.watches.local import Memory
from exporter.watches.references import ReferencesWatch
from exporter.worker import Worker

_TURN_SECONDS = 0.02


class Poller:
    """All asking for one configuration.

    Remote sources are asked in the background. Local ones are read when a scrape asks for
    them (``refresh``), and every few seconds when nobody scrapes, so that nothing between two
    scrapes is missed.

    Args:
        config: whom and how to ask.
        previous: the poller that this one replaces; what it knows is taken over when this one
            starts, and the book of rate limits at once.
        keep_silences: whether to write down what silences are asked for. The server does; who
            looks once beside it would overwrite what the server has heard.
    """

    def __init__(
        self,
        config: Config,
        previous: "Poller | None" = None,
        *,
        keep_silences: bool = False,
    ) -> None:
        settings = config.exporter
        self._previous = previous
        self.limits: RateBook = previous.limits if previous else RateBook()
        silences = SilenceStore(settings.data_dir)
        if keep_silences:
            self.limits.keep_in(silences.save)
        if previous is None:
            self.limits.recall(silences.load())
        self._settings = settings
        self._watched = tuple(
            Watched(
                bot,
                settings,
                self.limits,
                self._recaller(bot.name),
                sharing=config.sharing_account(bot),
            )
            for bot in config.bots
        )
        stale = settings.stale_intervals * settings.ntp_poll_seconds + settings.timeout_seconds
        self._ntp: Observation[ClockReading] = Observation("ntp", stale)
        self._references = ReferencesWatch(settings, self.limits)
        self._host = HostWatch(settings)
        self._local = (
            Worker("host", self._host.seconds, self._host.round, self._host.close),
            *(watched.local for watched in self._watched),
        )
        self._workers = (
            *self._local,
            *(worker for watched in self._watched for worker in watched.background),
            *self._clock_workers(),
        )
        self._memories: dict[str, Memory] = {}

    @property
    def ready(self) -> bool:
        """Whether every source has been asked once."""
        return all(worker.asked_once for worker in self._workers)

    def start(self) -> None:
        """Begin asking everything."""
        self.start_remote()
        self.take_over()

    def start_remote(self) -> None:
        """Begin asking what is not on this host: the poller that this one replaces may go on."""
        for worker in self._workers:
            if worker not in self._local:
                worker.start()

    def take_over(self) -> None:
        """Begin reading files and processes; a poller that this one replaces gives them up."""
        if self._previous is not None:
            self._memories = self._previous.hand_over()
            self._previous = None
            for name in self._memories.keys() - {one.bot.name for one in self._watched}:
                self._memories.pop(name).close()
        for worker in self._local:
            worker.start()

    def wait_first_round(self, seconds: float, *, local: bool = True) -> bool:
        """Wait until every source was asked once; False when that took too long.

        Args:
            seconds: how long at most.
            local: whether files and processes count, too.
        """
        deadline = time.monotonic() + seconds
        workers = [one for one in self._workers if local or one not in self._local]
        return all(worker.wait(1, deadline - time.monotonic()) for worker in workers)

    def refresh(self, seconds: float) -> None:
        """Read files and processes now; what does not end in time is shown as it was."""
        deadline = time.monotonic() + seconds
        late = []
        for worker in self._local:
            number = worker.want()
            # One after the other: side by side they would only take turns with each small read.
            # But one that waits for its disk must not hold up the others.
            if not worker.wait(number, min(_TURN_SECONDS, deadline - time.monotonic())):
                late.append((worker, number))
        for worker, number in late:
            worker.wait(number, deadline - time.monotonic())

    def hand_over(self, seconds: float = 5.0) -> dict[str, Memory]:
        """Stop reading files and processes and return what was learned about each bot."""
        self._stop(self._local, seconds)
        return {watched.bot.name: watched.hand_over() for watched in self._watched}

    def stop(self, seconds: float = 0.5) -> None:
        """Stop asking; a thread that waits for the network is left to end with the program."""
        self._stop(self._workers, seconds)

    def snapshot(self) -> Snapshot:
        """Return what is known now."""
        settings = self._settings
        health: dict[str, Health] = {}
        if settings.ntp_servers:
            health["ntp"] = self._ntp.health()
        if self._references.configured:
            health["reference"] = self._references.health
        clocks = {"ntp": self._ntp.fresh()}
        return Snapshot(
            bots=tuple(watched.snapshot(clocks, health) for watched in self._watched),
            host=self._host.host.fresh(),
            clock_daemons=self._host.clock_daemons.fresh() or (),
        )

    def _recaller(self, name: str) -> Callable[[], Memory]:
        return lambda: self._memories.get(name) or Memory()

    def _stop(self, workers: tuple[Worker, ...], seconds: float) -> None:
        for worker in workers:
            worker.stop()
        deadline = time.monotonic() + seconds
        for worker in workers:
            if worker.is_alive():
                worker.join(max(0.0, deadline - time.monotonic()))

    def _clock_workers(self) -> list[Worker]:
        settings, workers = self._settings, []
        if settings.ntp_servers:
            workers.append(Worker("ntp", settings.ntp_poll_seconds, self._ask_ntp))
        if (watch := self._references).configured:
            workers.append(Worker(watch.name, watch.seconds, watch.round, watch.close))
        return workers

    def _ask_ntp(self) -> None:
        servers, timeout = self._settings.ntp_servers, self._settings.timeout_seconds
        self._ntp.ask(lambda: ntp.read_clock(servers, timeout=timeout))
