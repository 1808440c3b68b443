"""Contain a bot by its own flag files, and let it go again."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from exporter.config import Bot
from exporter.sources import files
from exporter.sources.bot import read_kill_switch
from remediation.actuators import durable, flag, latch
from remediation.errors import ActionError, ActionReason


class BotActuator:
    """Writes a bot's pause and latch; every change is on disk when a method returns."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now

    def pause(self, bot: Bot, incident_id: str) -> str:
        """Set our pause; an older pause of ours stays as it is.

        Raises:
            ActionError: FORBIDDEN if the flag is set by somebody else (the bot is
                stopped already, and only a person may let it go), or IO.
        """
        file = _pause_file(bot)
        with durable.reported(f"pause {bot.name}"):
            flag.undo_interrupted(file)
            if (present := flag.look(file)) is None:
                try:
                    flag.set_pause(file, flag.new_mark(incident_id, self._now()))
                except FileExistsError:
                    present = flag.look(file)
                else:
                    return f"paused by {file}"
        if present is not None and present.incident is not None:
            return f"already paused by incident {present.incident}; kept"
        raise ActionError(
            ActionReason.FORBIDDEN, f"already latched: {file} is not ours", permanent=True
        )

    def lift(self, bot: Bot, incident_id: str | None) -> str:
        """Remove our own unchanged pause, and nothing else.

        Args:
            bot: which bot.
            incident_id: the incident whose pause it must be; None for any of ours.

        Raises:
            ActionError: FORBIDDEN for a latch or another incident's pause, CHANGED
                if somebody acted at the same moment, or IO.
        """
        file = _pause_file(bot)
        with durable.reported(f"lift {bot.name}'s pause"):
            flag.undo_interrupted(file)
            if (present := flag.look(file)) is None:
                return "no pause is set"
            if present.incident is None:
                raise ActionError(
                    ActionReason.FORBIDDEN, f"{file} is a latch, not our pause", permanent=True
                )
            if incident_id not in (None, present.incident):
                raise ActionError(
                    ActionReason.FORBIDDEN, f"the pause belongs to incident {present.incident}"
                )
            if (reading := read_kill_switch(bot, seen=False)).engaged:
                raise ActionError(
                    ActionReason.FORBIDDEN,
                    f"the kill switch is engaged: {reading.reason}",
                    permanent=True,
                )
            flag.take_away(file, present)
        if (reading := read_kill_switch(bot, seen=False)).engaged:
            self.engage(bot, present.incident)
            raise ActionError(
                ActionReason.CHANGED, f"engaged while the pause was lifted: {reading.reason}"
            )
        return f"lifted the pause of incident {present.incident}"

    def engage(self, bot: Bot, incident_id: str) -> str:
        """Make sure a flag stands beside a tripped state; this flag is a latch.

        Raises:
            ActionError: IO.
        """
        file = files.path(bot, bot.paths.kill_switch_flag)
        with durable.reported(f"engage {bot.name}'s kill switch"):
            if os.path.lexists(file):
                return f"{file} is set already"
            body = {"tradewarden_latch": {"incident": incident_id}}
            try:
                durable.create(file, json.dumps(body).encode() + b"\n")
            except FileExistsError:
                return f"{file} is set already"
        return f"latched by {file}"

    def release_latch(
        self,
        bot: Bot,
        incident_id: str,
        digest: str,
        backup_dir: Path,
        *,
        reset_counters: bool = False,
    ) -> tuple[str, ...]:
        """Turn exactly the approved latch into a pause of this incident.

        Only after a person's approval. Returns the backups' paths.

        Raises:
            ActionError: CHANGED if it is not what was approved, FORBIDDEN, or IO;
                the bot is contained in every case.
        """
        return latch.release(
            bot,
            incident_id,
            digest,
            backup_dir,
            now=self._now(),
            reset_counters=reset_counters,
        )


def _pause_file(bot: Bot) -> Path:
    return files.path(bot, bot.paths.pause_flag or bot.paths.kill_switch_flag)
