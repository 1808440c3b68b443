"""One poller takes over from another: nothing is forgotten, and nothing counted twice."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter import config_file
from exporter.errors import Reason
from exporter.poller import Poller
from exporter.sources.log_offsets import OffsetStore
from tests.collectors.conftest import Watched, wait_for
from tests.collectors.polling import Start, alpha, polling
from tests.sources.bots import write


@pytest.fixture
def start(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Start a poller for the configuration as it is then."""
    for name, value in watched.env.items():
        monkeypatch.setenv(name, value)
    watched.plain["exporter"]["ntp_servers"] = []
    with polling(watched) as starter:
        yield starter


@pytest.fixture
def bot(watched: Watched) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start what the pidfile then names, again and again."""
    started: list[subprocess.Popen[bytes]] = []

    def run() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["sleep", "600"])
        started.append(process)
        # Popen returns before the kernel shows the new command line.
        wait_for("the command line", Path(f"/proc/{process.pid}/cmdline").read_bytes)
        # At once: a pidfile without a number would be a bot that is down.
        write(watched.root, "state/.bot.pid", str(process.pid)).replace(
            watched.root / "state/bot.pid"
        )
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def _lines(poller: Poller) -> int:
    poller.refresh(30)
    logs = alpha(poller).logs
    assert logs is not None
    return logs.lines


def _engaged(poller: Poller) -> bool:
    poller.refresh(30)
    reading = alpha(poller).kill_switch
    return reading is not None and reading.engaged


def test_a_state_file_that_disappears_engages(watched: Watched, start: Start) -> None:
    """Also across a reload, which must not forget that the file existed."""
    poller = start()
    (watched.root / "state/kill_switch_state.json").unlink()
    (watched.root / "state/positions.json").unlink()
    wait_for("the loss to be seen", lambda: _engaged(poller))
    second = start(poller)
    assert _engaged(second)
    assert alpha(second).file_valid["state/positions.json"] is False
    assert _engaged(start(second))


def test_backups_that_disappear_are_missed(watched: Watched, start: Start) -> None:
    """Over any number of reloads: their folder was there since the exporter started."""
    folder = watched.root / "backup"
    folder.mkdir()
    poller = start()
    assert _expects_backups(poller)
    folder.rmdir()
    second = start(poller)
    assert _expects_backups(second)
    assert _expects_backups(start(second))


def _expects_backups(poller: Poller) -> bool:
    wait_for("files to be judged", lambda: alpha(poller).data is not None)
    data = alpha(poller).data
    return data is not None and data.backup_expected


def test_lines_are_counted_on(watched: Watched, start: Start) -> None:
    """Those written before, during and after a reload, each once; the old one counts no more."""
    log = write(watched.root, "logs/bot.log", "from before we came\n")
    poller = start()
    written = 0
    stopped = threading.Event()

    def work() -> None:
        nonlocal written
        while not stopped.is_set():
            with log.open("a") as file:
                file.write("ERROR Connection refused\n")
            written += 1
            time.sleep(0.002)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        for _ in range(3):
            time.sleep(0.2)
            before = poller
            poller = start(before)
            assert _lines(before) <= _lines(poller)
    finally:
        stopped.set()
        writer.join()
    with log.open("a") as file:
        file.write("ERROR Connection refused\n")
    written += 1
    wait_for("all lines", lambda: _lines(poller) >= written)
    assert _lines(poller) == written
    logs = alpha(poller).logs
    assert logs is not None
    assert logs.events["connection_refused"] == written
    assert _lines(before) < written


def test_exits_and_restarts_are_counted_on(
    watched: Watched, start: Start, bot: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """An end that was counted once is not counted again by whoever takes over."""
    write(watched.root, "logs/bot.log", "Starting bot in live mode\n")
    first = bot()
    poller = start()
    first.kill()
    first.wait()
    wait_for("the exit", lambda: alpha(poller).unclean_exits == 1)
    bot()
    wait_for("the restart", lambda: alpha(poller).restarts == 1)
    second = start(poller)
    assert (alpha(second).unclean_exits, alpha(second).restarts) == (1, 1)
    bot()
    wait_for("another restart", lambda: alpha(second).restarts == 2)
    third = start(second)
    third.refresh(30)
    assert (alpha(third).unclean_exits, alpha(third).restarts) == (1, 2)


def test_a_silence_that_was_asked_for_is_kept(watched: Watched, start: Start) -> None:
    """Whoever reloads during a ban and asks prolongs it."""
    poller = start()
    world = watched.simulator.world
    with world.lock:
        world.limits.allowed["usdm"], world.limits.ban_after = 0, 0  # two minutes' ban
    wait_for("the silence", lambda: alpha(poller).quiet_until is not None)
    poller.stop(30)  # what was on its way has heard of the ban as well
    before = alpha(poller).quiet_until
    asked = _requests(watched)
    second = start(poller)
    assert second.limits is poller.limits
    assert alpha(second).quiet_until == pytest.approx(before, abs=1)
    wait_for("a few rounds", lambda: len(alpha(second).health["exchange"].attempts) >= 3)
    assert set(alpha(second).health["exchange"].failures) <= {Reason.RATE_LIMITED, Reason.BANNED}
    assert _requests(watched) == asked


def _requests(watched: Watched) -> int:
    world = watched.simulator.world
    with world.lock:
        return sum(world.requests.values())


def test_a_bot_that_is_watched_no_more_gives_its_logs_back(watched: Watched, start: Start) -> None:
    """Its descriptors would stay open until the program ends."""
    log = write(watched.root, "logs/bot.log", "hello\n")
    poller = start()
    _lines(poller)
    assert _opened(log) == 1
    watched.bot["name"] = "beta"
    watched.bot["root"] = str(watched.root.parent)
    second = start(poller)
    assert alpha(second).bot.name == "beta"
    wait_for("it to be closed", lambda: _opened(log) == 0)


def _opened(file: Path) -> int:
    targets = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            targets.append(link.readlink())
        except OSError:
            continue  # the one that lists them
    return targets.count(file)


def test_a_round_that_hangs_holds_up_no_reload(
    watched: Watched, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left behind within its time; what it still does counts and saves nothing."""
    hangs, hung = tmp_path / "hangs", tmp_path / "hung"
    script = f"#!/bin/sh\n[ -e {hangs} ] && : > {hung} && exec sleep 60\nexit 1\n"
    stub = write(tmp_path, "bin/systemctl", script)
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", str(stub.parent), prepend=":")
    watched.bot["process"] = {"systemd_unit": "bot"}
    log = write(watched.root, "logs/bot.log", "")
    poller = start()
    with log.open("a") as file:
        file.write("one\ntwo\n")
    wait_for("both lines", lambda: _lines(poller) == 2)
    hangs.touch()
    wait_for("a round to hang", hung.exists)
    memory = poller.hand_over(0.5)["alpha"]
    assert _is_busy(poller), "it was waited for"
    assert memory.logs is None
    assert memory.state_seen
    # The next one goes on from what is on disk.
    hangs.unlink()
    second = Poller(config_file.load(watched.file))
    second._memories = {"alpha": memory}
    second.start()
    try:
        with log.open("a") as file:
            file.write("three\n")
        wait_for("the third line", lambda: _lines(second) == 3)
        saved = OffsetStore(watched.plain["exporter"]["data_dir"], "alpha").load()
        wait_for("the old round to end", lambda: not _is_busy(poller))
        assert OffsetStore(watched.plain["exporter"]["data_dir"], "alpha").load() == saved
        assert _lines(second) == 3
        logs = alpha(poller).logs
        assert logs is None or logs.lines == 2
    finally:
        second.stop(5)


def _is_busy(poller: Poller) -> bool:
    return poller._watched[0].local.is_alive() and poller._watched[0].local._running
