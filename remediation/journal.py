"""The durable, append-only record of what was decided, intended and done.

SQLite in WAL mode with synchronous FULL: when ``transaction`` returns, its
records are on the disk. Records are chained by SHA-256, each over the hash before
it, so an edited, removed or reordered one shows. One receiver owns a journal: the
lock file beside it is held for the life of the process.
"""

import contextlib
import fcntl
import hashlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from remediation.errors import JournalBusy, JournalError
from remediation.schema import MIGRATIONS
from remediation.timing import Moment, now

_GENESIS = "0" * 64


class Journal:
    """The open journal of one receiver.

    Args:
        directory: where ``journal.sqlite3`` and its lock live; created if absent.
        clock: the present moment; injected for tests.

    Raises:
        JournalBusy: another receiver holds it.
        JournalError: it cannot be opened, or a newer version wrote it.
    """

    def __init__(self, directory: Path, clock: Callable[[], Moment] = now) -> None:
        self.now = clock
        self.path = directory / "journal.sqlite3"
        self._lock = threading.RLock()
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._owner = (directory / "journal.lock").open("w")
        except OSError as error:
            raise JournalError(f"cannot use {directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._owner.close()
            raise JournalBusy(f"another receiver uses {self.path}") from error
        try:
            self._db = sqlite3.connect(
                self.path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._migrate()
        except sqlite3.Error as error:
            self._owner.close()
            raise JournalError(f"cannot open {self.path}: {error}") from error

    def _migrate(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > len(MIGRATIONS):
            self.close()
            raise JournalError(
                f"{self.path} was written by a newer version (schema {version}, "
                f"this one knows {len(MIGRATIONS)}); run that version"
            )
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            self._db.executescript(f"BEGIN;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk when it ends. Re-entrant.

        Raises:
            JournalError: nothing of it was kept.
        """
        with self._lock:
            if self._db.in_transaction:
                yield
                return
            try:
                self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    self._db.execute("ROLLBACK")
                    raise
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                # Fails harmlessly where the error has rolled back already.
                with contextlib.suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
                raise JournalError(f"cannot write {self.path}: {error}") from error

    def execute(self, sql: str, values: tuple[Any, ...] | dict[str, Any] = ()) -> int:
        """Change rows inside a transaction; returns how many changed."""
        with self.transaction():
            return self._db.execute(sql, values).rowcount

    def insert(self, table: str, *values: Any) -> None:
        """Add one row, its values in the order of the table's columns."""
        marks = ", ".join("?" * len(values))
        self.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - our names

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
        """Read rows.

        Raises:
            JournalError: the file cannot be read.
        """
        with self._lock:
            try:
                return self._db.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise JournalError(f"cannot read {self.path}: {error}") from error

    def record(self, kind: str, incident: str = "", **body: Any) -> None:
        """Append one record to the chain, in the transaction under way or its own."""
        with self.transaction():
            last = self.rows("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1")
            before = last[0]["hash"] if last else _GENESIS
            seq = last[0]["seq"] + 1 if last else 1
            moment = self.now()
            text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
            fields = (seq, moment.wall, moment.boot_id, moment.boottime, kind, incident, text)
            self.insert("records", *fields, _link(before, fields))

    def records(self, incident: str) -> list[dict[str, Any]]:
        """An incident's records in order, bodies decoded."""
        found = self.rows("SELECT * FROM records WHERE incident = ? ORDER BY seq", (incident,))
        return [{**dict(row), "body": json.loads(row["body"])} for row in found]

    def first_broken_record(self) -> int | None:
        """Sequence number of the first record that the chain does not vouch for."""
        before, expected = _GENESIS, 1
        for row in self.rows("SELECT * FROM records ORDER BY seq"):
            fields = tuple(row)[:-1]
            if row["seq"] != expected or row["hash"] != _link(before, fields):
                return expected
            before, expected = row["hash"], expected + 1
        return None

    def close(self) -> None:
        """Close the file and give the journal up."""
        with self._lock:
            self._db.close()
            self._owner.close()


def _link(before: str, fields: tuple[Any, ...]) -> str:
    text = json.dumps([before, *fields], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
