"""What may stand where a file is expected, and how the file comes back."""

import fcntl
import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

from tests.hostile.answers import nested

HUGE_BYTES = 2 << 30
_F_SETSIG = 10  # fcntl(2); the module has no name for it
_CUT = b'{"tripped": fal'
Undo = Callable[[], None]


def _nothing() -> None:
    """Leave it: what stands there is taken away with the file."""


def _directory(path: Path) -> Undo:
    path.mkdir()
    return _nothing


def _pipe(path: Path) -> Undo:
    os.mkfifo(path)
    return _nothing


def _socket(path: Path) -> Undo:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"/proc/self/fd/{os.open(path.parent, os.O_PATH)}/{path.name}")
    return _nothing


def _link(target: str) -> Callable[[Path], Undo]:
    def make(path: Path) -> Undo:
        path.symlink_to(target or path.name)
        return _nothing

    return make


def _huge(path: Path) -> Undo:
    with path.open("wb") as file:
        file.truncate(HUGE_BYTES)
    return _nothing


def _content(data: bytes) -> Callable[[Path], Undo]:
    def make(path: Path) -> Undo:
        path.write_bytes(data)
        return _nothing

    return make


def _denied(path: Path) -> Undo:
    path.write_bytes(b"{}")
    path.chmod(0)
    return _nothing


def _closed_directory(path: Path) -> Undo:
    path.write_bytes(b"{}")
    mode = path.parent.stat().st_mode
    path.parent.chmod(0)
    return lambda: path.parent.chmod(mode)


def _leased(path: Path) -> Undo:
    """As a file server does it: whoever opens the file has to wait, for 45 seconds perhaps."""
    path.write_bytes(b"{}")
    descriptor = os.open(path, os.O_RDWR)
    fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)  # which nobody minds, unlike SIGIO
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    return lambda: os.close(descriptor)


# name -> what puts it in the place of a file that was taken away, and returns what frees it
DAMAGE: dict[str, Callable[[Path], Undo]] = {
    "directory": _directory,
    "pipe": _pipe,
    "socket": _socket,
    "device": _link("/dev/zero"),
    "pseudo_file": _link("/proc/self/mem"),
    "loop": _link(""),
    "dangling": _link("/nowhere/at/all"),
    "huge": _huge,
    "not_utf8": _content(b"\xff\xfe\x00bad\x80: [\n"),
    "cut": _content(_CUT),
    "empty": _content(b""),
    "deep": _content(nested(20_000)),
    "denied": _denied,
    "closed_directory": _closed_directory,
    "leased": _leased,
}
# What still is a regular file that everybody may open.
READABLE = frozenset({"not_utf8", "cut", "empty", "deep"})


def replace(path: Path, damage: str) -> Undo:
    """Put something else in the place of a file; what is returned puts the file back."""
    before = path.read_bytes() if path.exists() else None
    path.unlink(missing_ok=True)
    free = DAMAGE[damage](path)

    def undo() -> None:
        free()
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)

    return undo
