"""One pass of every check, for a person before resuming and for the resume gate.

The gate answers "may this bot be started now?": everything that must be true
before, and nothing (process, heartbeat) that can only be true after.
"""

import enum
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from exporter.config import Bot, Config, Credentials
from exporter.errors import Reason, SourceError
from exporter.readings import AccountReading, ClockReading, ExitKind
from exporter.reconcile import differences
from exporter.secrets import read_api_key
from exporter.sources import bot as bot_source
from exporter.sources import bot_doctor, host, ntp
from exporter.sources.exchange import Exchange, open_exchange

RESUME = "resume"
_ATTEMPTS = 3
_ATTEMPT_PAUSE_SECONDS = 1.0


class Status(enum.StrEnum):
    """What a check found; UNKNOWN is as little a pass as FAIL is."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    bot: str
    check: str
    scenario: str
    status: Status
    detail: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done."""
        return self.status is Status.PASS


_Verdict = tuple[bool, str]


def examine(
    config: Config,
    bots: Sequence[Bot],
    gate: str | None,
    *,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Check, ...]:
    """Run every check for the bots given; the clock is asked once for all."""
    clock = _ask_ntp(config)
    checks: list[Check] = []
    for bot in bots:
        checks.extend(_Examination(config, bot, gate, clock, pause).run())
    return tuple(checks)


def _ask_ntp(config: Config) -> ClockReading | SourceError | None:
    settings = config.exporter
    if not settings.ntp_servers:
        return None
    try:
        return ntp.read_clock(settings.ntp_servers, timeout=settings.timeout_seconds)
    except SourceError as error:
        return error


