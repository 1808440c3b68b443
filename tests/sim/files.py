"""Change a bot's file in such a way that the change can be taken back."""

import contextlib
from pathlib import Path

from tests.sim.world import Undo


def replace(path: Path, content: bytes) -> Undo:
    """Write a file; return what restores it, unless somebody has written it since."""
    original = path.read_bytes() if path.exists() else None
    path.write_bytes(content)
    written = path.stat()

    def undo() -> None:
        with contextlib.suppress(FileNotFoundError):
            now = path.stat()
            if (now.st_ino, now.st_mtime_ns) != (written.st_ino, written.st_mtime_ns):
                return
            if original is None:
                path.unlink()
            else:
                path.write_bytes(original)

    return undo
