"""The host's memory, from a captured and from this machine's own /proc."""

import shutil
from pathlib import Path

import psutil
import pytest

from exporter.errors import Reason, SourceError
from exporter.sources.host_memory import read_host

_PROC = Path(__file__).parent / "trees/v2/proc"


def test_a_captured_host() -> None:
    """Bytes, not kilobytes; kills by anybody; pressure as shares."""
    reading = read_host(proc=_PROC)
    text = (_PROC / "meminfo").read_text()
    total = int(text.split("MemTotal:")[1].split()[0])
    assert reading.memory_bytes == total * 1024
    assert 0 < reading.available_bytes < reading.memory_bytes
    assert reading.swap_bytes == reading.swap_free_bytes == 0
    assert reading.oom_kills == 2
    assert reading.pressure["io", "full"] == pytest.approx(0.0116)
    assert reading.pressure["memory", "some"] == 0


def test_the_cpu_has_no_full_pressure() -> None:
    """The kernel prints a line of zeros for the host that means nothing."""
    assert ("cpu", "some") in read_host(proc=_PROC).pressure
    assert ("cpu", "full") not in read_host(proc=_PROC).pressure


def test_this_host() -> None:
    """The same total as psutil's."""
    reading = read_host()
    assert reading.memory_bytes == psutil.virtual_memory().total
    assert 0 < reading.available_bytes <= reading.memory_bytes


def test_a_host_without_pressure_or_counters(tmp_path: Path) -> None:
    """An older kernel: unknown, not zero."""
    shutil.copyfile(_PROC / "meminfo", tmp_path / "meminfo")
    reading = read_host(proc=tmp_path)
    assert reading.oom_kills is None
    assert reading.pressure == {}


def test_a_host_without_proc_is_asked_through_psutil(tmp_path: Path) -> None:
    """Other systems have no /proc/meminfo."""
    assert read_host(proc=tmp_path / "none").memory_bytes == psutil.virtual_memory().total


def test_meminfo_that_says_nothing_is_no_zero(tmp_path: Path) -> None:
    """Unknown must not look like a host without memory."""
    (tmp_path / "meminfo").write_text("Nonsense: 5 kB\n")
    with pytest.raises(SourceError) as caught:
        read_host(proc=tmp_path)
    assert caught.value.reason is Reason.INVALID
