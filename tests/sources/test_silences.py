"""Silences that outlive the process: what is kept, what is believed, what is only logged."""

import json
import logging
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.errors import Reason, SourceError
from exporter.sources.exchange import RateBook
from exporter.sources.exchange.rate_limits import KeptSilence, Meter, Silence
from exporter.sources.exchange.silences import SilenceStore

_HOST = "fapi.example.test"
_METER = Meter(_HOST, "fapi", 2400)
_DAY = 86400.0


class _Host:
    """A host on which the exporter is started again and again; time passes by hand."""

    def __init__(self, directory: Path) -> None:
        self.data_dir = directory / "exporter"
        self.file = self.data_dir / "silences.json"
        self.wall, self.monotonic = 1_795_500_000.0, 5.0

    def start(self) -> RateBook:
        """Start: a new book, which knows what the last one kept."""
        store = SilenceStore(str(self.data_dir))
        book = RateBook(monotonic=lambda: self.monotonic, wall=lambda: self.wall)
        book.keep_in(store.save)
        book.recall(store.load())
        return book

    def pass_by(self, seconds: float) -> None:
        """Let time pass; the monotonic clock begins anew with each start of the machine."""
        self.wall += seconds
        self.monotonic = 1.0

    def change(self, **changes: object) -> None:
        """Change the one silence that is in the file."""
        saved = json.loads(self.file.read_text())
        saved["silences"][0] |= changes
        self.file.write_text(json.dumps(saved))


@pytest.fixture
def host(tmp_path: Path) -> _Host:
    """A host that has never run the exporter."""
    return _Host(tmp_path)


def _refusal(book: RateBook, meter: Meter = _METER) -> Reason | None:
    try:
        book.admit(meter, 1, None)
    except SourceError as error:
        return error.reason
    return None


@pytest.mark.parametrize("reason", [Reason.BANNED, Reason.RATE_LIMITED])
def test_a_restart_during_a_ban_asks_nobody(host: _Host, reason: Reason) -> None:
    """Until the ban is over, by the same clock as before."""
    host.start().note(_METER, None, Silence(300, reason))
    host.pass_by(100)
    book = host.start()
    assert _refusal(book) is reason
    assert book.quiet_until(_HOST) == pytest.approx(host.wall + 200)
    host.pass_by(200.01)
    book = host.start()
    assert _refusal(book) is None
    assert book.quiet_until(_HOST) is None


def test_hosts_and_keys_stay_apart(host: _Host) -> None:
    """Only who was silenced is silent after the restart; the file holds no key."""
    keyed = Meter("api.example.test", "v2", 200, kind="requests", key="0123456789abcdef")
    book = host.start()
    book.note(_METER, None, Silence(300, Reason.BANNED))
    book.note(keyed, None, Silence(60, Reason.RATE_LIMITED))
    book = host.start()
    other_key = Meter("api.example.test", "v2", 200, kind="requests", key="another")
    other_host = Meter("api.binance.test", "api", 6000)
    found = [_refusal(book, meter) for meter in (_METER, keyed, other_key, other_host)]
    assert found == [Reason.BANNED, Reason.RATE_LIMITED, None, None]
    assert host.file.stat().st_mode & 0o777 == 0o600


def test_what_is_over_is_not_kept_for_ever(host: _Host) -> None:
    """The file does not grow with each ban."""
    for number in range(3):
        host.start().note(Meter(f"h{number}", "api", 1), None, Silence(30, Reason.BANNED))
        host.pass_by(31)
    assert [one["host"] for one in json.loads(host.file.read_text())["silences"]] == ["h2"]


@pytest.mark.parametrize(
    ("later", "expected"),
    [(-3600.0, 300.0), (-10 * _DAY, 300.0), (400.0, None), (10 * _DAY, None)],
)
def test_a_clock_that_was_wrong_makes_no_silence_longer(
    host: _Host, later: float, expected: float | None
) -> None:
    """Set back, the rest that was kept counts once more; set ahead, it is over."""
    host.start().note(_METER, None, Silence(300, Reason.BANNED))
    host.pass_by(later)
    until = host.start().quiet_until(_HOST)
    assert until == (None if expected is None else pytest.approx(host.wall + expected))


def test_a_silence_beyond_any_ban_is_not_believed(host: _Host) -> None:
    """Three days are the longest; a damaged number must not blind us for years."""
    host.start().note(_METER, None, Silence(3 * _DAY, Reason.BANNED))
    assert _refusal(host.start()) is Reason.BANNED
    host.change(until=host.wall + 3 * _DAY + 10, seconds=3 * _DAY + 10)
    assert _refusal(host.start()) is None


def test_a_longer_silence_of_this_process_stands(host: _Host) -> None:
    """Recalling takes nothing back."""
    host.start().note(_METER, None, Silence(30, Reason.RATE_LIMITED))
    book = RateBook(monotonic=lambda: host.monotonic, wall=lambda: host.wall)
    book.note(_METER, None, Silence(300, Reason.BANNED))
    book.recall(SilenceStore(str(host.data_dir)).load())
    assert book.quiet_until(_HOST) == pytest.approx(host.wall + 300)


