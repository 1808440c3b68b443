"""The bot's live process, found three ways at once so that none hides another.

The configured way (pidfile, unit or command line) says which process is *the*
bot; a search for what the start commands run finds any second one, also one that
a person started by hand.
"""

import time
from collections.abc import Callable, Iterable, Sequence

import psutil

from exporter.config import Bot
from exporter.errors import Reason, SourceError
from exporter.readings import ExitKind, ProcessReading
from exporter.sources import files, systemd
from exporter.sources.last_exit import read_last_exit
from exporter.sources.process_search import TWIN_VARIABLE, Found, ProcessSearch, ask, twin_mark

__all__ = ["TWIN_VARIABLE", "ProcessFinder", "read_process", "twin_mark"]

_PIDFILE_SLACK_SECONDS = 2.0
_PID_LIMIT = 64
_SEARCH_SECONDS = 5.0


def read_process(bot: Bot) -> ProcessReading:
    """Find the bot's process and how its last run ended, with nothing remembered.

    Raises:
        SourceError: only when it cannot be told whether the bot runs.
    """
    return ProcessFinder(bot).read()


class ProcessFinder:
    """Finds one bot's process again and again, cheaply.

    While all processes found before live on, it is only seen to that they do: still the same
    process, that runs the same thing in the same place. All others are searched through every
    few seconds, and at once when one of them is gone or none is live; so a second bot is seen
    within ``search_seconds``, and a lost one immediately.

    Args:
        bot: whose process.
        search_seconds: the longest time between two looks at all processes, and at the unit.
        monotonic: what that time is measured by.
    """

    def __init__(
        self,
        bot: Bot,
        *,
        search_seconds: float = _SEARCH_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bot = bot
        self._search = ProcessSearch(bot, monotonic=monotonic)
        self._search_seconds = search_seconds
        self._monotonic = monotonic
        self._searched_at = float("-inf")
        self._unit: systemd.Unit | None = None
        self._found: tuple[Found, ...] = ()
        self._known: dict[int, Found] = {}
        self._written: tuple[int, int] | None = None

    def read(self) -> ProcessReading:
        """Find the bot's process and how its last run ended.

        Raises:
            SourceError: only when it cannot be told whether the bot runs.
        """
        due = self._monotonic() - self._searched_at >= self._search_seconds
        if due or not all(item.lives_on() for item in self._known.values()):
            self._look()
            return self._judge(*self._members())
        members, doubt = self._members()
        if all(item.dry_run for item in members):
            self._look()
            members, doubt = self._members()
        return self._judge(members, doubt)

    def _look(self) -> None:
        name = self._bot.process.systemd_unit
        self._unit = systemd.show(name) if name else None
        self._found = self._search.run()
        self._known, self._written = {}, None
        self._searched_at = self._monotonic()

    def _members(self) -> tuple[tuple[Found, ...], SourceError | None]:
        """Return the bot's processes, twins too, and why the pidfile says nothing."""
        members = {item.process.pid: item for item in self._found if item.is_bot}
        doubt: SourceError | None = None
        pid = self._unit.main_pid if self._unit else None
        if self._bot.process.pidfile is not None:
            try:
                pid = self._pidfile_pid()
            except SourceError as error:
                doubt = error
        if pid and pid not in members:
            item = self._known.get(pid) or self._search.inspect(pid)
            if item is not None:
                members[pid] = item
        self._known = {item.process.pid: item for item in (*self._found, *members.values())}
        return tuple(members.values()), doubt

    def _judge(self, members: Sequence[Found], doubt: SourceError | None) -> ProcessReading:
        unit = self._unit
        live = _roots(item for item in members if not item.dry_run)
        if doubt is not None and not live:
            raise doubt
        # A unit between two automatic starts is its supervisor's business, not a crash.
        up = bool(live) or (unit is not None and unit.restarting)
        known = {item.process.pid for item in members}
        others = tuple(
            i.process.pid for i in self._found if not i.is_bot and i.process.pid not in known
        )
        return ProcessReading(
            up=up,
            pids=tuple(item.process.pid for item in live),
            dry_run_pids=tuple(sorted(item.process.pid for item in members if item.dry_run)),
            start_time=ask(live[0].process.create_time) if live else None,
            last_exit=ExitKind.RUNNING if up else read_last_exit(self._bot, unit),
            detail=_detail(live, unit, doubt) + (f"; also pid {others[0]}" if others else ""),
            others=others,
            restarts=unit.restarts if unit else None,
            births=tuple((item.process.pid, item.birth or 0.0) for item in live),
            control_group=unit.control_group if unit else None,
            oom_run=unit.oom_run if unit else None,
        )

    def _pidfile_pid(self) -> int | None:
        """Return the pid if it is still the process that wrote the file, else None."""
        file = files.path(self._bot, self._bot.process.pidfile or "")
        try:
            content = files.read(file, limit=_PID_LIMIT)
        except SourceError as error:
            if error.reason is Reason.MISSING:
                return None
            raise
        text = content.data.decode("ascii", errors="replace").strip()
        if not text.isdecimal() or not 0 < int(text) < 1 << 31:
            raise SourceError(Reason.INVALID, f"{file} holds no pid")
        written = (int(text), content.mtime_ns)
        if written == self._written and written[0] in self._known:
            return written[0]  # judged before, and lives on
        try:
            process = psutil.Process(int(text))
            started = process.create_time()
        except psutil.Error:
            return None
        # A younger process than its file is somebody else's who got the number, unless it
        # looks like the bot: a clock that was stepped makes every process look younger.
        younger = started > content.mtime_ns / 1e9 + _PIDFILE_SLACK_SECONDS
        if younger and not self._search.looks_like(process):
            return None
        self._written = written
        return written[0]


def _roots(items: Iterable[Found]) -> list[Found]:
    """Drop children of other members: wrappers and workers are one bot, not two."""
    chosen = {item.process.pid: item for item in items}
    if len(chosen) == 1:
        return list(chosen.values())
    roots = [item for item in chosen.values() if ask(item.process.ppid) not in chosen]
    return sorted(roots, key=lambda item: item.process.pid)


def _detail(live: Sequence[Found], unit: systemd.Unit | None, doubt: SourceError | None) -> str:
    parts = []
    if len(live) > 1:
        parts.append(f"{len(live)} live processes")
    elif live:
        parts.append(f"pid {live[0].process.pid}")
    else:
        parts.append("no live process")
    if unit is not None:
        parts.append(f"unit is {unit.active_state} ({unit.sub_state}, {unit.result})")
    if doubt is not None:
        parts.append(doubt.detail)
    return "; ".join(parts)
