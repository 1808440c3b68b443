"""A bot in a container that the kernel kills: the container's cgroup is gone at once."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.config import ExporterSettings
from exporter.watches.local import LocalWatch
from tests.sources.bots import make_bot, write
from tests.sources.soak_programs import program
from tests.sources.v1_cgroup import LIMIT, ConfinedBot, wait_for

pytestmark = pytest.mark.soak  # make soak fetches runc

_PYTHON = os.path.realpath(sys.executable)
_LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}


class ContainedBot(ConfinedBot):
    """The bot as the first process of a container, which sees this host's programs read-only."""

    def __init__(self, root: Path, bundle: Path) -> None:
        self._runc = program("runc")
        self._name = f"tradewarden-test-{os.getpid()}"
        self.folder = Path("/sys/fs/cgroup/memory") / self._name
        for name, target in _LINKS.items():
            (bundle / "rootfs").mkdir(exist_ok=True)
            (bundle / "rootfs" / name).symlink_to(target)
        (bundle / "config.json").write_text(json.dumps(self._config(root)))
        pidfile = bundle / "pid"
        options = ["run", "--no-new-keyring", "--pid-file", str(pidfile)]
        argv = [self._runc, "--root", f"{bundle}/state", *options, "--bundle", str(bundle)]
        self.process = self.begin(root, [*argv, self._name])
        try:
            self.say("file", 1)
        except AssertionError:
            self.end()
            pytest.skip("containers cannot be made here")
        write(root, "state/bot.pid", pidfile.read_text())

    def end(self) -> None:
        """Leave neither process nor container nor cgroup."""
        with contextlib.suppress(ProcessLookupError):
            if (procs := self.folder / "cgroup.procs").exists():
                for pid in procs.read_text().split():
                    os.kill(int(pid), 9)
        self.process.communicate(timeout=20)
        wait_for("the cgroup to be gone", lambda: not self.folder.exists())

    def _config(self, root: Path) -> dict[str, object]:
        shared = ("/usr", str(Path(_PYTHON).parents[1]))
        binds = [
            {"destination": path, "source": path, "options": ["bind", "ro"]}
            for path in dict.fromkeys(shared)
        ]
        here = {"destination": str(root), "source": str(root), "options": ["bind", "rw"]}
        proc = {"destination": "/proc", "type": "proc", "source": "proc"}
        return {
            "ociVersion": "1.0.2",
            "root": {"path": "rootfs"},
            "process": {
                "user": {"uid": 0, "gid": 0},
                "args": [_PYTHON, "live.py"],
                "cwd": str(root),
                "env": ["PATH=/usr/bin"],
                "noNewPrivileges": True,
            },
            "mounts": [proc, *binds, here],
            "linux": {
                "cgroupsPath": f"/{self._name}",
                "namespaces": [{"type": kind} for kind in ("pid", "network", "mount", "ipc")],
                "resources": {"memory": {"limit": LIMIT}},
            },
        }


@pytest.fixture
def contained(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ContainedBot]:
    """A live bot in a container."""
    if not Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists():
        pytest.skip("memory is not accounted by cgroup version 1 here")
    bot = ContainedBot(root, tmp_path_factory.mktemp("bundle"))
    yield bot
    bot.end()


def test_a_kill_in_a_container_is_counted(root: Path, contained: ContainedBot) -> None:
    """A worker's by the cgroup; the bot's own, which ends the container, all the same."""
    watch = LocalWatch(make_bot(root), ExporterSettings(data_dir=None))
    watch.round()
    reading = watch.usage.current()
    assert reading is not None
    assert (reading.limit_kind, reading.limit_bytes, reading.oom_kills) == ("cgroup_v1", LIMIT, 0)
    contained.say("worker", 200)
    watch.round()
    assert watch.memory.oom_kills.total == 1
    contained.tell("self", 200)
    contained.process.wait(timeout=20)
    wait_for("the cgroup to be gone", lambda: not contained.folder.exists())
    watch.round()
    process = watch.process.current()
    assert process is not None
    assert not process.up
    assert watch.memory.oom_kills.total == 2


def test_runc_is_the_one_that_is_tried() -> None:
    """So that a skip above is never a missing program."""
    said = subprocess.run([program("runc"), "--version"], capture_output=True, check=True)
    assert said.stdout.startswith(b"runc version")