def test_without_a_directory_only_memory_remembers(host: _Host) -> None:
    """``data_dir: null`` is a choice."""
    store = SilenceStore(None)
    book = RateBook()
    book.keep_in(store.save)
    book.note(_METER, None, Silence(300, Reason.BANNED))
    assert _refusal(book) is Reason.BANNED
    assert store.load() == ()
    assert not host.data_dir.exists()


def test_reading_writes_nothing(host: _Host) -> None:
    """Neither a start without any silence, nor whoever only reads, such as the doctor."""
    host.start()
    SilenceStore(str(host.data_dir)).load()
    assert not host.data_dir.exists()


_ROW = '{"host":"h","key":"","until":%s,"seconds":9,"reason":"%s"}'
_DAMAGED = (
    *("", "{", "[]", "null", "\xff", '{"version":2,"silences":[]}', '{"silences":[{}]}'),
    *(f'{{"silences":[{_ROW % row}]}}' for row in (('"x"', "banned"), ("1", "budget"))),
    f'{{"silences":[{_ROW % ("1", "banned")}',
)


@pytest.mark.parametrize("content", _DAMAGED)
def test_a_damaged_file_is_said_once_and_replaced(
    host: _Host, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The exporter starts, knows of no silence, and keeps the next."""
    host.data_dir.mkdir()
    host.file.write_text(content, encoding="latin-1")
    with caplog.at_level(logging.WARNING):
        book = host.start()
    assert _refusal(book, Meter("h", "api", 1)) is None
    assert len(caplog.records) == 1
    book.note(_METER, None, Silence(300, Reason.BANNED))
    assert _refusal(host.start()) is Reason.BANNED


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8")))
def test_no_content_stops_the_start(host: _Host, content: bytes) -> None:
    """Whatever a crash or a hand has left there."""
    host.data_dir.mkdir(exist_ok=True)
    host.file.write_bytes(content)
    host.start()


def test_a_place_that_cannot_be_written_is_said_once(
    host: _Host, caplog: pytest.LogCaptureFixture
) -> None:
    """Silences hold all the same, and it is said when they are kept again."""
    book = host.start()
    host.data_dir.write_text("a file where the directory should be")
    with caplog.at_level(logging.INFO):
        for seconds in (30, 60, 90):
            book.note(_METER, None, Silence(seconds, Reason.BANNED))
        assert _refusal(book) is Reason.BANNED
        host.data_dir.unlink()
        book.note(_METER, None, Silence(120, Reason.BANNED))
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, said
    assert "cannot be written" in said[0]
    assert "kept again" in said[1]
    assert _refusal(host.start()) is Reason.BANNED


def test_what_is_quiet_when_the_place_changes_is_kept_there(tmp_path: Path) -> None:
    """A reload may name another directory."""
    first, second = _Host(tmp_path / "one"), _Host(tmp_path / "two")
    book = first.start()
    book.note(_METER, None, Silence(300, Reason.BANNED))
    book.keep_in(SilenceStore(str(second.data_dir)).save)
    assert _refusal(second.start()) is Reason.BANNED


def test_the_last_of_many_silences_is_what_is_kept(host: _Host) -> None:
    """Threads that hear one at the same time do not overwrite each other's."""
    book = host.start()

    def hear(number: int) -> None:
        book.note(Meter(f"h{number}", "api", 1), None, Silence(100 + number, Reason.BANNED))

    threads = [threading.Thread(target=hear, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = SilenceStore(str(host.data_dir)).load()
    assert {one.host for one in kept} == {f"h{number}" for number in range(16)}
    assert all(isinstance(one, KeptSilence) for one in kept)


class _Disk:
    """A disk that hangs until it is let go; remembers what was saved last."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.works = threading.Event()
        self.saved: tuple[KeptSilence, ...] = ()

    def save(self, silences: tuple[KeptSilence, ...]) -> None:
        """Save, once it works again."""
        self.reached.set()
        assert self.works.wait(60)
        self.saved = silences


def _hear(book: RateBook, host: str) -> threading.Thread:
    silence = Silence(300, Reason.BANNED)
    thread = threading.Thread(target=book.note, args=(Meter(host, "api", 1), None, silence))
    thread.start()
    return thread


def test_a_disk_that_hangs_holds_up_one_thread() -> None:
    """All others go on; that one saves what they have heard as soon as it can."""
    book, disk = RateBook(), _Disk()
    book.keep_in(disk.save)
    first = _hear(book, "h0")
    assert disk.reached.wait(10)
    others = [_hear(book, f"h{number}") for number in (1, 2)]
    for thread in others:
        thread.join(20)
    hang = [thread.is_alive() for thread in (first, *others)]
    disk.works.set()
    for thread in (first, *others):
        thread.join(10)
    assert hang == [True, False, False]
    assert {one.host for one in disk.saved} == {"h0", "h1", "h2"}


def test_a_reload_leaves_a_disk_that_hangs() -> None:
    """Another place works, whoever still waits for the old one."""
    book, disk, second = RateBook(), _Disk(), _Disk()
    second.works.set()
    book.keep_in(disk.save)
    waiting = _hear(book, "h0")
    assert disk.reached.wait(10)
    moving = threading.Thread(target=book.keep_in, args=(second.save,))
    moving.start()
    moving.join(20)
    saved = second.saved
    disk.works.set()
    for thread in (waiting, moving):
        thread.join(10)
    assert [one.host for one in saved] == ["h0"]
