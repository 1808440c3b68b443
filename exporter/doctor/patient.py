"""One bot under examination, and the host that it shares: each thing is read at most once."""

import os

from exporter.config import Bot, Config, Credentials
from exporter.doctor.ending import Ending
from exporter.doctor.exchange_looks import AccountFindings, ExchangeLooks
from exporter.doctor.look import Look, Outcome
from exporter.errors import Reason, SourceError
from exporter.readings import (
    BotSettings,
    ClockDaemonReading,
    ClockReading,
    DataReading,
    HostReading,
    MemoryReading,
    ProcessReading,
    SymbolRules,
)
from exporter.sources import bot as bot_source
from exporter.sources import bot_doctor, ntp
from exporter.sources.bot_doctor import DoctorReading
from exporter.sources.clock_daemons import read_clock_daemons
from exporter.sources.datafiles import DataFiles
from exporter.sources.exchange import RateBook
from exporter.sources.host import read_process
from exporter.sources.host_memory import read_host
from exporter.sources.memory import read_memory


class Host:
    """What all bots of one pass share.

    Args:
        config: which time servers.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self.ntp: Look[ClockReading | None] = Look(self._read_ntp)
        self.time_services: Look[tuple[ClockDaemonReading, ...]] = Look(read_clock_daemons)
        self.memory: Look[HostReading] = Look(read_host)

    def _read_ntp(self) -> ClockReading | None:
        settings = self._config.exporter
        if not settings.ntp_servers:
            return None
        return ntp.read_clock(settings.ntp_servers, timeout=settings.timeout_seconds)


class Patient:
    """One bot, and everything that checks may ask about it.

    Args:
        config: the whole file.
        bot: which bot.
        host: what it shares with the others.
        limits: the book of rate limits that it shares with the others.
        gate: whether this is about starting it: then the account is not optional.
        ending: what waits for the bot's own doctor when we must end.
    """

    def __init__(
        self,
        config: Config,
        bot: Bot,
        host: Host,
        limits: RateBook,
        *,
        gate: bool,
        ending: Ending,
    ) -> None:
        self.config = config
        self.bot = bot
        self.host = host
        self.gate = gate
        self.nested = bool(os.environ.get(bot_doctor.NESTED_VARIABLE))
        self.credentials: Credentials | None = bot.venue.credentials.account_reader
        self._ending = ending
        self.sharing = config.sharing_account(bot)
        self._exchange = ExchangeLooks(bot, config.exporter, limits, self.sharing)
        self.settings: Look[BotSettings] = Look(lambda: bot_source.read_settings(bot))
        self.process: Look[ProcessReading] = Look(lambda: read_process(bot))
        self.memory: Look[MemoryReading | None] = Look(self._read_memory)
        self.data: Look[DataReading] = Look(self._read_data)
        self.venue = Look(self._exchange.venue)
        self.streams = Look(self._exchange.streams)
        self.keys = Look(self._exchange.keys)
        self.rules = Look(self._exchange.rules)
        self.account: Look[AccountFindings] = Look(self._read_account)

    def own_doctor(self) -> DoctorReading:
        """Run the bot's own doctor.

        Raises:
            SourceError: it cannot be started or does not end in time.
        """
        seconds = self.config.remediation.command_seconds
        with self._ending.awaited():
            reading = bot_doctor.run_doctor(
                self.bot, timeout=seconds, stopping=self._ending.asked_for
            )
        if reading is None:
            raise SourceError(Reason.UNSUPPORTED, "not run")
        return reading

    def _read_memory(self) -> MemoryReading | None:
        return read_memory(self.bot, self.process.get())

    def _read_data(self) -> DataReading:
        # Before a start nobody restores anything, and judging a backup may take long.
        return DataFiles(self.bot).check(backup=not self.gate)

    def _read_account(self) -> AccountFindings:
        if self.credentials is None:
            missing = SourceError(
                Reason.NO_CREDENTIALS,
                "no key may read the account: venue.credentials.exporter is not configured",
                permanent=True,
            )
            return AccountFindings(Outcome(None, missing), Outcome(None, missing))
        return self._exchange.account(self._known_rules())

    def _known_rules(self) -> tuple[SymbolRules, ...] | None:
        try:
            return self.rules.get()
        except SourceError:
            return None  # then a difference is unknown, as nobody can say what is rounding
