"""Per bot ``active | paused | halted``, on disk and outside the bot (design §7)."""

import enum
from dataclasses import dataclass

from remediation.journal import Journal
from remediation.timing import Moment


class BotStateName(enum.StrEnum):
    """Whether the receiver may work on a bot."""

    ACTIVE = "active"
    PAUSED = "paused"
    HALTED = "halted"


@dataclass(frozen=True)
class BotState:
    """The state in force, who set it and why."""

    bot: str
    state: BotStateName
    incident: str
    actor: str
    reason: str
    since: Moment | None


class BotStates:
    """Read and change the state of each bot. What cannot be read is halted."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def get(self, bot: str) -> BotState:
        """The state in force; a bot never touched is active, an unknown word halted."""
        found = self._journal.rows("SELECT * FROM bots WHERE bot = ?", (bot,))
        if not found:
            return BotState(bot, BotStateName.ACTIVE, "", "", "never touched", None)
        row = found[0]
        try:
            state = BotStateName(row["state"])
        except ValueError:
            state = BotStateName.HALTED
        since = Moment(row["boot_id"], row["boottime"], row["wall"])
        return BotState(bot, state, row["incident"], row["actor"], row["reason"], since)

    def set(
        self, bot: str, state: BotStateName, *, incident: str = "", actor: str, reason: str
    ) -> None:
        """Change the state, naming who did it and why."""
        moment = self._journal.now()
        with self._journal.transaction():
            self._journal.execute(
                "INSERT OR REPLACE INTO bots VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(bot, state, incident, actor, reason),
                    *(moment.wall, moment.boot_id, moment.boottime),
                ),
            )
            self._journal.record(
                "bot_state", incident, bot=bot, state=state, actor=actor, reason=reason
            )

    def follow(self, bot: str, state: BotStateName, *, incident: str, reason: str) -> None:
        """Note what a run has done to the bot; a person's halt stands."""
        with self._journal.transaction():
            if self.get(bot).state is not BotStateName.HALTED:
                self.set(bot, state, incident=incident, actor="tradewarden", reason=reason)

    def rearm(self, bot: str, *, actor: str, reason: str) -> None:
        """Make a bot active again and forget its strikes."""
        with self._journal.transaction():
            self.set(bot, BotStateName.ACTIVE, actor=actor, reason=reason)
            self._journal.execute(
                "INSERT OR REPLACE INTO rearms"
                " SELECT ?, COALESCE(MAX(rowid), 0) FROM incidents WHERE bot = ?",
                (bot, bot),
            )
            self._journal.record("rearmed", bot=bot, actor=actor, reason=reason)
