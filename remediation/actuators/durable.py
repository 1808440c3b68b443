"""Writes that are whole or absent, and on disk before they count.

New files get the owner of the file they replace, or of their directory: the
receiver may run as another user than the bot, which must still be able to write
its own state.
"""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from remediation.errors import ActionError, ActionReason

_COPY_LIMIT = 64 * 1024 * 1024
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


@contextlib.contextmanager
def reported(action: str) -> Iterator[None]:
    """Turn an operating system's error into one clear line.

    Raises:
        ActionError: IO.
    """
    try:
        yield
    except OSError as error:
        raise ActionError(ActionReason.IO, f"cannot {action}: {error}") from error


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directory(directory: Path) -> None:
    """Create a private directory and make its name durable."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_directory(directory)
    sync_directory(directory.parent)


def replace(file: Path, content: bytes, *, mtime_ns: int | None = None) -> None:
    """Put ``content`` in the place of whatever file has this name."""
    temporary = _write_beside(file, content, mtime_ns)
    try:
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(file.parent)


def create(
    file: Path,
    content: bytes,
    *,
    mtime_ns: int | None = None,
    link: Callable[[Path, Path], None] = os.link,
) -> None:
    """Create a file that must not exist, whole from its first moment.

    Raises:
        FileExistsError: somebody was faster; his file is untouched.
    """
    temporary = _write_beside(file, content, mtime_ns)
    try:
        # A link, unlike a rename, never replaces.
        link(temporary, file)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here: whole only at the end, and a torn flag still is a latch.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        _fill(descriptor, file.parent, content, mtime_ns)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(file.parent)


def back_up(file: Path, directory: Path) -> Path:
    """Copy a file, or a link that leads nowhere, under a free name; never overwrite.

    Raises:
        ActionError: IO, if it is neither or too large.
    """
    if file.is_symlink() and not file.is_file():
        target = _free_name(directory / file.name)
        target.symlink_to(file.readlink())
        sync_directory(directory)
        return target
    status = file.stat()
    if not file.is_file() or status.st_size > _COPY_LIMIT:
        raise ActionError(
            ActionReason.IO,
            f"{file} is no regular file of at most {_COPY_LIMIT >> 20} MiB: not backed up",
            permanent=True,
        )
    target = _free_name(directory / file.name)
    with file.open("rb") as source, target.open("xb") as copy:
        shutil.copyfileobj(source, copy)
        copy.flush()
        os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(copy.fileno())
    sync_directory(directory)
    return target


def move_aside(path: Path, suffix: str) -> Path:
    """Rename whatever is here to a free name beside it and return that name."""
    target = _free_name(path.with_name(f"{path.name}.{suffix}"))
    path.rename(target)
    sync_directory(path.parent)
    return target


def _free_name(path: Path) -> Path:
    candidate, count = path, 1
    while os.path.lexists(candidate):
        candidate = path.with_name(f"{path.name}.{count}")
        count += 1
    return candidate


def _write_beside(file: Path, content: bytes, mtime_ns: int | None) -> Path:
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(6)}.tradewarden")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        _fill(descriptor, file if file.is_file() else file.parent, content, mtime_ns)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _fill(descriptor: int, model: Path, content: bytes, mtime_ns: int | None) -> None:
    with open(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        _take_owner(stream.fileno(), model)
        if mtime_ns is not None:
            os.utime(stream.fileno(), ns=(mtime_ns, mtime_ns))
        os.fsync(stream.fileno())


def _take_owner(descriptor: int, model: Path) -> None:
    status = model.stat()
    os.fchmod(descriptor, 0o644 if model.is_dir() else status.st_mode & 0o777)
    if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
        # Without the right to give files away we can only run as the bot's user.
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, status.st_uid, status.st_gid)
