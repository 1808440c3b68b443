"""A bot's logs to write to, and followers that come and go."""

from pathlib import Path

from exporter.readings import LogReading
from exporter.sources.log_follower import LogFollower
from exporter.sources.log_offsets import OffsetStore
from tests.sources.bots import make_bot

LINE = "2026-11-24 00:00:00,%06d tradingbot2.feed ERROR Connection refused by the exchange\n"
NOW = 4_000_000_000.0


class _Clock:
    """A monotonic clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bed:
    """A bot's logs, and followers that come and go."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "logs").mkdir()
        self.clock = _Clock()
        self.serial = 0

    def store(self) -> OffsetStore:
        """Where the follower keeps its offsets."""
        return OffsetStore(str(self.root / "data"), "alpha")

    def follower(self, store: OffsetStore | None = None, **changes: object) -> LogFollower:
        """Start a follower, as a new run of the exporter would."""
        return LogFollower(
            make_bot(self.root, **changes),
            store or self.store(),
            wall=lambda: NOW,
            monotonic=self.clock,
        )

    def lines(self, count: int) -> str:
        """Make lines that all differ."""
        self.serial += count
        return "".join(LINE % n for n in range(self.serial - count, self.serial))

    def append(self, name: str, text: str | bytes) -> Path:
        """Write to a log."""
        file = self.root / "logs" / name
        with file.open("ab") as stream:
            stream.write(text if isinstance(text, bytes) else text.encode())
        return file


def counted(reading: LogReading) -> tuple[int, int]:
    """Return the lines, and those with the symptom that every line of ``Bed.lines`` has."""
    return reading.lines, reading.events["connection_refused"]
