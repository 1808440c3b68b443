"""What a person would look at after a crash: kernel log, core files, the unit's journal."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
import time
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from exporter.errors import Reason, SourceError

_KMSG = Path("/dev/kmsg")
_KMSG_SECONDS = 2.0
_RECORD_LIMIT = 8192
_COMMAND_SECONDS = 5.0
_LINE_LIMIT = 2000
_OUTPUT_LIMIT = 256 * 1024
_CORE_LIMIT = 20
_CORE_DIRECTORIES = (Path("/var/crash"), Path("/var/lib/systemd/coredump"))
_ENTRIES_LIMIT = 10_000
_JOURNAL_LINES = 200
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


def kernel_lines(n: int = 20, *, kmsg: Path = _KMSG) -> tuple[str, ...]:
    """Return the kernel's last ``n`` messages, oldest first.

    Raises:
        SourceError: neither the kernel's buffer nor its journal can be read.
    """
    try:
        return _read_kmsg(n, kmsg)
    except OSError as error:
        try:
            return _journalctl("-k", "-n", str(n))
        except SourceError as second:
            raise SourceError(
                second.reason, f"{kmsg}: {error.strerror}; {second.detail}"
            ) from second


def core_files(root: str | Path) -> tuple[str, ...]:
    """Return the newest core dumps of the host and of one directory, newest first.

    Never raises: a directory that cannot be listed has nothing to show.
    """
    found: list[tuple[float, int, str]] = []
    for directory, prefix in (*((d, "") for d in _CORE_DIRECTORIES), (Path(root), "core")):
        with contextlib.suppress(OSError), os.scandir(directory) as entries:
            for count, entry in enumerate(entries):
                if count >= _ENTRIES_LIMIT:
                    break
                if entry.name.startswith(prefix) and entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime, status.st_size, entry.path))
    return tuple(
        f"{datetime.fromtimestamp(mtime, UTC):%Y-%m-%dT%H:%M:%SZ} {size} bytes {path}"
        for mtime, size, path in sorted(found, reverse=True)[:_CORE_LIMIT]
    )


def unit_journal(unit: str) -> tuple[str, ...]:
    """Return the unit's journal of the last hour, oldest first, bounded.

    Raises:
        SourceError: there is no journal or it does not answer.
    """
    return _journalctl("-u", unit, "--since", "-1h", "-n", str(_JOURNAL_LINES))


def _read_kmsg(n: int, kmsg: Path) -> tuple[str, ...]:
    """Read records until the kernel has no more; each read is one record.

    Raises:
        OSError: the buffer cannot be opened.
    """
    lines: deque[str] = deque(maxlen=n)
    descriptor = os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + _KMSG_SECONDS
        while time.monotonic() < deadline:
            try:
                record = os.read(descriptor, _RECORD_LIMIT)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EPIPE:  # overwritten while we read; the next is there
                    continue
                raise
            if not record:
                break
            lines.append(_decode(record))
    finally:
        os.close(descriptor)
    return tuple(lines)


def _decode(record: bytes) -> str:
    """Turn ``priority,sequence,microseconds,flags;message`` into dmesg's form."""
    text = record.decode("utf-8", errors="replace").split("\n", 1)[0]
    head, _, message = text.partition(";")
    message = _ESCAPED.sub(lambda match: "?" if match[1] != "09" else "\t", message)
    fields = head.split(",")
    seconds = int(fields[2]) / 1e6 if len(fields) > 2 and fields[2].isdecimal() else 0.0
    return f"[{seconds:12.6f}] {message}"[:_LINE_LIMIT]


def _journalctl(*arguments: str) -> tuple[str, ...]:
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        raise SourceError(Reason.UNSUPPORTED, "there is no journalctl on this host")
    argv = [journalctl, "--no-pager", "--quiet", "--output=short-iso", *arguments]
    try:
        result = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(Reason.TIMEOUT, "journalctl did not answer in time") from error
    except OSError as error:
        raise SourceError(Reason.UNREADABLE, f"journalctl cannot be run: {error}") from error
    if result.returncode != 0:
        words = " ".join(result.stderr.decode("utf-8", errors="replace").split())[:200]
        raise SourceError(Reason.UNREADABLE, f"journalctl: {words}")
    text = result.stdout[-_OUTPUT_LIMIT:].decode("utf-8", errors="replace")
    return tuple(line[:_LINE_LIMIT] for line in text.splitlines() if line.strip())
