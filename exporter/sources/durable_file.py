"""Files of our own that a crash leaves whole: replaced at once, and on the disk before that."""

import os
from pathlib import Path


def replace_file(file: Path, data: bytes) -> None:
    """Have the new content on disk before it takes the name (a cut must leave one of both).

    Raises:
        OSError: it cannot be written; the old content stands.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Another command may be run beside the server; each is consistent in itself.
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as stream:  # noqa: PTH123 - a descriptor, not a path
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)
    partial.replace(file)
    directory = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
