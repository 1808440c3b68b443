"""The log follower against arbitrary histories: exact counts, compared with a model.

The model is what a reader with perfect memory would count: every complete line that existed,
once, if at some poll it could still be read. A line can be read under a configured name, in
a descriptor that an earlier poll left open, or in an earlier generation of a log. All lines
differ (as lines with times do) and are at least 64 bytes long. Copies are complete, and no bot
writes to them; made again in place they are copies of the log whose generations they are.
Numbers of removed files are used again or not as the machine draws it, so that a history fails
on every file system alike.
"""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exporter.sources.log_follower import LogFollower
from exporter.sources.log_offsets import OffsetStore, Saved
from tests.sources.bots import make_bot
from tests.sources.log_world import NAMES, Inodes, LogWorld

_EVENT = b"Kill switch triggered"


class _Killed(BaseException):
    """The exporter dies before what it counted is saved."""


class _DyingStore(OffsetStore):
    def save(self, saved: Saved) -> None:
        raise _Killed


class LogHistories(RuleBasedStateMachine):
    """Writers, rotation, operators and a follower that may die."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="tw-logs-"))
        self.world = LogWorld(self.directory)
        self.bot = make_bot(self.directory / "bot")
        self.serial = 0
        self.follower: LogFollower | None = None
        self.begun = False

    def teardown(self) -> None:
        """Give everything back."""
        if self.follower is not None:
            self.follower.close()
        shutil.rmtree(self.directory)

    def _line(self, junk: bytes, *, event: bool) -> bytes:
        self.serial += 1
        text = _EVENT.swapcase() if self.serial % 2 else _EVENT
        return b"%s 2026-11-24 00:00:00,%09d tradingbot2 %s end of line" % (
            junk,
            self.serial,
            text if event else b"an ordinary message",
        )

    # -- the world's moves

    @initialize(inodes=st.sampled_from(Inodes))
    def choose_inodes(self, inodes: Inodes) -> None:
        """Live on one file system."""
        self.world.inodes = inodes

    @rule(
        name=st.sampled_from(NAMES),
        junk=st.lists(st.binary(max_size=30), max_size=4),
        event=st.booleans(),
        partial=st.booleans(),
    )
    def append(self, name: str, junk: list[bytes], event: bool, partial: bool) -> None:
        """Write lines, the last perhaps without its end."""
        lines = [self._line(j.replace(b"\n", b"\0"), event=event) for j in junk]
        self.world.write(name, b"".join(line + b"\n" for line in lines))
        if partial:
            self.world.write(name, self._line(b"", event=event)[:40])

    @rule(name=st.sampled_from(NAMES), inside=st.booleans(), create=st.booleans())
    def rotate(self, name: str, inside: bool, create: bool) -> None:
        """Rename a log away; the next one may be there at once."""
        if self.world.can_be_known(name):
            self.world.rename(name, self.world.next_name(name, inside=inside))
            if create:
                self.world.write(name, b"")

    @rule(name=st.sampled_from(NAMES), inside=st.booleans())
    def copy_and_truncate(self, name: str, inside: bool) -> None:
        """Rotate for a writer that cannot reopen its log."""
        if self.world.can_be_known(name):
            self.copy(name, inside)
            self.truncate(name)

    @rule(name=st.sampled_from(NAMES), inside=st.booleans())
    def copy(self, name: str, inside: bool) -> None:
        """Copy a log, as the first half of a rotation or for safety."""
        if self.world.can_be_known(name):
            self.world.copy(name, self.world.next_name(name, inside=inside))

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def copy_again(self, data: st.DataObject, name: str) -> None:
        """Bring an earlier generation up to date in place, under its inode."""
        generations = self.world.generations(name)
        if generations and self.world.can_be_known(name):
            self.world.copy(name, data.draw(st.sampled_from(generations)))

    @rule(name=st.sampled_from(NAMES))
    def truncate(self, name: str) -> None:
        """Empty a log in place: what was not read and not copied is lost."""
        if name in self.world.files:
            self.world.truncate(name)

    @precondition(lambda self: self.world.files)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Remove or compress any file."""
        self.world.remove(data.draw(st.sampled_from(sorted(self.world.files))))

    # -- the follower's moves

    @rule()
    def poll(self) -> None:
        """Read on; from then on all that can be read has been counted."""
        world, follower = self.world, self._running()
        reading = follower.poll()
        followed = {n: f for n, f in world.files.items() if n.endswith(".log")}
        if not self.begun:
            self.begun = True
            for file in world.files.values():
                # What lay there before us does not count, as a log or as a generation.
                world.ignored |= file.lines()
            for name, file in list(world.files.items()):
                file.open = name in followed or name.rpartition(".")[0] in followed
        else:
            for name, file in world.files.items():
                origin = name.rpartition(".")[0]
                if name in followed or file.saved or origin in world.seen_names:
                    file.open = True
        for file in (*world.files.values(), *world.unnamed):
            if file.open:
                file.saved = True
                world.counted |= file.lines()
        world.seen_names = set(followed)
        expected = world.counted - world.ignored
        assert reading.lines == len(expected)
        assert reading.events["kill_switch_triggered"] == sum(
            _EVENT.lower() in line.lower() for line in expected
        )
        assert reading.bytes == sum(len(line) + 1 for line in expected)
        assert reading.files == len(followed)
        assert reading.offsets_durable

    @rule()
    def restart(self) -> None:
        """Stop the exporter; the next one knows only what is on disk."""
        if self.follower is not None:
            self.follower.close()
        self._forget()

    @precondition(lambda self: self.begun)
    @rule()
    def kill_while_polling(self) -> None:
        """Die after counting, before it is saved: as if this poll had not been."""
        self.restart()
        dying = LogFollower(self.bot, _DyingStore(str(self.directory / "data"), "alpha"))
        with contextlib.suppress(_Killed):
            dying.poll()
        dying.close()

    def _running(self) -> LogFollower:
        if self.follower is None:
            store = OffsetStore(str(self.directory / "data"), "alpha")
            self.follower = LogFollower(self.bot, store)
        return self.follower

    def _forget(self) -> None:
        self.follower = None
        for file in self.world.files.values():
            file.open = False
        self.world.unnamed.clear()

    @invariant()
    def the_model_is_the_disk(self) -> None:
        """A wrong model would prove nothing."""
        names = {entry.name for entry in os.scandir(self.world.logs)}
        assert names == set(self.world.files)


class LongLogHistories(LogHistories):
    """The same, longer and more often."""


_SETTINGS = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
LogHistories.TestCase.settings = settings(_SETTINGS, max_examples=150, stateful_step_count=30)
LongLogHistories.TestCase.settings = settings(
    _SETTINGS, max_examples=10_000, stateful_step_count=60
)
TestLogHistories = pytest.mark.timeout(300)(LogHistories.TestCase)
TestLongLogHistories = pytest.mark.soak(LongLogHistories.TestCase)
