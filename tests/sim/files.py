"""Change a bot's file in such a way that the change can be taken back."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from tests.sim.world import Undo


def replace(path: Path, content: bytes, after: Callable[[], None] = lambda: None) -> Undo:
    """Write a file, then do ``after``; return what restores it, unless it was written since."""
    before = _saved(path)
    path.write_bytes(content)
    after()
    written = path.stat()

    def undo() -> None:
        with contextlib.suppress(FileNotFoundError):
            now = path.stat()
            if (now.st_ino, now.st_mtime_ns) == (written.st_ino, written.st_mtime_ns):
                _restore(path, before)

    return undo


def remove(path: Path) -> Undo:
    """Remove a file; return what restores it, unless there is one again."""
    before = _saved(path)
    path.unlink()
    return lambda: None if path.exists() else _restore(path, before)


# A file's content and its times, or that there was none.
_Saved = tuple[bytes, os.stat_result] | None


def _saved(path: Path) -> _Saved:
    return (path.read_bytes(), path.stat()) if path.exists() else None


def _restore(path: Path, saved: _Saved) -> None:
    if saved is None:
        path.unlink()
        return
    content, status = saved
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
