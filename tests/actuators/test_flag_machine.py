"""Whatever we do in whatever order, a person's flag goes only by an approved release."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exporter.config import Bot, Heartbeat, Process, Venue
from exporter.sources.bot import read_kill_switch
from remediation.actuators.bot import BotActuator
from remediation.errors import ActionError

INCIDENTS = st.sampled_from(["inc-1", "inc-2"])


class Flags(RuleBasedStateMachine):
    """Our actions and a person's, interleaved on one bot's files.

    ``latch`` is what a person (or ``engage``) last put at the flag's place, as inode,
    mtime and content; None when the flag is ours or absent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        (self.root / "state").mkdir()
        self.flag = self.root / "state/kill_switch.flag"
        self.state = self.root / "state/kill_switch_state.json"
        self.hands = BotActuator()
        self.latch: tuple[object, ...] | None = None
        self.bot = Bot(
            name="alpha",
            mode="paper",
            root=str(self.root),
            venue=Venue(kind="binance_usdm", base_url="http://127.0.0.1:9"),
            process=Process(pidfile="state/bot.pid"),
            heartbeat=Heartbeat(file="state/heartbeat"),
        )

    def teardown(self) -> None:
        """Remove the bot."""
        shutil.rmtree(self.root)

    def _look(self) -> tuple[object, ...] | None:
        if not self.flag.exists():
            return None
        status = self.flag.stat()
        return (status.st_ino, status.st_mtime_ns, self.flag.read_bytes())

    @rule(incident=INCIDENTS)
    def pause(self, incident: str) -> None:
        """Contain."""
        with contextlib.suppress(ActionError):
            self.hands.pause(self.bot, incident)
        assert self.flag.exists()

    @rule(incident=st.one_of(st.none(), INCIDENTS))
    def lift(self, incident: str | None) -> None:
        """Let go, if it may be."""
        before = read_kill_switch(self.bot, seen=False)
        try:
            self.hands.lift(self.bot, incident)
        except ActionError:
            assert self.flag.exists()
        else:
            assert not before.engaged or not before.flag_present
            assert not self.flag.exists()

    @rule(incident=INCIDENTS)
    def engage(self, incident: str) -> None:
        """Latch a tripped bot."""
        absent = not self.flag.exists()
        self.hands.engage(self.bot, incident)
        if absent:
            self.latch = self._look()

    @rule(incident=INCIDENTS, fresh=st.booleans())
    def release(self, incident: str, fresh: bool) -> None:
        """Release with the right digest or an outdated one."""
        digest = read_kill_switch(self.bot).digest if fresh else "0" * 64
        try:
            self.hands.release_latch(self.bot, incident, digest, self.root / "backups")
        except ActionError:
            return
        assert fresh
        self.latch = None
        assert read_kill_switch(self.bot).paused

    @rule(content=st.sampled_from([b"", b"stop"]))
    def person_stops(self, content: bytes) -> None:
        """Write the flag by hand."""
        self.flag.write_bytes(content)
        self.latch = self._look()

    @precondition(lambda self: self.flag.exists())
    @rule()
    def person_touches(self) -> None:
        """Touch whatever is there: now it is his."""
        self.flag.touch()
        self.latch = self._look()

    @precondition(lambda self: self.flag.exists())
    @rule()
    def person_removes(self) -> None:
        """Remove the flag by hand."""
        self.flag.unlink()
        self.latch = None

    @rule(content=st.sampled_from(['{"tripped": true}', '{"tripped": false}', '{"tri', "[]"]))
    def bot_writes_state(self, content: str) -> None:
        """Trip, recover, or write half a file."""
        self.state.write_text(content)

    @invariant()
    def a_latch_is_exactly_as_it_was_left(self) -> None:
        """Same file, same time, same bytes."""
        assert self.latch is None or self._look() == self.latch

    @invariant()
    def nothing_of_ours_lies_around(self) -> None:
        """No temporary file, no half lift."""
        names = {path.name for path in self.flag.parent.iterdir()}
        assert names <= {self.flag.name, self.state.name}


Flags.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestFlags = pytest.mark.timeout(600)(Flags.TestCase)  # each change is on disk before it counts
