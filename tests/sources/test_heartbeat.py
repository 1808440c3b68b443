"""The bot's last sign of life, in each of the three ways it can be given."""

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from exporter.errors import Reason, SourceError
from exporter.sources.bot import read_heartbeat
from tests.sources.bots import make_bot, write


def _reason(root: Path, **heartbeat: str) -> Reason:
    with pytest.raises(SourceError) as caught:
        read_heartbeat(make_bot(root, heartbeat=heartbeat))
    return caught.value.reason


def test_a_files_mtime(root: Path) -> None:
    """What is in the file does not matter."""
    file = write(root, "state/heartbeat", "")
    assert read_heartbeat(make_bot(root)) == file.stat().st_mtime
    file.unlink()
    assert _reason(root, file="state/heartbeat") is Reason.MISSING
    (root / "state/loop").symlink_to("loop")
    assert _reason(root, file="state/loop") is Reason.UNREADABLE


def test_the_last_matching_log_line(root: Path) -> None:
    """Its own time counts, in local time unless it names a zone."""
    write(
        root,
        "logs/bot.log",
        "2026-11-24 05:00:00,123 INFO heartbeat\n2026-11-24 05:00:09,500 INFO other\n",
    )
    bot = make_bot(root, heartbeat={"log_pattern": "heartbeat"})
    expected = datetime(2026, 11, 24, 5, 0, 0, 123000).astimezone().timestamp()
    assert read_heartbeat(bot) == expected
    write(root, "logs/bot.log", "[2026-11-24T05:00:00Z] heartbeat\n")
    assert read_heartbeat(bot) == 1795496400


def test_a_log_without_it(root: Path) -> None:
    """No line, or a line without a time, is not a sign of life."""
    assert _reason(root, log_pattern="heartbeat") is Reason.MISSING
    write(root, "logs/bot.log", "heartbeat at noon\n")
    assert _reason(root, log_pattern="heartbeat") is Reason.INVALID
    write(root, "logs/bot.log", "2026-99-99 05:00:00 heartbeat\n")
    assert _reason(root, log_pattern="heartbeat") is Reason.INVALID


class _Handler(BaseHTTPRequestHandler):
    answer = (200, b"")

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """An endpoint that answers with ``_Handler.answer``."""
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/health"
        server.shutdown()
        thread.join()


def test_an_endpoint_that_says_when(root: Path, url: str) -> None:
    """Freqtrade's last_process_ts moves only while the bot works."""
    _Handler.answer = (200, b'{"last_process_ts": 1795496400, "timestamp": 5}')
    assert read_heartbeat(make_bot(root, heartbeat={"http": url})) == 1795496400


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((500, b"{}"), Reason.HTTP_STATUS),
        ((200, b'{"last_process_ts": "soon"}'), Reason.INVALID),
        ((200, b'{"last_process_ts": 1795496400000}'), Reason.INVALID),
        ((200, b'{"last_process_ts": null}'), Reason.INVALID),
        ((200, b"x" * 100_000), Reason.TOO_LARGE),
    ],
)
def test_an_endpoint_that_is_not_well(
    root: Path, url: str, answer: tuple[int, bytes], reason: Reason
) -> None:
    """An error, a time in other units, or far too much are not signs of life."""
    _Handler.answer = answer
    assert _reason(root, http=url) is reason


def test_an_endpoint_that_only_says_ok(root: Path, url: str) -> None:
    """Then it lives now."""
    _Handler.answer = (200, b"OK")
    write(root, "now", "")
    before = (root / "now").stat().st_mtime
    assert before <= read_heartbeat(make_bot(root, heartbeat={"http": url})) <= time.time()
