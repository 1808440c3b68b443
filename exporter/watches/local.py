"""What is read of one bot's files and process: at each scrape, or every few seconds without one."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from exporter.config import Bot, ExporterSettings
from exporter.errors import Reason, SourceError
from exporter.observation import Observation
from exporter.readings import (
    BotSettings,
    DiskReading,
    ExitKind,
    KillSwitchReading,
    LogReading,
    MemoryReading,
    PositionsFileReading,
    ProcessReading,
)
from exporter.snapshot import Health
from exporter.sources import bot as bot_source
from exporter.sources import process_tree
from exporter.sources.disks import read_disks
from exporter.sources.host import ProcessFinder
from exporter.sources.log_follower import LogFollower, Progress
from exporter.sources.log_offsets import OffsetStore
from exporter.sources.memory import MemoryReader
from exporter.sources.oom import OomWitnesses
from exporter.sources.settings import SettingsReader
from exporter.tallies import OomCounter, RestartCounter

_INTERVAL_SECONDS = 5.0
_GRACE_SECONDS = 10.0  # a slow disk is no dead thread


@dataclass
class Memory:
    """What a reload must not forget about a bot: files that existed, exits that were counted."""

    state_seen: bool = False
    positions_seen: bool = False
    backups_seen: Path | None = None
    unclean_exits: int = 0
    settings: BotSettings | None = None
    was_up: bool = False
    stopped_cleanly: bool = False
    restarts: RestartCounter = field(default_factory=RestartCounter)
    oom_kills: OomCounter = field(default_factory=OomCounter)
    logs: Progress | None = None

    def close(self) -> None:
        """Give back what is open, since nobody takes it over: the bot is watched no more."""
        if self.logs is not None:
            self.logs.tracks.close()


class LocalWatch:
    """One bot's files, logs, process, memory and disks.

    Args:
        bot: the bot.
        settings: how often without a scrape, and where log offsets are kept.
        recall: what an earlier watch of this bot remembered, asked when the first round begins.
    """

    def __init__(
        self, bot: Bot, settings: ExporterSettings, recall: Callable[[], Memory] = Memory
    ) -> None:
        self.seconds = min(settings.poll_seconds, _INTERVAL_SECONDS)
        stale = settings.stale_intervals * self.seconds + _GRACE_SECONDS
        self._bot = bot
        self._recall = recall
        self._offsets = OffsetStore(settings.data_dir, bot.name)
        self._finder = ProcessFinder(bot)
        self._usage = MemoryReader(bot)
        self._witnesses = OomWitnesses()
        self._settings = SettingsReader(bot)
        self._follower: LogFollower | None = None
        self._recalled = False
        self.memory = Memory()
        self.polled = False
        self.files: Observation[None] = Observation(f"{bot.name}/bot_files", stale)
        self._thresholds: Observation[None] = Observation("", stale)
        self.kill_switch: Observation[KillSwitchReading] = Observation("", stale)
        self.positions: Observation[PositionsFileReading | None] = Observation("", stale)
        self.process: Observation[ProcessReading] = Observation(f"{bot.name}/process", stale)
        self.heartbeat: Observation[float] = Observation(f"{bot.name}/heartbeat", stale)
        self.usage: Observation[MemoryReading | None] = Observation(f"{bot.name}/memory", stale)
        self.disks: Observation[tuple[DiskReading, ...]] = Observation(f"{bot.name}/disk", stale)
        self.logs: Observation[LogReading] = Observation(f"{bot.name}/logs", stale)

    @property
    def settings(self) -> BotSettings:
        """Thresholds in force, the last good or configured ones included."""
        return self.memory.settings or bot_source.configured_settings(self._bot)

    @property
    def health(self) -> dict[str, Health]:
        """How reading has gone, by source."""
        health = {
            "bot_files": self.files.health(),
            "process": self.process.health(),
            "memory": self.usage.health(),
            "disk": self.disks.health(),
            "logs": self.logs.health(),
        }
        if self._bot.heartbeat.http is None:
            health["heartbeat"] = self.heartbeat.health()
        return health

    def round(self) -> None:
        """Read everything once."""
        if not self._recalled:
            self.memory, self._recalled = self._recall(), True
        # First what is about safety: what is slow, or breaks, must not hold it up.
        since = self.files.now()
        kill_switch = self.kill_switch.ask(self._read_kill_switch)
        self.positions.ask(self._read_positions)
        self.files.ask(lambda: self._judge_files(kill_switch), since=since)
        self._thresholds.ask(self._read_settings)
        since = self.process.now()
        process = self.process.ask(self._read_process)
        self.usage.ask(lambda: self._read_memory(process), since=since)
        self.disks.ask(lambda: read_disks(self._bot))
        self.logs.ask(self._follow_logs)
        if self._bot.heartbeat.http is None:
            self.heartbeat.ask(lambda: bot_source.read_heartbeat(self._bot))
        self.polled = True

    def hand_over(self) -> Memory:
        """Return what the next watch of this bot should know; no round may be running."""
        if not self._recalled:
            return self._recall()
        logs = self._follower.let_go() if self._follower is not None else self.memory.logs
        return replace(self.memory, logs=logs)

    def abandon(self) -> Memory:
        """As ``hand_over``, while a round hangs: what it may still do is of no consequence.

        It keeps its log positions; those on disk serve the next watch.
        """
        if self._follower is not None:
            self._follower.disown()
        return replace(
            self.memory,
            restarts=copy.copy(self.memory.restarts),
            oom_kills=copy.copy(self.memory.oom_kills),
            logs=None,
        )

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

    def _read_settings(self) -> None:
        self.memory.settings = self._settings.read(self.memory.settings)

    def _follow_logs(self) -> LogReading:
        if self._follower is None:
            self._follower = LogFollower(self._bot, self._offsets, progress=self.memory.logs)
        return self._follower.poll()

    def _read_process(self) -> ProcessReading:
        reading = self._finder.read()
        memory = self.memory
        if memory.was_up and not reading.up and reading.last_exit is ExitKind.UNCLEAN:
            memory.unclean_exits += 1
        memory.was_up = reading.up
        memory.restarts.see(reading)
        return self._remember_clean_stop(reading)

    def _read_memory(self, process: ProcessReading | None) -> MemoryReading | None:
        """None while the bot is down: no process, no memory, and no fault of the source."""
        if process is None:
            raise self.process.problem() or SourceError(Reason.STALE, "the process is not known")
        family = process_tree.look(process.pids)
        self.memory.oom_kills.see(self._witnesses.read(process, family))
        return self._usage.read(process, family)

    def _remember_clean_stop(self, reading: ProcessReading) -> ProcessReading:
        """A clean stop stays one when the log that said so is rotated away."""
        if reading.last_exit is not ExitKind.UNKNOWN:
            self.memory.stopped_cleanly = reading.last_exit is ExitKind.CLEAN
        elif self.memory.stopped_cleanly:
            return replace(reading, last_exit=ExitKind.CLEAN)
        return reading
