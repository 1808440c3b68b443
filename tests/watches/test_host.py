"""The host: read each round; its time service only when that is due."""

from pathlib import Path

import pytest

from exporter.config import ExporterSettings
from exporter.watches.host import HostWatch

_LINE = (
    "7F000001,192.0.2.1,3,1795515035.639785858,0.300013572,-0.000000541,0.000011041,6.506,"
    "-0.159,25.310,0.001126696,0.001032807,0.1,Normal"
)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a time service that notes each question in this file."""
    note = tmp_path / "asked"
    note.write_text("")
    command = tmp_path / "commands/chronyc"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\necho asked >> {note}\necho '{_LINE}'\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent))
    return note


def test_the_time_service_is_not_asked_at_each_scrape(asked: Path) -> None:
    """A process is started for it; once in ``ntp_poll_seconds`` is enough."""
    now = [1000.0]
    watch = HostWatch(ExporterSettings(ntp_poll_seconds=60), monotonic=lambda: now[0])
    for second in (0, 5, 30, 59):
        now[0] = 1000.0 + second
        watch.round()
    assert asked.read_text().count("asked") == 1
    now[0] = 1060.0
    watch.round()
    assert asked.read_text().count("asked") == 2
    daemons = watch.clock_daemons.fresh()
    assert daemons is not None
    assert [(one.daemon, one.offset_seconds) for one in daemons] == [("chrony", -0.300013572)]
    host = watch.host.fresh()
    assert host is not None
    assert host.memory_bytes > 0


def test_a_service_that_fails_takes_nothing_else_along(asked: Path) -> None:
    """The host's memory is read all the same; the old offset is no answer."""
    now = [1000.0]
    watch = HostWatch(ExporterSettings(ntp_poll_seconds=60), monotonic=lambda: now[0])
    watch.round()
    (asked.parent / "commands/chronyc").write_text("#!/bin/sh\nexit 1\n")
    now[0] += 60
    watch.round()
    assert watch.clock_daemons.current() is None
    assert watch.host.current() is not None
    assert watch.clock_daemons.health().up is False
    watch.close()
