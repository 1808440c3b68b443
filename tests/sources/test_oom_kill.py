"""The kernel kills for want of memory, really, and the metric says so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.collectors import memory_exhaustion
from exporter.config import Bot, ExporterSettings
from exporter.sources.memory import read_memory
from exporter.watches.local import LocalWatch
from tests.collectors.snapshots import healthy, samples
from tests.sources.bots import make_bot, write
from tests.sources.v1_cgroup import LIMIT, MEBIBYTE, ConfinedBot, limited_cgroup, wait_for

_SETTINGS = ExporterSettings(data_dir=None)


@pytest.fixture
def confined(root: Path) -> Iterator[ConfinedBot]:
    """A live bot in a cgroup of its own."""
    with limited_cgroup() as folder:
        bot = ConfinedBot(root, folder)
        write(root, "state/bot.pid", str(bot.process.pid))
        try:
            yield bot
        finally:
            bot.end()


def _kills(watch: LocalWatch, bot: Bot) -> float:
    """Look once, and return what the rule will see."""
    watch.round()
    item = healthy(bot=bot, memory=watch.usage.current(), oom_kills=watch.memory.oom_kills.total)
    return samples(memory_exhaustion, item)["process_oom_kills_total"]


def test_a_killed_worker_counts_while_the_bot_lives_on(root: Path, confined: ConfinedBot) -> None:
    """The cgroup's own counter says it, once."""
    bot = make_bot(root)
    watch = LocalWatch(bot, _SETTINGS)
    assert _kills(watch, bot) == 0
    confined.say("worker", 200)
    assert _kills(watch, bot) == 1
    assert _kills(watch, bot) == 1
    confined.say("worker", 200)
    assert _kills(watch, bot) == 2
    reading = watch.usage.current()
    assert reading is not None
    assert reading.oom_kills == 2


def test_the_bots_own_death_counts(root: Path, confined: ConfinedBot) -> None:
    """It is gone, its cgroup not yet: the counter is read all the same."""
    bot = make_bot(root)
    watch = LocalWatch(bot, _SETTINGS)
    assert _kills(watch, bot) == 0
    confined.tell("self", 200)
    confined.process.wait(timeout=20)
    assert _kills(watch, bot) == 1
    assert watch.usage.current() is None
    process = watch.process.current()
    assert process is not None
    assert not process.up


def test_a_cgroup_that_went_with_the_bot_does_not_hide_the_kill(root: Path) -> None:
    """A service manager removes it at once; then the kernel's log is the witness."""
    bot = make_bot(root)
    watch = LocalWatch(bot, _SETTINGS)
    with limited_cgroup() as folder:
        confined = ConfinedBot(root, folder)
        write(root, "state/bot.pid", str(confined.process.pid))
        assert _kills(watch, bot) == 0
        confined.tell("self", 200)
        confined.process.wait(timeout=20)
        confined.end()
    assert _kills(watch, bot) == 1
    assert _kills(watch, bot) == 1


def test_an_ordinary_death_is_none(root: Path, confined: ConfinedBot) -> None:
    """SIGKILL by a person looks the same to everyone but the kernel."""
    bot = make_bot(root)
    watch = LocalWatch(bot, _SETTINGS)
    assert _kills(watch, bot) == 0
    confined.end()
    assert _kills(watch, bot) == 0


def test_the_limit_and_what_counts_against_it(root: Path, confined: ConfinedBot) -> None:
    """Memory that is held counts; pages of a file that is read again and again do not."""
    bot = make_bot(root)
    watch = LocalWatch(bot, _SETTINGS)
    watch.round()
    process = watch.process.current()
    assert process is not None
    idle = read_memory(bot, process)
    assert idle is not None
    assert (idle.limit_kind, idle.limit_bytes) == ("cgroup_v1", LIMIT)
    confined.say("file", 100)
    charged = int((confined.folder / "memory.usage_in_bytes").read_text())
    assert charged > LIMIT * 0.8
    reading = read_memory(bot, process)
    assert reading is not None
    assert reading.used_bytes < idle.used_bytes + 5 * MEBIBYTE
    confined.say("self", 30)
    wait_for(
        "the held memory to be charged",
        lambda: (
            (held := read_memory(bot, process)) is not None
            and held.used_bytes > idle.used_bytes + 25 * MEBIBYTE
        ),
    )
