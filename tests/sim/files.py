"""Change a bot's file in such a way that the change can be taken back."""

import contextlib
import os
import shutil
from pathlib import Path

from tests.sim.world import Undo


def replace(path: Path, content: bytes, modified_ns: int | None = None) -> Undo:
    """Write a file at once; return what restores it, unless it was written since."""
    before = _saved(path)
    written = _write(path, content, modified_ns)

    def undo() -> None:
        with contextlib.suppress(FileNotFoundError):
            now = path.stat()
            same = (now.st_ino, now.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
            # Two writes may fall within one tick of the file system's clock.
            if same and path.read_bytes() == content:
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
    _write(path, content, status.st_mtime_ns)


def _write(path: Path, content: bytes, modified_ns: int | None) -> os.stat_result:
    """Put a file in place as a whole: the bot may read or remove it at any moment."""
    partial = path.with_name(f".{path.name}.fault")
    partial.write_bytes(content)
    if path.exists():
        shutil.copymode(path, partial)
    if modified_ns is not None:
        os.utime(partial, ns=(modified_ns, modified_ns))
    written = partial.stat()
    partial.replace(path)
    return written
