"""The running exporter: current configuration and poller, swapped as one on reload."""

import logging
import threading
import time
from pathlib import Path

from prometheus_client import ProcessCollector
from prometheus_client.core import Metric

from exporter import __version__, config_file
from exporter.config import Config
from exporter.errors import ConfigError
from exporter.own_metrics import own_metrics
from exporter.poller import Poller
from exporter.scrape import Scraper

_FIRST_ROUND_SECONDS = 10.0

_log = logging.getLogger(__name__)


class Exporter:
    """Everything behind the HTTP endpoints.

    Args:
        path: the configuration file, read again on reload.
        config: what it said at start.
        scraper: runs the collectors.
    """

    def __init__(self, path: Path, config: Config, scraper: Scraper | None = None) -> None:
        self._path = path
        self._poller = Poller(config)
        self._scraper = scraper or Scraper()
        self._reloading = threading.Lock()
        self._reload_successful = True
        self._reload_success_time = time.time()
        self._process = ProcessCollector(registry=None)

    @property
    def ready(self) -> bool:
        """Whether every source has been asked once."""
        return self._poller.ready

    def start(self) -> None:
        """Begin asking."""
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
        2. Its poller runs one round, so no value is missing after the swap.
        3. Only then does it replace the old one.

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
            fresh = Poller(config, previous=self._poller)
            fresh.start()
            fresh.wait_first_round(_FIRST_ROUND_SECONDS)
            old, self._poller = self._poller, fresh
            self._reload_successful, self._reload_success_time = True, time.time()
            old.stop()
            _log.info("configuration reloaded")

    def metrics(self, seconds: float) -> tuple[Metric, ...]:
        """Return everything that /metrics shows, produced within ``seconds``."""
        families = self._scraper.scrape(self._poller.snapshot(), seconds)
        own = own_metrics(
            __version__,
            reload_successful=self._reload_successful,
            reload_success_time=self._reload_success_time,
        )
        return (*families, *own, *self._process.collect())
