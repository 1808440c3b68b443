"""Counters that only rise, from readings that reset, vanish and come back."""

from exporter.readings import OomEvidence, ProcessReading

_Lives = frozenset[tuple[int, float]]


class RestartCounter:
    """How often another process took the place of the bot's live one.

    Two witnesses: the processes themselves, by pid and start since boot, so that a stepped
    clock is no restart; and systemd's own count, which also knows those between two looks.
    """

    def __init__(self) -> None:
        self.total = 0
        self._lives: _Lives = frozenset()
        self._automatic: int | None = None
        self._unseen = 0  # counted by systemd, the new process not seen yet
        self._early = False  # the new process seen, not counted by systemd yet

    def see(self, reading: ProcessReading) -> None:
        """Take one reading into account."""
        rise = self._rise(reading.restarts)
        if rise and self._early:
            rise, self._early = rise - 1, False
        self.total += rise
        self._unseen += rise
        lives = frozenset(reading.births)
        if _replaced(self._lives, lives):
            if not self._unseen:
                self.total += 1
                self._early = reading.restarts is not None
            self._unseen = 0
        self._lives = lives or self._lives

    def _rise(self, automatic: int | None) -> int:
        """Return how far systemd's count rose; it begins at 0 again with a start by hand."""
        before = self._automatic
        if automatic is None:
            return 0
        self._automatic = automatic
        if before is None:
            return 0
        return automatic - before if automatic >= before else automatic


class OomCounter:
    """How often a process of the bot was killed for want of memory.

    The witnesses see the same kill at different times or not at all: a cgroup's counter goes
    with the cgroup, systemd's verdict with the next start. So within one run of the bot the
    one that saw most is believed. What had happened before the first look is not counted.
    """

    def __init__(self) -> None:
        self._closed = 0
        self._by_cgroup = self._by_unit = self._by_log = 0
        self._lives: _Lives = frozenset()
        self._begun = False
        self._cgroup: str | None = None
        self._kills = 0
        self._unit_run: str | None = None

    @property
    def total(self) -> int:
        """Kills since the first look."""
        return self._closed + max(self._by_cgroup, self._by_unit, self._by_log)

    def see(self, evidence: OomEvidence) -> None:
        """Take one look at the witnesses into account."""
        self._by_cgroup += self._cgroup_rise(evidence)
        if evidence.unit_run is not None and evidence.unit_run != self._unit_run:
            self._unit_run = evidence.unit_run
            self._by_unit += self._begun
        self._by_log += evidence.log_kills
        lives = frozenset(evidence.births)
        if _replaced(self._lives, lives):
            self._closed = self.total
            self._by_cgroup = self._by_unit = self._by_log = 0
        self._lives = lives or self._lives
        self._begun = True

    def _cgroup_rise(self, evidence: OomEvidence) -> int:
        kills = evidence.cgroup_kills
        if evidence.cgroup is None or kills is None:
            return 0
        same = evidence.cgroup == self._cgroup
        before = self._kills if same and kills >= self._kills else 0
        self._cgroup, self._kills = evidence.cgroup, kills
        # A cgroup made since the first look began at 0, so all of its kills are news.
        return kills - before if self._begun else 0


def _replaced(before: _Lives, now: _Lives) -> bool:
    """Whether none of the earlier processes lives; a second bot beside them replaces nothing."""
    return bool(before) and bool(now) and before.isdisjoint(now)
