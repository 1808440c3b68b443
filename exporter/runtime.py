"""The running exporter: current configuration and poller, swapped as one on reload."""

import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric

from exporter import __version__, config_file, rate_plan
from exporter.collectors import COLLECTORS
from exporter.collectors.families import Family
from exporter.config import Config
from exporter.errors import ConfigError
from exporter.own_metrics import own_metrics
from exporter.poller import Poller
from exporter.scrape import Scraper
from exporter.snapshot import Snapshot

_FIRST_ROUND_SECONDS = 10.0
_LOCAL_ROUND_SECONDS = 2.0
_READING_SHARE = 0.7  # of a scrape's time for a slow disk; the rest is for the metrics

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inspection:
    """Everything about one collector at one moment; ``now`` is Unix time.

    ``declared`` is what it can show, ``families`` what it shows now.
    """

    config: Config
    snapshot: Snapshot
    declared: tuple[Family, ...]
    families: tuple[Metric, ...]
    now: float


class Exporter:
    """Everything behind the HTTP endpoints.

    Args:
        path: the configuration file, read again on reload.
        config: what it said at start.
        scraper: runs the collectors.
        own_process: whether to show memory, CPU and descriptors of this process.
        keep_silences: whether to write down what silences are asked for, as the server does.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        scraper: Scraper | None = None,
        *,
        own_process: bool = True,
        keep_silences: bool = False,
    ) -> None:
        self._path = path
        self._config = config
        self._keep_silences = keep_silences
        self._poller = Poller(config, keep_silences=keep_silences)
        self._scraper = scraper or Scraper()
        self._inspector = Scraper()
        self._reloading = threading.Lock()
        self._reload_successful = True
        self._reload_success_time = time.time()
        self._process = ProcessCollector(registry=None) if own_process else None

    @property
    def config(self) -> Config:
        """The configuration in force."""
        return self._config

    @property
    def collector_names(self) -> tuple[str, ...]:
        """Which collectors are enabled."""
        return self._scraper.names

    @property
    def ready(self) -> bool:
        """Whether every source has been asked once."""
        return self._poller.ready

    def start(self) -> None:
        """Begin asking."""
        _say_what_will_not_fit(self._config)
        self._poller.start()

    def wait_first_round(self, seconds: float) -> bool:
        """Wait until every source was asked once."""
        return self._poller.wait_first_round(seconds)

    def stop(self) -> None:
        """Stop asking."""
        self._poller.stop()

    def reload(self) -> None:
        """Read the file again and swap; a file that is wrong changes nothing.

        1. The whole new configuration is built and judged.
        2. Its poller asks everybody once, so no value is missing after the swap. Meanwhile
           the old one reads the files on: an exchange that hangs must not hide a kill switch.
        3. Only then does it take the files over and replace the old one.

        Raises:
            ConfigError: what is wrong with the file; the old configuration stands.
        """
        with self._reloading:
            try:
                config = config_file.load(self._path)
            except ConfigError as error:
                self._reload_successful = False
                _log.error("reload failed, the old configuration stands: %s", error)
                raise
            fresh = Poller(config, self._poller, keep_silences=self._keep_silences)
            fresh.start_remote()
            fresh.wait_first_round(_FIRST_ROUND_SECONDS, local=False)
            fresh.take_over()
            fresh.wait_first_round(_LOCAL_ROUND_SECONDS)
            old, self._poller, self._config = self._poller, fresh, config
            self._reload_successful, self._reload_success_time = True, time.time()
            old.stop()
            _log.info("configuration reloaded")
            _say_what_will_not_fit(config)

    def metrics(self, seconds: float, names: Collection[str] | None = None) -> tuple[Metric, ...]:
        """Return what /metrics shows, produced within ``seconds``; ``names`` limits it."""
        snapshot, left = self._look(seconds)
        families = self._scraper.scrape(snapshot, left, names)
        own = own_metrics(
            __version__,
            reload_successful=self._reload_successful,
            reload_success_time=self._reload_success_time,
        )
        process = self._process.collect() if self._process is not None else ()
        return (*families, *own, *process)

    def inspect(self, name: str, seconds: float) -> Inspection:
        """Look at one collector, also at one that is not enabled for scrapes."""
        snapshot, left = self._look(seconds)
        families = self._inspector.scrape(snapshot, left, [name])
        declared = tuple(
            family for one in COLLECTORS if one.name == name for family in one.families
        )
        return Inspection(self._config, snapshot, declared, families, time.time())

    def _look(self, seconds: float) -> tuple[Snapshot, float]:
        """Read files and processes now; return what is known and the seconds that are left."""
        deadline = time.monotonic() + seconds
        poller = self._poller
        poller.refresh(seconds * _READING_SHARE)
        return poller.snapshot(), deadline - time.monotonic()


def _say_what_will_not_fit(config: Config) -> None:
    for hint in rate_plan.hints(config):
        _log.warning("%s", hint)
