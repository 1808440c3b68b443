"""A directory of logs, and beside it a model of what is in which file."""

import os
import shutil
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

NAMES = ("bot.log", "other.log")


class Inodes(Enum):
    """Which number a new file gets, as far as file systems differ: one that was free or not."""

    NEW = "new"
    FREED_FIRST = "freed first"
    FREED_LAST = "freed last"


@dataclass(eq=False)
class ModelFile:
    """A file's content, whatever its names; ``open`` if the follower has it open.

    ``saved`` says that a poll has seen it.
    """

    content: bytes = b""
    open: bool = False
    saved: bool = False

    def lines(self) -> set[bytes]:
        """Return the complete lines, without their ends."""
        return set(self.content.split(b"\n")[:-1])


@dataclass
class LogWorld:
    """Names in the logs directory, and what must have been counted.

    A file that is removed is only put away, so that it is decided here, and the same each
    time, whether its number is used again. ``unnamed`` are such files, until nobody can have
    them open.
    """

    directory: Path
    inodes: Inodes = Inodes.NEW
    files: dict[str, ModelFile] = field(default_factory=dict)
    unnamed: list[ModelFile] = field(default_factory=list)
    ignored: set[bytes] = field(default_factory=set)
    counted: set[bytes] = field(default_factory=set)
    seen_names: set[str] = field(default_factory=set)
    seconds: int = 1_700_000_000
    generation: int = 0

    def __post_init__(self) -> None:
        """Make the directories."""
        self.logs.mkdir(parents=True)
        self._removed.mkdir()

    @property
    def logs(self) -> Path:
        """Where the logs are."""
        return self.directory / "bot/logs"

    @property
    def _removed(self) -> Path:
        return self.directory / "removed"

    def generations(self, name: str) -> list[str]:
        """Names of what rotation and operators have made of a log; no bot writes to them."""
        stem = name.removesuffix(".log")
        return sorted(file for file in self.files if file.startswith(stem) and file != name)

    def can_be_known(self, name: str) -> bool:
        """Whether a poll has seen this log or its predecessor under this name."""
        file = self.files.get(name)
        return file is not None and (file.open or file.saved or name in self.seen_names)

    def write(self, name: str, data: bytes) -> None:
        """Append to a log, which is created if it is not there."""
        if name not in self.files:
            self._create(name)
        self.files[name].content += data
        with (self.logs / name).open("ab") as stream:
            stream.write(data)
        self._stamp(name)

    def copy(self, name: str, new: str) -> None:
        """Copy a log to a new file or over one that is there."""
        if new not in self.files:
            self._create(new)
        elif _key(self.logs / new) not in _open_files():
            # Nothing has ever made the follower open this generation; without a name it is lost.
            self.files[new].open = False
        self.files[new].content = self.files[name].content
        shutil.copyfile(self.logs / name, self.logs / new)
        self._stamp(new)

    def truncate(self, name: str) -> None:
        """Empty a log in place."""
        self.files[name].content = b""
        os.truncate(self.logs / name, 0)
        self._stamp(name)

    def rename(self, old: str, new: str) -> None:
        """Rename a file, over another if one is there."""
        if new in self.files:
            self.remove(new)
        (self.logs / old).rename(self.logs / new)
        self.files[new] = self.files.pop(old)

    def remove(self, name: str) -> None:
        """Take a file's only name away."""
        count = len(list(self._removed.iterdir()))
        (self.logs / name).rename(self._removed / f"{count:06d}-{self.seconds}")
        self.unnamed.append(self.files.pop(name))

    def next_name(self, name: str, *, inside: bool) -> str:
        """Name the next generation: ``bot.log.1``, or ``bot-7.log``, which is followed, too."""
        if inside:
            self.generation += 1
            return f"{name.removesuffix('.log')}-{self.generation}.log"
        # ``name.3`` is the oldest that is kept.
        for number in (2, 1):
            if f"{name}.{number}" in self.files:
                self.rename(f"{name}.{number}", f"{name}.{number + 1}")
        return f"{name}.1"

    def _create(self, name: str) -> None:
        self.files[name] = ModelFile()
        path = self.logs / name
        taken = _open_files()
        free = [file for file in sorted(self._removed.iterdir()) if _key(file) not in taken]
        if self.inodes is Inodes.NEW or not free:
            path.touch()
            return
        again = free[0 if self.inodes is Inodes.FREED_FIRST else -1]
        os.truncate(again, 0)
        again.rename(path)

    def _stamp(self, name: str) -> None:
        """Let a second pass with each change, as it would; a file system's tick is coarse."""
        self.seconds += 1
        os.utime(self.logs / name, (self.seconds, self.seconds))


def _open_files() -> set[tuple[int, int]]:
    """Return the files that this process, and so the follower, has open."""
    return {_key(link) for link in Path("/proc/self/fd").iterdir() if link.exists()}


def _key(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
