"""What is read of one bot's files and process each round."""

from dataclasses import dataclass, replace

from exporter.config import Bot, ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.observation import Observation
from exporter.readings import (
    BotSettings,
    ExitKind,
    KillSwitchReading,
    PositionsFileReading,
    ProcessReading,
)
from exporter.sources import bot as bot_source
from exporter.sources import host

_INTERVAL_SECONDS = 5.0
_GRACE_SECONDS = 10.0  # a slow disk is no dead thread


@dataclass
class Memory:
    """What a reload must not forget about a bot: files that existed, exits that were counted."""

    state_seen: bool = False
    positions_seen: bool = False
    unclean_exits: int = 0
    settings: BotSettings | None = None
    was_up: bool = False
    stopped_cleanly: bool = False


class LocalWatch:
    """One bot's files and process."""

    def __init__(self, bot: Bot, settings: ExporterSettings, memory: Memory) -> None:
        self.seconds = min(settings.poll_seconds, _INTERVAL_SECONDS)
        stale = settings.stale_intervals * self.seconds + _GRACE_SECONDS
        self._bot = bot
        self.memory = memory
        self.polled = False
        self.files: Observation[None] = Observation(f"{bot.name}/bot_files", stale)
        self.kill_switch: Observation[KillSwitchReading] = Observation("", stale)
        self.positions: Observation[PositionsFileReading | None] = Observation("", stale)
        self.process: Observation[ProcessReading] = Observation(f"{bot.name}/process", stale)
        self.heartbeat: Observation[float] = Observation(f"{bot.name}/heartbeat", stale)

    @property
    def settings(self) -> BotSettings:
        """Thresholds in force, the last good or configured ones included."""
        return self.memory.settings or bot_source.configured_settings(self._bot)

    def round(self) -> None:
        """Read everything once."""
        self.memory.settings = bot_source.read_settings(self._bot, self.memory.settings)
        kill_switch = self.kill_switch.ask(self._read_kill_switch)
        self.positions.ask(self._read_positions)
        self.files.ask(lambda: self._judge_files(kill_switch))
        self.process.ask(self._read_process)
        self.heartbeat.ask(lambda: bot_source.read_heartbeat(self._bot))
        self.polled = True

    def file_valid(self) -> dict[str, bool]:
        """Which of the bot's files can be believed now, by the path in the configuration."""
        paths = self._bot.paths
        reading = self.kill_switch.current()
        valid = {
            paths.kill_switch_flag: reading is not None and reading.flag_valid,
            paths.kill_switch_state: reading is not None and reading.state_valid,
        }
        if self.memory.positions_seen:
            valid[paths.positions] = self.positions.current() is not None
        return valid

    def _read_kill_switch(self) -> KillSwitchReading:
        state = bot_source.path(self._bot, self._bot.paths.kill_switch_state)
        self.memory.state_seen = self.memory.state_seen or bot_source.exists(state)
        return bot_source.read_kill_switch(self._bot, seen=self.memory.state_seen)

    def _read_positions(self) -> PositionsFileReading | None:
        """A bot that never traded has no file; one that had a file must still have it."""
        file = bot_source.path(self._bot, self._bot.paths.positions)
        self.memory.positions_seen = self.memory.positions_seen or bot_source.exists(file)
        return bot_source.read_positions(self._bot) if self.memory.positions_seen else None

    def _judge_files(self, kill_switch: KillSwitchReading | None) -> None:
        if kill_switch is None or not (kill_switch.flag_valid and kill_switch.state_valid):
            raise SourceError(Reason.INVALID, kill_switch.reason if kill_switch else "not read")
        if (problem := self.positions.problem()) is not None:
            raise problem

    def _read_process(self) -> ProcessReading:
        reading = host.read_process(self._bot)
        if self.memory.was_up and not reading.up and reading.last_exit is ExitKind.UNCLEAN:
            self.memory.unclean_exits += 1
        self.memory.was_up = reading.up
        return self._remember_clean_stop(reading)

    def _remember_clean_stop(self, reading: ProcessReading) -> ProcessReading:
        """A clean stop stays one when the log that said so is rotated away."""
        if reading.last_exit is not ExitKind.UNKNOWN:
            self.memory.stopped_cleanly = reading.last_exit is ExitKind.CLEAN
        elif self.memory.stopped_cleanly:
            return replace(reading, last_exit=ExitKind.CLEAN)
        return reading
