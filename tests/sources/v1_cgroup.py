"""A real memory cgroup of version 1, made for one test and removed after it."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MEBIBYTE = 1 << 20
LIMIT = 64 * MEBIBYTE
_MEMORY = Path("/sys/fs/cgroup/memory")

# A bot whose parts take what memory they are told to: "worker" in a child, "self" themselves.
BOT = """
import os, sys, time
def take(mebibytes):
    kept = []
    for _ in range(mebibytes):
        kept.append(bytearray(os.urandom(1)) * (1 << 20))
    return kept
for line in sys.stdin:
    who, amount = line.split()
    if who == "worker":
        if os.fork() == 0:
            take(int(amount))
            os._exit(0)
        os.wait()
    elif who == "file":
        with open("history", "wb") as history:
            for _ in range(int(amount)):
                history.write(bytes(1 << 20))
            os.fsync(history.fileno())
        for _ in range(3):
            with open("history", "rb") as history:
                while history.read(1 << 20):
                    pass
    else:
        kept = take(int(amount))
    print("done", flush=True)
"""


def wait_for(what: str, condition: Callable[[], object]) -> None:
    """Wait for a condition, bounded."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.01)


@contextlib.contextmanager
def limited_cgroup() -> Iterator[Path]:
    """Make a cgroup limited to 64 MiB without swap; skip where that is not to be had."""
    if not (_MEMORY / "memory.limit_in_bytes").exists():
        pytest.skip("memory is not accounted by cgroup version 1 here")
    folder = _MEMORY / f"tradewarden-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"cgroups cannot be made here: {error.strerror}")
    try:
        (folder / "memory.limit_in_bytes").write_text(str(LIMIT))
        with contextlib.suppress(OSError):  # without swap accounting there is no such limit
            (folder / "memory.memsw.limit_in_bytes").write_text(str(LIMIT))
        yield folder
    finally:
        wait_for("the cgroup to be empty", lambda: not (folder / "cgroup.procs").read_text())
        folder.rmdir()


class ConfinedBot:
    """The bot, in that cgroup from its first breath, doing what it is told."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.folder = folder
        enter = f'echo $$ > {folder}/cgroup.procs && exec "$0" "$@"'
        self.process = self.begin(root, ["/bin/sh", "-c", enter, sys.executable, "live.py"])
        self.say("file", 1)

    def begin(self, root: Path, argv: list[str]) -> subprocess.Popen[str]:
        """Start the command that runs the bot."""
        (root / "live.py").write_text(BOT, encoding="utf-8")
        return subprocess.Popen(
            argv, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def tell(self, who: str, mebibytes: int) -> None:
        """Have some part of it take memory."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{who} {mebibytes}\n")
        self.process.stdin.flush()

    def say(self, who: str, mebibytes: int) -> None:
        """Have some part of it take memory, and wait until it has."""
        self.tell(who, mebibytes)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "done\n"

    def end(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.communicate()
