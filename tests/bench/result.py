"""The shape of one benchmark's result, and where it is written."""

import json
from dataclasses import asdict, dataclass

from tests.stack.render import PROJECT

RESULTS = PROJECT / "build/bench"


@dataclass(frozen=True)
class Result:
    """One measurement of ours against a peer's; ``more`` if larger is better."""

    name: str
    unit: str
    ours: float
    peer: float
    goal: float
    more: bool = False

    @property
    def ratio(self) -> float:
        """Ours over the peer's."""
        return self.ours / self.peer

    @property
    def holds(self) -> bool:
        """Whether the ratio is within the goal."""
        return self.ratio >= self.goal if self.more else self.ratio <= self.goal

    def write(self) -> None:
        """Write ``build/bench/<name>.json`` and a line for the reader."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        body = {**asdict(self), "ratio": round(self.ratio, 3), "holds": self.holds}
        (RESULTS / f"{self.name}.json").write_text(json.dumps(body, indent=2) + "\n")
        goal = f"{'≥' if self.more else '≤'} {self.goal:g}"
        print(
            f"{self.name:<28} ours {self.ours:.3f} {self.unit}, peer {self.peer:.3f} {self.unit},"
            f" ratio {self.ratio:.2f} (goal {goal}: {'holds' if self.holds else 'MISSED'})"
        )


@dataclass(frozen=True)
class Bound:
    """One measurement of ours against a fixed limit that it must stay below."""

    name: str
    unit: str
    ours: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether it stays below."""
        return self.ours < self.limit

    def write(self) -> None:
        """Write ``build/bench/<name>.json`` and a line for the reader."""
        RESULTS.mkdir(parents=True, exist_ok=True)
        body = {**asdict(self), "holds": self.holds}
        (RESULTS / f"{self.name}.json").write_text(json.dumps(body, indent=2) + "\n")
        print(
            f"{self.name:<28} {self.ours:.3f} {self.unit}"
            f" (goal < {self.limit:g}: {'holds' if self.holds else 'MISSED'})"
        )
