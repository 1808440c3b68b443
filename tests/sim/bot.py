"""A trading bot with the runbook's habits: TradingBot2, simulated, as a real process.

Exit status: 0 stopped properly, 2 refused by its kill switch, 3 a second instance.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.sim import bot_files
from tests.sim.bot_client import Client, RejectedError, UnknownOutcomeError, UnreachableError
from tests.sim.bot_files import FLAG, STEP_SECONDS, Settings
from tests.sim.bot_memory import Memory
from tests.sim.bot_metrics import open_metrics
from tests.sim.bot_stream import MarketData
from tests.sim.bot_trading import Trader

_TRADE_STEPS = 4
_ENTRY_STEPS = 40
_FILTER_STEPS = 4
_REFUSED, _SECOND = 2, 3
_TIMESTAMP_CODE = -1021
# What the runbook calls these refusals; the exchange's own words follow.
_KEY_CODES = {-2008: "Invalid API key", -2014: "Invalid API key", -2015: "Invalid API key"}
_KEY_CODES |= {-1022: "Signature verification failed"}


class Bot:
    """The loop. A trip latches in memory; only a new process can trade again."""

    def __init__(self, settings: Settings, log: logging.Logger, *, dry_run: bool) -> None:
        self._settings = settings
        self._log = log
        self._client = Client(settings)
        self._trader = Trader(self._client, settings.symbol, log, dry_run=dry_run)
        self._counters = {"consecutive_errors": 0, "errors_total": 0}
        self._tripped = False
        self._halted = False
        self._reconciled = False
        self._clock_due = 0.0
        self._clock_ok = False
        self._wait_trade = 0
        self._wait_entry = 0
        self._wait_filters = 0
        self._filters_problem: str | None = None
        self._memory = Memory()
        url = settings.stream_url
        self._market_data = MarketData(url, settings.symbol, log) if url else None
        self._metrics = open_metrics(settings.metrics_port, self._market_data, log)

    def run(self, stop: threading.Event) -> None:
        """Step until asked to stop, then leave no resting order behind."""
        if self._market_data is not None:
            self._market_data.start()
        while not stop.is_set():
            self._memory.obey()
            self._guarded(self._step)
            bot_files.beat()
            if self._metrics is not None:
                self._metrics.beat()
            stop.wait(STEP_SECONDS)
        self._guarded(self._trader.withdraw)
        self._client.close()
        if self._market_data is not None:
            self._market_data.stop()
        if self._metrics is not None:
            self._metrics.stop()

    def start_latch(self, counters: dict[str, int]) -> None:
        """Write the untripped latch, counters kept."""
        self._counters |= counters
        self._counters["consecutive_errors"] = 0
        bot_files.write_latch(None, self._counters)

    def _step(self) -> None:
        self._look_at_flag()
        self._look_at_filters()
        if time.monotonic() >= self._clock_due:
            self._check_clock()
        # Halted or not: what became of an order that was sent must be known.
        self._trader.settle()
        if self._tripped or self._halted:
            return
        if not self._reconciled:
            self._trader.reconcile()
            self._reconciled = True
        if not self._clock_ok:
            return
        self._wait_trade -= 1
        self._wait_entry -= 1
        if self._wait_entry < 0:
            self._trader.renew_entry()
            self._wait_entry = _ENTRY_STEPS
        if self._wait_trade < 0:
            self._trader.trade()
            self._wait_trade = _TRADE_STEPS - 1
            self._succeeded()

    def _look_at_flag(self) -> None:
        halted = FLAG.exists() or FLAG.is_symlink()
        if halted and not self._halted:
            self._log.warning("Kill switch flag present: not accepting signals")
        if self._halted and not halted and not self._tripped:
            self._log.info("Kill switch flag gone: accepting signals")
            self._clock_due = 0.0  # never trade on a measurement from before the halt
        self._halted = halted

    def _look_at_filters(self) -> None:
        self._wait_filters -= 1
        if self._wait_filters >= 0:
            return
        self._wait_filters = _FILTER_STEPS
        problem = bot_files.filters_problem()
        if problem is not None and problem != self._filters_problem:
            self._log.error("Invalid data in %s", problem)
        self._filters_problem = problem

    def _check_clock(self) -> None:
        self._clock_due = time.monotonic() + self._settings.refresh_seconds
        self._clock_ok = False
        offset = self._client.clock_offset_ms()
        if abs(offset) > self._settings.kill_ms and not (self._halted or self._tripped):
            self._trip(f"clock drift {offset:+.0f} ms exceeds {self._settings.kill_ms:.0f} ms")
        elif abs(offset) > self._settings.warn_ms:
            self._log.warning(
                "Clock drift %+.0f ms exceeds warn threshold %.0f ms",
                offset,
                self._settings.warn_ms,
            )
        self._clock_ok = True

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except RejectedError as error:
            name = _KEY_CODES.get(error.code)
            words = f"{name}: {error}" if name else str(error)
            self._log.error("%s (code %d)", words, error.code)
            if error.code == _TIMESTAMP_CODE:
                # The clock guard owns this: hold until the next measurement.
                self._clock_ok = False
            else:
                self._failed()
        except (UnreachableError, UnknownOutcomeError) as error:
            self._log.error("%s: %s", error, self._settings.base_url)

    def _failed(self) -> None:
        self._counters["errors_total"] += 1
        self._counters["consecutive_errors"] += 1
        count = self._counters["consecutive_errors"]
        if count >= self._settings.max_errors and not self._tripped:
            self._trip(f"{count} consecutive errors")
        elif not self._tripped:
            bot_files.write_latch(None, self._counters)

    def _succeeded(self) -> None:
        if self._counters["consecutive_errors"]:
            self._counters["consecutive_errors"] = 0
            bot_files.write_latch(None, self._counters)

    def _trip(self, reason: str) -> None:
        self._tripped = self._halted = True
        bot_files.write_latch(reason, self._counters)
        self._log.critical("Kill switch triggered: %s", reason)


def main(arguments: list[str] | None = None) -> int:
    """Run in the current directory, the bot's root."""
    parser = argparse.ArgumentParser(prog="script_live.py")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args(arguments)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    log = _open_log()
    try:
        with bot_files.only_instance() as alone:
            if not alone:
                log.error("Refusing to start: another bot runs in this root")
                return _SECOND
            return _run(options.config, stop, log, dry_run=options.dry_run)
    except Exception:
        log.exception("Unhandled exception")
        raise


def _run(config: Path, stop: threading.Event, log: logging.Logger, *, dry_run: bool) -> int:
    settings = bot_files.read_settings(config)
    latch, problem = _look_at_latch()
    if problem is not None:
        log.error("Refusing to start: %s", problem)
        return _REFUSED
    mode = "dry-run" if dry_run else "live"
    bot = Bot(settings, log, dry_run=dry_run)
    with bot_files.pidfile():
        log.info("Starting TradingBot2 (pid %d, mode %s)", os.getpid(), mode)
        bot.start_latch(latch.get("counters") or {})
        bot.run(stop)
    log.info("Shutdown complete")
    return 0


def _look_at_latch() -> tuple[dict[str, Any], str | None]:
    if FLAG.exists() or FLAG.is_symlink():
        return {}, f"{FLAG} exists"
    try:
        latch = bot_files.read_latch() or {}
    except (OSError, ValueError) as error:
        return {}, f"kill switch state is unreadable: {error}"
    if latch.get("tripped"):
        return {}, f"kill switch state is tripped: {latch.get('reason')}"
    return latch, None


def _open_log() -> logging.Logger:
    handler = logging.FileHandler("logs/bot.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("tradingbot2")
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    return log


if __name__ == "__main__":
    sys.exit(main())