class _Examination:
    """All checks of one bot."""

    def __init__(
        self,
        config: Config,
        bot: Bot,
        gate: str | None,
        ntp_clock: ClockReading | SourceError | None,
        pause: Callable[[float], None],
    ) -> None:
        self._config = config
        self._bot = bot
        self._gate = gate
        self._ntp = ntp_clock
        self._pause = pause
        self._settings = bot_source.read_settings(bot)
        roles = bot.venue.credentials
        self._credentials: Credentials | None = roles.exporter or roles.bot

    def run(self) -> Iterator[Check]:
        """Yield the checks in the order in which a person would make them."""
        yield self._check("configuration", "", self._configuration, _ADVICE_CONFIG)
        try:
            exchange = self._open()
        except SourceError as error:
            name, scenario = "exchange reachable", "network_disconnection"
            detail, advice = error.detail, _ADVICE_EXCHANGE
            yield Check(self._bot.name, name, scenario, Status.UNKNOWN, detail, advice)
        else:
            try:
                yield from self._exchange_checks(exchange)
            finally:
                exchange.close()
        yield self._check("kill switch", "kill_switch", self._kill_switch, _ADVICE_KILL_SWITCH)
        if self._gate is None:
            yield self._check("process", "process_crash", self._process, _ADVICE_PROCESS)
            yield self._check("heartbeat", "process_crash", self._heartbeat, _ADVICE_HEARTBEAT)
        if self._bot.commands.doctor and not os.environ.get(bot_doctor.NESTED_VARIABLE):
            yield self._check("bot's own doctor", "", self._bot_doctor, _ADVICE_DOCTOR)

    def _exchange_checks(self, exchange: Exchange) -> Iterator[Check]:
        def reachable() -> _Verdict:
            return True, f"ping took {exchange.ping().seconds * 1000:.0f} ms"

        def status() -> _Verdict:
            reading = exchange.status()
            return not reading.maintenance, reading.message or "no message"

        failed = Status.FAIL
        yield self._check(
            "exchange reachable", "network_disconnection", reachable, _ADVICE_EXCHANGE, failed
        )
        yield self._check("no maintenance", "exchange_maintenance", status, _ADVICE_MAINTENANCE)
        yield self._check("clock", "clock_drift", lambda: self._clock(exchange), _ADVICE_CLOCK)
        # Without any key these are not offered; before a resume they are not optional.
        if self._credentials is None and self._gate is None:
            return
        account = self._check(
            "account readable", "api_key", lambda: self._account(exchange), _ADVICE_KEY, failed
        )
        yield account
        yield self._check(
            "positions", "position_mismatch", lambda: self._positions(exchange), _ADVICE_POSITIONS
        )

    def _check(
        self,
        name: str,
        scenario: str,
        question: Callable[[], _Verdict],
        advice: str,
        on_error: Status = Status.UNKNOWN,
    ) -> Check:
        try:
            ok, detail = question()
            status = Status.PASS if ok else Status.FAIL
        except SourceError as error:
            status, detail = on_error, error.detail
        except Exception as error:  # noqa: BLE001 - a check that breaks is not a pass
            status, detail = Status.UNKNOWN, f"the check itself broke: {type(error).__name__}"
        shown = "" if status is Status.PASS else advice
        return Check(self._bot.name, name, scenario, status, detail, shown)

    def _open(self) -> Exchange:
        key = None
        if self._credentials is not None:
            try:
                key = read_api_key(self._credentials)
            except SourceError:
                key = None  # "account readable" asks again and says why
        return open_exchange(self._bot.venue, key, timeout=self._config.exporter.timeout_seconds)

    def _configuration(self) -> _Verdict:
        if not self._settings.readable:
            return False, self._settings.detail
        if not bot_source.path(self._bot, ".").is_dir():
            return False, f"{self._bot.root} is not a directory"
        return True, f"mode {self._bot.mode}, {self._bot.venue.kind}"

    def _clock(self, exchange: Exchange) -> _Verdict:
        reading = exchange.clock(self._config.exporter.clock_samples)
        limit = self._settings.clock_warn_seconds
        said = f"exchange {reading.offset_seconds:+.3f} s"
        if isinstance(self._ntp, SourceError):
            raise self._ntp
        if self._ntp is None:
            said += ", NTP is not configured"
            return abs(reading.offset_seconds) <= limit, f"{said}, limit {limit:g} s"
        said += f", NTP {self._ntp.offset_seconds:+.3f} s, limit {limit:g} s"
        apart = abs(reading.offset_seconds - self._ntp.offset_seconds)
        tolerance = reading.error_bound_seconds + self._ntp.error_bound_seconds
        agree = apart <= max(ntp.AGREEMENT_SECONDS, tolerance)
        within = max(abs(reading.offset_seconds), abs(self._ntp.offset_seconds)) <= limit
        if not agree:
            said += "; they disagree, so do not touch the clock on this"
        return within and agree, said

    def _account(self, exchange: Exchange) -> _Verdict:
        if self._credentials is not None:
            read_api_key(self._credentials)  # names what is missing, where there is no key
        account = exchange.account()
        held, resting = len(account.positions), len(account.open_orders)
        return True, f"{held} positions, {resting} open orders"

    def _positions(self, exchange: Exchange) -> _Verdict:
        """Ask again before calling it a difference: a fill may fall between the two reads."""
        found: tuple[str, ...] = ()
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(_ATTEMPT_PAUSE_SECONDS)
            found = self._compare(exchange.account())
            if not found:
                return True, "the bot's file and the exchange agree"
        return False, "; ".join(found)[:500]

    def _compare(self, account: AccountReading) -> tuple[str, ...]:
        local = bot_source.read_positions(self._bot).positions
        return differences(local, account, self._bot.venue.kind)

    def _kill_switch(self) -> _Verdict:
        """One look cannot tell a state file that was lost from one that never was.

        The runbook lets a person remove it (section 3, step 3), so its absence alone does
        not fail; whoever has seen it before, as exporter and receiver do, is stricter.
        """
        reading = bot_source.read_kill_switch(self._bot, seen=False)
        return not reading.engaged and (
            self._gate is not None or not reading.paused
        ), reading.reason

    def _process(self) -> _Verdict:
        reading = host.read_process(self._bot)
        one = reading.up and len(reading.pids) <= 1
        ended = "" if reading.up else f", last exit {reading.last_exit.value}"
        return one, reading.detail + (ended if reading.last_exit is not ExitKind.RUNNING else "")

    def _heartbeat(self) -> _Verdict:
        age = time.time() - bot_source.read_heartbeat(self._bot)
        limit = self._bot.heartbeat.max_age_seconds
        return age <= limit, f"{age:.0f} s ago, limit {limit:g} s"

    def _bot_doctor(self) -> _Verdict:
        reading = bot_doctor.run_doctor(self._bot, timeout=self._config.remediation.command_seconds)
        if reading is None:
            raise SourceError(Reason.UNSUPPORTED, "not run")
        said = " | ".join(reading.lines)
        return reading.status == 0, f"exit status {reading.status}" + (f": {said}" if said else "")


_ADVICE_CONFIG = "Correct the bot's configuration file or its path (root, bot_config)."
_ADVICE_EXCHANGE = "Check DNS, network and firewall, then the exchange's status page (runbook 1)."
_ADVICE_MAINTENANCE = "Wait for the exchange to end its maintenance; do not restart (runbook 5)."
_ADVICE_CLOCK = "Synchronise the clock if both references say so, and measure again (runbook 2)."
_ADVICE_KEY = "Check key, permissions and IP list of the exporter's key (runbook 8)."
_ADVICE_POSITIONS = "Find out which side is right before anything trades again (runbook 9)."
_ADVICE_KILL_SWITCH = "Find the cause; only a person releases the kill switch (runbook 3)."
_ADVICE_PROCESS = "See the log for the cause before starting it again (runbook 6)."
_ADVICE_HEARTBEAT = "The process may hang: see its log and stack (runbook 6)."
_ADVICE_DOCTOR = "Run the command by hand in the bot's root and follow what it says."
