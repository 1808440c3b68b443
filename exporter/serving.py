"""The exporter as a program: put together, serve until told to stop, end in order."""

import hashlib
import logging
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter import config_file, heap
from exporter.collectors import Collector
from exporter.errors import ConfigError
from exporter.runtime import Exporter
from exporter.scrape import Scraper
from exporter.signals import Signals
from exporter.web.access import Access
from exporter.web.endpoints import Endpoints
from exporter.web.listen import inherited, listen
from exporter.web.options import WebOptions
from exporter.web.server import Server
from exporter.web.web_config import WebConfigFile
from exporter.worker import Worker

_STOP = (signal.SIGTERM, signal.SIGINT)
_TRIM_SECONDS = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What the command line says; ``listen`` is empty for systemd's sockets."""

    config_path: Path
    web_config_path: Path | None
    listen: Sequence[str]
    web: WebOptions
    collectors: Sequence[Collector]
    own_process: bool
    auto_reload_seconds: float | None


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reloads.

    1. Everything that can be wrong is found before anything is asked: both files, the
       certificates, the addresses.
    2. Sources are asked and requests are answered.
    3. At the end no more connections are taken, and answers being made get a moment.

    Raises:
        TradewardenError: one line that says why it cannot serve.
    """
    heap.limit()
    signals = Signals(*_STOP, signal.SIGHUP)
    changes = _Changes(settings.config_path)
    config = config_file.load(settings.config_path)
    exporter = Exporter(
        settings.config_path,
        config,
        Scraper(settings.collectors),
        own_process=settings.own_process,
        keep_silences=True,
    )
    file = WebConfigFile(settings.web_config_path) if settings.web_config_path else None
    access = Access(file)
    access.examine()
    sockets = listen(settings.listen) if settings.listen else inherited()
    server = Server(sockets, access, Endpoints(exporter, access, settings.web))
    exporter.start()
    server.start()
    Worker("heap", _TRIM_SECONDS, heap.give_back).start()
    for address in server.addresses:
        _log.info("listening", extra={"fields": {"address": address}})
    while _next(signals, changes, settings.auto_reload_seconds) not in _STOP:
        # In a thread of its own, so that a stop need not wait for it.
        threading.Thread(target=_reload, args=(exporter,), daemon=True).start()
    _log.info("stopping")
    server.stop()
    exporter.stop()


class _Changes:
    """Notices that the configuration file's content has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = self._now()

    def found(self) -> bool:
        """Whether it has changed since it was last asked for."""
        before, self._digest = self._digest, self._now()
        return before != self._digest

    def _now(self) -> bytes | None:
        try:
            return hashlib.sha256(self._path.read_bytes()).digest()
        except OSError:
            return None


def _next(signals: Signals, changes: _Changes, seconds: float | None) -> signal.Signals:
    """Wait for a signal; a change of the file, where these count, is as good as SIGHUP."""
    while (number := signals.wait(seconds)) is None:
        if changes.found():
            return signal.SIGHUP
    return number


def _reload(exporter: Exporter) -> None:
    try:
        exporter.reload()
    except ConfigError:
        return  # logged where it happened; the old configuration stands
