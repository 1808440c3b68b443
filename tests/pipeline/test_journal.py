"""The journal: durable, owned by one, chained, and never half-written."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from remediation.errors import JournalBusy, JournalError
from remediation.journal import Journal
from remediation.schema import MIGRATIONS


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """An open journal with five records."""
    opened = Journal(tmp_path)
    for number in range(5):
        opened.record("test", "incident-1", number=number)
    yield opened
    opened.close()


def meddle(journal: Journal, sql: str) -> None:
    """Change the file behind the journal's back, as another program would."""
    other = sqlite3.connect(journal.path, timeout=5)
    with other:
        other.execute(sql)
    other.close()


def test_records_outlive_the_process(tmp_path: Path) -> None:
    """A journal opened again holds what was written and goes on with the chain."""
    first = Journal(tmp_path)
    first.record("kind", "incident-1", text="ä", count=3)
    first.close()
    second = Journal(tmp_path)
    second.record("kind", "incident-1", text="next")
    bodies = [record["body"] for record in second.records("incident-1")]
    assert bodies == [{"text": "ä", "count": 3}, {"text": "next"}]
    assert second.first_broken_record() is None
    second.close()


def test_a_killed_writer_leaves_what_was_committed(tmp_path: Path) -> None:
    """SIGKILL right after a transaction loses nothing, and in the middle of one keeps nothing."""
    script = """
import os, signal, sys
from pathlib import Path
from remediation.journal import Journal
journal = Journal(Path(sys.argv[1]))
journal.record("committed", "i")
with journal.transaction():
    journal.record("not committed", "i")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", script, str(tmp_path)], timeout=60, check=False)
    assert ended.returncode == -9
    journal = Journal(tmp_path)
    assert [record["kind"] for record in journal.records("i")] == ["committed"]
    assert journal.first_broken_record() is None
    journal.close()


def test_a_second_owner_is_refused(tmp_path: Path, journal: Journal) -> None:
    """Two receivers on one journal would both act."""
    with pytest.raises(JournalBusy, match="another receiver uses"):
        Journal(tmp_path)
    journal.record("still", "incident-1")


def test_a_closed_journal_can_be_taken(tmp_path: Path) -> None:
    """The lock ends with its owner."""
    Journal(tmp_path).close()
    Journal(tmp_path).close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older program must not write into a file it does not understand."""
    journal = Journal(tmp_path)
    journal.close()
    meddle(journal, f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(JournalError, match="newer version"):
        Journal(tmp_path)
    meddle(journal, f"PRAGMA user_version = {len(MIGRATIONS)}")
    Journal(tmp_path).close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """A damaged file stops the start; it is not replaced by an empty one."""
    (tmp_path / "journal.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalError, match="cannot open"):
        Journal(tmp_path)
    (tmp_path / "journal.sqlite3").unlink()
    Journal(tmp_path).close()


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """One clear reason instead of a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="cannot use"):
        Journal(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("UPDATE records SET body = '{\"number\":9}' WHERE seq = 3", 3),
        ("UPDATE records SET kind = 'other' WHERE seq = 1", 1),
        ("UPDATE records SET wall = wall + 1 WHERE seq = 5", 5),
        ("UPDATE records SET incident = 'incident-2' WHERE seq = 2", 2),
        ("DELETE FROM records WHERE seq = 3", 3),
        ("DELETE FROM records WHERE seq = 1", 1),
        ("UPDATE records SET hash = 'x' WHERE seq = 4", 4),
    ],
)
def test_edits_and_removals_show(journal: Journal, sql: str, broken: int) -> None:
    """The first record that the chain does not vouch for is named."""
    assert journal.first_broken_record() is None
    meddle(journal, sql)
    assert journal.first_broken_record() == broken


def test_reordering_shows(journal: Journal) -> None:
    """Two records that change places break the chain at the first of them."""
    meddle(journal, "UPDATE records SET seq = 100 WHERE seq = 2")
    meddle(journal, "UPDATE records SET seq = 2 WHERE seq = 3")
    meddle(journal, "UPDATE records SET seq = 3 WHERE seq = 100")
    assert journal.first_broken_record() == 2


def test_a_failed_transaction_keeps_nothing(journal: Journal) -> None:
    """All or nothing, however deep the failure."""

    def inner() -> None:
        with journal.transaction():
            journal.record("inner", "incident-2")
            raise KeyError("failed")

    def outer() -> None:
        with journal.transaction():
            journal.record("outer", "incident-2")
            inner()

    with pytest.raises(KeyError):
        outer()
    assert journal.records("incident-2") == []
    assert journal.first_broken_record() is None


def test_a_full_disk_is_an_error_and_keeps_nothing(journal: Journal) -> None:
    """What could not be written is said, undone, and possible again later."""

    def write_much() -> None:
        with journal.transaction():
            for number in range(1000):
                journal.record("big", "incident-2", number=number, text="x" * 1000)

    (pages,) = journal.rows("PRAGMA page_count")[0]
    journal.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalError, match="full"):
        write_much()
    assert journal.records("incident-2") == []
    journal.rows("PRAGMA max_page_count = 1000000")
    journal.record("small", "incident-2")
    assert journal.first_broken_record() is None


def test_an_unreadable_file_is_an_error(journal: Journal) -> None:
    """Bad SQL or a bad file is a JournalError, not an error of the library."""
    with pytest.raises(JournalError, match="cannot read"):
        journal.rows("SELECT * FROM nothing_of_that_name")
    with pytest.raises(JournalError, match="cannot write"):
        journal.insert("nothing_of_that_name", 1)


def test_many_threads_write_one_chain(tmp_path: Path) -> None:
    """Records of concurrent writers are in one unbroken order."""
    journal = Journal(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: journal.record("test", "i", number=n), range(200)))
    found = journal.records("i")
    assert [record["seq"] for record in found] == list(range(1, 201))
    assert sorted(record["body"]["number"] for record in found) == list(range(200))
    assert journal.first_broken_record() is None
    journal.close()


def test_bodies_are_plain_json(journal: Journal) -> None:
    """What JSON does not know is kept as text instead of failing the record."""
    journal.record("odd", "incident-3", path=Path("/x"), numbers=(1, 2))
    (record,) = journal.records("incident-3")
    assert record["body"] == {"path": "/x", "numbers": [1, 2]}
    assert json.dumps(record)


def test_the_directory_is_private(tmp_path: Path) -> None:
    """Evidence holds log lines; others on the host need not read them."""
    Journal(tmp_path / "data").close()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
