"""The exporter as a process, and what one scrape of it says."""

import re
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import yaml

from exporter.collectors import sources
from exporter.errors import Reason
from exporter.scrape import TIMEOUT_HEADER
from tests.web.served import PATIENCE_SECONDS, Served

_SCRAPE_SECONDS = 8.0
_PAGE_SECONDS = 60.0  # nobody scrapes it, and dozens of bots may be on it
_UP = re.compile(r'tradingbot_source_up\{bot="([^"]+)",source="([^"]+)"\} ([01])\.0')
_FAILURES = 'tradingbot_source_failures_total{bot="%s",reason="%s",source="%s"}'
_SUCCESS = re.compile(r'tradewarden_exporter_collector_success\{collector="([^"]+)"\} (\S+)')


@dataclass(frozen=True)
class Scrape:
    """One answer of /metrics: when it was asked for (monotonic), how long it took, what it says."""

    at: float
    seconds: float
    status: int
    text: str

    @cached_property
    def series(self) -> dict[str, float]:
        """Every series as it is written, and its value."""
        pairs = (line.rsplit(" ", 1) for line in self.text.splitlines() if line[:1] != "#")
        return {name: float(value) for name, value in pairs}

    @cached_property
    def _sources(self) -> dict[str, dict[str, bool]]:
        found: dict[str, dict[str, bool]] = {}
        for bot, source, up in _UP.findall(self.text):
            found.setdefault(bot, {})[source] = up == "1"
        return found

    @property
    def all_up(self) -> bool:
        """Whether every source of every bot is up."""
        return bool(self._sources) and all(all(one.values()) for one in self._sources.values())

    def sources(self, bot: str) -> dict[str, bool]:
        """Return which of a bot's sources are up."""
        return self._sources[bot]

    def failures(self, bot: str, source: str) -> dict[str, float]:
        """Return the failures of a source, by reason."""
        return {
            reason.value: self.series.get(_FAILURES % (bot, reason.value, source), 0.0)
            for reason in Reason
        }

    def has_failed(self, bot: str, source: str, before: "Scrape") -> bool:
        """Return whether a source is down, and has failed since then."""
        failures, then = self.failures(bot, source), before.failures(bot, source)
        return not self.sources(bot)[source] and sum(failures.values()) > sum(then.values())

    def value(self, series: str) -> float | None:
        """Return the value of one series, as it is written; None if it is not there."""
        return self.series.get(series)

    @property
    def failed_collectors(self) -> set[str]:
        """Which groups of metrics could not be made."""
        return {m[1] for m in _SUCCESS.finditer(self.text) if float(m[2]) != 1}


class Ground:
    """``exporter serve`` on a configuration.

    Args:
        directory: for the configuration and the log.
        plain: the configuration.
        launcher: what starts the program, if not we ourselves.
    """

    def __init__(
        self, directory: Path, plain: dict[str, Any], *, launcher: tuple[str, ...] = ()
    ) -> None:
        self.config = directory / "tradewarden.yml"
        self.config.write_text(yaml.safe_dump(plain), encoding="utf-8")
        self.served = Served(self.config, launcher=launcher)
        try:
            self.url = self.served.url
        except BaseException:
            self.served.stop()
            raise

    def scrape(self, *collectors: str, seconds: float = _SCRAPE_SECONDS) -> Scrape:
        """Ask for metrics, all or some, with Prometheus' own deadline.

        What hangs in these tests hangs for longer than is waited here.

        Raises:
            httpx.TimeoutException: the scrape waited for something that hangs.
            AssertionError: the answer is not whole.
        """
        started = time.monotonic()
        response = httpx.get(
            f"{self.url}/metrics",
            params=[("collect[]", name) for name in collectors],
            headers={TIMEOUT_HEADER: str(seconds)},
            timeout=max(seconds, PATIENCE_SECONDS),
            trust_env=False,
        )
        took = time.monotonic() - started
        scrape = Scrape(started, took, response.status_code, response.text)
        assert scrape.status == 200, scrape.text[:2000]
        assert not scrape.failed_collectors, scrape.failed_collectors
        return scrape

    def page(self, path: str) -> str:
        """Return one of the pages for people."""
        response = httpx.get(f"{self.url}{path}", timeout=_PAGE_SECONDS, trust_env=False)
        assert response.status_code == 200, response.text[:2000]
        return response.text

    def stop(self) -> None:
        """Leave no process behind."""
        self.served.stop()


def unforeseen(source: str, before: dict[str, float], after: dict[str, float]) -> set[str]:
    """Return reasons that were counted since, and that the source should never give."""
    allowed = {reason.value for reason in sources.REASONS[source]} - {Reason.INTERNAL.value}
    return {reason for reason, count in after.items() if count > before.get(reason, 0)} - allowed


def check_log(log: str) -> None:
    """Nothing broke: whatever happened was foreseen.

    Raises:
        AssertionError: with what was said about it.
    """
    for sign in ("Traceback", " broke", "did not close", "request failed", "Exception ignored"):
        assert sign not in log, log[max(0, log.find(sign) - 2000) : log.find(sign) + 4000]
